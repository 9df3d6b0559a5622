#pragma once

/* SIGTERM, SIGINT and SIGHUP as a descriptor to poll. They are blocked from cancel_init() on, so
 * that nothing is interrupted half-way: whoever waits polls cancel_fd() beside what it waits for
 * and stops in an orderly way. Children get the signals' default handling back (child.h). */

#include "sys/err.h"

#include <stdbool.h>

int cancel_init(void);
/* Readable for ever once a signal has arrived; -1 before cancel_init() (poll ignores it). */
int cancel_fd(void);
/* Polls without waiting. */
bool cancel_requested(void);
/* ERR_CANCELLED, "stopped by SIGTERM"; always negative. */
int cancel_error(Err *err);
