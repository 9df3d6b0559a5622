#include "unit.h"

#include <errno.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "sys/log.h"
#include "sys/mem.h"
#include "sys/progress.h"
#include "sys/strv.h"

/* The clock stands still but for what a test lets pass. */
static usec_t monotonic = 1000 * USEC_PER_SEC;

int clock_gettime(clockid_t id, struct timespec *ts)
{
    if (id == CLOCK_REALTIME)
        return (int)syscall(SYS_clock_gettime, id, ts);
    ts->tv_sec = (time_t)(monotonic / USEC_PER_SEC);
    ts->tv_nsec = (long)(monotonic % USEC_PER_SEC * 1000);
    return 0;
}

static char *dir;
static int service_manager = -1;

/* A service manager of our own: a datagram socket that NOTIFY_SOCKET names. */
static void start_service_manager(usec_t watchdog)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char number[32];

    dir = unit_mkdir();
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", dir);
    service_manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(service_manager, 0);
    ck_assert_int_eq(bind(service_manager, (struct sockaddr *)&address, sizeof(address)), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);

    unsetenv("WATCHDOG_USEC");
    if (watchdog > 0) {
        snprintf(number, sizeof(number), "%llu", (unsigned long long)watchdog);
        setenv("WATCHDOG_USEC", number, 1);
        snprintf(number, sizeof(number), "%d", getpid());
        setenv("WATCHDOG_PID", number, 1);
    }
}

static void stop_service_manager(void)
{
    close(service_manager);
    unit_rmdir(dir);
}

/* All that was sent since the last call, with '|' between the datagrams. */
static char *heard(void)
{
    char text[4096] = "", datagram[1024];
    size_t size = 0;
    ssize_t n;

    while ((n = recv(service_manager, datagram, sizeof(datagram) - 1, 0)) >= 0) {
        datagram[n] = '\0';
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%s", size > 0 ? "|" : "",
                                 datagram);
        ck_assert_uint_lt(size, sizeof(text));
    }
    ck_assert_int_eq(errno, EAGAIN);
    return mem_strdup(text);
}

static void assert_heard(const char *expected)
{
    _cleanup_free_ char *text = heard();
    ck_assert_str_eq(text, expected);
}

START_TEST(systemd_hears_ready_and_stopping)
{
    start_service_manager(/* watchdog= */ 0);
    progress_init(/* progress_line= */ false);

    progress_ready();
    assert_heard("READY=1");
    progress_stopping();
    assert_heard("STOPPING=1");
    stop_service_manager();
}
END_TEST

START_TEST(the_status_says_how_far_the_work_has_come)
{
    start_service_manager(/* watchdog= */ 0);
    progress_init(/* progress_line= */ false);

    progress_phase("dumping \"app\" (3/7)", /* total= */ 100 << 20);
    assert_heard("STATUS=dumping \"app\" (3/7)");
    monotonic += USEC_PER_SEC;
    progress_add(25 << 20);
    progress_tick();
    assert_heard("STATUS=dumping \"app\" (3/7), 25.0 MiB, 25.0 MiB/s, 25 %, ETA 3.0 s");
    progress_done();
    assert_heard("STATUS=");
    stop_service_manager();
}
END_TEST

START_TEST(work_beyond_its_estimate_has_no_percentage)
{
    start_service_manager(/* watchdog= */ 0);
    progress_init(/* progress_line= */ false);

    progress_phase("dumping", /* total= */ 1 << 20);
    monotonic += USEC_PER_SEC;
    progress_add(2 << 20);
    progress_tick();
    assert_heard("STATUS=dumping|STATUS=dumping, 2.00 MiB, 2.00 MiB/s");
    stop_service_manager();
}
END_TEST

START_TEST(the_status_is_sent_at_most_once_a_second_and_only_when_new)
{
    start_service_manager(/* watchdog= */ 0);
    progress_init(/* progress_line= */ false);

    progress_phase("one", /* total= */ 0);
    progress_phase("two", /* total= */ 0);
    monotonic += USEC_PER_SEC - 1;
    progress_tick();
    assert_heard("STATUS=one");
    monotonic += 1;
    progress_tick();
    assert_heard("STATUS=two");
    monotonic += 10 * USEC_PER_SEC;
    progress_tick();
    assert_heard("");
    stop_service_manager();
}
END_TEST

