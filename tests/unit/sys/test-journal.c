#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "sys/journal.h"
#include "sys/mem.h"

#define SHORT (USEC_PER_SEC / 20)
#define LONG (60 * USEC_PER_SEC)

static char *dir, *path;

/* A journal that nobody reads yet. */
static int listen_there(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    dir = unit_mkdir();
    path = mem_printf("%s/socket", dir);
    strcpy(address.sun_path, path);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void stop_listening(int fd)
{
    close(fd);
    free(path);
    unit_rmdir(dir);
}

START_TEST(what_nobody_reads_is_not_waited_for_for_ever)
{
    int fd = listen_there();

    ck_assert(!journal_drain(path, SHORT));
    stop_listening(fd);
}
END_TEST

START_TEST(what_was_sent_before_is_read_when_it_returns)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = listen_there(), sender = socket(AF_UNIX, SOCK_DGRAM, 0), status;
    char data[16];

    strcpy(address.sun_path, path);
    ck_assert_int_eq(
        sendto(sender, "words", 5, 0, (const struct sockaddr *)&address, sizeof(address)), 5);

    pid_t reader = fork();
    if (reader == 0) {
        bool words = recv(fd, data, sizeof(data), 0) == 5;
        _exit(words && recv(fd, data, sizeof(data), 0) == 0 ? 0 : 1);
    }
    ck_assert(journal_drain(path, LONG));
    ck_assert_int_eq(waitpid(reader, &status, 0), reader);
    ck_assert_int_eq(status, 0);
    close(sender);
    stop_listening(fd);
}
END_TEST

START_TEST(without_a_socket_there_is_nothing_to_wait_for)
{
    ck_assert(!journal_drain("/nonexistent/socket", LONG));
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(what_nobody_reads_is_not_waited_for_for_ever),
    UNIT_TEST(what_was_sent_before_is_read_when_it_returns),
    UNIT_TEST(without_a_socket_there_is_nothing_to_wait_for),
};
UNIT_MAIN("journal", tests)
