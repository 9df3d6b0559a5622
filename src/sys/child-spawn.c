#include "sys/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

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

int child_set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, defaults;

    sigemptyset(&none);
    sigfillset(&defaults);
    int r = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                               POSIX_SPAWN_SETSIGDEF);
    if (r == 0)
        r = posix_spawnattr_setpgroup(attr, 0);
    if (r == 0)
        r = posix_spawnattr_setsigmask(attr, &none);
    if (r == 0)
        r = posix_spawnattr_setsigdefault(attr, &defaults);
    return -r;
}

/* The child's descriptors 0, 1 and 2: a pipe's end, or /dev/null. */
static int set_actions(posix_spawn_file_actions_t *actions, const ChildSpec *spec, int io_end,
                       int stderr_end)
{
    int piped = spec->pipe == CHILD_STDOUT  ? STDOUT_FILENO
                : spec->pipe == CHILD_STDIN ? STDIN_FILENO
                                            : -1;
    int r = 0;

    for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO && r == 0; fd++) {
        if (fd == piped)
            r = posix_spawn_file_actions_adddup2(actions, io_end, fd);
        else
            r = posix_spawn_file_actions_addopen(actions, fd, "/dev/null",
                                                 fd == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
    }
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(
            actions, spec->stderr_fd ? *spec->stderr_fd : stderr_end, STDERR_FILENO);
    if (r == 0 && spec->cwd)
        r = posix_spawn_file_actions_addchdir_np(actions, spec->cwd);

    /* A dup2() of a descriptor to itself clears its close-on-exec flag in the child. */
    for (size_t i = 0; i < spec->keep_fds_count && r == 0; i++)
        r = posix_spawn_file_actions_adddup2(actions, spec->keep_fds[i], spec->keep_fds[i]);
    return -r;
}

static int spawn_with_pipes(Child *c, const ChildSpec *spec, int io_end, int stderr_end)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;

    int r = -posix_spawn_file_actions_init(&actions);
    if (r < 0)
        return r;
    r = -posix_spawnattr_init(&attr);
    if (r < 0)
        goto finish_actions;

    r = child_set_attributes(&attr);
    if (r < 0)
        goto finish;
    r = set_actions(&actions, spec, io_end, stderr_end);
    if (r < 0)
        goto finish;
    r = -posix_spawn(&c->pid, spec->path, &actions, &attr, spec->argv, spec->env);

finish:
    posix_spawnattr_destroy(&attr);
finish_actions:
    posix_spawn_file_actions_destroy(&actions);
    return r;
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
        r = spawn_with_pipes(c, spec, io[!ours], errors[1]);
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
