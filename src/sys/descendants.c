#include "sys/descendants.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/fs.h"
#include "sys/mem.h"
#include "sys/strv.h"

#define STATUS_MAX ((size_t)64 << 10)

/* Only a child is ever killed: until we reap it, its number is not given to another. Its own
 * children are ours as soon as it has died. */

static pid_t parent_of(int all_fd, const char *number)
{
    static const char field[] = "\nPPid:";
    _cleanup_free_ char *path = mem_printf("%s/status", number), *text = NULL;

    if (fs_read_file(all_fd, path, STATUS_MAX, &text, NULL) < 0)
        return 0;
    const char *found = strstr(text, field);
    return found ? (pid_t)strtol(found + strlen(field), NULL, 10) : 0;
}

typedef struct Pids {
    pid_t *items;
    size_t count;
} Pids;

static void pids_done(Pids *pids)
{
    free(pids->items);
}

static int list_children(Pids *ret)
{
    _cleanup_close_ int all_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _cleanup_strv_ Strv names = { 0 };

    int r = all_fd < 0 ? -errno : fs_list(all_fd, &names);
    if (r < 0)
        return r;
    ret->items = mem_zero(names.count + 1, sizeof(*ret->items));
    for (size_t i = 0; i < names.count; i++)
        if (strspn(names.items[i], "0123456789") == strlen(names.items[i]) &&
            parent_of(all_fd, names.items[i]) == getpid())
            ret->items[ret->count++] = (pid_t)strtol(names.items[i], NULL, 10);
    return 0;
}

static bool is_spared(const Descendants *d, pid_t pid)
{
    for (size_t i = 0; i < d->spared_count; i++)
        if (d->spared[i] == pid)
            return true;
    return false;
}

void descendants_begin(Descendants *d)
{
    Pids before = { 0 };

    (void)list_children(&before); /* without /proc there is nothing to be ended either */
    *d = (Descendants){ .begun = true, .spared = before.items, .spared_count = before.count };
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* SIGKILL has been sent: it ends as soon as the kernel lets it. */
static int reap(pid_t pid, usec_t deadline)
{
    while (waitpid(pid, NULL, WNOHANG) == 0) {
        if (clock_monotonic() > deadline)
            return -ETIMEDOUT;
        (void)poll(NULL, 0, 1);
    }
    return 0;
}

/* How many children there were. */
static int end_children(const Descendants *d, usec_t deadline)
{
    _cleanup_(pids_done) Pids children = { 0 };
    int seen = 0;

    int r = list_children(&children);
    for (size_t i = 0; i < children.count && r >= 0; i++) {
        pid_t pid = children.items[i];
        if (is_spared(d, pid))
            continue;
        seen++;
        (void)kill(pid, SIGKILL);
        r = reap(pid, deadline);
    }
    return r < 0 ? r : seen;
}

int descendants_end(Descendants *d, usec_t timeout)
{
    usec_t deadline = clock_monotonic() + timeout;
    int r = 0;

    if (!d->begun)
        return 0;
    do {
        r = end_children(d, deadline);
        if (r > 0 && clock_monotonic() > deadline)
            r = -ETIMEDOUT;
    } while (r > 0);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 0);
    free(d->spared);
    *d = (Descendants){ 0 };
    return r;
}
