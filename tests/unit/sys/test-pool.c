#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "sys/mem.h"
#include "sys/pool.h"

#define JOBS 500

typedef struct Sum {
    PoolJob job;
    unsigned from, to, thread;
    unsigned long result;
} Sum;

static void add_up(PoolJob *job, unsigned thread)
{
    Sum *s = (Sum *)job;
    for (unsigned i = s->from; i < s->to; i++)
        s->result += i;
    s->thread = thread;
}

START_TEST(jobs_come_back_done_and_in_the_order_of_submission)
{
    unsigned threads = (unsigned)_i + 1;
    Pool *p = pool_new(threads);
    static Sum sums[JOBS];
    for (unsigned i = 0; i < JOBS; i++) {
        /* The first ones take longest. */
        sums[i] = (Sum){ .job.work = add_up, .from = i, .to = i + 10 * (JOBS - i) };
        pool_submit(p, &sums[i].job);
    }
    ck_assert_uint_eq(pool_pending(p), JOBS);

    for (unsigned i = 0; i < JOBS; i++) {
        unsigned long n = 10UL * (JOBS - i);
        ck_assert_ptr_eq(pool_take(p, /* wait= */ true), &sums[i].job);
        ck_assert_uint_eq(sums[i].result, n * i + n * (n - 1) / 2);
        ck_assert_uint_lt(sums[i].thread, threads);
    }
    ck_assert_uint_eq(pool_pending(p), 0);
    pool_free(p);
}
END_TEST

START_TEST(an_empty_pool_has_nothing_to_take_and_does_not_wait_for_it)
{
    Pool *p = pool_new(2);
    ck_assert_ptr_null(pool_take(p, /* wait= */ true));
    ck_assert_ptr_null(pool_take(p, /* wait= */ false));
    pool_free(p);
}
END_TEST

/* A job that says that it runs, and goes on when it is told to. */
typedef struct Gate {
    PoolJob job;
    atomic_bool entered, open;
} Gate;

static void pass_gate(PoolJob *job, unsigned thread)
{
    Gate *g = (Gate *)job;
    (void)thread;
    g->entered = true;
    while (!g->open)
        sched_yield();
}

START_TEST(a_job_that_runs_is_not_taken_unless_one_waits)
{
    Pool *p = pool_new(1);
    Gate gate = { .job.work = pass_gate };
    pool_submit(p, &gate.job);
    ck_assert_ptr_null(pool_take(p, /* wait= */ false));

    gate.open = true;
    ck_assert_ptr_eq(pool_take(p, /* wait= */ true), &gate.job);
    pool_free(p);
}
END_TEST

START_TEST(a_job_behind_one_that_runs_is_not_taken_before_it)
{
    Pool *p = pool_new(2);
    Gate slow = { .job.work = pass_gate }, fast = { .job.work = pass_gate, .open = true };
    pool_submit(p, &slow.job);
    pool_submit(p, &fast.job);
    while (!fast.entered)
        sched_yield();
    ck_assert_ptr_null(pool_take(p, /* wait= */ false));

    slow.open = true;
    ck_assert_ptr_eq(pool_take(p, /* wait= */ true), &slow.job);
    ck_assert_ptr_eq(pool_take(p, /* wait= */ true), &fast.job);
    pool_free(p);
}
END_TEST

static void *open_later(void *userdata)
{
    usleep(20000); /* so that pool_free() waits already, most of the time */
    ((Gate *)userdata)->open = true;
    return NULL;
}

START_TEST(the_end_waits_for_what_runs_and_drops_what_does_not)
{
    Pool *p = pool_new(1);
    Gate running = { .job.work = pass_gate }, waiting = { .job.work = pass_gate };
    pool_submit(p, &running.job);
    pool_submit(p, &waiting.job);
    while (!running.entered)
        sched_yield();

    pthread_t opener;
    ck_assert_int_eq(pthread_create(&opener, NULL, open_later, &running), 0);
    pool_free(p);
    ck_assert(running.open);
    ck_assert(!waiting.entered);
    pthread_join(opener, NULL);
}
END_TEST

typedef struct MaskJob {
    PoolJob job;
    sigset_t mask;
} MaskJob;

static void look_at_mask(PoolJob *job, unsigned thread)
{
    (void)thread;
    pthread_sigmask(SIG_SETMASK, NULL, &((MaskJob *)job)->mask);
}

START_TEST(signals_stay_with_the_thread_that_made_the_pool)
{
    Pool *p = pool_new(1);
    MaskJob look = { .job.work = look_at_mask };
    pool_submit(p, &look.job);
    pool_take(p, /* wait= */ true);
    pool_free(p);

    sigset_t ours;
    pthread_sigmask(SIG_SETMASK, NULL, &ours);
    const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE, SIGUSR1 };
    for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
        ck_assert_int_eq(sigismember(&look.mask, signals[i]), 1);
        ck_assert_int_eq(sigismember(&ours, signals[i]), 0);
    }
}
END_TEST

START_TEST(a_pool_that_was_never_made_is_freed)
{
    pool_free(NULL);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(jobs_come_back_done_and_in_the_order_of_submission, 8),
    UNIT_TEST(an_empty_pool_has_nothing_to_take_and_does_not_wait_for_it),
    UNIT_TEST(a_job_that_runs_is_not_taken_unless_one_waits),
    UNIT_TEST(a_job_behind_one_that_runs_is_not_taken_before_it),
    UNIT_TEST(the_end_waits_for_what_runs_and_drops_what_does_not),
    UNIT_TEST(signals_stay_with_the_thread_that_made_the_pool),
    UNIT_TEST(a_pool_that_was_never_made_is_freed),
};
UNIT_MAIN("pool", tests)
