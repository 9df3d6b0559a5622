#include "sys/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "sys/child-start.h"
#include "sys/mem.h"

/* A pipe of this size lets pg_dump run on while we compress or fsync. */
#define PIPE_SIZE (1 << 20)

static int open_pipe(int ret[2], int our_end)
{
    if (pipe2(ret, O_CLOEXEC) < 0)
        return -errno;

    (void)fcntl(ret[our_end], F_SETPIPE_SZ, PIPE_SIZE); /* a wish: limits may forbid it */
    if (fcntl(ret[our_end], F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    return 0;
}

int child_spawn(Child *c, const ChildSpec *spec, Err *err)
{
    int io[2] = { -1, -1 }, errors[2] = { -1, -1 };
    int ours = spec->pipe == CHILD_STDIN ? 1 : 0;

    const char *slash = strrchr(spec->path, '/');
    const char *name = spec->name ? spec->name : slash ? slash + 1 : spec->path;
    *c = (Child)CHILD_INIT;
    c->name = mem_strdup(name);
    c->stall_timeout = spec->stall_timeout;
    c->end_signal = spec->end_signal ? spec->end_signal : SIGTERM;
    c->last_progress = clock_monotonic();

    int r = spec->stderr_fd ? 0 : open_pipe(errors, 0);
    if (r == 0 && spec->pipe != CHILD_NEITHER)
        r = open_pipe(io, ours);
    if (r == 0)
        r = child_start(spec, io[!ours], errors[1], &c->pid);
    if (r < 0) {
        c->pid = 0;
        err_set_errno(err, -r, "could not start \"%s\"", spec->path);
    } else {
        c->io_fd = TAKE_FD(io[ours]);
        c->stderr_fd = TAKE_FD(errors[0]);
    }

    for (int i = 0; i < 2; i++) {
        mem_closep(&io[i]);
        mem_closep(&errors[i]);
    }
    return r;
}
