#include "stream/sink-child.h"

#include <errno.h>

#include "sys/mem.h"

typedef struct SinkChild {
    Stage stage;
    Child *child;
} SinkChild;

/* The child has closed its stdin. Why, its exit status and its stderr know; and even if they say
 * that all is well, it has not seen all of the data. */
static int sink_child_ended_early(Child *child, Err *err)
{
    int r = child_wait(child, err);
    if (r < 0)
        return r;
    return err_set(err, ERR_CHILD, "%s ended before it had read all of its input", child->name);
}

static int sink_child_write(Stage *s, const void *data, size_t size, Err *err)
{
    const SinkChild *sink = (const SinkChild *)s;
    int r = child_write(sink->child, data, size, err);
    if (r == -EPIPE)
        return sink_child_ended_early(sink->child, err);
    if (r < 0 || !s->next)
        return r;
    return stage_forward(s, data, size, err);
}

static int sink_child_finish(Stage *s, Err *err)
{
    const SinkChild *sink = (const SinkChild *)s;
    child_close_stdin(sink->child);
    return child_wait(sink->child, err);
}

/* Unfinished, the child must not take the end of its input for the end of the data: its owner's
 * child_done() kills it, and closes nothing before that. */
static void sink_child_free(Stage *s)
{
    free(s);
}

static const StageOps sink_child_ops = {
    .name = "child",
    .write = sink_child_write,
    .finish = sink_child_finish,
    .free = sink_child_free,
};

Stage *sink_child_new(Child *child)
{
    SinkChild *sink = mem_zero(1, sizeof(*sink));
    sink->stage.ops = &sink_child_ops;
    sink->child = child;
    return &sink->stage;
}
