#pragma once

/* The proofs beside the backups: who writes one when, and in the place of what.
 *
 * A drill's takes the place of any other; one that could not decide leaves an older one that could,
 * and notes its moment there. Damage that a verification has found is a proof that has failed; it
 * takes the place of any but one of a drill that refutes the backup, too. It goes when another
 * verification finds all right again, which a drill's does not: a verification restores nothing.
 *
 * No lock is needed, and none is taken: each appears complete or not at all, and beside a backup
 * that is removed meanwhile none stays. Each of these does nothing where the backup's manifest
 * cannot be read: a proof belongs to a digest. */

#include "backup/catalog.h"
#include "backup/proof.h"
#include "sys/clock.h"
#include "sys/err.h"

#include <stdbool.h>

/* *ret_kept: the older one was left. */
int evidence_publish(const Catalog *catalog, const Series *series, const Backup *backup,
                     const Proof *proof, bool *ret_kept, Err *err);

/* What a verification that began at `started` has found (ERR_DAMAGED). The files are read a second
 * time, to tell the level. Does nothing for a backup that by its manifest and the sizes of its
 * files is not good: everybody sees that. */
int evidence_record_damage(const Catalog *catalog, const Series *series, const Backup *backup,
                           const Err *damage, usec_t started, Err *err);

/* All was found right: what an earlier verification has recorded of these bytes goes. */
int evidence_withdraw_damage(const Catalog *catalog, const Series *series, const Backup *backup,
                             bool *ret_withdrawn, Err *err);
