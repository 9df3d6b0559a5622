#include "stream/sink-fd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "sys/cancel.h"
#include "sys/mem.h"
#include "sys/progress.h"

#define TICK_MSEC 200

/* The descriptor is not ours: it may block, and making it non-blocking would do so for everybody
 * who shares it. A write of this size does not block once poll() has said so (pipe(7)). */
#define PIECE_SIZE ((size_t)PIPE_BUF)

typedef struct SinkFd {
    Stage stage;
    int fd;
    char *name;
} SinkFd;

/* As long as the reader takes, but no longer than until a signal asks us to stop. */
static int wait_writable(const SinkFd *sink, Err *err)
{
    for (;;) {
        struct pollfd fds[] = {
            { .fd = sink->fd, .events = POLLOUT },
            { .fd = cancel_fd(), .events = POLLIN },
        };
        if (poll(fds, ELEMENTSOF(fds), TICK_MSEC) < 0 && errno != EINTR)
            return err_set_errno(err, errno, "could not wait for \"%s\"", sink->name);

        progress_tick();
        if (fds[1].revents)
            return cancel_error(err);
        if (fds[0].revents)
            return 0;
    }
}

static int sink_fd_write(Stage *s, const void *data, size_t size, Err *err)
{
    const SinkFd *sink = (const SinkFd *)s;
    const char *p = data;

    while (size > 0) {
        int r = wait_writable(sink, err);
        if (r < 0)
            return r;

        ssize_t n = write(sink->fd, p, size < PIECE_SIZE ? size : PIECE_SIZE);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0)
            return err_set_errno(err, errno, "could not write to \"%s\"", sink->name);
        p += n;
        size -= (size_t)n;
    }
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
