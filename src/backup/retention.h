#pragma once

/* Which backups of one database stay, and by which rule. Pure: time and listing are parameters.
 *
 * Only good backups are counted. A backup is kept by the first rule that holds, in this order:
 *   newest    it is the newest good one: no setting and no clock can remove it
 *   proven    it is the newest of those that a drill has proven: likewise
 *   before    it is the last one before a fall of contents that nobody has accepted (backup/fall.h)
 *   fall      it is the record of such a fall, or of the acceptance of one
 *   clock     the clock stands before the newest backup: nothing is removed until that is repaired
 *   days      it is not older than keep_days
 *   count     fewer than keep_min_count newer good ones exist
 *   daily …   it is the newest good one of one of the newest keep_daily days that have one (UTC);
 *             likewise weeks (from Monday), months, years
 * One that a newer pg-backup has written is kept, and counts for nothing: only that one can judge
 * it. A damaged backup is kept by `before`, `fall`, `days` and `clock` only, and while no newer one
 * is good: it may hold what nothing else does. */

#include "sys/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct RetentionPolicy {
    uint64_t keep_days;
    uint64_t keep_min_count;
    uint64_t keep_daily, keep_weekly, keep_monthly, keep_yearly;
} RetentionPolicy;

typedef struct RetentionItem {
    usec_t when;
    bool good;
    bool newer;  /* not good because a newer pg-backup has written it */
    bool proven; /* a drill has restored it; counts of good ones alone */
    bool before_fall, fell;
} RetentionItem;

typedef enum RetentionRule {
    RETENTION_NEWEST,
    RETENTION_PROVEN,
    RETENTION_BEFORE_FALL,
    RETENTION_FALL,
    RETENTION_CLOCK,
    RETENTION_DAYS,
    RETENTION_COUNT,
    RETENTION_DAILY,
    RETENTION_WEEKLY,
    RETENTION_MONTHLY,
    RETENTION_YEARLY,
    RETENTION_UNKNOWN, /* of a newer pg-backup */
    RETENTION_NO_GOOD, /* damaged, but no newer one is good */
    RETENTION_EXPIRED, /* removed: no rule keeps it */
    RETENTION_DAMAGED, /* removed: damaged, older than keep_days, a newer one is good */
    _RETENTION_RULE_MAX,
} RetentionRule;

static inline bool retention_keeps(RetentionRule rule)
{
    return rule < RETENTION_EXPIRED;
}

/* `items` oldest first; ret[i] is the verdict on items[i]. Two items of the same moment count as in
 * their order. */
void retention_decide(const RetentionPolicy *policy, usec_t now, const RetentionItem *items,
                      size_t count, RetentionRule *ret);

/* True when `now` is earlier than the newest item: pruning stops. */
bool retention_clock_is_behind(usec_t now, const RetentionItem *items, size_t count);

/* "newest good backup", "younger than 14 days" …; caller frees. */
char *retention_explain(const RetentionPolicy *policy, RetentionRule rule);
/* "14 days, at least 3, 4 weekly": for the manifest and `check`. Caller frees. */
char *retention_describe(const RetentionPolicy *policy);
