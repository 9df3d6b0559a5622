#pragma once

/* Retention applied to a whole catalog: a verdict for each backup, then the removal. */

#include "backup/catalog.h"
#include "backup/retention.h"
#include "sys/clock.h"
#include "sys/strv.h"

#include <stddef.h>

typedef struct PruneVerdict {
    const Series *series;
    const Backup *backup;
    RetentionRule rule;
} PruneVerdict;

typedef struct PrunePlan {
    PruneVerdict *verdicts; /* in the catalog's order; borrow from the catalog */
    size_t count;
    const Series *behind; /* the first whose newest backup is in the future; NULL: none */
} PrunePlan;

PrunePlan prune_plan(const Catalog *catalog, const RetentionPolicy *policy, usec_t now);
/* Appends a sentence for each acceptance of a fall that could not be read, and so does not count.
 */
void prune_add_problems(const Catalog *catalog, Strv *ret);
/* ERR_CLOCK, naming that series; always negative. */
int prune_clock_error(const PrunePlan *plan, Err *err);
void prune_plan_done(PrunePlan *plan);

/* Removes what the plan says; the stems that went are appended to `removed`, and to `warnings` what
 * went wrong with latest links. Goes on after a failure and returns the first. */
int prune_apply(const Catalog *catalog, const PrunePlan *plan, Strv *removed, Strv *warnings,
                Err *err);
