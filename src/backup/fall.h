#pragma once

/* The guard against contents that are going: whether a new backup of a database holds less than
 * those before it, by more than a share of their rows or of their bytes. Pure; reads manifests.
 *
 * Compared are `rows` and `contents_bytes` of two backups with inventories; where one has none, the
 * bytes of the dump, if both were made in the same way. The new one is compared with each good one
 * before it that is still there, from the newest back, so that a slow decline is found, too, as
 * soon as it comes to the share. What is found stands in the new backup's manifest: `fall_against`
 * names the newest backup that holds so much more, the last one before the fall.
 *
 * A fall is *pending* while that backup is there and nobody has accepted the fall. Accepting one,
 * of the backup C, makes C the baseline: no backup is compared with any that is older than C, and
 * every fall against an older one is accepted with it. Later manifests hand the baseline on, for C
 * goes some day. */

#include "backup/catalog.h"
#include "sys/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Compares a new backup with the series before it (NULL: there is none), and fills the members of
 * its manifest. `max_percent` 0: nothing is compared. */
void fall_judge(const Series *s, uint64_t max_percent, Manifest *now);

bool fall_is_pending(const Series *s, const Backup *b);
/* The newest backup of which one is pending; NULL: there is none. */
const Backup *fall_newest_pending(const Series *s);

/* What is kept for the sake of a fall. */
typedef enum FallRole {
    FALL_ROLE_NONE,
    FALL_ROLE_BEFORE, /* the last one before a fall that is pending */
    FALL_ROLE_AFTER,  /* the record of one: the newest that names such a one; or the newest that was
                       * accepted, until the manifest of a good backup hands that on */
} FallRole;

/* ret[i] is the role of backups[i]. Of several backups before pending falls, one that a later good
 * one equals or exceeds in all that can be compared has none: the contents had come back by then.
 * So what is filled and emptied day by day cannot fill the disk. Never the oldest of them: what
 * came back may be something else. */
void fall_assign_roles(const Series *s, FallRole *ret);

/* By how much contents fell, in thousandths, rounded down; 0: they did not. */
uint64_t fall_permille(const Manifest *m);
/* "rows fell from 1204331 to 12 (-99 %) against appdb_20261121T020000Z". Caller frees. */
char *fall_describe(const Manifest *m);
/* The same as a warning, with what to do about it. Always negative. */
int fall_error(const Manifest *m, Err *err);
