#include "unit.h"

#include <string.h>

#include "sys/err.h"
#include "sys/json.h"
#include "sys/mem.h"

static Json *parse(const char *text)
{
    _cleanup_err_ Err err = { 0 };
    Json *value = NULL;
    int r = json_parse_object(text, strlen(text), &value, &err);
    ck_assert_msg(r == 0, "%s", err.message);
    return value;
}

/* -- Writing -- */

START_TEST(members_keep_the_order_in_which_they_were_set)
{
    _cleanup_json_ Json *object = json_new_object();
    json_set_text(object, "z", "last letter first");
    json_set_uint(object, "a", 0);
    json_set_flag(object, "m", true);
    json_set_flag(object, "b", false);

    _cleanup_free_ char *line = json_print_line(object);
    ck_assert_str_eq(line, "{\"z\":\"last letter first\",\"a\":0,\"m\":true,\"b\":false}");
}
END_TEST

START_TEST(what_is_printed_for_people_and_files_is_indented_by_two_and_ends_its_line)
{
    _cleanup_json_ Json *object = json_new_object();
    Json *child = json_set_child(object, "child", json_new_object());
    json_set_uint(child, "n", 1);

    _cleanup_free_ char *text = json_print(object);
    ck_assert_str_eq(text, "{\n  \"child\": {\n    \"n\": 1\n  }\n}\n");
}
END_TEST

START_TEST(nothing_is_stored_as_null)
{
    _cleanup_json_ Json *object = json_new_object();
    json_set_text(object, "text", NULL);
    ck_assert_ptr_null(json_set_child(object, "child", NULL));
    Json *array = json_set_child(object, "array", json_new_array());
    json_add_text(array, NULL);
    json_add_child(array, NULL);

    _cleanup_free_ char *line = json_print_line(object);
    ck_assert_str_eq(line, "{\"text\":null,\"child\":null,\"array\":[null,null]}");
}
END_TEST

START_TEST(the_largest_number_is_that_of_64_bits_with_a_sign)
{
    _cleanup_json_ Json *object = json_new_object();
    json_set_uint(object, "max", INT64_MAX);
    json_set_uint(object, "more", UINT64_MAX);
    json_set_int(object, "min", INT64_MIN);

    _cleanup_free_ char *line = json_print_line(object);
    ck_assert_str_eq(line, "{\"max\":9223372036854775807,\"more\":9223372036854775807,"
                           "\"min\":-9223372036854775808}");
}
END_TEST

static const struct {
    const char *text;
    const char *stored;
} text_cases[] = {
    { "", "" },
    { "na\u00efve \U0001f418", "na\u00efve \U0001f418" },
    { "caf\xe9!", "caf\ufffd!" },
    { "\xff\xfe", "\ufffd\ufffd" },
    { "\xed\xa0\x80", "\ufffd\ufffd\ufffd" },
    { "cut \xe4\xb8", "cut \ufffd\ufffd" },
};

START_TEST(each_byte_that_is_not_text_becomes_a_replacement_character)
{
    _cleanup_json_ Json *object = json_new_object();
    json_set_text(object, "text", text_cases[_i].text);

    _cleanup_free_ char *stored = NULL;
    ck_assert_int_eq(json_get_text(object, "text", &stored, NULL), 0);
    ck_assert_str_eq(stored, text_cases[_i].stored);
}
END_TEST

START_TEST(hostile_text_survives_the_way_there_and_back)
{
    static const char hostile[] = "x'; DROP \"q\" \\ / \n \t \x01 \x7f na\u00efve";
    _cleanup_json_ Json *object = json_new_object();
    json_set_text(object, "name", hostile);
    _cleanup_free_ char *line = json_print_line(object);
    ck_assert_ptr_null(strchr(line, '\n'));

    _cleanup_json_ Json *again = parse(line);
    _cleanup_free_ char *name = NULL;
    ck_assert_int_eq(json_get_text(again, "name", &name, NULL), 0);
    ck_assert_str_eq(name, hostile);
}
END_TEST

