#include "sys/descendants.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/mem.h"
#include "sys/process.h"

/* Only a child is ever killed: until we reap it, its number is not given to another. Its own
 * children are ours as soon as it has died. */

static bool is_spared(const Descendants *d, pid_t pid)
{
    for (size_t i = 0; i < d->spared_count; i++)
        if (d->spared[i] == pid)
            return true;
    return false;
}

void descendants_begin(Descendants *d)
{
    *d = (Descendants){ .begun = true };
    /* Without /proc there is nothing to be ended either. */
    (void)process_children(getpid(), &d->spared, &d->spared_count);
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
    _cleanup_free_ pid_t *children = NULL;
    size_t count = 0;
    int seen = 0;

    int r = process_children(getpid(), &children, &count);
    for (size_t i = 0; i < count && r >= 0; i++) {
        if (is_spared(d, children[i]))
            continue;
        seen++;
        (void)kill(children[i], SIGKILL);
        r = reap(children[i], deadline);
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
