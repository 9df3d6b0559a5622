#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sys/clock.h"
#include "sys/mem.h"

/* Seconds as `date -u -d TIME +%s` prints them. */
static const struct {
    const char *rfc3339;
    const char *stamp;
    uint64_t seconds;
} moments[] = {
    { "1970-01-01T00:00:00Z", "19700101T000000Z", 0 },
    { "2000-02-29T23:59:59Z", "20000229T235959Z", 951868799 },
    { "2026-11-22T02:00:00Z", "20261122T020000Z", 1795312800 },
    { "2038-01-19T03:14:08Z", "20380119T031408Z", 2147483648 },
    { "9999-12-31T23:59:59Z", "99991231T235959Z", 253402300799 },
};

START_TEST(moments_are_written_in_both_forms)
{
    usec_t when = moments[_i].seconds * USEC_PER_SEC + 999999;
    char stamp[CLOCK_STAMP_SIZE], rfc3339[CLOCK_RFC3339_SIZE];
    clock_format_stamp(when, stamp);
    clock_format_rfc3339(when, rfc3339);

    ck_assert_str_eq(stamp, moments[_i].stamp);
    ck_assert_str_eq(rfc3339, moments[_i].rfc3339);
}
END_TEST

START_TEST(moments_are_read_in_both_forms)
{
    usec_t from_stamp = 1, from_rfc3339 = 1;
    ck_assert_int_eq(clock_parse_stamp(moments[_i].stamp, CLOCK_STAMP_SIZE - 1, &from_stamp), 0);
    ck_assert_int_eq(clock_parse_rfc3339(moments[_i].rfc3339, &from_rfc3339), 0);

    ck_assert_uint_eq(from_stamp, moments[_i].seconds * USEC_PER_SEC);
    ck_assert_uint_eq(from_rfc3339, moments[_i].seconds * USEC_PER_SEC);
}
END_TEST

START_TEST(the_time_zone_of_the_machine_does_not_matter)
{
    setenv("TZ", "America/St_Johns", /* overwrite= */ 1);
    tzset();

    char stamp[CLOCK_STAMP_SIZE];
    usec_t when = 0;
    clock_format_stamp((usec_t)1795312800 * USEC_PER_SEC, stamp);
    ck_assert_str_eq(stamp, "20261122T020000Z");
    ck_assert_int_eq(clock_parse_stamp(stamp, strlen(stamp), &when), 0);
    ck_assert_uint_eq(when, (usec_t)1795312800 * USEC_PER_SEC);
}
END_TEST

START_TEST(a_moment_beyond_four_digits_still_fits)
{
    char stamp[CLOCK_STAMP_SIZE], rfc3339[CLOCK_RFC3339_SIZE];
    clock_format_stamp(UINT64_MAX, stamp);
    clock_format_rfc3339(UINT64_MAX, rfc3339);

    ck_assert_str_eq(stamp, "99991231T235959Z");
    ck_assert_str_eq(rfc3339, "9999-12-31T23:59:59Z");
}
END_TEST

static const char *const bad_stamps[] = {
    "",
    "20261122T020000",   /* no zone */
    "20261122T020000Z ", /* goes on */
    "20261122t020000Z",
    "20261122T020000z",
    "20261122 020000Z",
    "2026-1122T02000Z",
    "+0261122T020000Z",
    " 0261122T020000Z",
    "20261122T0200-1Z",
    "20261122T02000 Z",
    "20260230T000000Z",
    "20260229T000000Z", /* 2026 is no leap year */
    "20261301T000000Z",
    "20260001T000000Z",
    "20261100T000000Z",
    "20261131T000000Z",
    "20261122T240000Z",
    "20261122T026000Z",
    "20161231T235960Z", /* a leap second that was: a backup's clock does not show them */
    "19691231T235959Z", /* before usec_t */
    "00000000T000000Z",
};

START_TEST(what_is_no_stamp_is_refused)
{
    usec_t when = 42;
    int r = clock_parse_stamp(bad_stamps[_i], strlen(bad_stamps[_i]), &when);

    ck_assert_int_eq(r, -EINVAL);
    ck_assert_uint_eq(when, 42);
}
END_TEST

