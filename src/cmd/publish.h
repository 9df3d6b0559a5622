#pragma once

/* Where a run tells what it did: STATE_DIR/last-run.json, the metrics textfile, the Pushgateway.
 * None of them can fail a run: what went wrong is logged as a warning and stands in the report. */

#include "backup/catalog.h"
#include "backup/report.h"
#include "conf/settings.h"

/* `catalog` is what there is now; NULL when it could not be read: then only the run's own metrics
 * are told, and the Pushgateway keeps what it knew of the databases. */
void publish_metrics(const Settings *settings, const Catalog *catalog, Report *report);
void publish_report(const Settings *settings, Report *report);
