#include "backup/artifact.h"
#include "backup/catalog.h"
#include "backup/dump.h"
#include "backup/fall.h"
#include "cmd/run-step.h"
#include "cmd/warning.h"
#include "sys/cancel.h"
#include "sys/format.h"
#include "sys/log.h"
#include "sys/mem.h"
#include "sys/progress.h"

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
    warning_tell(&run->report, LOG_EVENT_DUMP_WARNING, &fall);
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
        warning_tell(&run->report, LOG_EVENT_NONE, &warning);
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

void run_dump(Run *run)
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
