#include "unit.h"

#include <string.h>

#include "sys/json-member.h"
#include "sys/mem.h"

#define TIME "2026-11-27T02:00:00Z"

typedef struct Sample {
    char *text, *no_text;
    uint64_t number, no_number;
    usec_t time, no_time;
} Sample;

static const JsonMember members[] = {
    { "text", JSON_MEMBER_TEXT, offsetof(Sample, text) },
    { "no_text", JSON_MEMBER_TEXT_OPT, offsetof(Sample, no_text) },
    { "number", JSON_MEMBER_UINT, offsetof(Sample, number) },
    { "no_number", JSON_MEMBER_UINT_OPT, offsetof(Sample, no_number) },
    { "time", JSON_MEMBER_TIME, offsetof(Sample, time) },
    { "no_time", JSON_MEMBER_TIME_OPT, offsetof(Sample, no_time) },
};

static int read_text(const char *text, Sample *ret, Err *err)
{
    _cleanup_json_ Json *json = NULL;

    ck_assert_int_eq(json_parse_object(text, strlen(text), &json, NULL), 0);
    return json_members_read(members, ELEMENTSOF(members), json, ret, err);
}

START_TEST(what_is_written_is_read_again)
{
    char text[] = "t";
    const Sample s = { .text = text, .number = 7, .time = 1795744800 * USEC_PER_SEC };
    Sample got = { .no_number = 1, .no_time = 1 };
    _cleanup_json_ Json *json = json_new_object();

    json_members_write(members, ELEMENTSOF(members), &s, json);
    _cleanup_free_ char *line = json_print_line(json);
    ck_assert_str_eq(line, "{\"text\":\"t\",\"no_text\":null,\"number\":7,\"no_number\":0,"
                           "\"time\":\"" TIME "\",\"no_time\":null}");

    ck_assert_int_eq(read_text(line, &got, NULL), 0);
    ck_assert_str_eq(got.text, "t");
    ck_assert_ptr_null(got.no_text);
    ck_assert_uint_eq(got.number, 7);
    ck_assert_uint_eq(got.no_number, 0);
    ck_assert_uint_eq(got.time, s.time);
    ck_assert_uint_eq(got.no_time, 0);
    json_members_free(members, ELEMENTSOF(members), &got);
    ck_assert_ptr_null(got.text);
}
END_TEST

/* Each lacks one that has to be there. */
static const char *const lacking[] = {
    "{\"number\":7,\"time\":\"" TIME "\"}",
    "{\"text\":\"t\",\"time\":\"" TIME "\"}",
    "{\"text\":\"t\",\"number\":7}",
};

START_TEST(what_has_to_be_there_is_missed)
{
    _cleanup_err_ Err err = { 0 };
    Sample got = { 0 };

    ck_assert_int_lt(read_text(lacking[_i], &got, &err), 0);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    json_members_free(members, ELEMENTSOF(members), &got);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(what_is_written_is_read_again),
    UNIT_LOOP(what_has_to_be_there_is_missed, ELEMENTSOF(lacking)),
};

UNIT_MAIN("json-member", tests)
