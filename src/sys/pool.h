#pragma once

/* Threads that each do one job at a time, and touch nothing but the job they were handed. One
 * thread submits jobs and takes them back, finished, in the order in which it submitted them.
 *
 *     Pool *p = pool_new(threads);
 *     pool_submit(p, &mine->job);            as often as there is room
 *     PoolJob *done = pool_take(p, wait);    the oldest
 *     pool_free(p);                          waits for what is running; drops what is not
 *
 * What the submitter has written before it submits, the job sees, and the other way round once the
 * job is taken. Jobs stay the submitter's. Signals stay with the thread that made the pool. */

#include <stdbool.h>
#include <stddef.h>

typedef struct Pool Pool;

/* The first member of what is to be done; `work` runs in a thread of the pool. */
typedef struct PoolJob PoolJob;
struct PoolJob {
    void (*work)(PoolJob *job, unsigned thread); /* thread: from 0, for state that is its own */
    PoolJob *next;                               /* the pool's */
    bool done;                                   /* likewise */
};

/* As many threads as the system lets it have, `threads` at most; where that is none, jobs are done
 * as they are submitted. */
Pool *pool_new(unsigned threads);
void pool_submit(Pool *p, PoolJob *job);
/* The oldest job that was submitted and not taken, once it is done. NULL when there is none, or,
 * unless `wait`, when it is not done yet. */
PoolJob *pool_take(Pool *p, bool wait);
size_t pool_pending(const Pool *p); /* submitted and not taken */
void pool_free(Pool *p);
