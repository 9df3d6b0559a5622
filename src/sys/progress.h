#pragma once

/* How far the work has come, told to those who wait for it: systemd (READY=1, STATUS=, WATCHDOG=1,
 * STOPPING=1 through sd_notify) and the person at a terminal (the progress line).
 *
 * The watchdog is fed only when there was progress since the last time: bytes moved, or the phase
 * changed. A process that hangs, or a server that does not answer, is found by it. Without systemd
 * and without a terminal all of this costs nothing. */

#include "sys/clock.h"

#include <stdbool.h>
#include <stdint.h>

/* Reads WATCHDOG_USEC; `progress_line` says whether to draw on the terminal. */
void progress_init(bool progress_line);

/* The longest time without progress that is no fault, 0 for no limit: a watchdog that would not be
 * so patient is asked to be (WATCHDOG_USEC=), since whoever watches that time has a reason to give,
 * and systemd has none. */
void progress_permit_silence(usec_t longest);

void progress_ready(void);    /* READY=1 */
void progress_stopping(void); /* STOPPING=1 */

/* Starts a phase: `dumping "app" (3/7)`. `total` is the expected number of bytes, 0 if unknown.
 * Counts as progress. */
void progress_phase(const char *text, uint64_t total);
/* Bytes of the current phase moved on. Cheap: call it for each buffer. */
void progress_add(uint64_t bytes);
/* Where bytes appear that do not pass through us: `bytes` is asked once a second, and what it grows
 * by within a phase is progress. NULL: nowhere (any more). */
void progress_probe(uint64_t (*bytes)(void *userdata), void *userdata);
/* Where others work for us without a byte to be seen: any change of what `work` says is progress.
 * NULL: nowhere (any more). */
void progress_probe_work(uint64_t (*work)(void *userdata), void *userdata);
/* To be called at least once a second from every loop that waits: feeds the watchdog if there was
 * progress, refreshes STATUS= and the progress line. */
void progress_tick(void);
/* Ends the line and STATUS=. */
void progress_done(void);
/* The same with a last word, how it all ended: `systemctl status` shows it from now on, also when
 * the process is gone. */
void progress_outcome(const char *text);
