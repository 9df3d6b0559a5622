#include "stream/stage-frame.h"

#include <stdbool.h>
#include <string.h>

#include "sys/mem.h"

typedef struct StageFrame {
    Stage stage;
    bool begun;
    char *head, *tail;
} StageFrame;

static int begin_frame(StageFrame *frame, Err *err)
{
    if (frame->begun)
        return 0;
    frame->begun = true;
    return stage_forward(&frame->stage, frame->head, strlen(frame->head), err);
}

static int frame_write(Stage *s, const void *data, size_t size, Err *err)
{
    int r = begin_frame((StageFrame *)s, err);
    if (r < 0)
        return r;
    return stage_forward(s, data, size, err);
}

static int frame_finish(Stage *s, Err *err)
{
    StageFrame *frame = (StageFrame *)s;

    int r = begin_frame(frame, err);
    if (r < 0)
        return r;
    return stage_forward(s, frame->tail, strlen(frame->tail), err);
}

static void frame_free(Stage *s)
{
    StageFrame *frame = (StageFrame *)s;
    free(frame->head);
    free(frame->tail);
    free(frame);
}

static const StageOps frame_ops = {
    .name = "frame",
    .write = frame_write,
    .finish = frame_finish,
    .free = frame_free,
};

Stage *stage_frame_new(const char *head, const char *tail)
{
    StageFrame *frame = mem_zero(1, sizeof(*frame));
    *frame = (StageFrame){
        .stage.ops = &frame_ops,
        .head = mem_strdup(head),
        .tail = mem_strdup(tail),
    };
    return &frame->stage;
}
