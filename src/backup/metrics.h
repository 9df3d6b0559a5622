#pragma once

/* The metrics in Prometheus's text exposition format, HELP and TYPE lines included. What concerns a
 * database comes from the catalog, so that a failed run never hides the last success. */

#include "backup/catalog.h"
#include "backup/report.h"

typedef struct MetricsInput {
    const Report *report;
    const Catalog *catalog; /* NULL where it could not be read: what comes from it is left out */
    const char *version;    /* of the program */
    uint64_t repository_free_bytes;
} MetricsInput;

/* Caller frees. */
char *metrics_render(const MetricsInput *input);
