#pragma once

/* SIGTERM, SIGINT and SIGHUP as a descriptor to poll. They are blocked from cancel_init() on, so
 * that nothing is interrupted half-way: whoever waits polls cancel_fd() beside what it waits for
 * and stops in an orderly way. Children get the signals' default handling back (child.h). */

#include "sys/err.h"

#include <stdbool.h>

int cancel_init(void);

/* A limit in time ends work as a signal does: from then on cancel_fd() is readable and the error is
 * ERR_COULD_NOT_VERIFY, naming `setting`. 0 seconds: there is none (any more), and work may begin
 * again. */
void cancel_limit(unsigned seconds, const char *setting);
/* Readable for ever once a signal has arrived; -1 before cancel_init() (poll ignores it). */
int cancel_fd(void);
/* Polls without waiting. */
bool cancel_requested(void);
/* ERR_CANCELLED, "stopped by SIGTERM", or what cancel_limit() says; always negative. */
int cancel_error(Err *err);
