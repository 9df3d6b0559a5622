#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backup/retention.h"
#include "sys/clock.h"
#include "sys/mem.h"

#define USEC_PER_DAY (24 * 60 * 60 * USEC_PER_SEC)

/* What holds for every catalog, policy and clock: properties, on thousands of generated ones. */

enum { CATALOGS = 5000, ITEMS_MAX = 48 };

/* xorshift64. A new seed each time; PG_BACKUP_TEST_SEED repeats the one that a failure printed. */
static uint64_t seed, state;

static uint64_t draw(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

static void seed_draws(void)
{
    const char *text = getenv("PG_BACKUP_TEST_SEED");
    seed = text ? strtoull(text, NULL, 10) : clock_now();
    state = seed != 0 ? seed : 1;
}

/* Not ck_assert(), which reports each success, too: here there are millions. */
#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("%s does not hold; PG_BACKUP_TEST_SEED=%llu", #condition,                 \
                         (unsigned long long)seed);                                                \
    } while (0)

typedef struct World {
    RetentionPolicy policy;
    usec_t now;
    RetentionItem items[ITEMS_MAX];
    RetentionRule rules[ITEMS_MAX];
    size_t count;
} World;

static void decide(World *w)
{
    retention_decide(&w->policy, w->now, w->items, w->count, w->rules);
}

static uint64_t draw_number(void)
{
    switch (draw(8)) {
    case 0:
    case 1:
    case 2:
        return 0;
    case 3:
        return UINT64_MAX - draw(2);
    default:
        return draw(20);
    }
}

/* Backups minutes, hours, days or weeks apart, some at the same moment; a clock up to ten years off
 * either way, or at the newest, or near it. */
static World draw_world(void)
{
    static const usec_t steps[] = { 60, 3600, 86400, 30 * 86400 };
    usec_t step = steps[draw(ELEMENTSOF(steps))] * USEC_PER_SEC;
    usec_t when = (30 + draw(30)) * 365 * USEC_PER_DAY + draw(365 * USEC_PER_DAY);
    uint64_t damaged = draw(5); /* of four; all of them now and then */
    World w = { .count = draw(ITEMS_MAX + 1) };

    for (size_t i = 0; i < w.count; i++) {
        bool good = draw(4) >= damaged;
        w.items[i] = (RetentionItem){
            .when = when,
            .good = good,
            .newer = !good && draw(4) == 0,
            .proven = draw(6) == 0,
            .before_fall = draw(9) == 0,
            .fell = draw(9) == 0,
        };
        when += draw(8) == 0 ? 0 : draw(2 * step);
    }
    usec_t newest = w.count > 0 ? w.items[w.count - 1].when : when, years = 3652 * USEC_PER_DAY;
    const usec_t clocks[] = { newest, newest + draw(20 * step), newest - years + draw(2 * years) };
    w.now = clocks[draw(ELEMENTSOF(clocks))];
    w.policy = (RetentionPolicy){
        .keep_days = draw_number(),
        .keep_min_count = draw_number(),
        .keep_daily = draw_number(),
        .keep_weekly = draw_number(),
        .keep_monthly = draw_number(),
        .keep_yearly = draw_number(),
    };
    decide(&w);
    return w;
}

/* What remains of a world once it was pruned, decided upon again. */
static World prune(const World *w)
{
    World rest = { .policy = w->policy, .now = w->now };
    for (size_t i = 0; i < w->count; i++)
        if (retention_keeps(w->rules[i]))
            rest.items[rest.count++] = w->items[i];
    decide(&rest);
    return rest;
}

static size_t good_count(const World *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++)
        n += w->items[i].good;
    return n;
}

static void newest_proven_stays(void)
{
    World w = draw_world();

    for (size_t i = w.count; i-- > 0;)
        if (w.items[i].good && w.items[i].proven) {
            HOLDS(retention_keeps(w.rules[i]));
            return;
        }
}

/* Whatever the policy, the clock and the damage. */
static void falls_stay(void)
{
    World w = draw_world();

    for (size_t i = 0; i < w.count; i++)
        HOLDS(retention_keeps(w.rules[i]) || !(w.items[i].before_fall || w.items[i].fell));
}

/* Nothing that is newer than all good ones goes, nor what a newer program has written. */
static void what_nothing_replaces_stays(void)
{
    World w = draw_world();
    bool newest = true;

    for (size_t i = w.count; i-- > 0;) {
        HOLDS(retention_keeps(w.rules[i]) || !(newest || w.items[i].newer));
        newest &= !w.items[i].good;
    }
}

