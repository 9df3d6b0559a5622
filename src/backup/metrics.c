#include "backup/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "backup/fall.h"
#include "backup/metrics-drill.h"
#include "backup/metrics-label.h"
#include "sys/buf.h"
#include "sys/mem.h"
#include "sys/text.h"

/* A row is what has the labels database and kind: each series of the catalog, and what was to be
 * backed up but has no series yet. */
typedef struct Row {
    char *labels; /* `database="app",kind="database"` */
    const char *database;
    const Series *series; /* NULL: there is no backup */
    const Backup *newest; /* the newest good one that is not from the future, or NULL */
} Row;

typedef struct Rows {
    Row *items;
    size_t count;
} Rows;

static char *make_labels(const char *database)
{
    Buf labels = {};

    metrics_add_label(&labels, "database", database ? database : "globals");
    buf_addc(&labels, ',');
    metrics_add_label(&labels, "kind", database ? "database" : "globals");
    return buf_take(&labels);
}

/* Labels that are there already are left out: a Pushgateway refuses all metrics for the sake of one
 * sample that comes twice. */
static void add_row(Rows *rows, const MetricsInput *input, const char *database,
                    const Series *series)
{
    char *labels = make_labels(database);

    for (size_t i = 0; i < rows->count; i++)
        if (strcmp(rows->items[i].labels, labels) == 0) {
            free(labels);
            return;
        }

    rows->items = mem_resize(rows->items, rows->count + 1, sizeof(Row));
    rows->items[rows->count++] = (Row){
        .labels = labels,
        .database = database,
        .series = series,
        .newest = series ? series_newest_good_until(series, input->report->finished) : NULL,
    };
}

static Rows make_rows(const MetricsInput *input)
{
    Rows rows = {};

    /* Of what could not be read nothing is said, unless it was to be backed up: then there is
     * nothing that could be restored. */
    for (size_t i = 0; i < input->catalog->count; i++)
        if (!input->catalog->series[i].problem)
            add_row(&rows, input, input->catalog->series[i].database, &input->catalog->series[i]);
    for (size_t i = 0; i < input->report->databases.count; i++)
        add_row(&rows, input, input->report->databases.items[i], /* series= */ NULL);
    for (size_t i = 0; i < input->report->count; i++)
        add_row(&rows, input, input->report->entries[i].database, /* series= */ NULL);
    if (input->report->globals)
        add_row(&rows, input, /* database= */ NULL, /* series= */ NULL);
    return rows;
}

static void rows_done(Rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->items[i].labels);
    free(rows->items);
}

static bool is_planned(const Row *row, const Report *report)
{
    return row->database ? strv_contains(&report->databases, row->database) : report->globals;
}

/* A run of a few databases is no failure of the others. */
static bool was_asked_for(const Row *row, const Report *report)
{
    return is_planned(row, report) && !(report->narrowed && row->database);
}

static const ReportEntry *find_entry(const Row *row, const Report *report)
{
    for (size_t i = 0; i < report->count; i++)
        if (text_equal(report->entries[i].database, row->database))
            return &report->entries[i];
    return NULL;
}

static uint64_t good_since_seconds(const Row *row)
{
    return row->newest ? row->newest->when / USEC_PER_SEC : 0;
}

/* Values of the run and of the repository: one sample each */

static uint64_t last_run_timestamp(const MetricsInput *input, const Rows *rows)
{
    (void)rows;
    return input->report->finished / USEC_PER_SEC;
}

/* The wall clock may have been set back during the run. */
static uint64_t last_duration_msec(const MetricsInput *input, const Rows *rows)
{
    const Report *r = input->report;

    (void)rows;
    return r->finished > r->started ? (r->finished - r->started) / USEC_PER_MSEC : 0;
}

static uint64_t last_exit_code(const MetricsInput *input, const Rows *rows)
{
    (void)rows;
    return (uint64_t)input->report->exit_code;
}

static uint64_t last_bytes(const MetricsInput *input, const Rows *rows)
{
    (void)rows;
    return report_stored_bytes(input->report);
}

static uint64_t missed_slots(const MetricsInput *input, const Rows *rows)
{
    (void)rows;
    return input->report->missed_slots;
}

static uint64_t last_success_timestamp(const MetricsInput *input, const Rows *rows)
{
    uint64_t oldest = UINT64_MAX;

    for (size_t i = 0; i < rows->count; i++) {
        uint64_t since = good_since_seconds(&rows->items[i]);
        if (is_planned(&rows->items[i], input->report) && since < oldest)
            oldest = since;
    }
    return oldest == UINT64_MAX ? 0 : oldest;
}

static uint64_t repository_bytes(const MetricsInput *input, const Rows *rows)
{
    (void)rows;
    return catalog_stored_bytes(input->catalog);
}

static uint64_t repository_free_bytes(const MetricsInput *input, const Rows *rows)
{
    (void)rows;
    return input->repository_free_bytes;
}

/* Values of one row; false: it has none */

static bool row_last_success(const MetricsInput *input, const Row *row, uint64_t *ret)
{
    (void)input;
    *ret = good_since_seconds(row);
    return true;
}

static bool row_good_backups(const MetricsInput *input, const Row *row, uint64_t *ret)
{
    (void)input;
    *ret = row->series ? series_good_count(row->series) : 0;
    return true;
}

static bool row_last_run_failed(const MetricsInput *input, const Row *row, uint64_t *ret)
{
    const ReportEntry *entry = find_entry(row, input->report);

    *ret = !entry || err_is_set(&entry->err);
    return entry || was_asked_for(row, input->report);
}

/* What the manifest of the newest good backup says */
static const Manifest *manifest_of(const Row *row)
{
    static const Manifest none = {};
    return row->newest ? &row->newest->manifest : &none;
}

static bool row_duration_msec(const MetricsInput *input, const Row *row, uint64_t *ret)
{
    (void)input;
    *ret = manifest_of(row)->duration_msec;
    return row->newest;
}

static bool row_stored_bytes(const MetricsInput *input, const Row *row, uint64_t *ret)
{
    (void)input;
    *ret = manifest_of(row)->stored_bytes;
    return row->newest;
}

static bool row_raw_bytes(const MetricsInput *input, const Row *row, uint64_t *ret)
{
    (void)input;
    *ret = manifest_of(row)->raw_bytes;
    return row->newest;
}

static bool row_rows(const MetricsInput *input, const Row *row, uint64_t *ret)
{
    (void)input;
    *ret = manifest_of(row)->rows;
    return row->newest && manifest_of(row)->inventory_file;
}

static bool row_warnings(const MetricsInput *input, const Row *row, uint64_t *ret)
{
    (void)input;
    *ret = manifest_warning_count(manifest_of(row));
    return row->newest;
}

static bool row_last_drill_success(const MetricsInput *input, const Row *row, uint64_t *ret)
{
    *ret = metrics_drill_success(row->series, input->report->finished);
    return row->database;
}

static bool row_fall_permille(const MetricsInput *input, const Row *row, uint64_t *ret)
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
    uint64_t (*single)(const MetricsInput *input, const Rows *rows);
    bool (*of_row)(const MetricsInput *input, const Row *row, uint64_t *ret);
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
                      const Row *row)
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
                       const Rows *rows)
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
    Rows rows = input->catalog ? make_rows(input) : (Rows){};
    Buf out = {};

    for (size_t i = 0; i < ELEMENTSOF(families); i++)
        if (input->catalog || !families[i].from_catalog)
            add_family(&out, &families[i], input, &rows);
    rows_done(&rows);
    return buf_take(&out);
}
