#include "backup/retention.h"

#include <inttypes.h>

#include "sys/buf.h"
#include "sys/mem.h"

#define USEC_PER_DAY ((usec_t)24 * 60 * 60 * USEC_PER_SEC)

/* The grandfather slots, in the order of their rules: RETENTION_DAILY + i. */
enum { SLOT_KINDS = RETENTION_YEARLY - RETENTION_DAILY + 1 };
static const char *const slot_names[SLOT_KINDS] = { "day", "week", "month", "year" };

typedef struct Slots {
    uint64_t left[SLOT_KINDS];   /* how many more days, weeks … may keep one */
    int64_t current[SLOT_KINDS]; /* the day, week … that the last good backup was of */
    bool any;                    /* there was one */
} Slots;

static Slots slots_of(const RetentionPolicy *p)
{
    return (Slots){
        .left = { p->keep_daily, p->keep_weekly, p->keep_monthly, p->keep_yearly },
    };
}

/* Takes the good backups from the newest to the oldest. The first that is met of a day is the
 * newest of that day, and uses up one of the slots even if another rule keeps it as well. Returns
 * the first slot rule that keeps this one. */
static RetentionRule slots_take(Slots *slots, usec_t when)
{
    ClockDate date = clock_date(when);
    const int64_t number[SLOT_KINDS] = { date.day, date.week, date.month, date.year };
    RetentionRule rule = RETENTION_EXPIRED;

    for (size_t i = SLOT_KINDS; i-- > 0;) {
        bool first = !slots->any || number[i] != slots->current[i];
        slots->current[i] = number[i];
        if (!first || slots->left[i] == 0)
            continue;

        slots->left[i]--;
        rule = RETENTION_DAILY + (RetentionRule)i;
    }
    slots->any = true;
    return rule;
}

static bool is_young(const RetentionPolicy *policy, usec_t now, usec_t when)
{
    usec_t span;
    if (when >= now || __builtin_mul_overflow(policy->keep_days, USEC_PER_DAY, &span))
        return true;
    return now - when <= span;
}

bool retention_clock_is_behind(usec_t now, const RetentionItem *items, size_t count)
{
    return count > 0 && now < items[count - 1].when;
}

/* What the decision on a single item depends on. */
typedef struct Deciding {
    const RetentionPolicy *policy;
    usec_t now;
    bool clock_is_behind;
    uint64_t newer_good; /* good ones that are newer than the item */
    bool newer_proven;   /* so is a proven one */
    Slots slots;
} Deciding;

/* RETENTION_EXPIRED: neither, so that another rule decides. */
static RetentionRule decide_by_fall(const RetentionItem *item)
{
    return item->before_fall ? RETENTION_BEFORE_FALL
           : item->fell      ? RETENTION_FALL
                             : RETENTION_EXPIRED;
}

static RetentionRule decide_good(Deciding *d, const RetentionItem *item)
{
    usec_t when = item->when;
    uint64_t newer = d->newer_good++;
    bool newest_proven = item->proven && !d->newer_proven;
    RetentionRule slot = slots_take(&d->slots, when), fall = decide_by_fall(item);

    d->newer_proven |= item->proven;
    if (newer == 0)
        return RETENTION_NEWEST;
    if (newest_proven)
        return RETENTION_PROVEN;
    if (fall != RETENTION_EXPIRED)
        return fall;
    if (d->clock_is_behind)
        return RETENTION_CLOCK;
    if (is_young(d->policy, d->now, when))
        return RETENTION_DAYS;
    if (newer < d->policy->keep_min_count)
        return RETENTION_COUNT;
    return slot;
}

static RetentionRule decide_flawed(const Deciding *d, const RetentionItem *item)
{
    RetentionRule fall = decide_by_fall(item);

    if (item->newer)
        return RETENTION_UNKNOWN;
    if (fall != RETENTION_EXPIRED)
        return fall;
    if (d->clock_is_behind)
        return RETENTION_CLOCK;
    if (is_young(d->policy, d->now, item->when))
        return RETENTION_DAYS;
    return d->newer_good > 0 ? RETENTION_DAMAGED : RETENTION_NO_GOOD;
}

void retention_decide(const RetentionPolicy *policy, usec_t now, const RetentionItem *items,
                      size_t count, RetentionRule *ret)
{
    Deciding d = {
        .policy = policy,
        .now = now,
        .clock_is_behind = retention_clock_is_behind(now, items, count),
        .slots = slots_of(policy),
    };

    for (size_t i = count; i-- > 0;)
        ret[i] = items[i].good ? decide_good(&d, &items[i]) : decide_flawed(&d, &items[i]);
}

/* "1 day", "14 days". Caller frees. */
static char *count_of(uint64_t n, const char *unit)
{
    return mem_printf("%" PRIu64 " %s%s", n, unit, n == 1 ? "" : "s");
}

static char *explain_slot(const RetentionPolicy *policy, RetentionRule rule)
{
    size_t i = rule - RETENTION_DAILY;
    Slots slots = slots_of(policy);
    _cleanup_free_ char *span = count_of(slots.left[i], slot_names[i]);
    return mem_printf("newest of its %s, for the newest %s", slot_names[i], span);
}

char *retention_explain(const RetentionPolicy *policy, RetentionRule rule)
{
    _cleanup_free_ char *days = count_of(policy->keep_days, "day");

    switch (rule) {
    case RETENTION_NEWEST:
        return mem_strdup("newest good backup");
    case RETENTION_PROVEN:
        return mem_strdup("newest that a drill has proven");
    case RETENTION_BEFORE_FALL:
        return mem_strdup("last one before its contents fell, which nobody has accepted");
    case RETENTION_FALL:
        return mem_strdup("record that its contents fell");
    case RETENTION_CLOCK:
        return mem_strdup("the clock stands before the newest backup");
    case RETENTION_DAYS:
        return mem_printf("younger than %s", days);
    case RETENTION_COUNT:
        return mem_printf("one of the newest %" PRIu64 " good backups", policy->keep_min_count);
    case RETENTION_DAILY:
    case RETENTION_WEEKLY:
    case RETENTION_MONTHLY:
    case RETENTION_YEARLY:
        return explain_slot(policy, rule);
    case RETENTION_UNKNOWN:
        return mem_strdup("written by a newer pg-backup, which alone can judge it");
    case RETENTION_NO_GOOD:
        return mem_strdup("damaged, but no newer backup is good");
    case RETENTION_EXPIRED:
        return mem_printf("older than %s, kept by no other rule", days);
    case RETENTION_DAMAGED:
        return mem_printf("damaged and older than %s", days);
    case _RETENTION_RULE_MAX:
        break;
    }
    return mem_strdup("");
}

char *retention_describe(const RetentionPolicy *policy)
{
    static const char *const names[SLOT_KINDS] = { "daily", "weekly", "monthly", "yearly" };
    _cleanup_buf_ Buf text = { 0 };
    _cleanup_free_ char *days = count_of(policy->keep_days, "day");
    Slots slots = slots_of(policy);

    buf_addf(&text, "%s, at least %" PRIu64, days, policy->keep_min_count);
    for (size_t i = 0; i < SLOT_KINDS; i++)
        if (slots.left[i] > 0)
            buf_addf(&text, ", %" PRIu64 " %s", slots.left[i], names[i]);
    return buf_take(&text);
}