static void newest_good_stays(void)
{
    World w = draw_world();
    size_t i = w.count;
    while (i > 0 && !w.items[i - 1].good)
        i--;
    HOLDS(i == 0 || w.rules[i - 1] == RETENTION_NEWEST);
}

static void second_pruning_removes_nothing(void)
{
    World w = draw_world(), rest = prune(&w), again = prune(&rest);
    HOLDS(again.count == rest.count);
}

static void longer_policy_keeps_as_much(void)
{
    World w = draw_world(), longer = w;
    uint64_t *const fields[] = {
        &longer.policy.keep_days,   &longer.policy.keep_min_count, &longer.policy.keep_daily,
        &longer.policy.keep_weekly, &longer.policy.keep_monthly,   &longer.policy.keep_yearly,
    };
    uint64_t *field = fields[draw(ELEMENTSOF(fields))];
    uint64_t more = 1 + draw(5);
    *field = *field > UINT64_MAX - more ? UINT64_MAX : *field + more;

    decide(&longer);
    for (size_t i = 0; i < w.count; i++)
        HOLDS(retention_keeps(longer.rules[i]) || !retention_keeps(w.rules[i]));
}

static void clock_behind_removes_nothing(void)
{
    World w = draw_world();
    if (w.count == 0)
        return;

    w.now = w.items[w.count - 1].when - 1 - draw(3652 * USEC_PER_DAY);
    decide(&w);
    HOLDS(retention_clock_is_behind(w.now, w.items, w.count));
    HOLDS(prune(&w).count == w.count);
}

static void damaged_ones_change_nothing_for_good_ones(void)
{
    World w = draw_world(), only_good = { .policy = w.policy, .now = w.now };
    if (retention_clock_is_behind(w.now, w.items, w.count))
        return;

    for (size_t i = 0; i < w.count; i++)
        if (w.items[i].good)
            only_good.items[only_good.count++] = w.items[i];
    decide(&only_good);
    for (size_t i = 0, k = 0; i < w.count; i++)
        HOLDS(!w.items[i].good || w.rules[i] == only_good.rules[k++]);
}

static void minimum_of_good_ones_remains(void)
{
    World w = draw_world(), rest = prune(&w);
    size_t good = good_count(&w);
    HOLDS(good_count(&rest) >= (good < w.policy.keep_min_count ? good : w.policy.keep_min_count));
}

/* A machine that prunes after each backup ends with the same as one that prunes once. */
static void pruning_often_is_pruning_once(void)
{
    World w = draw_world(), often = { .policy = w.policy };
    if (retention_clock_is_behind(w.now, w.items, w.count))
        return;

    for (size_t i = 0; i < w.count; i++) {
        often.items[often.count++] = w.items[i];
        often.now = w.items[i].when;
        decide(&often);
        often = prune(&often);
    }
    often.now = w.now;
    decide(&often);

    World once = prune(&w);
    often = prune(&often);
    HOLDS(often.count == once.count);
    for (size_t i = 0; i < once.count; i++)
        HOLDS(often.items[i].when == once.items[i].when && often.rules[i] == once.rules[i]);
}

/* The header's definition, word by word, with the C library's calendar. */

enum { DAY, WEEK, MONTH, YEAR };

static void slot_of(usec_t when, int kind, char ret[static 32])
{
    time_t seconds = (time_t)(when / USEC_PER_SEC);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    if (kind == DAY)
        strftime(ret, 32, "%Y-%m-%d", &tm);
    else if (kind == WEEK)
        strftime(ret, 32, "%G week %V", &tm);
    else if (kind == MONTH)
        strftime(ret, 32, "%Y-%m", &tm);
    else
        strftime(ret, 32, "%Y", &tm);
}

/* Item i is the newest good one of its slot, and fewer than `keep` newer slots have a good one. */
static bool in_slots(const World *w, size_t i, uint64_t keep, int kind)
{
    uint64_t newer = 0;
    char last[32], slot[32];
    slot_of(w->items[i].when, kind, last);

    for (size_t k = i + 1; k < w->count; k++) {
        if (!w->items[k].good)
            continue;
        slot_of(w->items[k].when, kind, slot);
        if (strcmp(slot, last) != 0)
            newer++;
        else if (newer == 0)
            return false;
        strcpy(last, slot);
    }
    return newer < keep;
}

static bool is_newest_proven(const World *w, size_t i)
{
    if (!w->items[i].proven)
        return false;
    while (++i < w->count)
        if (w->items[i].good && w->items[i].proven)
            return false;
    return true;
}

