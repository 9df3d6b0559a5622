#include "unit.h"

#include <string.h>

#include "backup/retention.h"
#include "sys/clock.h"
#include "sys/mem.h"

/* Each rule by a table; what holds for all of them is in test-retention-properties.c. */

static usec_t at(const char *stamp)
{
    usec_t when;
    ck_assert_msg(clock_parse_stamp(stamp, strlen(stamp), &when) == 0, "%s", stamp);
    return when;
}

enum { ROWS_MAX = 16 };

typedef struct Row {
    const char *stamp; /* oldest first; NULL ends the table */
    bool damaged;
    RetentionRule rule;
} Row;

typedef struct Table {
    RetentionPolicy policy;
    const char *now;
    Row rows[ROWS_MAX];
} Table;

static void assert_table(const Table *t)
{
    RetentionItem items[ROWS_MAX];
    RetentionRule rules[ROWS_MAX];
    size_t count = 0;

    for (; count < ROWS_MAX && t->rows[count].stamp; count++)
        items[count] = (RetentionItem){
            .when = at(t->rows[count].stamp),
            .good = !t->rows[count].damaged,
        };
    retention_decide(&t->policy, at(t->now), items, count, rules);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(rules[i] == t->rows[i].rule, "%s: rule %d instead of %d", t->rows[i].stamp,
                      (int)rules[i], (int)t->rows[i].rule);
}

START_TEST(a_backup_is_kept_to_the_last_second_of_its_days)
{
    assert_table(&(Table){
        .policy = { .keep_days = 14 },
        .now = "20261122T020000Z",
        .rows = {
            { "20261108T015959Z", false, RETENTION_EXPIRED },
            { "20261108T020000Z", false, RETENTION_DAYS },
            { "20261121T020000Z", false, RETENTION_DAYS },
            { "20261122T015900Z", false, RETENTION_NEWEST },
        },
    });
}
END_TEST

START_TEST(the_newest_good_ones_are_kept_by_their_number)
{
    assert_table(&(Table){
        .policy = { .keep_min_count = 3 },
        .now = "20261122T020000Z",
        .rows = {
            { "20200101T000000Z", false, RETENTION_EXPIRED },
            { "20210101T000000Z", false, RETENTION_COUNT },
            { "20220101T000000Z", false, RETENTION_COUNT },
            { "20230101T000000Z", false, RETENTION_NEWEST },
        },
    });
}
END_TEST

START_TEST(a_policy_of_nothing_keeps_the_newest_good_one)
{
    assert_table(&(Table){
        .now = "20361122T020000Z",
        .rows = {
            { "20261120T020000Z", false, RETENTION_EXPIRED },
            { "20261121T020000Z", false, RETENTION_NEWEST },
            { "20261122T020000Z", true, RETENTION_NO_GOOD },
        },
    });
}
END_TEST

START_TEST(a_damaged_backup_stays_until_a_newer_one_is_good)
{
    assert_table(&(Table){
        .now = "20361122T020000Z",
        .rows = {
            { "20261119T020000Z", true, RETENTION_DAMAGED },
            { "20261120T020000Z", false, RETENTION_NEWEST },
            { "20261121T020000Z", true, RETENTION_NO_GOOD },
            { "20261122T020000Z", true, RETENTION_NO_GOOD },
        },
    });
}
END_TEST

START_TEST(what_a_newer_program_has_written_stays_and_counts_for_nothing)
{
    const RetentionPolicy policy = { .keep_min_count = 1 };
    const RetentionItem items[] = {
        { .when = at("20200101T000000Z"), .newer = true },
        { .when = at("20210101T000000Z"), .good = true },
        { .when = at("20220101T000000Z"), .good = true },
        { .when = at("20230101T000000Z"), .newer = true },
    };
    static const RetentionRule expected[] = {
        RETENTION_UNKNOWN,
        RETENTION_EXPIRED,
        RETENTION_NEWEST,
        RETENTION_UNKNOWN,
    };
    RetentionRule rules[ELEMENTSOF(items)];

    retention_decide(&policy, at("20300101T000000Z"), items, ELEMENTSOF(items), rules);
    for (size_t i = 0; i < ELEMENTSOF(items); i++)
        ck_assert_int_eq(rules[i], expected[i]);
}
END_TEST

START_TEST(a_clock_behind_the_newest_backup_keeps_everything)
{
    assert_table(&(Table){
        .policy = { .keep_days = 14 },
        .now = "20261122T015959Z",
        .rows = {
            { "20200101T000000Z", true, RETENTION_CLOCK },
            { "20210101T000000Z", false, RETENTION_CLOCK },
            { "20261121T020000Z", false, RETENTION_CLOCK },
            { "20261122T020000Z", false, RETENTION_NEWEST },
        },
    });
}
END_TEST