START_TEST(a_name_cannot_add_a_line_to_a_notification)
{
    start_service_manager(/* watchdog= */ 0);
    progress_init(/* progress_line= */ false);

    progress_phase("dumping \"x\nMAINPID=1\"", /* total= */ 0);
    assert_heard("STATUS=dumping \"x\\nMAINPID=1\"");
    stop_service_manager();
}
END_TEST

START_TEST(the_watchdog_is_fed_only_when_there_was_progress)
{
    start_service_manager(/* watchdog= */ 400 * USEC_PER_SEC);
    progress_init(/* progress_line= */ false);

    progress_phase("dumping", /* total= */ 0);
    assert_heard("WATCHDOG=1|STATUS=dumping");
    for (int i = 0; i < 1000; i++) {
        monotonic += USEC_PER_SEC;
        progress_tick();
    }
    assert_heard("");

    progress_add(0);
    progress_tick();
    assert_heard("");

    progress_phase("dumping", /* total= */ 0);
    assert_heard("WATCHDOG=1");
    stop_service_manager();
}
END_TEST

static uint64_t grown(void *userdata)
{
    return *(uint64_t *)userdata;
}

START_TEST(bytes_that_appear_elsewhere_are_progress)
{
    uint64_t bytes = 100;

    start_service_manager(8 * USEC_PER_SEC);
    progress_init(/* progress_line= */ false);
    progress_phase("restoring", 0);
    progress_probe(grown, &bytes);
    monotonic += 2 * USEC_PER_SEC;
    progress_tick();
    free(heard());

    monotonic += 2 * USEC_PER_SEC;
    progress_tick();
    assert_heard("");

    bytes += 1 << 20;
    monotonic += 2 * USEC_PER_SEC;
    progress_tick();
    _cleanup_free_ char *text = heard();
    ck_assert_ptr_nonnull(strstr(text, "WATCHDOG=1"));
    ck_assert_ptr_nonnull(strstr(text, "1.00 MiB"));
    progress_probe(NULL, NULL);
    stop_service_manager();
}
END_TEST

START_TEST(work_that_moves_no_byte_is_progress)
{
    uint64_t work = 100;

    start_service_manager(8 * USEC_PER_SEC);
    progress_init(/* progress_line= */ false);
    progress_phase("checking", 0);
    progress_probe_work(grown, &work);
    monotonic += 2 * USEC_PER_SEC;
    progress_tick();
    free(heard());

    monotonic += 2 * USEC_PER_SEC;
    progress_tick();
    assert_heard("");

    work = 7; /* who did the rest is gone */
    monotonic += 2 * USEC_PER_SEC;
    progress_tick();
    assert_heard("WATCHDOG=1");
    progress_probe_work(NULL, NULL);
    stop_service_manager();
}
END_TEST

START_TEST(the_watchdog_is_fed_at_most_four_times_in_its_time)
{
    start_service_manager(/* watchdog= */ 400 * USEC_PER_SEC);
    progress_init(/* progress_line= */ false);

    progress_phase("dumping", /* total= */ 0);
    free(heard());
    int fed = 0;
    for (int i = 0; i < 400; i++) {
        monotonic += USEC_PER_SEC;
        progress_add(1);
        progress_tick();
        _cleanup_free_ char *text = heard();
        if (strstr(text, "WATCHDOG=1"))
            fed++;
    }
    ck_assert_int_eq(fed, 4);
    stop_service_manager();
}
END_TEST

START_TEST(a_watchdog_is_made_as_patient_as_the_longest_silence_that_is_permitted)
{
    start_service_manager(/* watchdog= */ 400 * USEC_PER_SEC);
    progress_init(/* progress_line= */ false);

    progress_permit_silence(/* longest= */ 0);
    progress_permit_silence(200 * USEC_PER_SEC);
    assert_heard("");
    progress_permit_silence(900 * USEC_PER_SEC);
    assert_heard("WATCHDOG_USEC=1800000000");
    stop_service_manager();
}
END_TEST

