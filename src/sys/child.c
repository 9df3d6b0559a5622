#include "sys/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/buf.h"
#include "sys/cancel.h"
#include "sys/fs.h"
#include "sys/mem.h"
#include "sys/progress.h"

/* How often a waiting loop looks at the clock: short enough for a lively progress line. */
#define TICK_MSEC 200
/* What a kept line of stderr takes beside its text: a flood of short ones is bounded, too. */
#define LINE_COST 64
#define KILL_GRACE (2 * USEC_PER_SEC)
#define LOOK_INTERVAL USEC_PER_SEC
#define PAUSE_MSEC 20

/* stderr */

static void keep_line(Child *c, char *line)
{
    size_t size = strlen(line);
    size_t cost = size + LINE_COST;
    if (size == 0 || c->stderr_bytes + cost > CHILD_STDERR_MAX) {
        c->stderr_dropped += size > 0;
        free(line);
        return;
    }
    c->stderr_bytes += cost;
    strv_take(&c->stderr_lines, line);
}

/* Splits what came into lines; a line that never ends is cut at the buffer's size. */
static void take_stderr(Child *c, const char *data, size_t size)
{
    _cleanup_buf_ Buf text = { 0 };

    if (c->stderr_partial)
        buf_adds(&text, c->stderr_partial);
    for (size_t i = 0; i < size; i++)
        buf_addc(&text, data[i] ? data[i] : '?');
    free(TAKE_PTR(c->stderr_partial));

    char *start = text.data, *end;
    while (start && (end = strchr(start, '\n'))) {
        keep_line(c, mem_strndup(start, (size_t)(end - start)));
        start = end + 1;
    }
    if (start && strlen(start) >= 8192)
        keep_line(c, mem_strdup(start));
    else if (start && *start)
        c->stderr_partial = mem_strdup(start);
}

static void end_stderr(Child *c)
{
    if (c->stderr_partial)
        keep_line(c, TAKE_PTR(c->stderr_partial));
    mem_closep(&c->stderr_fd);
    c->stderr_fd = -1;
}

/* One read at a time: a child that floods its stderr must not keep us from the data, the clock and
 * the signals. poll() comes back for the rest. */
static void drain_stderr(Child *c)
{
    char data[65536];
    ssize_t n = read(c->stderr_fd, data, sizeof(data));

    if (n > 0)
        take_stderr(c, data, (size_t)n);
    else if (n == 0 || (errno != EINTR && errno != EAGAIN))
        end_stderr(c); /* at its end, or beyond repair: the exit status decides */
}

/* Waiting */

void child_watch(Child *c, ChildMoved moved, void *userdata)
{
    c->moved = moved;
    c->moved_userdata = userdata;
}

void child_watch_work(Child *c, ChildWorked worked, void *userdata)
{
    c->worked = worked;
    c->worked_userdata = userdata;
}

/* /proc/PID/io begins with "rchar: 4711". */
uint64_t child_bytes_read(const Child *c)
{
    static const char label[] = "rchar: ";
    _cleanup_free_ char *path = mem_printf("/proc/%d/io", (int)c->pid), *text = NULL;

    if (c->pid <= 0 || fs_read_file(AT_FDCWD, path, 4096, &text, NULL) < 0)
        return 0;
    return strncmp(text, label, strlen(label)) == 0 ? strtoull(text + strlen(label), NULL, 10) : 0;
}

static void look_for_bytes(Child *c, usec_t now)
{
    uint64_t bytes = c->moved(c->moved_userdata);

    if (bytes != c->moved_bytes)
        c->last_progress = now;
    if (bytes > c->moved_bytes)
        progress_add(bytes - c->moved_bytes);
    c->moved_bytes = bytes;
}

static void look_for_work(Child *c, usec_t now)
{
    uint64_t work = c->worked(c->worked_userdata);

    if (work != c->work)
        c->last_progress = now;
    c->work = work;
}

