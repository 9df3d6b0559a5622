#pragma once

/* What a run did: STATE_DIR/last-run.json, `run --report`, and the metrics of the run itself. */

#include "backup/catalog.h"
#include "sys/clock.h"
#include "sys/err.h"
#include "sys/json.h"
#include "sys/strv.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ReportEntry {
    char *database; /* NULL: the globals */
    char *stem;     /* NULL when it failed */
    Err err;        /* empty when it succeeded */
    uint64_t stored_bytes, raw_bytes;
    uint64_t duration_msec;
    uint64_t warnings;
} ReportEntry;

typedef struct Report {
    char *run_id; /* 32 hex digits */
    char *instance;
    usec_t started, finished;
    int exit_code;
    Err err; /* what ended the run as a whole, else empty */
    ReportEntry *entries;
    size_t count;
    Strv databases;        /* what the newest run that got as far as planning was to back up */
    bool globals;          /* they were to be backed up, too */
    uint64_t missed_slots; /* moments of the timer without a run, since the run before */
    bool narrowed; /* operands chose the databases of this run: of the others it says nothing */
    Strv swept, pruned; /* names of what went */
    Strv warnings;      /* sentences: metrics not delivered, prune stopped … */
} Report;

/* Returns the new entry, valid until the next call. */
ReportEntry *report_add(Report *r, const char *database);
void report_done(Report *r);
#define _cleanup_report_ _cleanup_(report_done)

uint64_t report_stored_bytes(const Report *r);

Json *report_to_json(const Report *r);
int report_save(const Report *r, const char *state_dir, Err *err);

/* When the last run began, 0 if there was none. ERR_COULD_NOT_VERIFY as below. */
int report_load_started(const char *state_dir, usec_t *ret, Err *err);

/* The databases of the newest run that planned (Report.databases); empty when there was none yet.
 * ERR_COULD_NOT_VERIFY when a report is there and cannot be read. */
int report_load_databases(const char *state_dir, Strv *ret, Err *err);