START_TEST(a_stamp_ends_where_its_size_says)
{
    static const char file[] = "20261122T020000Z.dump";
    usec_t when = 0;

    ck_assert_int_eq(clock_parse_stamp(file, CLOCK_STAMP_SIZE - 1, &when), 0);
    ck_assert_int_eq(clock_parse_stamp(file, strlen(file), &when), -EINVAL);
    ck_assert_int_eq(clock_parse_stamp(file, CLOCK_STAMP_SIZE - 2, &when), -EINVAL);
}
END_TEST

static const char *const bad_rfc3339[] = {
    "",
    "2026-11-22T02:00:00",
    "2026-11-22T02:00:00+00:00",
    "2026-11-22T02:00:00.5Z",
    "2026-11-22 02:00:00Z",
    "2026-02-30T02:00:00Z",
    "20261122T020000Z",
};

START_TEST(what_is_no_time_of_a_manifest_is_refused)
{
    usec_t when = 42;
    ck_assert_int_eq(clock_parse_rfc3339(bad_rfc3339[_i], &when), -EINVAL);
    ck_assert_uint_eq(when, 42);
}
END_TEST

static ClockDate date_of(const char *rfc3339)
{
    usec_t when = 0;
    ck_assert_int_eq(clock_parse_rfc3339(rfc3339, &when), 0);
    return clock_date(when);
}

START_TEST(the_first_moment_has_the_first_day_and_week)
{
    ClockDate d = date_of("1970-01-01T00:00:00Z");
    ck_assert_int_eq(d.day, 0);
    ck_assert_int_eq(d.week, 0);
    ck_assert_int_eq(d.month, 1970 * 12);
    ck_assert_int_eq(d.year, 1970);
}
END_TEST

/* By ISO 8601, 2024-12-29 is the Sunday of 2024-W52 and 2024-12-30 the Monday of 2025-W01. */
START_TEST(a_week_begins_on_monday_and_goes_on_over_new_year)
{
    int64_t sunday = date_of("2024-12-29T23:59:59Z").week;
    int64_t monday = date_of("2024-12-30T00:00:00Z").week;
    int64_t new_year = date_of("2025-01-01T00:00:00Z").week;
    int64_t next_sunday = date_of("2025-01-05T23:59:59Z").week;
    int64_t next_monday = date_of("2025-01-06T00:00:00Z").week;

    ck_assert_int_eq(monday, sunday + 1);
    ck_assert_int_eq(new_year, monday);
    ck_assert_int_eq(next_sunday, monday);
    ck_assert_int_eq(next_monday, monday + 1);
}
END_TEST

START_TEST(days_months_and_years_end_at_midnight)
{
    ClockDate before = date_of("2025-12-31T23:59:59Z");
    ClockDate after = date_of("2026-01-01T00:00:00Z");

    ck_assert_int_eq(after.day, before.day + 1);
    ck_assert_int_eq(after.month, before.month + 1);
    ck_assert_int_eq(after.year, before.year + 1);
    ck_assert_int_eq(after.year, 2026);
}
END_TEST

START_TEST(the_clocks_agree_with_the_system)
{
    time_t before = time(NULL);
    usec_t now = clock_now();
    time_t after = time(NULL);
    /* time(2) reads a coarser clock, which may be a tick behind. */
    ck_assert_uint_ge(now, (usec_t)before * USEC_PER_SEC);
    ck_assert_uint_lt(now, ((usec_t)after + 2) * USEC_PER_SEC);

    usec_t first = clock_monotonic();
    ck_assert_uint_ge(clock_monotonic(), first);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(moments_are_written_in_both_forms, ELEMENTSOF(moments)),
    UNIT_LOOP(moments_are_read_in_both_forms, ELEMENTSOF(moments)),
    UNIT_TEST(the_time_zone_of_the_machine_does_not_matter),
    UNIT_TEST(a_moment_beyond_four_digits_still_fits),
    UNIT_LOOP(what_is_no_stamp_is_refused, ELEMENTSOF(bad_stamps)),
    UNIT_TEST(a_stamp_ends_where_its_size_says),
    UNIT_LOOP(what_is_no_time_of_a_manifest_is_refused, ELEMENTSOF(bad_rfc3339)),
    UNIT_TEST(the_first_moment_has_the_first_day_and_week),
    UNIT_TEST(a_week_begins_on_monday_and_goes_on_over_new_year),
    UNIT_TEST(days_months_and_years_end_at_midnight),
    UNIT_TEST(the_clocks_agree_with_the_system),
};
UNIT_MAIN("clock", tests)
