#pragma once

/* restore --prove: is what was restored what was backed up? */

#include "backup/restore.h"
#include "sys/clock.h"
#include "sys/err.h"

/* Prints to stdout what has come of it. ERR_NOT_PROVEN where the copy differs, ERR_COULD_NOT_VERIFY
 * where that could not be told. */
int prove_copy(const RestoreSource *source, const RestoreTarget *target, int server_major,
               usec_t stall_timeout, Err *err);