START_TEST(a_clock_is_behind_from_a_microsecond_on)
{
    const RetentionItem item = { .when = at("20261122T020000Z"), .good = true };
    ck_assert(!retention_clock_is_behind(item.when + 1, &item, 1));
    ck_assert(!retention_clock_is_behind(item.when, &item, 1));
    ck_assert(retention_clock_is_behind(item.when - 1, &item, 1));
}
END_TEST

START_TEST(a_damaged_backup_of_the_future_stops_the_clock_too)
{
    assert_table(&(Table){
        .now = "20261122T020000Z",
        .rows = {
            { "20210101T000000Z", false, RETENTION_CLOCK },
            { "20220101T000000Z", false, RETENTION_NEWEST },
            { "20991231T000000Z", true, RETENTION_CLOCK },
        },
    });
}
END_TEST

START_TEST(a_damaged_backup_is_kept_by_its_days_and_counts_for_nothing)
{
    assert_table(&(Table){
        .policy = { .keep_days = 7, .keep_min_count = 2, .keep_daily = 2, .keep_monthly = 1 },
        .now = "20261122T120000Z",
        .rows = {
            { "20261001T020000Z", false, RETENTION_EXPIRED },
            { "20261002T020000Z", false, RETENTION_COUNT },
            { "20261003T020000Z", true, RETENTION_DAMAGED },
            { "20261004T020000Z", false, RETENTION_NEWEST },
            { "20261121T020000Z", true, RETENTION_DAYS },
            { "20261122T020000Z", true, RETENTION_DAYS },
        },
    });
}
END_TEST

START_TEST(damaged_backups_stay_while_there_is_no_good_one)
{
    assert_table(&(Table){
        .policy = { .keep_days = 7 },
        .now = "20261122T020000Z",
        .rows = {
            { "20200101T000000Z", true, RETENTION_NO_GOOD },
            { "20210101T000000Z", true, RETENTION_NO_GOOD },
            { "20261121T020000Z", true, RETENTION_DAYS },
        },
    });
}
END_TEST

START_TEST(a_day_keeps_its_newest_and_days_without_a_backup_do_not_count)
{
    assert_table(&(Table){
        .policy = { .keep_daily = 3 },
        .now = "20261201T000000Z",
        .rows = {
            { "20261101T235959Z", false, RETENTION_EXPIRED },
            { "20261105T000000Z", false, RETENTION_EXPIRED },
            { "20261105T235959Z", false, RETENTION_DAILY },
            { "20261106T000000Z", false, RETENTION_EXPIRED },
            { "20261106T120000Z", false, RETENTION_DAILY },
            { "20261120T000000Z", false, RETENTION_EXPIRED },
            { "20261120T000001Z", false, RETENTION_NEWEST },
        },
    });
}
END_TEST

/* 28 December 2026 is a Monday: its ISO week 53 ends on 3 January 2027, a Sunday. */
START_TEST(a_week_begins_on_monday_and_does_not_end_with_the_year)
{
    assert_table(&(Table){
        .policy = { .keep_weekly = 3 },
        .now = "20270201T000000Z",
        .rows = {
            { "20261220T235959Z", false, RETENTION_EXPIRED },
            { "20261221T000000Z", false, RETENTION_EXPIRED },
            { "20261227T235959Z", false, RETENTION_WEEKLY },
            { "20261228T000000Z", false, RETENTION_EXPIRED },
            { "20261231T235959Z", false, RETENTION_EXPIRED },
            { "20270103T235959Z", false, RETENTION_WEEKLY },
            { "20270104T000000Z", false, RETENTION_NEWEST },
        },
    });
}
END_TEST

START_TEST(months_and_years_keep_their_newest)
{
    assert_table(&(Table){
        .policy = { .keep_monthly = 3, .keep_yearly = 3 },
        .now = "20260201T000000Z",
        .rows = {
            { "20221231T235959Z", false, RETENTION_EXPIRED },
            { "20240228T000000Z", false, RETENTION_EXPIRED },
            { "20240229T000000Z", false, RETENTION_YEARLY },
            { "20251031T000000Z", false, RETENTION_EXPIRED },
            { "20251101T000000Z", false, RETENTION_EXPIRED },
            { "20251130T235959Z", false, RETENTION_MONTHLY },
            { "20251231T235959Z", false, RETENTION_MONTHLY },
            { "20260101T000000Z", false, RETENTION_NEWEST },
        },
    });
}
END_TEST

START_TEST(a_slot_is_used_up_by_a_backup_that_another_rule_keeps)
{
    assert_table(&(Table){
        .policy = { .keep_days = 2, .keep_daily = 3 },
        .now = "20261122T030000Z",
        .rows = {
            { "20261118T020000Z", false, RETENTION_EXPIRED },
            { "20261119T020000Z", false, RETENTION_EXPIRED },
            { "20261120T020000Z", false, RETENTION_DAILY },
            { "20261121T020000Z", false, RETENTION_DAYS },
            { "20261122T020000Z", false, RETENTION_NEWEST },
        },
    });
}
END_TEST

