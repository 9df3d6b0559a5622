#include "sys/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/cancel.h"
#include "sys/child-start.h"
#include "sys/mem.h"
#include "sys/process.h"

/* How often, after a request to stop, we look for children that came late. */
#define STOP_TICK_MSEC 200

static int spawn(char *const *argv, pid_t *ret_pid, Err *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;

    int r = posix_spawn_file_actions_init(&actions);
    if (r == 0)
        r = posix_spawnattr_init(&attr);
    if (r != 0)
        return err_set_errno(err, r, "could not start \"%s\"", argv[0]);

    r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (r == 0)
        r = -child_set_attributes(&attr);
    if (r == 0)
        r = posix_spawnp(ret_pid, argv[0], &actions, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return r == 0 ? 0 : err_set_errno(err, r, "could not start \"%s\"", argv[0]);
}

static void stop_children_of(pid_t parent)
{
    _cleanup_free_ pid_t *children = NULL;
    size_t count = 0;

    (void)process_children(parent, &children, &count);
    for (size_t i = 0; i < count; i++)
        (void)kill(children[i], SIGTERM);
}

/* supercronic gives each job a process group of its own and, when it is to end, waits for the jobs
 * without telling them. So they are told here, again and again, since it may be starting one. */
static int wait_for_end(pid_t pid, int pid_fd)
{
    for (bool stopping = false;;) {
        struct pollfd fds[] = {
            { .fd = pid_fd, .events = POLLIN },
            { .fd = stopping ? -1 : cancel_fd(), .events = POLLIN },
        };
        if (poll(fds, ELEMENTSOF(fds), stopping ? STOP_TICK_MSEC : -1) < 0 && errno != EINTR)
            return -errno;
        if (fds[0].revents)
            return 0;

        if (!stopping && cancel_requested()) {
            stopping = true;
            (void)kill(pid, SIGTERM);
        }
        if (stopping)
            stop_children_of(pid);
    }
}

int supervise(char *const *argv, int *ret_status, Err *err)
{
    pid_t pid;
    int r = spawn(argv, &pid, err);
    if (r < 0)
        return r;

    _cleanup_close_ int pid_fd = pidfd_open(pid, 0);
    r = pid_fd < 0 ? -errno : wait_for_end(pid, pid_fd);
    if (r < 0) {
        err_set_errno(err, -r, "could not wait for \"%s\"", argv[0]);
        (void)kill(pid, SIGTERM);
    }
    while (waitpid(pid, ret_status, 0) < 0)
        if (errno != EINTR)
            return err_set_errno(err, errno, "could not wait for \"%s\"", argv[0]);
    return r;
}

char *supervise_describe(const char *name, int status)
{
    if (WIFSIGNALED(status))
        return mem_printf("%s was killed by signal %d (%s)", name, WTERMSIG(status),
                          strsignal(WTERMSIG(status)));
    return mem_printf("%s exited with status %d", name, WEXITSTATUS(status));
}
