#include "backup/metrics.h"

#include <inttypes.h>

#include "backup/fall.h"
#include "backup/metrics-drill.h"
#include "backup/metrics-label.h"
#include "backup/metrics-rows.h"
#include "sys/buf.h"
#include "sys/mem.h"

/* Values of the run and of the repository: one sample each */

static uint64_t last_run_timestamp(const MetricsInput *input, const MetricsRows *rows)
{
    (void)rows;
    return input->report->finished / USEC_PER_SEC;
}

/* The wall clock may have been set back during the run. */
static uint64_t last_duration_msec(const MetricsInput *input, const MetricsRows *rows)
{
    const Report *r = input->report;

    (void)rows;
    return r->finished > r->started ? (r->finished - r->started) / USEC_PER_MSEC : 0;
}

static uint64_t last_exit_code(const MetricsInput *input, const MetricsRows *rows)
{
    (void)rows;
    return (uint64_t)input->report->exit_code;
}

static uint64_t last_bytes(const MetricsInput *input, const MetricsRows *rows)
{
    (void)rows;
    return report_stored_bytes(input->report);
}

static uint64_t missed_slots(const MetricsInput *input, const MetricsRows *rows)
{
    (void)rows;
    return input->report->missed_slots;
}

static uint64_t last_success_timestamp(const MetricsInput *input, const MetricsRows *rows)
{
    uint64_t oldest = UINT64_MAX;

    for (size_t i = 0; i < rows->count; i++) {
        uint64_t since = metrics_row_good_since(&rows->items[i]);
        if (metrics_row_is_planned(&rows->items[i], input->report) && since < oldest)
            oldest = since;
    }
    return oldest == UINT64_MAX ? 0 : oldest;
}

static uint64_t repository_bytes(const MetricsInput *input, const MetricsRows *rows)
{
    (void)rows;
    return catalog_stored_bytes(input->catalog);
}

static uint64_t repository_free_bytes(const MetricsInput *input, const MetricsRows *rows)
{
    (void)rows;
    return input->repository_free_bytes;
}

/* Values of one row; false: it has none */

static bool row_last_success(const MetricsInput *input, const MetricsRow *row, uint64_t *ret)
{
    (void)input;
    *ret = metrics_row_good_since(row);
    return true;
}

static bool row_good_backups(const MetricsInput *input, const MetricsRow *row, uint64_t *ret)
{
    (void)input;
    *ret = row->series ? series_good_count(row->series) : 0;
    return true;
}

static bool row_last_run_failed(const MetricsInput *input, const MetricsRow *row, uint64_t *ret)
{
    const ReportEntry *entry = metrics_row_entry(row, input->report);

    *ret = !entry || err_is_set(&entry->err);
    return entry || metrics_row_was_asked_for(row, input->report);
}

/* What the manifest of the newest good backup says */
static const Manifest *manifest_of(const MetricsRow *row)
{
    static const Manifest none = {};
    return row->newest ? &row->newest->manifest : &none;
}

static bool row_duration_msec(const MetricsInput *input, const MetricsRow *row, uint64_t *ret)
{
    (void)input;
    *ret = manifest_of(row)->duration_msec;
    return row->newest;
}

static bool row_stored_bytes(const MetricsInput *input, const MetricsRow *row, uint64_t *ret)
{
    (void)input;
    *ret = manifest_of(row)->stored_bytes;
    return row->newest;
}

static bool row_raw_bytes(const MetricsInput *input, const MetricsRow *row, uint64_t *ret)
{
    (void)input;
    *ret = manifest_of(row)->raw_bytes;
    return row->newest;
}

static bool row_rows(const MetricsInput *input, const MetricsRow *row, uint64_t *ret)
{
    (void)input;
    *ret = manifest_of(row)->rows;
    return row->newest && manifest_of(row)->inventory_file;
}

static bool row_warnings(const MetricsInput *input, const MetricsRow *row, uint64_t *ret)
{
    (void)input;
    *ret = manifest_warning_count(manifest_of(row));
    return row->newest;
}

static bool row_last_drill_success(const MetricsInput *input, const MetricsRow *row, uint64_t *ret)
{
    *ret = metrics_drill_success(row->series, input->report->finished);
    return row->database;
}

