#include <stdio.h>
#include <stdlib.h>

#include "backup/artifact.h"
#include "backup/catalog.h"
#include "backup/lock.h"
#include "backup/prune.h"
#include "cmd/cmd.h"
#include "cmd/policy.h"
#include "cmd/table.h"
#include "sys/clock.h"
#include "sys/format.h"
#include "sys/log.h"
#include "sys/mem.h"

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
    }
    if (plan->count > 0)
        table_print(table);
    else
        printf("There are no backups.\n");
}

static int run_prune(const CmdContext *ctx, Err *err)
{
    const bool dry_run = ctx->args->flags & ARG_DRY_RUN;
    const RetentionPolicy policy = policy_of(ctx->settings);
    _cleanup_catalog_ Catalog catalog = CATALOG_INIT;
    _cleanup_lock_ Lock lock = LOCK_INIT;
    _cleanup_(prune_plan_done) PrunePlan plan = { 0 };
    _cleanup_strv_ Strv removed = { 0 }, warnings = { 0 };

    if (!dry_run) {
        int r = lock_take(ctx->settings->backup_dir, "prune", &lock, err);
        if (r < 0)
            return r;
    }
    int r = catalog_load(ctx->settings->backup_dir, &catalog, err);
    if (r < 0)
        return r;

    plan = prune_plan(&catalog, &policy, clock_now());
    print_plan(&plan, &policy, dry_run);
    if (plan.behind) {
        _cleanup_err_ Err clock = { 0 };
        prune_clock_error(&plan, &clock);
        log_err(LOG_LEVEL_WARNING, LOG_EVENT_PRUNE_STOPPED, &clock);
    }
    if (dry_run)
        return EXIT_CODE_DONE;

    r = prune_apply(&catalog, &plan, &removed, &warnings, err);
    for (size_t i = 0; i < removed.count; i++)
        log_event(LOG_LEVEL_INFO, LOG_EVENT_PRUNED, "removed %s", removed.items[i]);
    for (size_t i = 0; i < warnings.count; i++)
        log_warning("%s", warnings.items[i]);
    return r < 0 ? r : EXIT_CODE_DONE;
}

const Command command_prune = {
    .name = "prune",
    .operands = "",
    .max_operands = 0,
    .summary = "removes what the retention policy does not keep",
    .help = "Prints for each backup the rule that keeps or removes it, then removes. Every run "
            "does the\n"
            "same at its end. The newest good backup of a database is never removed.",
    .options = ARG_DRY_RUN,
    .run = run_prune,
};