static void look_for_progress(Child *c)
{
    usec_t now = clock_monotonic();
    if (now < c->next_look)
        return;

    if (c->moved)
        look_for_bytes(c, now);
    if (c->worked)
        look_for_work(c, now);
    c->next_look = now + LOOK_INTERVAL;
}

static int check_stall(Child *c, Err *err)
{
    look_for_progress(c);
    if (c->stall_timeout == 0 || clock_monotonic() - c->last_progress < c->stall_timeout)
        return 0;

    err_set(err, ERR_STALLED, "%s moved no byte for %llu seconds", c->name,
            (unsigned long long)(c->stall_timeout / USEC_PER_SEC));
    err_hint(err,
             "Look for what the server waits for (pg_stat_activity, its disks, the network), or "
             "raise STALL_TIMEOUT_SECONDS.");
    return -ETIMEDOUT;
}

/* Waits until `fd` is ready for `events` (poll's), or, with fd < 0, until the child's stderr ends.
 */
static int child_io_wait(Child *c, int fd, short events, Err *err)
{
    for (;;) {
        if (fd < 0 && c->stderr_fd < 0)
            return 0;

        struct pollfd fds[] = {
            { .fd = fd, .events = events },
            { .fd = c->stderr_fd, .events = POLLIN },
            { .fd = cancel_fd(), .events = POLLIN },
        };
        if (poll(fds, ELEMENTSOF(fds), TICK_MSEC) < 0 && errno != EINTR)
            return err_set_errno(err, errno, "could not wait for %s", c->name);

        progress_tick();
        if (fds[2].revents)
            return cancel_error(err);
        if (fds[1].revents)
            drain_stderr(c);
        if (fds[0].revents)
            return 0;

        int r = check_stall(c, err);
        if (r < 0)
            return r;
    }
}

int child_read(Child *c, void *data, size_t size, size_t *ret_size, Err *err)
{
    for (;;) {
        int r = child_io_wait(c, c->io_fd, POLLIN, err);
        if (r < 0)
            return r;

        ssize_t n = read(c->io_fd, data, size);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0)
            return err_set_errno(err, errno, "could not read from %s", c->name);

        c->last_progress = clock_monotonic();
        *ret_size = (size_t)n;
        return 0;
    }
}

int child_write(Child *c, const void *data, size_t size, Err *err)
{
    const char *p = data;

    while (size > 0) {
        int r = child_io_wait(c, c->io_fd, POLLOUT, err);
        if (r < 0)
            return r;

        ssize_t n = write(c->io_fd, p, size);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0 && errno == EPIPE)
            return -EPIPE;
        if (n < 0)
            return err_set_errno(err, errno, "could not write to %s", c->name);

        c->last_progress = clock_monotonic();
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

void child_close_stdin(Child *c)
{
    mem_closep(&c->io_fd);
    c->io_fd = -1;
}

/* The end */

static bool is_error_line(const char *line)
{
    return strstr(line, "error:") || strstr(line, "ERROR:") || strstr(line, "FATAL:");
}

/* The first line that calls itself an error, with the "detail:" behind it, else the last line. */
static char *telling_words(const Child *c)
{
    const Strv *lines = &c->stderr_lines;

    for (size_t i = 0; i < lines->count; i++) {
        const char *detail = i + 1 < lines->count ? strstr(lines->items[i + 1], "detail: ") : NULL;
        if (is_error_line(lines->items[i]))
            return mem_printf(": %s%s%s", lines->items[i], detail ? "; " : "",
                              detail ? detail + strlen("detail: ") : "");
    }
    return lines->count > 0 ? mem_printf(": %s", lines->items[lines->count - 1]) : mem_strdup("");
}

static int judge_status(const Child *c, Err *err)
{
    int status = c->wait_status;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;

    _cleanup_free_ char *words = telling_words(c);
    if (WIFSIGNALED(status))
        return err_set(err, ERR_CHILD, "%s was killed by signal %d (%s)%s", c->name,
                       WTERMSIG(status), strsignal(WTERMSIG(status)), words);
    return err_set(err, ERR_CHILD, "%s exited with status %d%s", c->name, WEXITSTATUS(status),
                   words);
}

bool child_was_killed(const Child *c)
{
    static const int from_outside[] = {
        SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGXCPU, SIGXFSZ
    };

    if (c->pid != 0 || !WIFSIGNALED(c->wait_status))
        return false;
    for (size_t i = 0; i < ELEMENTSOF(from_outside); i++)
        if (WTERMSIG(c->wait_status) == from_outside[i])
            return true;
    return false;
}

/* 1 once it is reaped, 0 while it runs. */
static int try_reap(Child *c)
{
    pid_t pid = waitpid(c->pid, &c->wait_status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR))
        return 0;

    if (pid < 0)
        c->wait_status = SIGKILL; /* somebody else reaped it: never take that for success */
    c->pid = 0;
    return 1;
}

