#pragma once

/* What `pg-backup schedule`, the main process of a container, says of itself to `pg-backup health`:
 * STATE_DIR/schedule.json. It is written when the schedule starts and when it is over, so that
 * "problem" tells why nothing starts a run although the container is up. A killed main process
 * needs no record: its container ends with it. */

#include "sys/clock.h"
#include "sys/err.h"

typedef struct Schedule {
    usec_t first_start; /* of all that had this STATE_DIR; 0: none ever started */
    char *problem;      /* why nothing is scheduled, a sentence; NULL while all is well */
} Schedule;

/* Empty where there is no record; ERR_COULD_NOT_VERIFY where it cannot be read. */
int schedule_load(const char *state_dir, Schedule *ret, Err *err);
int schedule_save(const char *state_dir, const Schedule *s, Err *err);
void schedule_done(Schedule *s);
#define _cleanup_schedule_ _cleanup_(schedule_done)
