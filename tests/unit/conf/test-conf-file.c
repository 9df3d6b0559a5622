#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf-file.h"
#include "sys/mem.h"

/* What one line means. The values are those of systemd.exec(5), EnvironmentFile=; all of them were
 * read alike by load_env_file() of systemd 252. */
typedef struct ValueCase {
    const char *text, *value;
} ValueCase;

static const ValueCase values[] = {
    { "K=", "" },
    { "K=a", "a" },
    { "K=a\n", "a" },
    { "  K = a b \t\n", "a b" },
    { "K=a\r\n", "a" },
    { "K=a \r", "a" },
    { "K=a=b", "a=b" },
    { "K=a#b", "a#b" },
    { "K=#a", "#a" },
    { "K=a'b\"c", "a'b\"c" },
    { "K=$HOME ${HOME} `id`", "$HOME ${HOME} `id`" },
    { "K=caf\xc3\xa9", "caf\xc3\xa9" },
    /* Unquoted: a backslash keeps what follows, and joins lines. */
    { "K=a\\b\\\\c\\\"", "ab\\c\"" },
    { "K=a \\# b", "a # b" },
    { "K=a\\\nb", "ab" },
    { "K=a \\", "a " },
    { "K=a \\\n", "a " },
    /* Single quotes: all of it verbatim, over lines, too. */
    { "K=' a\\n\"#$ '", " a\\n\"#$ " },
    { "K='a\nb'", "a\nb" },
    { "K=''", "" },
    { "K='a' \t\r\n", "a" },
    /* Double quotes: a backslash escapes what it does in a shell, and joins lines. */
    { "K=\"a\\\"b\\\\c\\`d\\$e\"", "a\"b\\c`d$e" },
    { "K=\"a\\nb\\'c\"", "a\\nb\\'c" },
    { "K=\"a\\\nb\"", "ab" },
    { "K=\"a\n b # c\"", "a\n b # c" },
};

START_TEST(a_value_is_what_systemd_makes_of_it)
{
    _cleanup_conf_file_ ConfFile f = { 0 };
    _cleanup_strv_ Strv problems = { 0 };
    conf_file_parse(values[_i].text, "f", &f, &problems);

    ck_assert_msg(problems.count == 0, "%s: %s", values[_i].text,
                  problems.count > 0 ? problems.items[0] : "");
    ck_assert_uint_eq(f.count, 1);
    ck_assert_str_eq(f.entries[0].key, "K");
    ck_assert_str_eq(f.entries[0].value, values[_i].value);
}
END_TEST

static const ValueCase refused[] = {
    { "pass word", "f:1: this is not KEY=VALUE" },
    { "= x", "f:1: a key is made of letters, digits and underscores" },
    { "export K=x", "f:1: a key is made of letters, digits and underscores" },
    { "1K=x", "f:1: a key is made of letters, digits and underscores" },
    { "\xef\xbb\xbfK=x", "f:1: a key is made of letters, digits and underscores" },
    { "K=a\rL=b", "f:1: there is a carriage return in the middle" },
    { "K=a\\\r\n", "f:1: there is a carriage return in the middle" },
    { "K=\"a\\\rb\"", "f:1: there is a carriage return in the middle" },
    { "K='x", "f:1: the quote is never closed" },
    { "K=\"x\\", "f:1: the quote is never closed" },
    { "K=\"x\\\"", "f:1: the quote is never closed" },
    { "K='a' \"b\"", "f:1: there is text behind the closing quote" },
    { "K=\"a\" # comment", "f:1: there is text behind the closing quote" },
    { "K=a # comment",
      "f:1: a value that holds \" #\" must be in quotes, and a comment needs a line of its own" },
    { "K= # comment",
      "f:1: a value that holds \" #\" must be in quotes, and a comment needs a line of its own" },
};

START_TEST(what_can_be_misread_is_refused)
{
    _cleanup_conf_file_ ConfFile f = { 0 };
    _cleanup_strv_ Strv problems = { 0 };
    conf_file_parse(refused[_i].text, "f", &f, &problems);

    ck_assert_uint_eq(f.count, 0);
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_str_eq(problems.items[0], refused[_i].value);
}
END_TEST

START_TEST(blank_lines_and_comments_are_skipped)
{
    _cleanup_conf_file_ ConfFile f = { 0 };
    _cleanup_strv_ Strv problems = { 0 };
    conf_file_parse("\n  \t\r\n# a='\n  ; b\\\nK=v\n#", "f", &f, &problems);

    ck_assert_uint_eq(problems.count, 0);
    ck_assert_uint_eq(f.count, 1);
    ck_assert_uint_eq(f.entries[0].line, 5);
}
END_TEST

