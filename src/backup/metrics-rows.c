#include "backup/metrics-rows.h"

#include <stdlib.h>
#include <string.h>

#include "backup/metrics-label.h"
#include "sys/buf.h"
#include "sys/mem.h"
#include "sys/text.h"

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
static void add_row(MetricsRows *rows, const MetricsInput *input, const char *database,
                    const Series *series)
{
    char *labels = make_labels(database);

    for (size_t i = 0; i < rows->count; i++)
        if (strcmp(rows->items[i].labels, labels) == 0) {
            free(labels);
            return;
        }

    rows->items = mem_resize(rows->items, rows->count + 1, sizeof(MetricsRow));
    rows->items[rows->count++] = (MetricsRow){
        .labels = labels,
        .database = database,
        .series = series,
        .newest = series ? series_newest_good_until(series, input->report->finished) : NULL,
    };
}

MetricsRows metrics_rows_make(const MetricsInput *input)
{
    MetricsRows rows = {};

    if (!input->catalog)
        return rows;
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

void metrics_rows_done(MetricsRows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->items[i].labels);
    free(rows->items);
    *rows = (MetricsRows){};
}

bool metrics_row_is_planned(const MetricsRow *row, const Report *report)
{
    return row->database ? strv_contains(&report->databases, row->database) : report->globals;
}

bool metrics_row_was_asked_for(const MetricsRow *row, const Report *report)
{
    return metrics_row_is_planned(row, report) && !(report->narrowed && row->database);
}

const ReportEntry *metrics_row_entry(const MetricsRow *row, const Report *report)
{
    for (size_t i = 0; i < report->count; i++)
        if (text_equal(report->entries[i].database, row->database))
            return &report->entries[i];
    return NULL;
}

uint64_t metrics_row_good_since(const MetricsRow *row)
{
    return row->newest ? row->newest->when / USEC_PER_SEC : 0;
}
