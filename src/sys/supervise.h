#pragma once

/* A program that runs in our place, for as long as it likes: it has our environment, stdout and
 * stderr, /dev/null as stdin, and a process group of its own. Unlike a child (child.h) nothing of
 * what it writes passes through us. */

#include "sys/err.h"

/* Starts argv[0], found by PATH, and waits for its end. Once a stop is requested (cancel.h), it and
 * the programs that it has started get SIGTERM, and however long they take is waited for.
 * *ret_status is that of waitpid(). Fails only where it cannot be started or waited for. */
int supervise(char *const *argv, int *ret_status, Err *err);

/* "supercronic exited with status 1", "supercronic was killed by signal 9 (Killed)". Caller frees.
 */
char *supervise_describe(const char *name, int status);