static RetentionRule rule_by_definition(const World *w, size_t i)
{
    const RetentionItem *item = &w->items[i];
    const RetentionPolicy *p = &w->policy;
    bool behind = w->now < w->items[w->count - 1].when;
    bool young = !behind && (w->now - item->when + USEC_PER_DAY - 1) / USEC_PER_DAY <= p->keep_days;
    uint64_t newer = 0;
    for (size_t k = i + 1; k < w->count; k++)
        newer += w->items[k].good;

    if (!item->good)
        return item->newer         ? RETENTION_UNKNOWN
               : item->before_fall ? RETENTION_BEFORE_FALL
               : item->fell        ? RETENTION_FALL
               : behind            ? RETENTION_CLOCK
               : young             ? RETENTION_DAYS
               : newer == 0        ? RETENTION_NO_GOOD
                                   : RETENTION_DAMAGED;
    return newer == 0                               ? RETENTION_NEWEST
           : is_newest_proven(w, i)                 ? RETENTION_PROVEN
           : item->before_fall                      ? RETENTION_BEFORE_FALL
           : item->fell                             ? RETENTION_FALL
           : behind                                 ? RETENTION_CLOCK
           : young                                  ? RETENTION_DAYS
           : newer < p->keep_min_count              ? RETENTION_COUNT
           : in_slots(w, i, p->keep_daily, DAY)     ? RETENTION_DAILY
           : in_slots(w, i, p->keep_weekly, WEEK)   ? RETENTION_WEEKLY
           : in_slots(w, i, p->keep_monthly, MONTH) ? RETENTION_MONTHLY
           : in_slots(w, i, p->keep_yearly, YEAR)   ? RETENTION_YEARLY
                                                    : RETENTION_EXPIRED;
}

static void verdicts_are_those_of_the_definition(void)
{
    World w = draw_world();
    for (size_t i = 0; i < w.count; i++)
        HOLDS(w.rules[i] == rule_by_definition(&w, i));
}

static void for_many_catalogs(void (*property)(void))
{
    seed_draws();
    for (int i = 0; i < CATALOGS; i++)
        property();
}

START_TEST(the_newest_proven_one_is_never_removed)
{
    for_many_catalogs(newest_proven_stays);
}
END_TEST

START_TEST(what_a_fall_needs_is_never_removed)
{
    for_many_catalogs(falls_stay);
}
END_TEST

START_TEST(what_no_newer_good_one_replaces_is_never_removed)
{
    for_many_catalogs(what_nothing_replaces_stays);
}
END_TEST

START_TEST(the_newest_good_one_is_never_removed)
{
    for_many_catalogs(newest_good_stays);
}
END_TEST

START_TEST(deciding_again_on_what_was_kept_removes_nothing_more)
{
    for_many_catalogs(second_pruning_removes_nothing);
}
END_TEST

START_TEST(a_longer_policy_never_removes_more)
{
    for_many_catalogs(longer_policy_keeps_as_much);
}
END_TEST

START_TEST(a_clock_behind_the_newest_backup_removes_nothing)
{
    for_many_catalogs(clock_behind_removes_nothing);
}
END_TEST

START_TEST(damaged_ones_never_count)
{
    for_many_catalogs(damaged_ones_change_nothing_for_good_ones);
}
END_TEST

START_TEST(the_minimum_count_of_good_ones_remains)
{
    for_many_catalogs(minimum_of_good_ones_remains);
}
END_TEST

START_TEST(pruning_after_each_backup_ends_where_pruning_once_does)
{
    for_many_catalogs(pruning_often_is_pruning_once);
}
END_TEST

START_TEST(every_verdict_is_that_of_the_definition)
{
    for_many_catalogs(verdicts_are_those_of_the_definition);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(the_newest_good_one_is_never_removed),
    UNIT_TEST(what_no_newer_good_one_replaces_is_never_removed),
    UNIT_TEST(the_newest_proven_one_is_never_removed),
    UNIT_TEST(what_a_fall_needs_is_never_removed),
    UNIT_TEST(deciding_again_on_what_was_kept_removes_nothing_more),
    UNIT_TEST(a_longer_policy_never_removes_more),
    UNIT_TEST(a_clock_behind_the_newest_backup_removes_nothing),
    UNIT_TEST(damaged_ones_never_count),
    UNIT_TEST(the_minimum_count_of_good_ones_remains),
    UNIT_TEST(pruning_after_each_backup_ends_where_pruning_once_does),
    UNIT_TEST(every_verdict_is_that_of_the_definition),
};
UNIT_MAIN("retention-properties", tests)
