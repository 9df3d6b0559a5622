#include "sys/cancel.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

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
    { SIGALRM, "SIGALRM" }, /* of cancel_limit(): the last, since a person's wish weighs more */
};

static struct {
    unsigned seconds;
    const char *setting;
} limit;

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

/* Its index; the table's length: there is none. */
static size_t pending_signal(void)
{
    sigset_t set;
    if (sigpending(&set) < 0)
        return ELEMENTSOF(signals);

    size_t i = 0;
    while (i < ELEMENTSOF(signals) && sigismember(&set, signals[i].number) != 1)
        i++;
    return i;
}

void cancel_limit(unsigned seconds, const char *setting)
{
    const struct timespec at_once = { 0 };
    sigset_t set;

    (void)alarm(seconds);
    limit.seconds = seconds;
    limit.setting = setting;
    if (seconds > 0)
        return;

    /* One that has come already is taken away. */
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    (void)sigtimedwait(&set, NULL, &at_once);
}

bool cancel_requested(void)
{
    return signal_fd >= 0 && pending_signal() < ELEMENTSOF(signals);
}

int cancel_error(Err *err)
{
    size_t i = pending_signal();

    if (i < ELEMENTSOF(signals) && signals[i].number == SIGALRM)
        return err_set(err, ERR_COULD_NOT_VERIFY, "not done within the %u seconds of %s",
                       limit.seconds, limit.setting);
    return err_set(err, ERR_CANCELLED, "stopped by %s",
                   i < ELEMENTSOF(signals) ? signals[i].name : "a signal");
}
