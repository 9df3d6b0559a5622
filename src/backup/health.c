#include "backup/health.h"

#include <stdlib.h>
#include <string.h>

#include "backup/plan.h"
#include "sys/format.h"
#include "sys/mem.h"

#define SECONDS_PER_DAY 86400

/* Ages are in one unit, rounded down: too old by less than that reads the same. */
static char *explain_age(usec_t age, usec_t allowed)
{
    _cleanup_free_ char *age_text = format_age(age);
    _cleanup_free_ char *allowed_text = format_age(allowed);

    if (strcmp(age_text, allowed_text) == 0)
        return mem_printf("newest good backup is older than the allowed %s", allowed_text);
    return mem_printf("newest good backup is %s old, allowed are %s", age_text, allowed_text);
}

static usec_t seconds_to_usec(uint64_t seconds)
{
    usec_t usec;
    return __builtin_mul_overflow(seconds, USEC_PER_SEC, &usec) ? UINT64_MAX : usec;
}

static void judge_age(HealthEntry *entry, const HealthInput *input)
{
    usec_t age = input->now - entry->newest;

    entry->healthy = input->drills_only || age / USEC_PER_SEC <= input->max_age_seconds;
    if (entry->healthy) {
        _cleanup_free_ char *age_text = format_age(age);
        entry->sentence = mem_printf("newest good backup is %s old", age_text);
    } else {
        entry->sentence = explain_age(age, seconds_to_usec(input->max_age_seconds));
    }
}

/* Caller frees. */
static char *why_none_is_good(const Series *s)
{
    if (!s)
        return mem_strdup("there is no backup");
    if (s->problem)
        return mem_strdup(s->problem);
    const Backup *newest = &s->backups[s->count - 1];
    return mem_printf("no backup is good; the newest, %s: %s", newest->stem, newest->problem);
}

static bool in_grace(const HealthInput *input)
{
    return input->now < input->grace_until;
}

static void fail(HealthEntry *entry, char *sentence)
{
    entry->healthy = false;
    free(entry->sentence);
    entry->sentence = sentence;
}

/* However young an older one is, it is not the backup that was asked for. */
static void judge_newest(HealthEntry *entry, const HealthInput *input, const Series *s)
{
    const Backup *flawed = series_newest_flawed_until(s, input->now);

    if (flawed && !input->drills_only)
        fail(entry,
             mem_printf("the newest backup, %s, is not good: %s", flawed->stem, flawed->problem));
}

/* When the first drill of a database is missed: a proof may be so old, and none can be older than
 * the first backup. 0: that was long ago, or nobody can tell, because retention may have removed
 * it. */
static usec_t first_drill_by(const HealthInput *input, const Series *s)
{
    usec_t first = s->backups[0].when, by;

    if (input->max_drill_age_seconds / SECONDS_PER_DAY >= input->keep_days || first > input->now ||
        __builtin_add_overflow(first, seconds_to_usec(input->max_drill_age_seconds), &by))
        return 0;
    return input->now < by ? by : 0;
}

