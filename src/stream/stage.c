#include "stream/stage.h"

#include <assert.h>
#include <stdbool.h>

#include "sys/mem.h"

struct Pipeline {
    Stage *first, *last;
    bool finished;
    int failure; /* what the first failure returned; 0 while all is well */
    Err err;     /* and what it said */
};

int stage_forward(Stage *s, const void *data, size_t size, Err *err)
{
    assert(s->next);
    if (size == 0)
        return 0;

    return s->next->ops->write(s->next, data, size, err);
}

Stage *stage_join(Stage *s, Stage *next)
{
    s->next = next;
    return s;
}

Pipeline *pipeline_new(void)
{
    return mem_zero(1, sizeof(Pipeline));
}

Stage *pipeline_add(Pipeline *p, Stage *s)
{
    if (p->last)
        p->last->next = s;
    else
        p->first = s;
    for (p->last = s; p->last->next;)
        p->last = p->last->next;
    return s;
}

/* The outcome of every call: the latched failure, told again each time. */
static int pipeline_outcome(const Pipeline *p, Err *err)
{
    if (p->failure < 0)
        err_copy(err, &p->err);
    return p->failure;
}

/* A finished pipeline has published: whatever comes after that would be lost without a word. */
static void refuse_after_finish(Pipeline *p)
{
    if (p->finished && p->failure == 0)
        p->failure = err_set(&p->err, ERR_INTERNAL, "a finished pipeline was used again");
}

int pipeline_write(Pipeline *p, const void *data, size_t size, Err *err)
{
    assert(p->first);
    refuse_after_finish(p);
    if (p->failure == 0 && size > 0)
        p->failure = p->first->ops->write(p->first, data, size, &p->err);

    return pipeline_outcome(p, err);
}

int pipeline_finish(Pipeline *p, Err *err)
{
    assert(p->first);
    refuse_after_finish(p);
    for (Stage *s = p->first; s && p->failure == 0; s = s->next)
        if (s->ops->finish)
            p->failure = s->ops->finish(s, &p->err);
    p->finished = true;

    return pipeline_outcome(p, err);
}

void pipeline_free(Pipeline *p)
{
    if (!p)
        return;

    for (Stage *s = p->first, *next; s; s = next) {
        next = s->next;
        s->ops->free(s);
    }
    err_done(&p->err);
    free(p);
}
