#pragma once

/* The last words of a process that logs to the journal. journald looks up the unit of a sender when
 * it reads a message: that of a process which is gone by then it cannot find, and `journalctl -u`
 * never shows why the unit failed (seen under load, with one start in twenty that failed at once).
 */

#include "sys/clock.h"

#include <stdbool.h>

/* Waits until whoever reads the datagram socket has processed all that was sent to it before; false
 * if there is no such socket, or it has not within `patience`. */
bool journal_drain(const char *socket_path, usec_t patience);
