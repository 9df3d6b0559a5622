#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "backup/artifact.h"
#include "backup/catalog.h"
#include "backup/dump.h"
#include "backup/fall.h"
#include "backup/lock.h"
#include "backup/plan.h"
#include "backup/prune.h"
#include "backup/report.h"
#include "cmd/access.h"
#include "cmd/cmd.h"
#include "cmd/compress.h"
#include "cmd/look-back.h"
#include "cmd/moment.h"
#include "cmd/policy.h"
#include "cmd/publish.h"
#include "sys/cancel.h"
#include "sys/clock.h"
#include "sys/format.h"
#include "sys/fs.h"
#include "sys/json.h"
#include "sys/log.h"
#include "sys/mem.h"
#include "sys/progress.h"

/* A run under way, in the order in which it comes to have its parts. */
typedef struct Run {
    const Settings *settings;
    const Args *args;
    Report report;
    Lock lock;
    Catalog catalog; /* as it was before the run */
    Access access;
    CompressionRequest compression;
    Plan plan;
    char *policy;
    usec_t when; /* in every stem of this run */
} Run;

static void run_done(Run *run)
{
    free(run->policy);
    plan_done(&run->plan);
    access_done(&run->access);
    catalog_done(&run->catalog);
    lock_release(&run->lock);
    report_done(&run->report);
}

/* Also for the journal's PG_BACKUP_PHASE. */
static void enter_phase(const char *name)
{
    log_context(LOG_FIELD_PHASE, name);
    progress_phase(name, /* total= */ 0);
}

/* What goes wrong without being a failure: logged, and in the report. */
static void warn(Run *run, LogEvent event, const Err *err)
{
    log_err(LOG_LEVEL_WARNING, event, err);
    strv_add(&run->report.warnings, err->message);
}

static void warn_of_all(Run *run, const Strv *sentences)
{
    for (size_t i = 0; i < sentences->count; i++)
        log_warning("%s", sentences->items[i]);
    strv_copy(&run->report.warnings, sentences);
}

/* Preparation: all that can fail before anything is dumped */

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

static int sweep(Run *run, Err *err)
{
    _cleanup_strv_ Strv problems = { 0 };

    int r = catalog_sweep(run->settings->backup_dir, &run->report.swept, &problems, err);
    for (size_t i = 0; i < run->report.swept.count; i++)
        log_event(LOG_LEVEL_WARNING, LOG_EVENT_SWEPT,
                  "removed %s, which an interrupted run left: it belongs to no committed backup",
                  run->report.swept.items[i]);
    warn_of_all(run, &problems);
    if (r < 0)
        return r;
    return catalog_load(run->settings->backup_dir, &run->catalog, err);
}

/* Operands narrow this run down; what health looks at is what the settings name. */
static int make_plans(Run *run, const PgDatabase *list, size_t count, Err *err)
{
    _cleanup_strv_ Strv operands = { 0 };
    _cleanup_(plan_done) Plan all = { 0 };

    for (size_t i = 0; i < run->args->operand_count; i++)
        strv_add(&operands, run->args->operands[i]);
    bool narrowed = run->report.narrowed;

    int r = plan_make(&run->settings->pg_databases, list, count, &all, narrowed ? NULL : err);
    strv_copy(&run->report.databases, &all.databases);
    strv_copy(&run->report.databases, &all.missing);
    if (narrowed)
        return plan_make(&operands, list, count, &run->plan, err);
    run->plan = all;
    all = (Plan){ 0 };
    return r;
}

static int plan_databases(Run *run, Err *err)
{
    PgDatabase *list = NULL;
    size_t count = 0;

    int r = pg_list_databases(run->access.session, &list, &count, err);
    if (r < 0)
        return r;
    r = make_plans(run, list, count, err);
    pg_databases_free(list, count);

    for (size_t i = 0; i < run->plan.unmatched.count; i++) {
        _cleanup_err_ Err unmatched = { 0 };
        plan_warn_unmatched(run->plan.unmatched.items[i], &unmatched);
        warn(run, LOG_EVENT_NONE, &unmatched);
    }
    return r;
}

static void warn_of_space(const Run *run)
{
    uint64_t available, total, needed = 0;

    for (size_t i = 0; i < run->catalog.count; i++) {
        const Backup *newest = series_newest_good(&run->catalog.series[i]);
        needed += newest ? newest->manifest.stored_bytes : 0;
    }
    if (fs_space(run->catalog.dir_fd, &available, &total) < 0 || available >= needed)
        return;

    _cleanup_free_ char *have = format_bytes(available), *last = format_bytes(needed);
    log_warning("\"%s\" has %s free, the last backups took %s", run->catalog.path, have, last);
}

