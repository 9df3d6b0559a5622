#pragma once

/* Sinks that publish nothing: a borrowed descriptor (stdout), and one that throws all away. */

#include "stream/stage.h"

Stage *sink_fd_new(int fd, const char *name); /* borrows fd; `name` for messages */
Stage *sink_null_new(void);
