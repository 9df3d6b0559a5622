#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/fs.h"
#include "sys/mem.h"
#include "sys/strv.h"

#define CMDLINE_MAX ((size_t)1 << 20)
#define PATH_SIZE 4096 /* of a link in /proc: PATH_MAX */
#define STAT_MAX ((size_t)4096)
#define STATUS_MAX ((size_t)64 << 10)

/* A directory of /proc stays that of its process: once it has ended, nothing can be read there,
 * whoever has its number. */

static bool is_number(const char *name)
{
    return strspn(name, "0123456789") == strlen(name);
}

static bool runs_one_of(int proc_fd, const char *const *programs)
{
    _cleanup_free_ char *comm = NULL;

    if (fs_read_file(proc_fd, "comm", 64, &comm, NULL) < 0)
        return false;
    comm[strcspn(comm, "\n")] = '\0';
    for (size_t i = 0; programs[i]; i++)
        if (strcmp(comm, programs[i]) == 0)
            return true;
    return false;
}

static bool works_in(int proc_fd, const char *dir)
{
    char path[PATH_SIZE];
    size_t size = strlen(dir);

    ssize_t n = readlinkat(proc_fd, "cwd", path, sizeof(path) - 1);
    if (n < 0)
        return false;
    path[n] = '\0';
    return strncmp(path, dir, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

static bool was_told(int proc_fd, const char *word)
{
    _cleanup_free_ char *cmdline = NULL;
    size_t size;

    return fs_read_file(proc_fd, "cmdline", CMDLINE_MAX, &cmdline, &size) == 0 &&
           memmem(cmdline, size, word, strlen(word)) != NULL;
}

/* The 7th field of proc_pid_stat(5). The second is the program's name in parentheses, which may
 * hold anything. */
static bool has_terminal(int proc_fd)
{
    _cleanup_free_ char *text = NULL;
    int terminal = 0;

    if (fs_read_file(proc_fd, "stat", STAT_MAX, &text, NULL) < 0)
        return false;
    const char *rest = strrchr(text, ')');
    return rest && sscanf(rest, ") %*c %*s %*s %*s %d", &terminal) == 1 && terminal != 0;
}

static bool fits(int proc_fd, const ProcessFilter *filter)
{
    struct stat st;

    if (fstat(proc_fd, &st) < 0 || st.st_uid != filter->uid)
        return false;
    return (works_in(proc_fd, filter->dir) && !has_terminal(proc_fd)) ||
           (runs_one_of(proc_fd, filter->programs) && was_told(proc_fd, filter->word));
}

static int kill_and_wait(int pidfd, usec_t deadline)
{
    usec_t now = clock_monotonic();
    struct pollfd fd = { .fd = pidfd, .events = POLLIN };

    if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
        return -errno;
    int n = poll(&fd, 1, deadline > now ? (int)((deadline - now) / USEC_PER_MSEC) : 0);
    if (n < 0 && errno != EINTR)
        return -errno;
    return n == 0 ? -ETIMEDOUT : 0;
}

/* 1 when it was one of them. Opened in this order, the descriptor is the process's that the
 * directory belongs to, or the directory is dead. */
static int kill_if_it_fits(int all_fd, const char *number, const ProcessFilter *filter,
                           usec_t deadline)
{
    if (strtol(number, NULL, 10) == getpid())
        return 0;
    _cleanup_close_ int proc_fd = openat(all_fd, number, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc_fd < 0 || !fits(proc_fd, filter))
        return 0;

    _cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)strtol(number, NULL, 10), 0);
    if (pidfd < 0)
        return errno == ESRCH ? 0 : -errno;
    if (!fits(proc_fd, filter))
        return 0;
    int r = kill_and_wait(pidfd, deadline);
    return r < 0 ? r : 1;
}

/* How many there were. */
static int kill_once(int all_fd, const ProcessFilter *filter, usec_t deadline)
{
    _cleanup_strv_ Strv names = { 0 };
    int count = 0;

    int r = fs_list(all_fd, &names);
    if (r < 0)
        return r;
    for (size_t i = 0; i < names.count; i++) {
        if (!is_number(names.items[i]))
            continue;
        r = kill_if_it_fits(all_fd, names.items[i], filter, deadline);
        if (r < 0)
            return r;
        count += r;
    }
    return count;
}

int process_kill(const ProcessFilter *filter, usec_t timeout)
{
    usec_t deadline = clock_monotonic() + timeout;
    _cleanup_close_ int all_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r;

    if (all_fd < 0)
        return -errno;
    do {
        r = kill_once(all_fd, filter, deadline);
    } while (r > 0);
    return r;
}

/* 0 if it has gone. */
static pid_t parent_of(int all_fd, const char *number)
{
    static const char field[] = "\nPPid:";
    _cleanup_free_ char *path = mem_printf("%s/status", number), *text = NULL;

    if (fs_read_file(all_fd, path, STATUS_MAX, &text, NULL) < 0)
        return 0;
    const char *found = strstr(text, field);
    return found ? (pid_t)strtol(found + strlen(field), NULL, 10) : 0;
}

int process_children(pid_t parent, pid_t **ret, size_t *ret_count)
{
    _cleanup_close_ int all_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _cleanup_strv_ Strv names = { 0 };
    size_t count = 0;

    int r = all_fd < 0 ? -errno : fs_list(all_fd, &names);
    if (r < 0)
        return r;
    pid_t *children = mem_zero(names.count + 1, sizeof(*children));
    for (size_t i = 0; i < names.count; i++)
        if (is_number(names.items[i]) && parent_of(all_fd, names.items[i]) == parent)
            children[count++] = (pid_t)strtol(names.items[i], NULL, 10);
    *ret = children;
    *ret_count = count;
    return 0;
}

/* Parent, utime and stime: the 4th, 14th and 15th field. */
static uint64_t time_of_child(int proc_fd, pid_t parent)
{
    _cleanup_free_ char *text = NULL;
    uint64_t user, kernel;
    int from;

    if (fs_read_file(proc_fd, "stat", STAT_MAX, &text, NULL) < 0)
        return 0;
    const char *rest = strrchr(text, ')');
    int n = rest ? sscanf(rest, ") %*c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64,
                          &from, &user, &kernel)
                 : 0;
    return n == 3 && from == parent ? user + kernel : 0;
}

uint64_t process_work(pid_t parent, const char *word)
{
    _cleanup_close_ int all_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _cleanup_strv_ Strv names = { 0 };
    uint64_t sum = 0;

    if (all_fd < 0 || fs_list(all_fd, &names) < 0)
        return 0;
    for (size_t i = 0; i < names.count; i++) {
        if (!is_number(names.items[i]))
            continue;
        _cleanup_close_ int fd = openat(all_fd, names.items[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        uint64_t used = fd >= 0 ? time_of_child(fd, parent) : 0;
        if (used > 0 && was_told(fd, word))
            sum += used;
    }
    return sum;
}
