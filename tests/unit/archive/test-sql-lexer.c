#include "unit.h"

#include <string.h>

#include "archive/sql-lexer.h"
#include "sys/buf.h"
#include "sys/mem.h"

/* In a text without events of its own: "{;}" where a statement, "{-}" where a comment, "{\}" where
 * a command of psql's has ended. Caller frees. */
static char *with_events(const char *text, bool backslash_escapes, size_t piece)
{
    static const char *const marks[] = { "", "{;}", "{-}", "{\\}" };
    SqlLexer l = SQL_LEXER_INIT;
    size_t size = strlen(text);
    Buf b = { 0 };

    l.backslash_escapes = backslash_escapes;
    for (size_t at = 0; at < size;) {
        SqlEvent event;
        size_t taken = sql_lexer_run(&l, text + at, piece < size - at ? piece : size - at, &event);
        buf_add(&b, text + at, taken);
        buf_adds(&b, marks[event]);
        at += taken;
    }
    return buf_take(&b);
}

/* As psql splits them: PostgreSQL manual, "Lexical Structure", and psqlscan.l. */
static const char *const splits[] = {
    "SELECT 1;{;} SELECT 2;{;}\n",
    ";{;};{;}",
    "SELECT 'a;b', ';';{;}",
    "SELECT 'it''s;', '''';{;}",
    "SELECT 'back\\';{;}",
    "SELECT E'back\\';', e'\\\\';{;}",
    "SELECT E'a''b\\';';{;}",
    "SELECT \"a;b\", \"\"\"; -- \";{;}",
    "SELECT B'1;', 1e+10, -1.5e-05, a[1:b], a[NULL:n], a::b, $1 + 1;{;}",
    "SELECT $$;$$, $a$ ; $b$ $$ ; $a$;{;}",
    "SELECT $a$ $a; $ $a$a$;{;}",
    "SELECT $a$a$a$;{;}",
    "SELECT $ab$ $a$ab$;{;}",
    "SELECT $1;{;} SELECT $2, $x$;$x$;{;}",
    "SELECT a$b$;{;} $b$;$b$;{;}",
    "SELECT $\xc3\xa9$;$\xc3\xa9$;{;}",
    "SELECT 1 -- a; comment '\n;{;}",
    "SELECT 1 - -1 -(- 1);{;}",
    "-- a; comment '\n{-}SELECT 1;{;}",
    "--\n{-}--\n{-}\n-- x\n{-}",
    "-- a\r{-};{;} SELECT 1 -- b\r;{;} -- c\r{-}\n",
    "/* a; /* nested; */ ' */{-};{;}",
    "/*/ ; */{-};{;}",
    "/***/{-}/**/{-};{;}",
    "SELECT /* a; */ 2 / 1 * 3;{;}",
    "SELECT (1; 2);{;}",
    "SELECT (')', \")\");{;}",
    "CREATE RULE r AS ON INSERT TO v DO INSTEAD ( INSERT INTO a; INSERT INTO b; );{;}",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;{;} SELECT 1;{;}",
    "create or replace procedure p() begin atomic select case when true then 1 end; end;{;}",
    "CREATE FUNCTION f(a int DEFAULT (1)) BEGIN ATOMIC SELECT CASE 1 WHEN 1 THEN CASE 2 WHEN 2 "
    "THEN "
    "3 END END; END;{;}",
    "CREATE FUNCTION f(begin int) AS 'BEGIN;';{;}",
    "CREATE FUNCTION \"begin\"() AS 'BEGIN;';{;}",
    "CREATE TABLE t (a int);{;} BEGIN;{;} SELECT CASE 1 WHEN 1 THEN 2 END;{;} END;{;}",
    "SELECT ')';{;} SELECT (((1)));{;}",
    "\\connect 'a;b'\n{\\}SELECT 1;{;}",
    "  \\restrict x'y\n{\\};{;}",
};

static char *without_marks(const char *marked)
{
    Buf b = { 0 };
    for (; *marked; marked++) {
        if (marked[0] == '{')
            marked += 2;
        else
            buf_addc(&b, *marked);
    }
    return buf_take(&b);
}

