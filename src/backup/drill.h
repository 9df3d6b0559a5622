#pragma once

/* The drill: restores a stored backup into a throwaway server (pg/cluster.h), dumps the copy
 * through the code that made the backup, and compares the two inventories. Equal inventories are
 * the proof.
 *
 *     lock_take(ctx.dir, …), pg_cluster_sweep(ctx.dir, …)      one drill at a time in a directory
 *     drill_backup(&ctx, series, backup, &proof, err)
 *     evidence_publish(ctx.catalog, series, backup, &proof, …) STEM.proof.json (backup/evidence.h)
 *
 * Each level (backup/proof.h) passes, fails or could not be verified. Failed is only what shows
 * that the backup itself is wrong: everything else that goes wrong, a full disk, a missing
 * extension, a server that was killed, the time limit, proves nothing either way. It needs no lock
 * of the catalog. */

#include "backup/catalog.h"
#include "backup/proof.h"
#include "conf/settings.h"
#include "sys/clock.h"
#include "sys/err.h"

#include <stdbool.h>
#include <stdint.h>

/* What all drills have in common; borrowed. */
typedef struct DrillContext {
    const Catalog *catalog;
    const char *bindir; /* PG_BINDIR; NULL: wherever the fitting programs are */
    const char *dir;    /* DRILL_DIR */
    const char *assertions;
    const FreshnessList *freshness;
    uint64_t jobs;
    usec_t stall_timeout;
    uint64_t timeout_seconds;
    const char *program_version; /* of pg-backup */
} DrillContext;

/* On success *ret is the proof, whatever its result; what the throwaway server has left behind,
 * which the next drill sweeps, is in `problems`. Fails with ERR_NOT_FOUND when the backup was
 * removed meanwhile, and with ERR_CANCELLED. */
int drill_backup(const DrillContext *ctx, const Series *series, const Backup *backup, Proof *ret,
                 Strv *problems, Err *err);