static bool row_fall_permille(const MetricsInput *input, const MetricsRow *row, uint64_t *ret)
{
    const Backup *fell = row->series ? fall_newest_pending(row->series) : NULL;

    (void)input;
    *ret = fell ? fall_permille(&fell->manifest) : 0;
    return row->database;
}

/* Families with labels of their own, each value 1 */

static void info_labels(const MetricsInput *input, Strv *ret)
{
    Buf labels = {};

    metrics_add_label(&labels, "version", input->version);
    strv_take(ret, buf_take(&labels));
}

static void reason_labels(const MetricsInput *input, Strv *ret)
{
    const Report *r = input->report;
    bool failed[_ERR_KIND_MAX] = {};

    failed[r->err.kind] = true;
    for (size_t i = 0; i < r->count; i++)
        failed[r->entries[i].err.kind] = true;

    for (ErrKind kind = ERR_NONE + 1; kind < _ERR_KIND_MAX; kind++) {
        Buf labels = {};
        if (!failed[kind])
            continue;
        metrics_add_label(&labels, "reason", err_kind_info(kind)->name);
        strv_take(ret, buf_take(&labels));
    }
}

/* Exactly one of the four functions is set. A value in thousandths, like
 * milliseconds, is written as a whole. */
static const struct Family {
    const char *name, *help;
    uint64_t (*single)(const MetricsInput *input, const MetricsRows *rows);
    bool (*of_row)(const MetricsInput *input, const MetricsRow *row, uint64_t *ret);
    void (*labels)(const MetricsInput *input, Strv *ret);
    /* The i-th sample of a row: its value of the label `label`; NULL past the last. */
    const char *(*of_row_part)(const Series *s, usec_t now, size_t i, uint64_t *ret);
    const char *label;
    bool thousandths;
    bool from_catalog; /* left out where there is none */
} families[] = {
    {
        .name = "pg_backup_info",
        .help = "1, with the version of the program as a label.",
        .labels = info_labels,
    },
    {
        .name = "pg_backup_last_run_timestamp",
        .help = "When the last run ended, however it ended (Unix time in seconds).",
        .single = last_run_timestamp,
    },
    {
        .name = "pg_backup_last_duration_seconds",
        .help = "How long the last run took.",
        .single = last_duration_msec,
        .thousandths = true,
    },
    {
        .name = "pg_backup_last_exit_code",
        .help = "Exit code of the last run; 0 means that all was backed up.",
        .single = last_exit_code,
    },
    {
        .name = "pg_backup_last_bytes",
        .help = "Bytes that the last run stored.",
        .single = last_bytes,
    },
    {
        .name = "pg_backup_last_run_missed_slots",
        .help = "Moments of the timer at which no run began, between the last run and the one "
                "before it.",
        .single = missed_slots,
    },
    {
        .name = "pg_backup_last_success_timestamp_seconds",
        .help =
            "Since when all that is planned, databases and globals, has a good backup: the time "
            "of the newest good backup of the one that has the oldest, by the catalog. 0 while "
            "one of them has none.",
        .single = last_success_timestamp,
        .from_catalog = true,
    },
    {
        .name = "pg_backup_run_failed",
        .help = "1 for each reason for which the last run failed, as a whole or for a database.",
        .labels = reason_labels,
    },
    {
        .name = "pg_backup_database_last_success_timestamp_seconds",
        .help = "Time of the newest good backup; 0 if there is none.",
        .of_row = row_last_success,
        .from_catalog = true,
    },
    {
        .name = "pg_backup_database_last_run_failed",
        .help = "1 if the last run was to back this up and did not, 0 if it did.",
        .of_row = row_last_run_failed,
        .from_catalog = true,
    },
    {
        .name = "pg_backup_database_good_backups",
        .help = "Number of good backups in the catalog.",
        .of_row = row_good_backups,
        .from_catalog = true,
    },
    {
        .name = "pg_backup_database_duration_seconds",
        .help = "How long the newest good backup took.",
        .of_row = row_duration_msec,
        .from_catalog = true,
        .thousandths = true,
    },
    {
        .name = "pg_backup_database_stored_bytes",
        .help = "Size of the newest good backup as it is stored.",
        .of_row = row_stored_bytes,
        .from_catalog = true,
    },
    {
        .name = "pg_backup_database_raw_bytes",
        .help = "Size of the newest good backup as the client program wrote it.",
        .of_row = row_raw_bytes,
        .from_catalog = true,
    },
    {
        .name = "pg_backup_database_rows",
        .help = "Number of rows of all tables in the newest good backup; absent without an "
                "inventory.",
        .of_row = row_rows,
        .from_catalog = true,
    },
    {
        .name = "pg_backup_database_warnings",
        .help = "Number of warnings about the newest good backup, omissions that are one included.",
        .of_row = row_warnings,
        .from_catalog = true,
    },
    {
        .name = "pg_backup_database_fall_ratio",
        .help = "By which share the rows or bytes fell, in the newest backup whose fall nobody has "
                "accepted; 0: there is none.",
        .of_row = row_fall_permille,
        .from_catalog = true,
        .thousandths = true,
    },
    {
        .name = "pg_backup_database_last_drill_success_timestamp_seconds",
        .help = "When the newest drill that has proven a backup ended; 0 if there is none.",
        .of_row = row_last_drill_success,
        .from_catalog = true,
    },
    {
        .name = "pg_backup_database_last_drill_result",
        .help = "1 for the result of the last drill, 0 for the others; none before the first.",
        .of_row_part = metrics_drill_result,
        .label = "result",
        .from_catalog = true,
    },
    {
        .name = "pg_backup_database_restore_seconds",
        .help = "How long each phase of the newest drill took that has proven a backup; cluster, "
                "globals and restore are the recovery.",
        .of_row_part = metrics_drill_phase_msec,
        .label = "phase",
        .from_catalog = true,
        .thousandths = true,
    },
    {
        .name = "pg_backup_repository_bytes",
        .help = "Bytes of all backups in the catalog.",
        .single = repository_bytes,
        .from_catalog = true,
    },
    {
        .name = "pg_backup_repository_free_bytes",
        .help = "Free bytes in the file system of the catalog.",
        .single = repository_free_bytes,
        .from_catalog = true,
    },
};