START_TEST(statements_end_where_psql_ends_them_whatever_the_pieces)
{
    _cleanup_free_ char *text = without_marks(splits[_i]);

    for (size_t piece = 1; piece <= strlen(text); piece++) {
        _cleanup_free_ char *got = with_events(text, /* backslash_escapes= */ false, piece);
        ck_assert_str_eq(got, splits[_i]);
    }
}
END_TEST

START_TEST(a_backslash_escapes_where_standard_conforming_strings_is_off)
{
    _cleanup_free_ char *got =
        with_events("SELECT 'a\\';', '\\\\'; SELECT 1;", /* backslash_escapes= */ true, 3);
    ck_assert_str_eq(got, "SELECT 'a\\';', '\\\\';{;} SELECT 1;{;}");
}
END_TEST

START_TEST(a_setting_is_followed_as_pg_dump_writes_it_and_in_no_other_form)
{
    static const struct {
        const char *statement;
        bool followed, escapes;
    } cases[] = {
        { "SET standard_conforming_strings = off;", true, true },
        { "SET standard_conforming_strings = on;", true, false },
        { "SET standard_conforming_strings = 0;", false, false },
        { "SET standard_conforming_strings TO off;", false, false },
        { "SET SESSION standard_conforming_strings = off;", false, false },
        { "SET client_encoding = 'UTF8';", true, false },
        { "SET client_encoding = 'LATIN1';", true, false },
        { "SET client_encoding = 'EUC_JP';", true, false },
        { "SET client_encoding = 'WIN1252';", true, false },
        { "SET client_encoding = 'SJIS';", false, false },
        { "SET client_encoding = 'SHIFT_JIS_2004';", false, false },
        { "SET client_encoding = 'BIG5';", false, false },
        { "SET client_encoding = 'GBK';", false, false },
        { "SET client_encoding = 'UHC';", false, false },
        { "SET client_encoding = 'GB18030';", false, false },
        { "SET client_encoding = 'JOHAB';", false, false },
        { "SET client_encoding = 'WIN936';", false, false },
        { "SET client_encoding = 'mskanji';", false, false },
        { "SET client_encoding = 'UTF8'; ", false, false },
        { "SET client_encoding TO 'SJIS';", false, false },
        { "SET NAMES 'SJIS';", false, false },
        { "SET Client_Encoding = 'SJIS';", false, false },
        { "SET U&\"\\0063lient_encoding\" = 'SJIS';", false, false },
        { "SET client_encoding = ", false, false },
        { "SET ", false, false },
        { "SET row_security = off;", true, false },
        { "SET SESSION AUTHORIZATION \"x\";", true, false },
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        SqlLexer l = SQL_LEXER_INIT;
        ck_assert_int_eq(sql_lexer_follow_set(&l, cases[i].statement), cases[i].followed);
        ck_assert_int_eq(l.backslash_escapes, cases[i].escapes);
    }
}
END_TEST

START_TEST(an_end_of_the_text_says_what_it_cuts)
{
    static const struct {
        const char *text, *inside;
    } cases[] = {
        { "", NULL },
        { " \n-- comment\nSELECT 1;\n/* */ ", NULL },
        { "SELECT", "a statement" },
        { "SELECT 1", "a statement" },
        { "SELECT (1", "a statement" },
        { "SELECT 'a", "a literal" },
        { "SELECT E'a\\", "a literal" },
        { "SELECT 'a'", "a statement" },
        { "SELECT \"a", "a quoted name" },
        { "SELECT $a", "a statement" },
        { "SELECT $a$ ; $a", "a dollar quote" },
        { "-- comment", "a comment" },
        { "/* comment *", "a comment" },
        { "\\connect", "a command of psql" },
        { "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1;", "a statement" },
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        SqlLexer l = SQL_LEXER_INIT;
        SqlEvent event;
        size_t size = strlen(cases[i].text);

        for (size_t at = 0; at < size;)
            at += sql_lexer_run(&l, cases[i].text + at, size - at, &event);
        const char *inside = sql_lexer_inside(&l);
        ck_assert_str_eq(inside ? inside : "nothing",
                         cases[i].inside ? cases[i].inside : "nothing");
    }
}
END_TEST

