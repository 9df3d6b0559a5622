#include "sys/pool.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>

#include "sys/mem.h"

typedef struct Worker {
    Pool *pool;
    unsigned number;
    pthread_t thread;
} Worker;

/* Jobs stand in one list, in the order of submission: done or running from `oldest` on, waiting
 * from `waiting` on. */
struct Pool {
    pthread_mutex_t lock; /* of the list, of `stopping`, and of the jobs' `next` and `done` */
    pthread_cond_t submitted;
    pthread_cond_t oldest_done;
    PoolJob *oldest, *waiting, *newest;
    bool stopping;
    size_t pending; /* the submitter's alone */
    unsigned threads;
    Worker workers[];
};

/* The next job, or NULL when the pool comes to its end. */
static PoolJob *wait_for_job(Pool *p)
{
    while (!p->waiting && !p->stopping)
        pthread_cond_wait(&p->submitted, &p->lock);
    if (p->stopping)
        return NULL;

    PoolJob *job = p->waiting;
    p->waiting = job->next;
    return job;
}

static void *run_worker(void *userdata)
{
    const Worker *w = userdata;
    Pool *p = w->pool;

    pthread_mutex_lock(&p->lock);
    for (PoolJob *job; (job = wait_for_job(p));) {
        pthread_mutex_unlock(&p->lock);
        job->work(job, w->number);
        pthread_mutex_lock(&p->lock);

        job->done = true;
        if (job == p->oldest)
            pthread_cond_signal(&p->oldest_done);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* A thread inherits the mask of the one that makes it: all is blocked while they are made. */
static void start_workers(Pool *p, unsigned threads)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; p->threads < threads; p->threads++) {
        Worker *w = &p->workers[p->threads];
        *w = (Worker){ .pool = p, .number = p->threads };
        if (pthread_create(&w->thread, /* attr= */ NULL, run_worker, w) != 0)
            break; /* a limit on tasks: fewer do as well */
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

Pool *pool_new(unsigned threads)
{
    assert(threads > 0);
    Pool *p = mem_zero(1, sizeof(*p) + threads * sizeof(p->workers[0]));
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->submitted, NULL);
    pthread_cond_init(&p->oldest_done, NULL);

    start_workers(p, threads);
    return p;
}

void pool_submit(Pool *p, PoolJob *job)
{
    pthread_mutex_lock(&p->lock);
    job->next = NULL;
    job->done = false;
    if (p->oldest)
        p->newest->next = job;
    else
        p->oldest = job;
    p->newest = job;
    if (p->threads == 0) {
        job->work(job, /* thread= */ 0);
        job->done = true;
    } else if (!p->waiting)
        p->waiting = job;
    p->pending++;
    pthread_cond_signal(&p->submitted);
    pthread_mutex_unlock(&p->lock);
}

PoolJob *pool_take(Pool *p, bool wait)
{
    pthread_mutex_lock(&p->lock);
    PoolJob *job = p->oldest;
    while (job && !job->done && wait)
        pthread_cond_wait(&p->oldest_done, &p->lock);

    if (job && !job->done)
        job = NULL;
    if (job) {
        p->oldest = job->next;
        p->pending--;
    }
    pthread_mutex_unlock(&p->lock);
    return job;
}

size_t pool_pending(const Pool *p)
{
    return p->pending;
}

void pool_free(Pool *p)
{
    if (!p)
        return;

    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->submitted);
    pthread_mutex_unlock(&p->lock);

    for (unsigned i = 0; i < p->threads; i++)
        pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->oldest_done);
    pthread_cond_destroy(&p->submitted);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