START_TEST(of_two_backups_of_one_moment_the_later_in_the_list_is_the_newer)
{
    assert_table(&(Table){
        .policy = { .keep_yearly = 1 },
        .now = "20261122T020000Z",
        .rows = {
            { "20261122T020000Z", false, RETENTION_DAYS },
            { "20261122T020000Z", false, RETENTION_NEWEST },
        },
    });
}
END_TEST

START_TEST(an_empty_catalog_needs_no_decision)
{
    retention_decide(&(RetentionPolicy){ 0 }, 0, NULL, 0, NULL);
    ck_assert(!retention_clock_is_behind(0, NULL, 0));
}
END_TEST

/* What the rules say of themselves. */

START_TEST(a_policy_is_described_by_what_it_keeps)
{
    static const struct {
        RetentionPolicy policy;
        const char *text;
    } cases[] = {
        { { .keep_days = 14, .keep_min_count = 3 }, "14 days, at least 3" },
        { { .keep_days = 1, .keep_min_count = 1, .keep_weekly = 4 },
          "1 day, at least 1, 4 weekly" },
        { { 0, 0, 7, 4, 12, 10 }, "0 days, at least 0, 7 daily, 4 weekly, 12 monthly, 10 yearly" },
    };
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_free_ char *text = retention_describe(&cases[i].policy);
        ck_assert_str_eq(text, cases[i].text);
    }
}
END_TEST

START_TEST(every_rule_explains_itself)
{
    static const char *const texts[] = {
        [RETENTION_NEWEST] = "newest good backup",
        [RETENTION_PROVEN] = "newest that a drill has proven",
        [RETENTION_BEFORE_FALL] = "last one before its contents fell, which nobody has accepted",
        [RETENTION_FALL] = "record that its contents fell",
        [RETENTION_CLOCK] = "the clock stands before the newest backup",
        [RETENTION_DAYS] = "younger than 14 days",
        [RETENTION_COUNT] = "one of the newest 3 good backups",
        [RETENTION_DAILY] = "newest of its day, for the newest 7 days",
        [RETENTION_WEEKLY] = "newest of its week, for the newest 4 weeks",
        [RETENTION_MONTHLY] = "newest of its month, for the newest 12 months",
        [RETENTION_YEARLY] = "newest of its year, for the newest 1 year",
        [RETENTION_NO_GOOD] = "damaged, but no newer backup is good",
        [RETENTION_UNKNOWN] = "written by a newer pg-backup, which alone can judge it",
        [RETENTION_EXPIRED] = "older than 14 days, kept by no other rule",
        [RETENTION_DAMAGED] = "damaged and older than 14 days",
    };
    static const RetentionPolicy policy = { 14, 3, 7, 4, 12, 1 };
    _Static_assert(ELEMENTSOF(texts) == _RETENTION_RULE_MAX, "a sentence for every rule");

    for (RetentionRule rule = 0; rule < _RETENTION_RULE_MAX; rule++) {
        _cleanup_free_ char *text = retention_explain(&policy, rule);
        ck_assert_str_eq(text, texts[rule]);
    }
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_backup_is_kept_to_the_last_second_of_its_days),
    UNIT_TEST(the_newest_good_ones_are_kept_by_their_number),
    UNIT_TEST(a_policy_of_nothing_keeps_the_newest_good_one),
    UNIT_TEST(a_damaged_backup_stays_until_a_newer_one_is_good),
    UNIT_TEST(what_a_newer_program_has_written_stays_and_counts_for_nothing),
    UNIT_TEST(a_clock_behind_the_newest_backup_keeps_everything),
    UNIT_TEST(a_clock_is_behind_from_a_microsecond_on),
    UNIT_TEST(a_damaged_backup_of_the_future_stops_the_clock_too),
    UNIT_TEST(a_damaged_backup_is_kept_by_its_days_and_counts_for_nothing),
    UNIT_TEST(damaged_backups_stay_while_there_is_no_good_one),
    UNIT_TEST(a_day_keeps_its_newest_and_days_without_a_backup_do_not_count),
    UNIT_TEST(a_week_begins_on_monday_and_does_not_end_with_the_year),
    UNIT_TEST(months_and_years_keep_their_newest),
    UNIT_TEST(a_slot_is_used_up_by_a_backup_that_another_rule_keeps),
    UNIT_TEST(of_two_backups_of_one_moment_the_later_in_the_list_is_the_newer),
    UNIT_TEST(an_empty_catalog_needs_no_decision),
    UNIT_TEST(a_policy_is_described_by_what_it_keeps),
    UNIT_TEST(every_rule_explains_itself),
};
UNIT_MAIN("retention", tests)
