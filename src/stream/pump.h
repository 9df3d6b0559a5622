#pragma once

/* Moves bytes from a source into a pipeline: one thread, one buffer, each read waiting in one place
 * that also sees cancellation, the stall deadline and the watchdog. */

#include "stream/stage.h"
#include "sys/child.h"

/* The child's stdout to its end, then its exit status, then pipeline_finish(): all or an error. */
int pump_child(Child *child, Pipeline *p, Err *err);

/* A file from the descriptor's position to its end, then pipeline_finish(). `name` for messages. */
int pump_file(int fd, const char *name, Pipeline *p, Err *err);