/* With each character of one byte; 0 ends the text early. */
START_TEST(a_quoted_text_is_what_is_printed_of_it)
{
    _cleanup_buf_ Buf quoted = { 0 };
    _cleanup_json_ Json *list = json_new_array();
    _cleanup_free_ char *text = mem_printf("caf\xc3\xa9 %c \xf0\x9f\x90\x98%c", _i, _i);

    json_add_text(list, text);
    _cleanup_free_ char *line = json_print_line(list);
    buf_addc(&quoted, '[');
    json_quote(&quoted, text);
    buf_addc(&quoted, ']');
    ck_assert_str_eq(quoted.data, line);
}
END_TEST

START_TEST(lists_survive_the_way_there_and_back)
{
    _cleanup_strv_ Strv values = { 0 }, read = { 0 };
    strv_add(&values, "one");
    strv_add(&values, "");
    strv_add(&values, "three");
    _cleanup_json_ Json *object = json_new_object();
    json_set_strv(object, "list", &values);
    json_set_strv(object, "empty", &read);

    strv_add(&read, "before");
    ck_assert_int_eq(json_get_strv(object, "list", &read, NULL), 0);
    ck_assert_int_eq(json_get_strv(object, "empty", &read, NULL), 0);
    ck_assert_uint_eq(read.count, 4);
    ck_assert_str_eq(read.items[0], "before");
    ck_assert_str_eq(read.items[1], "one");
    ck_assert_str_eq(read.items[2], "");
    ck_assert_str_eq(read.items[3], "three");
}
END_TEST

/* -- Parsing -- */

static const char *const bad_documents[] = {
    "",
    "   ",
    "[]",
    "\"text\"",
    "1",
    "null",
    "{",
    "{\"a\":1",
    "{\"a\":1}}",
    "{\"a\":1} {}",
    "{\"a\":1,}",
    "{\"a\":1,\"a\":2}",
    "{'a':1}",
    "{\"a\":01}",
    "{\"a\":NaN}",
    "{\"a\":\"\\u0000\"}",
    "{\"a\":\"\xff\"}",
    "{\"a\":99999999999999999999}",
};

START_TEST(what_is_not_one_object_is_damaged)
{
    _cleanup_err_ Err err = { 0 };
    Json *value = NULL;
    int r = json_parse_object(bad_documents[_i], strlen(bad_documents[_i]), &value, &err);

    ck_assert_int_lt(r, 0);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    ck_assert_ptr_null(value);
}
END_TEST

START_TEST(a_syntax_error_is_named_by_line_and_column)
{
    static const char text[] = "{\n  \"a\": 1,\n  \"b\": oops\n}";
    _cleanup_err_ Err err = { 0 };
    Json *value = NULL;

    ck_assert_int_lt(json_parse_object(text, strlen(text), &value, &err), 0);
    ck_assert_msg(strncmp(err.message, "line 3, column ", 15) == 0, "%s", err.message);
}
END_TEST

START_TEST(a_document_ends_where_its_size_says)
{
    _cleanup_json_ Json *value = NULL;
    ck_assert_int_eq(json_parse_object("{}garbage", 2, &value, NULL), 0);
}
END_TEST

START_TEST(every_truncation_is_damaged)
{
    static const char text[] =
        "{\"a\": [1, \"b\\n\", null, true, {\"c\": 1.5e3}], \"d\": \"\u00e9\"}";

    for (size_t size = 0; size < strlen(text); size++) {
        _cleanup_err_ Err err = { 0 };
        Json *value = NULL;
        ck_assert_int_lt(json_parse_object(text, size, &value, &err), 0);
        ck_assert_int_eq(err.kind, ERR_DAMAGED);
    }
}
END_TEST

/* -- Reading -- */

static const char sample[] =
    "{\"text\":\"t\",\"empty\":\"\",\"uint\":7,\"negative\":-1,\"real\":7.0,"
    "\"flag\":true,\"null\":null,\"object\":{\"n\":1},"
    "\"array\":[\"x\",{}],\"strings\":[\"x\",\"y\"]}";

