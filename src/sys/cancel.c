#include "sys/cancel.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

#include "sys/mem.h"

/* The signals stay pending, nobody ever reads the descriptor: so it stays readable, and
 * sigpending() tells which one it was. */

static const struct {
    int number;
    const char *name;
} signals[] = {
    { SIGTERM, "SIGTERM" },
    { SIGINT, "SIGINT" },
    { SIGHUP, "SIGHUP" },
};

static int signal_fd = -1;

int cancel_init(void)
{
    if (signal_fd >= 0)
        return 0;

    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < ELEMENTSOF(signals); i++)
        sigaddset(&set, signals[i].number);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;

    signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return signal_fd < 0 ? -errno : 0;
}

int cancel_fd(void)
{
    return signal_fd;
}

static const char *pending_signal(void)
{
    sigset_t set;
    if (sigpending(&set) < 0)
        return NULL;

    for (size_t i = 0; i < ELEMENTSOF(signals); i++)
        if (sigismember(&set, signals[i].number) == 1)
            return signals[i].name;
    return NULL;
}

bool cancel_requested(void)
{
    return signal_fd >= 0 && pending_signal() != NULL;
}

int cancel_error(Err *err)
{
    const char *name = pending_signal();
    return err_set(err, ERR_CANCELLED, "stopped by %s", name ? name : "a signal");
}
