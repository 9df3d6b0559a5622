#include "sys/child-start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/mem.h"
#include "sys/sandbox.h"

/* By posix_spawn */

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

static int spawn(const ChildSpec *spec, int io_end, int stderr_end, pid_t *ret)
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
    r = -posix_spawn(ret, spec->path, &actions, &attr, spec->argv, spec->env);

finish:
    posix_spawnattr_destroy(&attr);
finish_actions:
    posix_spawn_file_actions_destroy(&actions);
    return r;
}

/* By fork, in a sandbox. From fork to exec only system calls: another thread may hold any lock. */

static int redirect(const ChildSpec *spec, int io_end, int stderr_end)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(spec->pipe == CHILD_STDIN ? io_end : null, STDIN_FILENO) < 0 ||
        dup2(spec->pipe == CHILD_STDOUT ? io_end : null, STDOUT_FILENO) < 0 ||
        dup2(spec->stderr_fd ? *spec->stderr_fd : stderr_end, STDERR_FILENO) < 0)
        return -errno;
    for (size_t i = 0; i < spec->keep_fds_count; i++)
        if (fcntl(spec->keep_fds[i], F_SETFD, 0) < 0)
            return -errno;
    return 0;
}

/* Signals are blocked until here: a handler of ours would speak for the parent. */
static int reset_signals(void)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

static int become(const ChildSpec *spec, int io_end, int stderr_end)
{
    int r = setpgid(0, 0) < 0 ? -errno : reset_signals();
    if (r >= 0)
        r = redirect(spec, io_end, stderr_end);
    if (r >= 0 && spec->cwd && chdir(spec->cwd) < 0)
        r = -errno;
    if (r >= 0)
        r = sandbox_enter(spec->sandbox);
    if (r < 0)
        return r;
    execve(spec->path, spec->argv, spec->env);
    return -errno;
}

/* What it could not do comes through a pipe, which an exec closes. */
static int await_exec(pid_t pid, int fd)
{
    int r = 0;

    while (read(fd, &r, sizeof(r)) < 0 && errno == EINTR)
        ;
    if (r < 0)
        (void)waitpid(pid, NULL, 0);
    return r;
}

static int fork_into_sandbox(const ChildSpec *spec, int io_end, int stderr_end, pid_t *ret)
{
    _cleanup_close_ int read_end = -1;
    sigset_t all, before;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    read_end = ends[0];
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        int r = become(spec, io_end, stderr_end);
        (void)!write(ends[1], &r, sizeof(r));
        _exit(127);
    }
    int r = pid < 0 ? -errno : 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (r == 0)
        r = await_exec(pid, read_end);
    if (r == 0)
        *ret = pid;
    return r;
}

int child_start(const ChildSpec *spec, int io_end, int stderr_end, pid_t *ret)
{
    return spec->sandbox ? fork_into_sandbox(spec, io_end, stderr_end, ret)
                         : spawn(spec, io_end, stderr_end, ret);
}