static void await_first_drill(HealthEntry *entry, usec_t by)
{
    _cleanup_free_ char *age = TAKE_PTR(entry->sentence);
    char when[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(by, when);
    entry->drill_by = by;
    entry->sentence = mem_printf("%s; a first drill is waited for, until %s", age, when);
}

/* A fresh backup that does not restore is none. */
static void judge_drill(HealthEntry *entry, const HealthInput *input, const Series *s)
{
    const Backup *drilled = series_newest_drill(s, input->now),
                 *proven = series_newest_proof(s, input->now);
    usec_t age = proven ? input->now - proven->proof->finished : 0,
           allowed = seconds_to_usec(input->max_drill_age_seconds), by = first_drill_by(input, s);

    if (drilled && drilled->proof->result == PROOF_RESULT_FAILED) {
        fail(entry, mem_printf("the newest drill failed, of %s: %s", drilled->stem,
                               drilled->proof->reason));
    } else if (input->max_drill_age_seconds > 0 && !proven && by > 0) {
        await_first_drill(entry, by);
    } else if (input->max_drill_age_seconds > 0 && !proven) {
        fail(entry, mem_strdup("no backup is proven to restore"));
    } else if (input->max_drill_age_seconds > 0 && age > allowed) {
        _cleanup_free_ char *age_text = format_age(age), *allowed_text = format_age(allowed);
        fail(entry,
             mem_printf("the newest proof is %s old, allowed are %s", age_text, allowed_text));
    }
}

static HealthEntry judge_series(const HealthInput *input, const char *database)
{
    HealthEntry entry = { .database = mem_strdup(database) };
    const Series *s = catalog_series(input->catalog, database);
    const Backup *any = s ? series_newest_good(s) : NULL;
    const Backup *newest = any ? series_newest_good_until(s, input->now) : NULL;

    entry.ever = any != NULL;
    if (newest) {
        entry.newest = newest->when;
        judge_age(&entry, input);
        judge_newest(&entry, input, s);
        if (database && entry.healthy)
            judge_drill(&entry, input, s);
    } else if (any) {
        char when[CLOCK_RFC3339_SIZE];
        clock_format_rfc3339(any->when, when);
        entry.newest = any->when;
        entry.sentence = mem_printf("newest good backup is from the future (%s)", when);
    } else {
        entry.sentence = why_none_is_good(s);
        entry.healthy = entry.waiting = !s && in_grace(input);
    }
    return entry;
}

static void add_entry(Health *h, HealthEntry entry)
{
    h->entries = mem_resize(h->entries, h->count + 1, sizeof(*h->entries));
    h->entries[h->count++] = entry;
}

/* How bad an unhealthy entry is: never beats old, older beats younger. */
static bool is_worse(const HealthEntry *a, const HealthEntry *b)
{
    if (a->ever != b->ever)
        return !a->ever;
    return a->newest < b->newest;
}

static const HealthEntry *worst_of(const Health *h, size_t *ret_unhealthy)
{
    const HealthEntry *worst = NULL;

    *ret_unhealthy = 0;
    for (size_t i = 0; i < h->count; i++) {
        const HealthEntry *entry = &h->entries[i];
        if (entry->healthy)
            continue;
        (*ret_unhealthy)++;
        if (!worst || is_worse(entry, worst))
            worst = entry;
    }
    return worst;
}

static char *name_worst(const HealthEntry *worst, size_t unhealthy, size_t count)
{
    _cleanup_free_ char *name =
        worst->database ? mem_printf("\"%s\"", worst->database) : mem_strdup("globals");
    _cleanup_free_ char *sentence =
        mem_printf("%s: %s (%zu of %zu unhealthy)", name, worst->sentence, unhealthy, count);

    return format_oneline(sentence);
}

static size_t count_waiting(const Health *h)
{
    size_t waiting = 0;
    for (size_t i = 0; i < h->count; i++)
        waiting += h->entries[i].waiting;
    return waiting;
}

static char *name_grace(const Health *h, usec_t until)
{
    char when[CLOCK_RFC3339_SIZE];
    size_t waiting = count_waiting(h);

    clock_format_rfc3339(until, when);
    if (waiting == 0)
        return mem_printf("no run has ended yet; one must have by %s", when);
    return mem_printf("%zu of %zu wait for the first good backup, until %s at the latest", waiting,
                      h->count, when);
}

/* The first moment by which a database has to have been drilled; 0: all have been. */
static usec_t next_drill_by(const Health *h, size_t *ret_waiting)
{
    usec_t by = 0;

    *ret_waiting = 0;
    for (size_t i = 0; i < h->count; i++) {
        usec_t own = h->entries[i].drill_by;
        *ret_waiting += own > 0;
        if (own > 0 && (by == 0 || own < by))
            by = own;
    }
    return by;
}

static void name_awaited_drills(Health *h)
{
    _cleanup_free_ char *rest = NULL;
    char when[CLOCK_RFC3339_SIZE];
    size_t waiting;
    usec_t by = next_drill_by(h, &waiting);

    if (by == 0)
        return;
    rest = TAKE_PTR(h->sentence);
    clock_format_rfc3339(by, when);
    h->sentence = mem_printf("%s; %zu wait%s for a first drill, until %s", rest, waiting,
                             waiting == 1 ? "s" : "", when);
}

static void sum_up(Health *h, const HealthInput *input)
{
    size_t unhealthy;
    const HealthEntry *worst = worst_of(h, &unhealthy);
    bool none = input->databases->count == 0;

    h->healthy = !worst && !input->doubt && (!none || in_grace(input) || input->drills_only);
    if (input->doubt) {
        h->sentence = format_oneline(input->doubt);
    } else if (worst) {
        h->sentence = name_worst(worst, unhealthy, h->count);
    } else if (!h->healthy) {
        h->sentence = mem_strdup("no database is known that should have a backup");
    } else if (input->drills_only) {
        h->sentence = mem_printf("drills are scheduled, and none of %zu database%s has failed one",
                                 h->count, h->count == 1 ? "" : "s");
    } else if (none || count_waiting(h) > 0) {
        h->sentence = name_grace(h, input->grace_until);
    } else {
        _cleanup_free_ char *allowed = format_age(seconds_to_usec(input->max_age_seconds));
        h->sentence = mem_printf("%zu of %zu have a good backup that is not older than %s",
                                 h->count, h->count, allowed);
    }
    if (h->healthy)
        name_awaited_drills(h);
}

Health health_judge(const HealthInput *input)
{
    Health h = { 0 };

    if (input->globals)
        add_entry(&h, judge_series(input, NULL));
    for (size_t i = 0; i < input->databases->count; i++)
        add_entry(&h, judge_series(input, input->databases->items[i]));
    sum_up(&h, input);
    return h;
}

void health_done(Health *h)
{
    for (size_t i = 0; i < h->count; i++) {
        free(h->entries[i].database);
        free(h->entries[i].sentence);
    }
    free(h->entries);
    free(h->sentence);
    *h = (Health){ 0 };
}

void health_databases(const Strv *wanted, const Strv *planned, const Catalog *catalog, Strv *ret)
{
    for (size_t i = 0; i < wanted->count; i++) {
        const char *name = plan_name(wanted->items[i]);
        if (name && plan_selects(wanted, name))
            strv_add_once(ret, name);
    }

    /* What has been excluded since that run is not asked for any more. */
    for (size_t i = 0; i < planned->count; i++)
        if (plan_selects(wanted, planned->items[i]))
            strv_add_once(ret, planned->items[i]);
    if (planned->count > 0)
        return;

    for (size_t i = 0; i < catalog->count; i++) {
        const char *database = catalog->series[i].database;
        if (database && plan_selects(wanted, database))
            strv_add_once(ret, database);
    }
}
