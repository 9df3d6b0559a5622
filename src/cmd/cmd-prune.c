#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/artifact.h"
#include "backup/catalog.h"
#include "backup/fall.h"
#include "backup/lock.h"
#include "backup/prune.h"
#include "cmd/cmd.h"
#include "cmd/policy.h"
#include "cmd/table.h"
#include "cmd/warning.h"
#include "sys/clock.h"
#include "sys/format.h"
#include "sys/log.h"
#include "sys/mem.h"

static bool is_kept_for_a_fall(const PruneVerdict *v)
{
    return v->rule == RETENTION_BEFORE_FALL || v->rule == RETENTION_FALL;
}

/* Accepting the newest pending one accepts all. */
static void add_way_out(Table *table, const PruneVerdict *v)
{
    const Backup *fell = fall_newest_pending(v->series);

    if (!is_kept_for_a_fall(v) || !fell)
        return;
    _cleanup_free_ char *text =
        mem_printf("until `pg-backup prune --accept %s`, if that is as it should be", fell->stem);
    table_note(table, text);
}

static void print_plan(const PrunePlan *plan, const RetentionPolicy *policy, bool dry_run)
{
    static const char *const headings[] = { "VERDICT", "BACKUP", ">AGE", ">SIZE", "BECAUSE", NULL };
    _cleanup_table_ Table *table = table_new(headings);
    const char *gone = dry_run ? "would remove" : "remove";
    usec_t now = clock_now();

    for (size_t i = 0; i < plan->count; i++) {
        const PruneVerdict *v = &plan->verdicts[i];
        char *cells[] = {
            mem_strdup(retention_keeps(v->rule) ? "keep" : gone),
            mem_strdup(v->backup->stem),
            now >= v->backup->when ? format_age(now - v->backup->when) : mem_strdup("future"),
            v->backup->manifest.file ? format_bytes(v->backup->manifest.stored_bytes)
                                     : mem_strdup("-"),
            retention_explain(policy, v->rule),
        };
        table_add(table, cells);
        add_way_out(table, v);
    }
    if (plan->count > 0)
        table_print(table);
    else
        printf("There are no backups.\n");
}

/* Accepting a fall */

/* By its stem alone: that of a database would name whatever is the newest by now, which nobody may
 * have looked at. */
static int find_fallen(const Catalog *catalog, const char *stem, const Series **ret_series,
                       const Backup **ret, Err *err)
{
    int r = catalog_find(catalog, stem, ret_series, ret, err);
    if (r < 0)
        return r;

    const Backup *b = *ret, *pending = fall_newest_pending(*ret_series);
    if (strcmp(b->stem, stem) != 0)
        r = err_set(err, ERR_USAGE, "\"%s\" is no stem of a backup", stem);
    else if (!b->manifest.stem)
        return backup_error(b, err);
    else if (!b->manifest.fall_against)
        r = err_set(err, ERR_USAGE,
                    "the contents of \"%s\" did not fall: nothing is to be accepted", stem);
    if (r < 0 && pending)
        err_hint(err, "To be accepted is the fall of \"%s\".", pending->stem);
    return r;
}

/* What becomes of the backups that were kept for the sake of falls. */
static void print_released(const Catalog *catalog, const PrunePlan *before,
                           const RetentionPolicy *policy)
{
    _cleanup_(prune_plan_done) PrunePlan after = prune_plan(catalog, policy, clock_now());
    size_t count = 0;

    for (size_t i = 0; i < after.count; i++)
        if (is_kept_for_a_fall(&before->verdicts[i]))
            after.verdicts[count++] = after.verdicts[i];
    after.count = count;
    if (count > 0)
        print_plan(&after, policy, /* dry_run= */ true);
}

static int accept_fall(const CmdContext *ctx, Catalog *catalog, bool dry_run, Err *err)
{
    const RetentionPolicy policy = policy_of(ctx->settings);
    _cleanup_(prune_plan_done) PrunePlan before = prune_plan(catalog, &policy, clock_now());
    const Series *s;
    const Backup *b;

    int r = find_fallen(catalog, ctx->args->accept, &s, &b, err);
    if (r < 0)
        return r;

    const char *did = b->accepted ? "was accepted before" : dry_run ? "would accept" : "accepted";
    if (!b->accepted && !dry_run) {
        r = catalog_accept(catalog, s, b, clock_now(), err);
        if (r < 0)
            return r;
    }
    _cleanup_free_ char *text = fall_describe(&b->manifest);
    log_notice("%s: %s: %s", did, b->stem, text);

    catalog->series[s - catalog->series].backups[b - s->backups].accepted = true;
    print_released(catalog, &before, &policy);
    return EXIT_CODE_DONE;
}

/* Pruning */

static int run_prune(const CmdContext *ctx, Err *err)
{
    const bool dry_run = ctx->args->flags & ARG_DRY_RUN;
    const RetentionPolicy policy = policy_of(ctx->settings);
    _cleanup_catalog_ Catalog catalog = CATALOG_INIT;
    _cleanup_lock_ Lock lock = LOCK_INIT;
    _cleanup_(prune_plan_done) PrunePlan plan = { 0 };
    _cleanup_strv_ Strv removed = { 0 }, warnings = { 0 }, problems = { 0 };

    if (!dry_run) {
        int r = lock_take("BACKUP_DIR", ctx->settings->backup_dir, "prune", &lock, err);
        if (r < 0)
            return r;
    }
    int r = catalog_load(ctx->settings->backup_dir, &catalog, err);
    if (r < 0)
        return r;

    prune_add_problems(&catalog, &problems);
    warning_tell_all(/* report= */ NULL, &problems);
    if (ctx->args->accept)
        return accept_fall(ctx, &catalog, dry_run, err);

    plan = prune_plan(&catalog, &policy, clock_now());
    print_plan(&plan, &policy, dry_run);
    if (plan.behind) {
        _cleanup_err_ Err clock = { 0 };
        prune_clock_error(&plan, &clock);
        warning_tell(/* report= */ NULL, LOG_EVENT_PRUNE_STOPPED, &clock);
    }
    if (dry_run)
        return EXIT_CODE_DONE;

    r = prune_apply(&catalog, &plan, &removed, &warnings, err);
    for (size_t i = 0; i < removed.count; i++)
        log_event(LOG_LEVEL_INFO, LOG_EVENT_PRUNED, "removed %s", removed.items[i]);
    warning_tell_all(/* report= */ NULL, &warnings);
    return r < 0 ? r : EXIT_CODE_DONE;
}

const Command command_prune = {
    .name = "prune",
    .operands = "",
    .max_operands = 0,
    .summary = "removes what the retention policy does not keep",
    .help = "Prints for each backup the rule that keeps or removes it, then removes. Every run "
            "does the\n"
            "same at its end. The newest good backup of a database is never removed.\n\n"
            "Where the contents of a database fell by more than BACKUP_MAX_FALL_PERCENT, the last "
            "backup\n"
            "before it is kept, too. --accept says that this one's fall is as it should be, and "
            "with it every\n"
            "fall against a backup that is older than this one: it shows what becomes of those "
            "that were\n"
            "kept, and removes nothing itself.",
    .options = ARG_ACCEPT | ARG_DRY_RUN,
    .run = run_prune,
};