START_TEST(an_empty_text_has_no_entries)
{
    _cleanup_conf_file_ ConfFile f = { 0 };
    _cleanup_strv_ Strv problems = { 0 };
    conf_file_parse("", "f", &f, &problems);

    ck_assert_uint_eq(f.count, 0);
    ck_assert_uint_eq(problems.count, 0);
}
END_TEST

START_TEST(lines_are_counted_through_values_that_span_several)
{
    _cleanup_conf_file_ ConfFile f = { 0 };
    _cleanup_strv_ Strv problems = { 0 };
    conf_file_parse("A='1\n2'\nB=1\\\n2\nC=\"1\\\n2\n3\"\r\nD=\r\n\r\nF=6\r\n", "f", &f, &problems);

    static const unsigned lines[] = { 1, 3, 5, 8, 10 };
    ck_assert_uint_eq(problems.count, 0);
    ck_assert_uint_eq(f.count, ELEMENTSOF(lines));
    for (size_t i = 0; i < f.count; i++)
        ck_assert_uint_eq(f.entries[i].line, lines[i]);
}
END_TEST

START_TEST(all_problems_are_reported_and_the_rest_is_read)
{
    _cleanup_conf_file_ ConfFile f = { 0 };
    _cleanup_strv_ Strv problems = { 0 };
    conf_file_parse("A=1\nnonsense\nB='never closed\nC=3\nD-E=4\nF=6\n", "dir/main.conf", &f,
                    &problems);

    ck_assert_uint_eq(problems.count, 3);
    ck_assert_str_eq(problems.items[0], "dir/main.conf:2: this is not KEY=VALUE");
    ck_assert_str_eq(problems.items[1], "dir/main.conf:3: the quote is never closed");
    ck_assert_str_eq(problems.items[2],
                     "dir/main.conf:5: a key is made of letters, digits and underscores");
    ck_assert_uint_eq(f.count, 3);
    ck_assert_str_eq(f.entries[1].key, "C");
    ck_assert_str_eq(f.entries[2].value, "6");
}
END_TEST

START_TEST(no_problem_shows_what_the_line_holds)
{
    _cleanup_conf_file_ ConfFile f = { 0 };
    _cleanup_strv_ Strv problems = { 0 };
    conf_file_parse("PG_PASSWORD: hunter2\nhunter2\nhunter2 x=1\nP='hunter2\nP='a' hunter2\n"
                    "P=a # hunter2\n",
                    "f", &f, &problems);

    ck_assert_uint_ge(problems.count, 5);
    for (size_t i = 0; i < problems.count; i++)
        ck_assert_ptr_null(strstr(problems.items[i], "hunter2"));
}
END_TEST

/* Every text of up to six of the characters that mean something: under the sanitizers, a reader
 * that leaves its buffer is found. */
START_TEST(no_text_makes_the_parser_leave_its_buffer)
{
    static const char alphabet[] = "K=\\'\"# \r\n";
    size_t total = 1;
    for (size_t length = 0; length <= 6; length++, total *= sizeof(alphabet) - 1)
        for (size_t n = 0; n < total; n++) {
            char *text = mem_zero(length + 1, 1); /* of the exact size */
            for (size_t i = 0, rest = n; i < length; i++, rest /= sizeof(alphabet) - 1)
                text[i] = alphabet[rest % (sizeof(alphabet) - 1)];

            _cleanup_conf_file_ ConfFile f = { 0 };
            _cleanup_strv_ Strv problems = { 0 };
            conf_file_parse(text, "f", &f, &problems);
            for (size_t i = 0; i < f.count; i++)
                ck_assert_uint_lt(strlen(f.entries[i].value), length);
            free(text);
        }
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(a_value_is_what_systemd_makes_of_it, ELEMENTSOF(values)),
    UNIT_LOOP(what_can_be_misread_is_refused, ELEMENTSOF(refused)),
    UNIT_TEST(blank_lines_and_comments_are_skipped),
    UNIT_TEST(an_empty_text_has_no_entries),
    UNIT_TEST(lines_are_counted_through_values_that_span_several),
    UNIT_TEST(all_problems_are_reported_and_the_rest_is_read),
    UNIT_TEST(no_problem_shows_what_the_line_holds),
    UNIT_TEST(no_text_makes_the_parser_leave_its_buffer),
};
UNIT_MAIN("conf-file", tests)