/* What versions of psql, or psql and the server, read each in a way of its own. */
START_TEST(what_is_not_read_in_one_way_by_all_is_unclear)
{
    static const struct {
        const char *text;
        bool escapes; /* standard_conforming_strings = off */
        const char *unclear;
    } cases[] = {
        { "SELECT name'a\\';", false, "a literal behind a word" },
        { "SELECT X'a\\';", true, "a literal behind a word" },
        { "SELECT N'a\\';", false, "a literal behind a word" },
        { "SELECT U&'a\\';", true, "a literal or a name behind U&" },
        { "CREATE U&\"x\" FUNCTION begin;", false, "a literal or a name behind U&" },
        { "SELECT E'a'\n'b\\'';", false, "a literal that goes on" },
        { "SELECT 'a' -- b\n'c';", false, "a literal that goes on" },
        { "SELECT B'a''b';", false, "a literal that goes on" },
        { "SELECT 1E'a\\';", false, "a number that something touches" },
        { "SELECT 1a$x$;$x$;", false, "a number that something touches" },
        { "SELECT $1a$x$;$x$;", false, "a number that something touches" },
        { "SELECT $2$x$;$x$;", false, "a number that something touches" },
        { "SELECT $E'a\\';", false, "a dollar sign that begins no dollar quote" },
        { "SELECT :DBNAME;", false, "a variable of psql's" },
        { "SELECT :USER$x$ ; $x$;", false, "a variable of psql's" },
        { "SELECT :'USER';", false, "a variable of psql's" },
        { "SELECT :{?USER};", false, "a variable of psql's" },
        { "CREATE FUNCTION begin() AS ''; SET a = 1;", false, "BEGIN and no ATOMIC" },
        { "CREATE FUNCTION f() RETURN begin - atomic;", false, "BEGIN and no ATOMIC" },
        { "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1 AS begin; END;", false, "BEGIN inside of" },
        { "SELECT 'a', E'b''c', B'1', \"D\"'e';", false, NULL },
        { "CREATE E'' FUNCTION begin; SET a = 1;", false, "BEGIN and no ATOMIC" },
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++)
        for (size_t piece = 1; piece <= strlen(cases[i].text); piece++) {
            SqlLexer l = SQL_LEXER_INIT;
            SqlEvent event;
            size_t size = strlen(cases[i].text);

            l.backslash_escapes = cases[i].escapes;
            for (size_t at = 0; at < size;)
                at += sql_lexer_run(&l, cases[i].text + at, piece < size - at ? piece : size - at,
                                    &event);
            ck_assert_msg(cases[i].unclear
                              ? l.unclear && strstr(l.unclear, cases[i].unclear) != NULL
                              : !l.unclear,
                          "%s: %s", cases[i].text, l.unclear ? l.unclear : "clear");
        }
}
END_TEST

START_TEST(a_delimiter_that_is_too_long_is_said_to_be)
{
    for (int length = SQL_TAG_MAX - 2; length <= SQL_TAG_MAX + 1; length++) {
        _cleanup_free_ char *text = mem_printf("$%0*d$", length - 2, 0);
        SqlLexer l = SQL_LEXER_INIT;
        SqlEvent event;

        text[1] = 'a'; /* a tag does not begin with a digit */
        for (size_t at = 0; at < strlen(text);)
            at += sql_lexer_run(&l, text + at, strlen(text) - at, &event);
        ck_assert_int_eq(l.unclear != NULL, length > SQL_TAG_MAX);
    }
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(statements_end_where_psql_ends_them_whatever_the_pieces, ELEMENTSOF(splits)),
    UNIT_TEST(a_backslash_escapes_where_standard_conforming_strings_is_off),
    UNIT_TEST(a_setting_is_followed_as_pg_dump_writes_it_and_in_no_other_form),
    UNIT_TEST(an_end_of_the_text_says_what_it_cuts),
    UNIT_TEST(what_is_not_read_in_one_way_by_all_is_unclear),
    UNIT_TEST(a_delimiter_that_is_too_long_is_said_to_be),
};
UNIT_MAIN("sql-lexer", tests)
