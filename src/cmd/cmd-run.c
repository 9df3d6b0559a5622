#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "cmd/cmd.h"
#include "cmd/run-step.h"
#include "sys/cancel.h"
#include "sys/clock.h"
#include "sys/json.h"
#include "sys/log.h"
#include "sys/mem.h"
#include "sys/progress.h"

static void run_done(Run *run)
{
    free(run->policy);
    plan_done(&run->plan);
    access_done(&run->access);
    catalog_done(&run->catalog);
    lock_release(&run->lock);
    report_done(&run->report);
}

void run_enter_phase(const char *name)
{
    log_context(LOG_FIELD_PHASE, name);
    progress_phase(name, /* total= */ 0);
}

static int begin_report(Run *run, Err *err)
{
    unsigned char id[16];
    char hex[2 * sizeof(id) + 1];

    if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
        return err_set_errno(err, errno, "could not make a run id");
    for (size_t i = 0; i < sizeof(id); i++)
        snprintf(hex + 2 * i, 3, "%02x", id[i]);

    run->report.run_id = mem_strdup(hex);
    run->report.instance = mem_strdup(run->settings->instance);
    run->report.globals = run->settings->backup_globals;
    run->report.narrowed = run->args->operand_count > 0;
    run->report.started = clock_now();
    log_context(LOG_FIELD_RUN, hex);
    return 0;
}

static void print_report(const Report *report)
{
    _cleanup_json_ Json *json = report_to_json(report);
    _cleanup_free_ char *text = json_print(json);

    fputs(text, stdout);
}

/* Everything between the lock and the conclusion; what ends it as a whole stands in the report. */
static void work(Run *run)
{
    Err *err = &run->report.err;

    if (run_prepare(run, err) < 0)
        return;
    progress_permit_silence(run->settings->stall_timeout_seconds * USEC_PER_SEC);
    progress_ready();
    log_event(LOG_LEVEL_INFO, LOG_EVENT_RUN_STARTED,
              "run started: %zu database%s, server %s, pg_dump %s", run->plan.databases.count,
              run->plan.databases.count == 1 ? "" : "s", run->access.server.version,
              run->access.client.version);

    run_dump(run);
    if (cancel_requested()) {
        progress_stopping();
        cancel_error(err);
    }
}

static int run_run(const CmdContext *ctx, Err *err)
{
    _cleanup_(run_done) Run run = {
        .settings = ctx->settings,
        .args = ctx->args,
        .lock = LOCK_INIT,
        .catalog = CATALOG_INIT,
    };

    int r = begin_report(&run, err);
    if (r < 0)
        return r;
    r = lock_take("BACKUP_DIR", ctx->settings->backup_dir, "run", &run.lock, &run.report.err);
    if (run.report.err.kind == ERR_LOCKED) { /* the report is the other run's to write */
        err_move(err, &run.report.err);
        return r;
    }

    if (r == 0)
        work(&run);
    run_conclude(&run);
    progress_stopping();

    if (ctx->args->flags & ARG_REPORT)
        print_report(&run.report);
    err_copy(err, &run.report.err); /* dispatch logs what ended the run as a whole */
    return run.report.exit_code;
}

const Command command_run = {
    .name = "run",
    .operands = "[DATABASE…]",
    .max_operands = -1,
    .summary = "the timer's job: globals, every database, prune, metrics",
    .help = "Backs up the globals and every database that PG_DATABASES names, or those given here "
            "(names,\n"
            "patterns, \"!pattern\"), then prunes and reports. One database's failure does not "
            "stop the\n"
            "others; the exit code is then 1.",
    .options = ARG_REPORT,
    .run = run_run,
};
