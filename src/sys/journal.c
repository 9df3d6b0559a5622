#include "sys/journal.h"

#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "sys/mem.h"

#define POLL_MSEC 5

/* Datagrams are read in their order, each processed before the next is read: when an empty one of
 * ours, which journald ignores, has left the queue, those before it are done with. */
bool journal_drain(const char *socket_path, usec_t patience)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    usec_t deadline = clock_monotonic() + patience;
    int queued;

    if (fd < 0 || strlen(socket_path) >= sizeof(address.sun_path))
        return false;
    strcpy(address.sun_path, socket_path);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return false;

    while (send(fd, "", 0, MSG_NOSIGNAL) < 0) { /* its queue is full */
        if (clock_monotonic() > deadline)
            return false;
        (void)poll(NULL, 0, POLL_MSEC);
    }
    while (ioctl(fd, SIOCOUTQ, &queued) == 0 && queued > 0) {
        if (clock_monotonic() > deadline)
            return false;
        (void)poll(NULL, 0, POLL_MSEC);
    }
    return true;
}