static int prepare(Run *run, Err *err)
{
    const RetentionPolicy policy = policy_of(run->settings);

    enter_phase("preparing");
    run->report.missed_slots = look_back(run->settings);
    int r = sweep(run, err);
    if (r < 0)
        return r;
    r = access_open(run->settings, &run->access, err);
    if (r < 0)
        return r;
    r = compress_request(run->settings, &run->access.client, &run->compression, err);
    if (r < 0)
        return r;
    r = plan_databases(run, err);
    if (r < 0)
        return r;
    r = moment_choose(&run->catalog, &run->when, err);
    if (r < 0)
        return r;

    run->policy = retention_describe(&policy);
    warn_of_space(run);
    return 0;
}

/* Dumping */

static DumpContext dump_context(const Run *run)
{
    const Settings *s = run->settings;
    return (DumpContext){
        .target = &run->access.target,
        .client = &run->access.client,
        .server = &run->access.server,
        .catalog = &run->catalog,
        .max_fall_percent = s->max_fall_percent,
        .when = run->when,
        .format = s->backup_format,
        .compression = run->compression,
        .jobs = s->backup_jobs,
        .decode_check = s->backup_decode_check,
        .stall_timeout = s->stall_timeout_seconds * USEC_PER_SEC,
        .lock_wait_timeout_seconds = s->lock_wait_timeout_seconds,
        .policy = run->policy,
        .program_version = PG_BACKUP_VERSION,
    };
}

/* How much the last one was, to tell how far this one is. */
static uint64_t expected_bytes(const Run *run, const char *database)
{
    const Series *s = catalog_series(&run->catalog, database);
    const Backup *newest = s ? series_newest_good(s) : NULL;

    if (!newest)
        return 0;
    return manifest_is_directory(&newest->manifest) ? newest->manifest.stored_bytes
                                                    : newest->manifest.raw_bytes;
}

static void log_backup(const char *name, const Manifest *m)
{
    _cleanup_free_ char *stored = format_bytes(m->stored_bytes),
                        *bytes = mem_printf("%llu", (unsigned long long)m->stored_bytes);
    _cleanup_free_ char *duration = format_duration(m->duration_msec * USEC_PER_MSEC);

    for (size_t i = 0; i < m->warnings.count; i++)
        log_event(LOG_LEVEL_WARNING, LOG_EVENT_DUMP_WARNING, "%s: %s", name, m->warnings.items[i]);
    for (size_t i = 0; i < m->omissions_count; i++)
        log_event(m->omissions[i].warning ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
                  m->omissions[i].warning ? LOG_EVENT_DUMP_WARNING : LOG_EVENT_NONE,
                  "%s: the backup does not contain %s: %s", name, m->omissions[i].what,
                  m->omissions[i].why);

    log_context(LOG_FIELD_BYTES, bytes);
    log_event(LOG_LEVEL_INFO, LOG_EVENT_BACKUP_FINISHED, "backed up %s: %s in %s", name, stored,
              duration);
    log_context(LOG_FIELD_BYTES, NULL);
}

static void warn_of_fall(Run *run, const Manifest *m)
{
    _cleanup_err_ Err fall = { 0 };

    if (!m->fall_against)
        return;
    fall_error(m, &fall);
    warn(run, LOG_EVENT_DUMP_WARNING, &fall);
}

static void fail_entry(ReportEntry *entry, const char *name, Err *err)
{
    err_prefix(err, "%s", name);
    log_err(LOG_LEVEL_ERROR, LOG_EVENT_BACKUP_FAILED, err);
    err_move(&entry->err, err);
}

