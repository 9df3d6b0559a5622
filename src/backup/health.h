#pragma once

/* Is the newest good backup of every database young enough? Pure: catalog, names and clock are
 * given. A backup from the future, made while the clock stood wrong, is not counted: it would hide
 * that there are no new ones. Nor is a database healthy whose newest backup is not good, however
 * young an older one is, whose newest drill has failed, or, where an age is set, whose newest proof
 * is older; a first proof has as long to come, from the first backup on. Where only drills are
 * scheduled, only they are judged. */

#include "backup/catalog.h"
#include "sys/clock.h"
#include "sys/strv.h"

#include <stdbool.h>

typedef struct HealthEntry {
    char *database; /* NULL: the globals */
    bool healthy;
    bool ever;       /* a good one exists */
    bool waiting;    /* healthy only because the time of grace lasts */
    usec_t newest;   /* when, if ever */
    usec_t drill_by; /* healthy only because the first drill has time until then; 0: not so */
    char *sentence;  /* "newest good backup is 27 h old, allowed are 26 h" */
} HealthEntry;

typedef struct Health {
    bool healthy;
    HealthEntry *entries;
    size_t count;
    char *sentence; /* the whole in one sentence on one line, naming the worst */
} Health;

typedef struct HealthInput {
    const Catalog *catalog;
    const Strv *databases; /* that must have one; none at all is unhealthy */
    bool globals;          /* they must have one, too */
    usec_t now;
    uint64_t max_age_seconds;
    bool drills_only;               /* somebody else judges how old backups are */
    uint64_t max_drill_age_seconds; /* of the newest proof of each database; 0: none is asked for */
    uint64_t keep_days;             /* for so long retention takes no backup away */
    usec_t grace_until; /* until then, what never had a backup is healthy all the same; 0: none */
    const char *doubt;  /* why `databases` may lack some, or no backup will be made: then nothing
                         * is healthy; NULL: there is none */
} HealthInput;

Health health_judge(const HealthInput *input);
void health_done(Health *h);

/* The databases that must be healthy: the literal names among `wanted`, those of the newest planned
 * run, and, where no run has planned yet, those of the catalog; none that `wanted` does not select
 * (any more). */
void health_databases(const Strv *wanted, const Strv *planned, const Catalog *catalog, Strv *ret);
