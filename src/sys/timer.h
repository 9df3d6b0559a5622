#pragma once

/* The timer of systemd that has started this process: which of its moments went by without a run.
 *
 * systemd tells a service which timer has started it ($TRIGGER_UNIT, version 252 and newer). The
 * timer's calendar is asked for over D-Bus, its moments are systemd-analyze's to compute: so the
 * schedule is written down in one place, the timer, whatever an administrator makes of it. */

#include "sys/clock.h"
#include "sys/err.h"

#include <stdint.h>

typedef struct MissedSlots {
    uint64_t count; /* TIMER_SLOTS_MAX stands for that and more */
    usec_t first;
} MissedSlots;

#define TIMER_SLOTS_MAX 1000

/* The moments behind `since`, when the run before began, whose time to begin is over: not the one
 * that this run was started for, which lies no further back than the timer's accuracy and random
 * delay. None where no timer has started us. */
int timer_missed_slots(usec_t since, MissedSlots *ret, Err *err);

/* Counts the moments in what `systemd-analyze calendar` printed, each once, that lie behind `after`
 * and before `before`. */
MissedSlots timer_count_slots(const char *text, usec_t after, usec_t before);