START_TEST(members_are_read_by_type)
{
    _cleanup_json_ Json *object = parse(sample);
    _cleanup_free_ char *text = NULL, *empty = NULL;
    const Json *array = NULL;
    uint64_t n = 0;
    int64_t negative = 0;
    bool flag = false;

    ck_assert_int_eq(json_get_text(object, "text", &text, NULL), 0);
    ck_assert_str_eq(text, "t");
    ck_assert_int_eq(json_get_text(object, "empty", &empty, NULL), 0);
    ck_assert_str_eq(empty, "");
    ck_assert_int_eq(json_get_uint(object, "uint", &n, NULL), 0);
    ck_assert_uint_eq(n, 7);
    ck_assert_int_eq(json_get_int(object, "negative", &negative, NULL), 0);
    ck_assert_int_eq(negative, -1);
    ck_assert_int_eq(json_get_flag(object, "flag", &flag, NULL), 0);
    ck_assert(flag);
    ck_assert_int_eq(json_get_array(object, "array", &array, NULL), 0);
    ck_assert_uint_eq(json_array_length(array), 2);
    ck_assert_ptr_nonnull(json_array_item(array, 1));
    ck_assert_ptr_null(json_array_item(array, 2));
}
END_TEST

START_TEST(a_time_comes_back_and_none_is_null)
{
    _cleanup_json_ Json *object = json_new_object();
    usec_t when = 0, none = 1;

    json_set_time(object, "when", 1795744800 * USEC_PER_SEC);
    json_set_time(object, "none", 0);
    _cleanup_free_ char *line = json_print_line(object);
    ck_assert_str_eq(line, "{\"when\":\"2026-11-27T02:00:00Z\",\"none\":null}");
    ck_assert_int_eq(json_get_time(object, "when", &when, NULL), 0);
    ck_assert_uint_eq(when, 1795744800 * USEC_PER_SEC);
    ck_assert_int_eq(json_get_time_opt(object, "none", &none, NULL), 0);
    ck_assert_uint_eq(none, 0);
}
END_TEST

/* Each way of reading, so that they can be tried on every kind of wrong member. */
static int read_text(const Json *object, const char *key, Err *err)
{
    _cleanup_free_ char *text = NULL;
    return json_get_text(object, key, &text, err);
}

static int read_text_opt(const Json *object, const char *key, Err *err)
{
    _cleanup_free_ char *text = NULL;
    return json_get_text_opt(object, key, &text, err);
}

static int read_uint(const Json *object, const char *key, Err *err)
{
    uint64_t n;
    return json_get_uint(object, key, &n, err);
}

static int read_int(const Json *object, const char *key, Err *err)
{
    int64_t n;
    return json_get_int(object, key, &n, err);
}

static int read_flag(const Json *object, const char *key, Err *err)
{
    bool flag;
    return json_get_flag(object, key, &flag, err);
}

static int read_uint_opt(const Json *object, const char *key, Err *err)
{
    uint64_t n;
    return json_get_uint_opt(object, key, 0, &n, err);
}

static int read_time(const Json *object, const char *key, Err *err)
{
    usec_t when;
    return json_get_time(object, key, &when, err);
}

static int read_time_opt(const Json *object, const char *key, Err *err)
{
    usec_t when;
    return json_get_time_opt(object, key, &when, err);
}

static int read_strv(const Json *object, const char *key, Err *err)
{
    _cleanup_strv_ Strv values = { 0 };
    int r = json_get_strv(object, key, &values, err);
    ck_assert(r == 0 || values.count == 0);
    return r;
}

static int read_array(const Json *object, const char *key, Err *err)
{
    const Json *child;
    return json_get_array(object, key, &child, err);
}

