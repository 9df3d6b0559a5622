#pragma once

/* What our children leave running. A process that its parent has abandoned becomes a child of ours
 * instead of init's, wherever it has hidden (setsid(2), another directory), so that none is missed:
 *
 *     descendants_begin(&d)       before the first child
 *     descendants_end(&d, …)      when all that we have started ourselves is reaped
 *
 * One at a time. What was our child before descendants_begin(), by an exec(2) of ours, is spared.
 */

#include "sys/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct Descendants {
    bool begun;
    pid_t *spared;
    size_t spared_count;
} Descendants;

void descendants_begin(Descendants *d);

/* SIGKILL to all, until there is none. -ETIMEDOUT when they multiply faster. Does nothing on one
 * that has not begun. */
int descendants_end(Descendants *d, usec_t timeout);
