#include "stream/stage-observe.h"

#include <assert.h>
#include <string.h>

#include "stream/observer.h"
#include "sys/mem.h"
#include "sys/pool.h"

#define COPY_SIZE ((size_t)256 << 10)
#define COPY_COUNT ((size_t)8)

/* A piece of the stream, on its way to the observer. */
typedef struct Copy {
    PoolJob job;
    struct StageObserve *stage;
    size_t size;
    bool dropped; /* the observer has failed, with this piece or before */
    char data[COPY_SIZE];
} Copy;

/* The observer, and what became of it, belong to the pool's thread from the first submit until all
 * jobs are taken; the rest to the thread that writes. */
typedef struct StageObserve {
    Stage stage;
    Observer *observer;
    int r;
    Err err;

    Pool *pool;   /* of one thread: jobs are done in order */
    Copy *copies; /* a ring: `current` is being filled, those before it are under way */
    size_t current;
    bool given_up, finished;
} StageObserve;

static void observe_copy(PoolJob *job, unsigned thread)
{
    Copy *c = (Copy *)job;
    StageObserve *o = c->stage;
    (void)thread;

    if (o->r == 0)
        o->r = observer_write(o->observer, c->data, c->size, &o->err);
    c->dropped = o->r < 0;
}

/* Takes back the copies that are done, and waits for as many as are `left` to be. */
static void take_copies(StageObserve *o, size_t left)
{
    Copy *c;
    while ((c = (Copy *)pool_take(o->pool, /* wait= */ pool_pending(o->pool) > left))) {
        c->size = 0;
        o->given_up = o->given_up || c->dropped;
    }
}

static void copy(StageObserve *o, const char *data, size_t size)
{
    while (size > 0 && !o->given_up) {
        Copy *c = &o->copies[o->current];
        size_t room = COPY_SIZE - c->size;
        size_t n = size < room ? size : room;

        memcpy(c->data + c->size, data, n);
        c->size += n;
        data += n;
        size -= n;
        if (c->size == COPY_SIZE) {
            pool_submit(o->pool, &c->job);
            o->current = (o->current + 1) % COPY_COUNT;
            take_copies(o, COPY_COUNT - 1);
        }
    }
}

static int observe_write(Stage *s, const void *data, size_t size, Err *err)
{
    StageObserve *o = (StageObserve *)s;
    int r = stage_forward(s, data, size, err);
    if (r < 0)
        return r;

    copy(o, data, size);
    return 0;
}

static int observe_finish(Stage *s, Err *err)
{
    StageObserve *o = (StageObserve *)s;
    (void)err; /* nothing here fails the stream */

    if (o->copies[o->current].size > 0)
        pool_submit(o->pool, &o->copies[o->current].job);
    take_copies(o, /* left= */ 0);
    if (o->r == 0)
        o->r = observer_finish(o->observer, &o->err);
    o->finished = true;
    return 0;
}

static void observe_free(Stage *s)
{
    StageObserve *o = (StageObserve *)s;
    pool_free(o->pool);
    observer_free(o->observer);
    err_done(&o->err);
    free(o->copies);
    free(o);
}

static const StageOps observe_ops = {
    .name = "observe",
    .write = observe_write,
    .finish = observe_finish,
    .free = observe_free,
};

static Stage *stage_observe_new(Observer *observer)
{
    StageObserve *o = mem_zero(1, sizeof(*o));

    o->stage.ops = &observe_ops;
    o->observer = observer;
    o->copies = mem_zero(COPY_COUNT, sizeof(o->copies[0]));
    for (size_t i = 0; i < COPY_COUNT; i++) {
        o->copies[i].job.work = observe_copy;
        o->copies[i].stage = o;
    }
    o->pool = pool_new(1);
    return &o->stage;
}

Stage *stage_observe_archive_new(void)
{
    return stage_observe_new(observer_new_archive());
}

Stage *stage_observe_sql_new(Codec codec)
{
    return stage_observe_new(observer_new_sql(codec));
}

void stage_observe_by_name(Stage *s)
{
    assert(s->ops == &observe_ops);
    observer_by_name(((StageObserve *)s)->observer);
}

int stage_observe_take_inventory(Stage *s, Inventory *ret, Err *err)
{
    StageObserve *o = (StageObserve *)s;
    assert(s->ops == &observe_ops && o->finished);

    if (o->r < 0) {
        err_copy(err, &o->err);
        return o->r;
    }
    observer_take(o->observer, ret);
    return 0;
}

const char *stage_observe_archive_version(const Stage *s)
{
    const StageObserve *o = (const StageObserve *)s;
    assert(s->ops == &observe_ops);
    return o->finished ? observer_archive_version(o->observer) : NULL;
}