/* Whole numbers only, so that no locale can put a comma into them. */
static void add_sample(Buf *out, const struct Family *family, const char *labels, uint64_t value)
{
    buf_adds(out, family->name);
    if (labels)
        buf_addf(out, "{%s}", labels);

    if (family->thousandths)
        buf_addf(out, " %" PRIu64 ".%03" PRIu64 "\n", value / 1000, value % 1000);
    else
        buf_addf(out, " %" PRIu64 "\n", value);
}

static void add_parts(Buf *out, const struct Family *family, const MetricsInput *input,
                      const MetricsRow *row)
{
    const char *part;
    uint64_t value;

    usec_t now = input->report->finished;

    for (size_t i = 0; (part = family->of_row_part(row->series, now, i, &value)); i++) {
        _cleanup_free_ char *labels = mem_printf("%s,%s=\"%s\"", row->labels, family->label, part);
        add_sample(out, family, labels, value);
    }
}

static void add_family(Buf *out, const struct Family *family, const MetricsInput *input,
                       const MetricsRows *rows)
{
    _cleanup_strv_ Strv labels = {};

    buf_addf(out, "# HELP %s %s\n# TYPE %s gauge\n", family->name, family->help, family->name);
    if (family->single)
        add_sample(out, family, /* labels= */ NULL, family->single(input, rows));

    for (size_t i = 0; family->of_row && i < rows->count; i++) {
        uint64_t value;
        if (family->of_row(input, &rows->items[i], &value))
            add_sample(out, family, rows->items[i].labels, value);
    }

    for (size_t i = 0; family->of_row_part && i < rows->count; i++)
        add_parts(out, family, input, &rows->items[i]);

    if (family->labels)
        family->labels(input, &labels);
    for (size_t i = 0; i < labels.count; i++)
        add_sample(out, family, labels.items[i], 1);
}

char *metrics_render(const MetricsInput *input)
{
    MetricsRows rows = metrics_rows_make(input);
    Buf out = {};

    for (size_t i = 0; i < ELEMENTSOF(families); i++)
        if (input->catalog || !families[i].from_catalog)
            add_family(&out, &families[i], input, &rows);
    metrics_rows_done(&rows);
    return buf_take(&out);
}
