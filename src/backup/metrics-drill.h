#pragma once

/* What metrics tell of the drills of one database, by the proofs beside its backups. `series` may
 * be NULL; a drill from the future counts for nothing. */

#include "backup/catalog.h"

/* When the newest drill that has proven a backup ended, in seconds; 0: there is none. */
uint64_t metrics_drill_success(const Series *series, usec_t now);

/* The i-th part of a value with several: its name, or NULL past the last. The result of the last
 * drill is 1, the others 0: a state that is not known today is no number. The phases are server and
 * globals, then the levels, of the newest drill that has proven a backup. */
const char *metrics_drill_result(const Series *series, usec_t now, size_t i, uint64_t *ret);
const char *metrics_drill_phase_msec(const Series *series, usec_t now, size_t i, uint64_t *ret);