static const struct {
    int (*read)(const Json *object, const char *key, Err *err);
    const char *key;
    const char *message;
} wrong_cases[] = {
    { read_text, "absent", "member \"absent\" is missing" },
    { read_uint, "absent", "member \"absent\" is missing" },
    { read_strv, "absent", "member \"absent\" is missing" },
    { read_array, "absent", "member \"absent\" is missing" },
    { read_text, "null", "member \"null\" is not a string" },
    { read_text, "uint", "member \"uint\" is not a string" },
    { read_text_opt, "uint", "member \"uint\" is not a string" },
    { read_uint, "text", "member \"text\" is not an integer" },
    { read_uint, "real", "member \"real\" is not an integer" },
    { read_uint, "negative", "member \"negative\" is negative" },
    { read_int, "absent", "member \"absent\" is missing" },
    { read_int, "real", "member \"real\" is not an integer" },
    { read_flag, "absent", "member \"absent\" is missing" },
    { read_flag, "uint", "member \"uint\" is neither true nor false" },
    { read_uint_opt, "flag", "member \"flag\" is not an integer" },
    { read_time, "absent", "member \"absent\" is missing" },
    { read_time, "uint", "member \"uint\" is not a string" },
    { read_time, "text", "\"text\" is no time: \"t\"" },
    { read_time_opt, "text", "\"text\" is no time: \"t\"" },
    { read_strv, "text", "member \"text\" is not an array" },
    { read_strv, "array", "member \"array\" holds something that is not a string" },
    { read_array, "object", "member \"object\" is not an array" },
};

START_TEST(a_member_that_is_missing_or_of_another_type_is_damage)
{
    _cleanup_json_ Json *object = parse(sample);
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_lt(wrong_cases[_i].read(object, wrong_cases[_i].key, &err), 0);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    ck_assert_str_eq(err.message, wrong_cases[_i].message);
}
END_TEST

START_TEST(an_optional_member_may_be_missing_or_null)
{
    static const char *const keys[] = { "absent", "null" };
    _cleanup_json_ Json *object = parse(sample);

    for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
        char unset, *text = &unset;
        uint64_t n = 0;
        ck_assert_int_eq(json_get_text_opt(object, keys[i], &text, NULL), 0);
        ck_assert_ptr_null(text);
        ck_assert_int_eq(json_get_uint_opt(object, keys[i], 42, &n, NULL), 0);
        ck_assert_uint_eq(n, 42);
    }
}
END_TEST

START_TEST(an_optional_member_that_is_there_is_read)
{
    _cleanup_json_ Json *object = parse(sample);
    _cleanup_free_ char *text = NULL;
    uint64_t n = 0;

    ck_assert_int_eq(json_get_text_opt(object, "text", &text, NULL), 0);
    ck_assert_str_eq(text, "t");
    ck_assert_int_eq(json_get_uint_opt(object, "uint", 42, &n, NULL), 0);
    ck_assert_uint_eq(n, 7);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(members_keep_the_order_in_which_they_were_set),
    UNIT_TEST(what_is_printed_for_people_and_files_is_indented_by_two_and_ends_its_line),
    UNIT_TEST(nothing_is_stored_as_null),
    UNIT_TEST(the_largest_number_is_that_of_64_bits_with_a_sign),
    UNIT_LOOP(each_byte_that_is_not_text_becomes_a_replacement_character, ELEMENTSOF(text_cases)),
    UNIT_TEST(hostile_text_survives_the_way_there_and_back),
    UNIT_LOOP(a_quoted_text_is_what_is_printed_of_it, 128),
    UNIT_TEST(lists_survive_the_way_there_and_back),
    UNIT_LOOP(what_is_not_one_object_is_damaged, ELEMENTSOF(bad_documents)),
    UNIT_TEST(a_syntax_error_is_named_by_line_and_column),
    UNIT_TEST(a_document_ends_where_its_size_says),
    UNIT_TEST(every_truncation_is_damaged),
    UNIT_TEST(members_are_read_by_type),
    UNIT_TEST(a_time_comes_back_and_none_is_null),
    UNIT_LOOP(a_member_that_is_missing_or_of_another_type_is_damage, ELEMENTSOF(wrong_cases)),
    UNIT_TEST(an_optional_member_may_be_missing_or_null),
    UNIT_TEST(an_optional_member_that_is_there_is_read),
};
UNIT_MAIN("json", tests)
