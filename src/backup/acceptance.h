#pragma once

/* That somebody has accepted the fall of a backup's contents (backup/fall.h): STEM.accepted.json
 * beside it, which is no part of the backup and goes with it. Only a file that reads as what was
 * written counts: a guard is not called off by damage. */

#include "sys/clock.h"
#include "sys/err.h"

#define ACCEPTANCE_FORMAT_VERSION 1

/* "appdb_20261122T020000Z.accepted.json". Caller frees. */
char *acceptance_file_name(const char *stem);
/* Publishes it durably in the directory, in the place of an older one. `dir_path` for messages. */
int acceptance_save(int dir_fd, const char *dir_path, const char *stem, usec_t when, Err *err);
/* ERR_DAMAGED when it is not the acceptance of this stem. -ENOENT, with an Err, when there is none.
 */
int acceptance_load(int dir_fd, const char *dir_path, const char *stem, Err *err);