/* Dumps one database, or the globals (NULL); what becomes of it stands in the report. */
static void dump_one(Run *run, const char *database, size_t number, size_t count)
{
    const DumpContext ctx = dump_context(run);
    _cleanup_free_ char *name =
        database ? mem_printf("database \"%s\"", database) : mem_strdup("globals");
    _cleanup_free_ char *encoded =
        database ? artifact_encode(database) : mem_strdup(ARTIFACT_GLOBALS);
    _cleanup_free_ char *stem = artifact_stem(encoded, run->when);
    _cleanup_free_ char *phase = mem_printf("dumping %s (%zu/%zu)", name, number, count);
    _cleanup_manifest_ Manifest m = { 0 };
    _cleanup_err_ Err err = { 0 }, warning = { 0 };
    ReportEntry *entry = report_add(&run->report, database);

    log_context(LOG_FIELD_DATABASE, database ? database : ARTIFACT_GLOBALS);
    log_context(LOG_FIELD_STEM, stem);
    progress_phase(phase, expected_bytes(run, database));

    int r = cancel_requested() ? cancel_error(&err)
            : database         ? dump_database(&ctx, database, &m, &warning, &err)
                               : dump_globals(&ctx, &m, &warning, &err);
    if (r < 0) {
        fail_entry(entry, name, &err);
    } else {
        entry->stem = mem_strdup(m.stem);
        entry->stored_bytes = m.stored_bytes;
        entry->raw_bytes = m.raw_bytes;
        entry->duration_msec = m.duration_msec;
        entry->warnings = manifest_warning_count(&m);
        log_backup(name, &m);
        warn_of_fall(run, &m);
    }
    if (err_is_set(&warning))
        warn(run, LOG_EVENT_NONE, &warning);
    log_context(LOG_FIELD_STEM, NULL);
    log_context(LOG_FIELD_DATABASE, NULL);
}

static void fail_missing(Run *run, const char *database)
{
    _cleanup_free_ char *name = mem_printf("database \"%s\"", database);
    _cleanup_err_ Err err = { 0 };

    err_set(&err, ERR_NO_DATABASE, "the server has no such database");
    err_hint(&err,
             run->report.narrowed ? "Correct the name." : "Correct PG_DATABASES, or exclude it.");
    log_context(LOG_FIELD_DATABASE, database);
    fail_entry(report_add(&run->report, database), name, &err);
    log_context(LOG_FIELD_DATABASE, NULL);
}

static void dump_all(Run *run)
{
    size_t number = 0;
    size_t count = run->plan.databases.count + (run->settings->backup_globals ? 1 : 0);

    log_context(LOG_FIELD_PHASE, "dumping");
    for (size_t i = 0; i < run->plan.missing.count; i++)
        fail_missing(run, run->plan.missing.items[i]);
    if (run->settings->backup_globals)
        dump_one(run, NULL, ++number, count);
    for (size_t i = 0; i < run->plan.databases.count; i++)
        dump_one(run, run->plan.databases.items[i], ++number, count);
}

/* Afterwards */

static void prune(Run *run, const Catalog *catalog)
{
    const RetentionPolicy policy = policy_of(run->settings);
    _cleanup_(prune_plan_done) PrunePlan plan = prune_plan(catalog, &policy, clock_now());
    _cleanup_strv_ Strv warnings = { 0 };
    _cleanup_err_ Err err = { 0 };

    enter_phase("pruning");
    if (plan.behind) {
        _cleanup_err_ Err clock = { 0 };
        prune_clock_error(&plan, &clock);
        warn(run, LOG_EVENT_PRUNE_STOPPED, &clock);
    }

    prune_add_problems(catalog, &warnings);
    int r = prune_apply(catalog, &plan, &run->report.pruned, &warnings, &err);
    warn_of_all(run, &warnings);
    for (size_t i = 0; i < run->report.pruned.count; i++)
        log_event(LOG_LEVEL_INFO, LOG_EVENT_PRUNED, "removed %s by the retention policy",
                  run->report.pruned.items[i]);
    if (r < 0) {
        err_prefix(&err, "pruning");
        warn(run, LOG_EVENT_NONE, &err);
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

static void conclude(Run *run)
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

    enter_phase("reporting");
    report->finished = clock_now();
    report->exit_code = judge(report);
    publish_metrics(run->settings, have_catalog ? &catalog : NULL, report);
    publish_report(run->settings, report);
    log_outcome(report);
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

    if (prepare(run, err) < 0)
        return;
    progress_permit_silence(run->settings->stall_timeout_seconds * USEC_PER_SEC);
    progress_ready();
    log_event(LOG_LEVEL_INFO, LOG_EVENT_RUN_STARTED,
              "run started: %zu database%s, server %s, pg_dump %s", run->plan.databases.count,
              run->plan.databases.count == 1 ? "" : "s", run->access.server.version,
              run->access.client.version);

    dump_all(run);
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
    conclude(&run);
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
