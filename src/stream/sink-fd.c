#include "stream/sink-fd.h"

#include "sys/fs.h"
#include "sys/mem.h"

typedef struct SinkFd {
    Stage stage;
    int fd;
    char *name;
} SinkFd;

static int sink_fd_write(Stage *s, const void *data, size_t size, Err *err)
{
    const SinkFd *sink = (const SinkFd *)s;
    int r = fs_write_all(sink->fd, data, size);
    if (r < 0)
        return err_set_errno(err, r, "could not write to \"%s\"", sink->name);
    return 0;
}

static void sink_fd_free(Stage *s)
{
    SinkFd *sink = (SinkFd *)s;
    free(sink->name);
    free(sink);
}

static const StageOps sink_fd_ops = {
    .name = "fd",
    .write = sink_fd_write,
    .free = sink_fd_free,
};

Stage *sink_fd_new(int fd, const char *name)
{
    SinkFd *sink = mem_zero(1, sizeof(*sink));
    *sink = (SinkFd){
        .stage.ops = &sink_fd_ops,
        .fd = fd,
        .name = mem_strdup(name),
    };
    return &sink->stage;
}

static int sink_null_write(Stage *s, const void *data, size_t size, Err *err)
{
    (void)s;
    (void)data;
    (void)size;
    (void)err;
    return 0;
}

static void sink_null_free(Stage *s)
{
    free(s);
}

static const StageOps sink_null_ops = {
    .name = "null",
    .write = sink_null_write,
    .free = sink_null_free,
};

Stage *sink_null_new(void)
{
    Stage *s = mem_zero(1, sizeof(*s));
    s->ops = &sink_null_ops;
    return s;
}
