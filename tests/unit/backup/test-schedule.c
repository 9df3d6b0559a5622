#include "unit.h"

#include <string.h>
#include <sys/stat.h>

#include "backup/schedule.h"
#include "sys/mem.h"

START_TEST(a_record_is_read_back)
{
    char *dir = unit_mkdir();
    char problem[] = "supercronic exited with status 1";
    Schedule saved = { .first_start = 1795744800 * USEC_PER_SEC, .problem = problem };
    _cleanup_schedule_ Schedule got = { 0 };

    ck_assert_int_eq(schedule_save(dir, &saved, NULL), 0);
    ck_assert_int_eq(schedule_load(dir, &got, NULL), 0);
    ck_assert_uint_eq(got.first_start, saved.first_start);
    ck_assert_str_eq(got.problem, problem);

    saved.problem = NULL;
    schedule_done(&got);
    ck_assert_int_eq(schedule_save(dir, &saved, NULL), 0);
    ck_assert_int_eq(schedule_load(dir, &got, NULL), 0);
    ck_assert_ptr_null(got.problem);
    unit_rmdir(dir);
}
END_TEST

START_TEST(without_a_record_none_ever_started)
{
    char *dir = unit_mkdir();
    _cleanup_schedule_ Schedule got = { 0 };

    ck_assert_int_eq(schedule_load(dir, &got, NULL), 0);
    ck_assert_uint_eq(got.first_start, 0);
    unit_rmdir(dir);
}
END_TEST

static const char *const damaged[] = {
    "",
    "[]",
    "{}",
    "{\"first_start\": \"yesterday\"}",
    "{\"first_start\": 1795744800}",
    "{\"first_start\": \"2026-11-29T02:00:00Z\", \"problem\": 1}",
    "{\"first_start\": \"2026-11-29T02:00:00Z\"",
};

START_TEST(a_damaged_record_is_not_taken_for_none)
{
    char *dir = unit_mkdir();
    _cleanup_schedule_ Schedule got = { 0 };
    _cleanup_err_ Err err = { 0 };

    unit_write_file(dir, "schedule.json", damaged[_i], strlen(damaged[_i]));
    ck_assert_int_lt(schedule_load(dir, &got, &err), 0);
    ck_assert_int_eq(err.kind, ERR_COULD_NOT_VERIFY);
    ck_assert_uint_eq(got.first_start, 0);
    unit_rmdir(dir);
}
END_TEST

START_TEST(a_record_that_cannot_be_written_is_named)
{
    char *dir = unit_mkdir();
    _cleanup_free_ char *path = mem_printf("%s/schedule.json", dir);
    Schedule s = { .first_start = USEC_PER_SEC };
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(mkdir(path, 0700), 0); /* EISDIR, even for root */
    ck_assert_int_lt(schedule_save(dir, &s, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    unit_rmdir(dir);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_record_is_read_back),
    UNIT_TEST(without_a_record_none_ever_started),
    UNIT_LOOP(a_damaged_record_is_not_taken_for_none, ELEMENTSOF(damaged)),
    UNIT_TEST(a_record_that_cannot_be_written_is_named),
};
UNIT_MAIN("schedule", tests)