int child_wait(Child *c, Err *err)
{
    int r = child_io_wait(c, -1, 0, err);
    if (r < 0)
        return r;

    /* It has closed its stderr, so it is about to end; but it need not be. */
    while (c->pid > 0 && try_reap(c) == 0) {
        struct pollfd fd = { .fd = cancel_fd(), .events = POLLIN };
        (void)poll(&fd, 1, 1);
        progress_tick();
        if (fd.revents)
            return cancel_error(err);
        r = check_stall(c, err);
        if (r < 0)
            return r;
    }
    return judge_status(c, err);
}

bool child_ended(Child *c)
{
    return c->pid == 0 || try_reap(c) == 1;
}

int child_pause(Err *err)
{
    struct pollfd fd = { .fd = cancel_fd(), .events = POLLIN };
    (void)poll(&fd, 1, PAUSE_MSEC);
    progress_tick();
    return fd.revents ? cancel_error(err) : 0;
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = { 0 };
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == pid;
}

/* The others of the group, workers of pg_dump say, hold the pipe of its stderr open as long as they
 * live: only then is nothing added any more to what they were writing. */
static void await_group(Child *c)
{
    usec_t deadline = clock_monotonic() + KILL_GRACE;

    while (c->stderr_fd >= 0 && clock_monotonic() < deadline) {
        struct pollfd fd = { .fd = c->stderr_fd, .events = POLLIN };
        if (poll(&fd, 1, TICK_MSEC) > 0)
            drain_stderr(c);
    }
}

static void kill_and_reap(Child *c)
{
    usec_t deadline = clock_monotonic() + KILL_GRACE;

    /* The leader stays unreaped until the group is dead, so that its number is not another's by
     * then. */
    (void)kill(-c->pid, c->end_signal);
    while (!has_ended(c->pid) && clock_monotonic() < deadline)
        (void)poll(NULL, 0, 5);
    (void)kill(-c->pid, SIGKILL);
    while (try_reap(c) == 0)
        (void)poll(NULL, 0, 5);
    await_group(c);
}

void child_done(Child *c)
{
    if (c->pid > 0)
        kill_and_reap(c);
    mem_closep(&c->io_fd);
    mem_closep(&c->stderr_fd);
    free(c->stderr_partial);
    free(c->name);
    strv_done(&c->stderr_lines);
    *c = (Child)CHILD_INIT;
}

int child_output(const ChildSpec *spec, size_t max, char **ret, Err *err)
{
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_buf_ Buf text = { 0 };
    char data[4096];
    size_t size;

    int r = child_spawn(&c, spec, err);
    if (r < 0)
        return r;
    do {
        r = child_read(&c, data, sizeof(data), &size, err);
        if (r < 0)
            return r;
        buf_add(&text, data, size < max - text.size ? size : max - text.size);
    } while (size > 0);

    r = child_wait(&c, err);
    if (r < 0)
        return r;
    *ret = buf_take(&text);
    return 0;
}
