#include "sys/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void sandbox_done(Sandbox *s)
{
    landlock_free(s->landlock);
    *s = (Sandbox){ 0 };
}

/* In the child */

static int tell_kernel(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = write(fd, text, strlen(text)) < 0 ? -errno : 0;
    close(fd);
    return r;
}

static int leave_network(const Sandbox *s)
{
    if (geteuid() == 0)
        return unshare(CLONE_NEWNET) < 0 ? -errno : 0;
    /* The files of /proc/self are root's while there may be no core (mem_forbid_core()). */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return -errno;

    int r = tell_kernel("/proc/self/setgroups", "deny");
    if (r >= 0)
        r = tell_kernel("/proc/self/uid_map", s->uid_map);
    if (r >= 0)
        r = tell_kernel("/proc/self/gid_map", s->gid_map);
    return r;
}

/* Tried by a child that does nothing else. */
void sandbox_take_network(Sandbox *s)
{
    int status = -1;

    (void)snprintf(s->uid_map, sizeof(s->uid_map), "%u %u 1", geteuid(), geteuid());
    (void)snprintf(s->gid_map, sizeof(s->gid_map), "%u %u 1", getegid(), getegid());
    pid_t pid = fork();
    if (pid == 0)
        _exit(leave_network(s) < 0);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    s->no_network = status == 0;
}

int sandbox_enter(const Sandbox *s)
{
    int r = s->no_network ? leave_network(s) : 0;
    if (r < 0)
        return r;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    return s->landlock ? landlock_enter(s->landlock) : 0;
}
