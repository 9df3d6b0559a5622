#include "backup/catalog.h"
#include "backup/prune.h"
#include "cmd/policy.h"
#include "cmd/publish.h"
#include "cmd/run-step.h"
#include "cmd/warning.h"
#include "sys/cancel.h"
#include "sys/format.h"
#include "sys/log.h"
#include "sys/mem.h"
#include "sys/progress.h"

static void prune(Run *run, const Catalog *catalog)
{
    const RetentionPolicy policy = policy_of(run->settings);
    _cleanup_(prune_plan_done) PrunePlan plan = prune_plan(catalog, &policy, clock_now());
    _cleanup_strv_ Strv warnings = { 0 };
    _cleanup_err_ Err err = { 0 };

    run_enter_phase("pruning");
    if (plan.behind) {
        _cleanup_err_ Err clock = { 0 };
        prune_clock_error(&plan, &clock);
        warning_tell(&run->report, LOG_EVENT_PRUNE_STOPPED, &clock);
    }

    prune_add_problems(catalog, &warnings);
    int r = prune_apply(catalog, &plan, &run->report.pruned, &warnings, &err);
    warning_tell_all(&run->report, &warnings);
    for (size_t i = 0; i < run->report.pruned.count; i++)
        log_event(LOG_LEVEL_INFO, LOG_EVENT_PRUNED, "removed %s by the retention policy",
                  run->report.pruned.items[i]);
    if (r < 0) {
        err_prefix(&err, "pruning");
        warning_tell(&run->report, LOG_EVENT_NONE, &err);
    }
}

/* What a run did comes to one exit code: what ended it as a whole, else 1 if anything failed. */
static int judge(const Report *report)
{
    if (err_is_set(&report->err))
        return err_kind_info(report->err.kind)->exit_code;
    for (size_t i = 0; i < report->count; i++)
        if (err_is_set(&report->entries[i].err))
            return EXIT_CODE_FAILED;
    return EXIT_CODE_DONE;
}

/* A run that ended as a whole has its last word from dispatch. */
static void log_outcome(const Report *report)
{
    size_t failed = 0;
    for (size_t i = 0; i < report->count; i++)
        failed += err_is_set(&report->entries[i].err);
    if (err_is_set(&report->err))
        return;

    bool done = report->exit_code == EXIT_CODE_DONE;
    _cleanup_free_ char *bytes = format_bytes(report_stored_bytes(report));
    _cleanup_free_ char *duration = format_duration(report->finished - report->started);
    _cleanup_free_ char *text =
        done ? mem_printf("run finished: %zu backup%s, %s in %s", report->count,
                          report->count == 1 ? "" : "s", bytes, duration)
             : mem_printf("run failed: %zu of %zu backups failed", failed, report->count);
    log_event(done ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR,
              done ? LOG_EVENT_RUN_FINISHED : LOG_EVENT_RUN_FAILED, "%s", text);
    progress_outcome(text);
}

void run_conclude(Run *run)
{
    _cleanup_catalog_ Catalog catalog = CATALOG_INIT;
    _cleanup_err_ Err err = { 0 };
    Report *report = &run->report;

    bool have_catalog = catalog_load(run->settings->backup_dir, &catalog, &err) == 0;
    if (have_catalog && !err_is_set(&report->err) && !cancel_requested()) {
        prune(run, &catalog);
        catalog_done(&catalog);
        have_catalog = catalog_load(run->settings->backup_dir, &catalog, &err) == 0;
    }
    if (!have_catalog && !err_is_set(&report->err)) /* or else it is the same, said again */
        log_err(LOG_LEVEL_WARNING, LOG_EVENT_NONE, &err);

    /* A run that never planned hands on what the one before it had planned. */
    if (report->databases.count == 0)
        (void)report_load_databases(run->settings->state_dir, &report->databases, NULL);

    run_enter_phase("reporting");
    report->finished = clock_now();
    report->exit_code = judge(report);
    publish_metrics(run->settings, have_catalog ? &catalog : NULL, report);
    publish_report(run->settings, report);
    log_outcome(report);
}