START_TEST(where_no_watchdog_watches_none_is_made)
{
    start_service_manager(/* watchdog= */ 0);
    progress_init(/* progress_line= */ false);

    progress_permit_silence(900 * USEC_PER_SEC);
    assert_heard("");
    stop_service_manager();
}
END_TEST

START_TEST(the_outcome_is_the_last_word)
{
    start_service_manager(/* watchdog= */ 0);
    progress_init(/* progress_line= */ false);

    progress_phase("dumping", /* total= */ 0);
    free(heard());
    progress_outcome("could not do it:\nbecause");
    assert_heard("STATUS=|STATUS=could not do it:\\nbecause");
    progress_tick();
    progress_done();
    assert_heard("");
    stop_service_manager();
}
END_TEST

START_TEST(a_watchdog_meant_for_another_process_is_not_fed)
{
    start_service_manager(/* watchdog= */ USEC_PER_SEC);
    setenv("WATCHDOG_PID", "1", 1);
    progress_init(/* progress_line= */ false);

    progress_phase("dumping", /* total= */ 0);
    assert_heard("STATUS=dumping");
    stop_service_manager();
}
END_TEST

START_TEST(without_systemd_nothing_happens)
{
    unsetenv("NOTIFY_SOCKET");
    progress_init(/* progress_line= */ false);

    progress_ready();
    progress_phase("dumping", /* total= */ 0);
    progress_add(1);
    progress_tick();
    progress_done();
    progress_done();
    progress_tick();
}
END_TEST

START_TEST(the_line_on_a_terminal_is_drawn_at_most_five_times_a_second)
{
    struct winsize size = { .ws_row = 24, .ws_col = 80 };
    int master, slave, draws = 0;

    unsetenv("NOTIFY_SOCKET");
    setenv("TERM", "xterm", 1);
    ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, &size), 0);
    ck_assert_int_ge(dup2(slave, STDERR_FILENO), 0);
    log_init(LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    progress_init(log_is_human());

    progress_phase("dumping \"app\" (3/7)", /* total= */ 200 << 20);
    for (int i = 0; i < 100; i++) {
        monotonic += USEC_PER_SEC / 100;
        progress_add(1 << 20);
        progress_tick();
    }
    _cleanup_free_ char *text = unit_read_terminal(master, slave);
    for (const char *p = text; (p = strstr(p, "\r\033[K")) != NULL; p++)
        draws++;
    ck_assert_int_eq(draws, 1 + 5);

    const char *last = strrchr(text, '\r');
    ck_assert_str_eq(last, "\r\033[Kdumping \"app\" (3/7)  100 MiB  100 MiB/s  50 %  ETA 1.0 s");

    progress_done();
    _cleanup_free_ char *end = unit_read_terminal(master, slave);
    ck_assert_str_eq(end, "\r\033[K");
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(systemd_hears_ready_and_stopping),
    UNIT_TEST(the_status_says_how_far_the_work_has_come),
    UNIT_TEST(work_beyond_its_estimate_has_no_percentage),
    UNIT_TEST(the_status_is_sent_at_most_once_a_second_and_only_when_new),
    UNIT_TEST(a_name_cannot_add_a_line_to_a_notification),
    UNIT_TEST(the_watchdog_is_fed_only_when_there_was_progress),
    UNIT_TEST(bytes_that_appear_elsewhere_are_progress),
    UNIT_TEST(work_that_moves_no_byte_is_progress),
    UNIT_TEST(the_watchdog_is_fed_at_most_four_times_in_its_time),
    UNIT_TEST(a_watchdog_is_made_as_patient_as_the_longest_silence_that_is_permitted),
    UNIT_TEST(where_no_watchdog_watches_none_is_made),
    UNIT_TEST(the_outcome_is_the_last_word),
    UNIT_TEST(a_watchdog_meant_for_another_process_is_not_fed),
    UNIT_TEST(without_systemd_nothing_happens),
    UNIT_TEST(the_line_on_a_terminal_is_drawn_at_most_five_times_a_second),
};
UNIT_MAIN("progress", tests)
