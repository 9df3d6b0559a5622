#include "stream/stage-check.h"

#include "sys/mem.h"

typedef struct StageCheck {
    Stage stage;
    int (*check)(void *userdata, Err *err);
    void *userdata;
} StageCheck;

static int check_write(Stage *s, const void *data, size_t size, Err *err)
{
    return stage_forward(s, data, size, err);
}

static int check_finish(Stage *s, Err *err)
{
    const StageCheck *c = (const StageCheck *)s;
    return c->check(c->userdata, err);
}

static void check_free(Stage *s)
{
    free(s);
}

static const StageOps check_ops = {
    .name = "check",
    .write = check_write,
    .finish = check_finish,
    .free = check_free,
};

Stage *stage_check_new(int (*check)(void *userdata, Err *err), void *userdata)
{
    StageCheck *c = mem_zero(1, sizeof(*c));

    c->stage.ops = &check_ops;
    c->check = check;
    c->userdata = userdata;
    return &c->stage;
}
