#pragma once

/* Processes as /proc has them: what somebody who was killed has left, what a process has started.
 */

#include "sys/clock.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A process of this user that works in the directory, unless it has a terminal (a person looks into
 * it), or that is one of the programs and was told the word: root without CAP_SYS_PTRACE, as in a
 * container, sees no other user's working directory. */
typedef struct ProcessFilter {
    uid_t uid;
    const char *dir;             /* an absolute path: there, or below it */
    const char *const *programs; /* file names, the first 15 characters; NULL-terminated */
    const char *word;            /* in its command line */
} ProcessFilter;

/* SIGKILL for all that fit, and for those that they start meanwhile; waits for their end. Each is
 * looked at through a descriptor of its own, so that a number that was given anew never leads to
 * another process. -ETIMEDOUT when one is still there at the end. */
int process_kill(const ProcessFilter *filter, usec_t timeout);

/* The children of a process: *ret, which the caller frees, has *ret_count of them. */
int process_children(pid_t parent, pid_t **ret, size_t *ret_count);

/* The processor time, in ticks of the kernel, of the processes that `parent` has started, still run
 * and have `word` in their command line. It changes while they work, and when one begins or ends.
 */
uint64_t process_work(pid_t parent, const char *word);
