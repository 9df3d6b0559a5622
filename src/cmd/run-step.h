#pragma once

/* The phases of a run, for cmd-run.c alone, which says in which order they come. */

#include "backup/catalog.h"
#include "backup/dump.h"
#include "backup/lock.h"
#include "backup/plan.h"
#include "backup/report.h"
#include "cmd/access.h"
#include "cmd/args.h"
#include "conf/settings.h"
#include "sys/clock.h"
#include "sys/err.h"

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

/* Also for the journal's PG_BACKUP_PHASE. */
void run_enter_phase(const char *name);

/* All that can fail before anything is dumped: it ends the run as a whole. */
int run_prepare(Run *run, Err *err);
/* What becomes of each stands in the report: one database's failure is no other's. */
void run_dump(Run *run);
/* Whatever came before: prunes after a run that went through, tells metrics and report, logs the
 * outcome. What fails here is a warning. */
void run_conclude(Run *run);
