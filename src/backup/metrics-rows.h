#pragma once

/* What the metrics are about that have the labels database and kind, a row each: each series of the
 * catalog, and what was to be backed up but has no series yet. */

#include "backup/catalog.h"
#include "backup/metrics.h"
#include "backup/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct MetricsRow {
    char *labels;         /* `database="app",kind="database"` */
    const char *database; /* NULL: the globals */
    const Series *series; /* NULL: there is no backup */
    const Backup *newest; /* the newest good one that is not from the future, or NULL */
} MetricsRow;

/* Borrows from the input but for the labels. */
typedef struct MetricsRows {
    MetricsRow *items;
    size_t count;
} MetricsRows;

/* None where there is no catalog. */
MetricsRows metrics_rows_make(const MetricsInput *input);
void metrics_rows_done(MetricsRows *rows);

/* Whether the settings want it backed up; whether this run was to do it: a run of a few databases
 * is no failure of the others. */
bool metrics_row_is_planned(const MetricsRow *row, const Report *report);
bool metrics_row_was_asked_for(const MetricsRow *row, const Report *report);
/* What the run did for it; NULL: nothing. */
const ReportEntry *metrics_row_entry(const MetricsRow *row, const Report *report);
/* The time of its newest good backup, in seconds; 0: it has none. */
uint64_t metrics_row_good_since(const MetricsRow *row);
