#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "sys/mem.h"
#include "sys/timer.h"

/* `date -u -d '2026-11-29 02:00:00' +%s` */
#define NIGHT ((usec_t)1795917600 * USEC_PER_SEC)
#define HOUR (3600 * USEC_PER_SEC)
#define DAY (24 * HOUR)

/* What version 252 prints where local time is UTC. */
static const char in_utc[] = "  Original form: 2:00\n"
                             "Normalized form: *-*-* 02:00:00\n"
                             "    Next elapse: Sun 2026-11-29 02:00:00 UTC\n"
                             "       From now: 18h ago\n"
                             "       Iter. #2: Mon 2026-11-30 02:00:00 UTC\n"
                             "       From now: 5h 22min left\n"
                             "       Iter. #3: Tue 2026-12-01 02:00:00 UTC\n"
                             "       From now: 1 day 5h left\n";

/* And version 257 elsewhere. */
static const char in_berlin[] = "Normalized form: *-*-* 03:00:00\n"
                                "    Next elapse: Sun 2026-11-29 03:00:00 CET\n"
                                "       (in UTC): Sun 2026-11-29 02:00:00 UTC\n"
                                "       From now: 18h ago\n"
                                "   Iteration #2: Mon 2026-11-30 03:00:00 CET\n"
                                "       (in UTC): Mon 2026-11-30 02:00:00 UTC\n"
                                "       From now: 5h 22min left\n";

static const char in_london[] = "Normalized form: *-*-* 02:00:00\n"
                                "    Next elapse: Sun 2026-11-29 02:00:00 GMT\n"
                                "       (in UTC): Sun 2026-11-29 02:00:00 UTC\n"
                                "       From now: 18h ago\n";

static void expect(const char *text, usec_t after, usec_t before, uint64_t count, usec_t first)
{
    MissedSlots missed = timer_count_slots(text, after, before);

    ck_assert_uint_eq(missed.count, count);
    ck_assert_uint_eq(missed.first, first);
}

START_TEST(moments_between_two_runs_are_counted)
{
    expect(in_utc, NIGHT - HOUR, NIGHT + 2 * DAY + HOUR, 3, NIGHT);
    expect(in_utc, NIGHT - HOUR, NIGHT + DAY + HOUR, 2, NIGHT);
    expect(in_utc, NIGHT, NIGHT + DAY + HOUR, 1, NIGHT + DAY);
}
END_TEST

START_TEST(a_run_in_time_has_missed_nothing)
{
    expect(in_utc, NIGHT, NIGHT + DAY, 0, 0);
    expect(in_utc, NIGHT + 1, NIGHT + DAY - HOUR, 0, 0);
}
END_TEST

START_TEST(each_moment_counts_once_whatever_local_time_is)
{
    expect(in_berlin, NIGHT - HOUR, NIGHT + 3 * DAY, 2, NIGHT);
    expect(in_london, NIGHT - HOUR, NIGHT + 3 * DAY, 1, NIGHT);
}
END_TEST

START_TEST(two_calendars_are_one_timer)
{
    _cleanup_free_ char *both = mem_printf("%s\n%s", in_berlin, in_utc);

    expect(both, NIGHT - HOUR, NIGHT + 3 * DAY, 3, NIGHT);
}
END_TEST

START_TEST(what_names_no_moment_counts_for_nothing)
{
    expect("", 0, NIGHT * 2, 0, 0);
    expect("    Next elapse: never\n", 0, NIGHT * 2, 0, 0);
    expect("    Next elapse: Sun 2026-13-29 02:00:00 UTC\n", 0, NIGHT * 2, 0, 0);
    expect("UTC\n", 0, NIGHT * 2, 0, 0);
}
END_TEST

START_TEST(a_process_that_no_timer_has_started_has_missed_nothing)
{
    MissedSlots missed = { .count = 7 };
    _cleanup_err_ Err err = {};

    unsetenv("TRIGGER_UNIT");
    ck_assert_int_eq(timer_missed_slots(NIGHT, &missed, &err), 0);
    ck_assert_uint_eq(missed.count, 0);
}
END_TEST

START_TEST(a_timer_that_cannot_be_asked_is_an_error)
{
    MissedSlots missed;
    _cleanup_err_ Err err = {};

    setenv("TRIGGER_UNIT", "pg-backup@main.timer", 1);
    setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
    ck_assert_int_lt(timer_missed_slots(NIGHT, &missed, &err), 0);
    ck_assert_ptr_nonnull(
        strstr(err.message, "could not ask systemd about pg-backup@main.timer: "));
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(moments_between_two_runs_are_counted),
    UNIT_TEST(a_run_in_time_has_missed_nothing),
    UNIT_TEST(each_moment_counts_once_whatever_local_time_is),
    UNIT_TEST(two_calendars_are_one_timer),
    UNIT_TEST(what_names_no_moment_counts_for_nothing),
    UNIT_TEST(a_process_that_no_timer_has_started_has_missed_nothing),
    UNIT_TEST(a_timer_that_cannot_be_asked_is_an_error),
};
UNIT_MAIN("timer", tests)
