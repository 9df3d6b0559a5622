#include "backup/catalog.h"
#include "backup/plan.h"
#include "backup/retention.h"
#include "cmd/compress.h"
#include "cmd/look-back.h"
#include "cmd/moment.h"
#include "cmd/policy.h"
#include "cmd/run-step.h"
#include "cmd/warning.h"
#include "sys/format.h"
#include "sys/fs.h"
#include "sys/log.h"
#include "sys/mem.h"

static int sweep(Run *run, Err *err)
{
    _cleanup_strv_ Strv problems = { 0 };

    int r = catalog_sweep(run->settings->backup_dir, &run->report.swept, &problems, err);
    for (size_t i = 0; i < run->report.swept.count; i++)
        log_event(LOG_LEVEL_WARNING, LOG_EVENT_SWEPT,
                  "removed %s, which an interrupted run left: it belongs to no committed backup",
                  run->report.swept.items[i]);
    warning_tell_all(&run->report, &problems);
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
        warning_tell(&run->report, LOG_EVENT_NONE, &unmatched);
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

int run_prepare(Run *run, Err *err)
{
    const RetentionPolicy policy = policy_of(run->settings);

    run_enter_phase("preparing");
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
