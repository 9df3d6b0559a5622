#pragma once

/* Sinks that publish nothing: a borrowed descriptor (stdout), and one that throws all away. */

#include "stream/stage.h"

/* Borrows fd, which may block or not; `name` for messages. A reader that does not read is waited
 * for until a signal asks us to stop: ERR_CANCELLED. */
Stage *sink_fd_new(int fd, const char *name);
Stage *sink_null_new(void);
