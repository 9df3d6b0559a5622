#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stage-suite.h"
#include "stream/sink-fd.h"
#include "sys/cancel.h"
#include "sys/mem.h"

static char *dir_path;
static int out_fd = -1;

static Stage *make_sink(void)
{
    return sink_fd_new(out_fd, "standard output");
}

static char *read_back(size_t *ret_size)
{
    return unit_read_file(dir_path, "out", ret_size);
}

static const StageSuite suite = {
    .make = make_sink,
    .read_back = read_back,
    .pieces_max = 200000,
};

START_TEST(any_data_in_any_pieces_is_written)
{
    dir_path = unit_mkdir();
    _cleanup_free_ char *path = mem_printf("%s/out", dir_path);
    out_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(out_fd, 0);

    suite_round_trip(&suite, _i);
    ck_assert_int_eq(close(out_fd), 0); /* borrowed: still open */
    unit_rmdir(dir_path);
}
END_TEST

static int write_into(int fd, Err *err)
{
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    pipeline_add(p, sink_fd_new(fd, "standard output"));
    return suite_feed(p, "data", 4, 0, err);
}

START_TEST(a_full_disk_is_an_error_of_its_own_kind)
{
    _cleanup_err_ Err err = { 0 };
    _cleanup_close_ int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(full, 0);

    ck_assert_int_lt(write_into(full, &err), 0);
    ck_assert_int_eq(err.kind, ERR_DISK_FULL);
    ck_assert_str_eq(err.message,
                     "could not write to \"standard output\": No space left on device");
}
END_TEST

START_TEST(a_reader_that_went_away_is_an_error)
{
    _cleanup_err_ Err err = { 0 };
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    _cleanup_close_ int fd = ends[1];

    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_lt(write_into(fd, &err), 0);
    ck_assert_int_eq(err.kind, ERR_IO);
}
END_TEST

START_TEST(a_reader_that_does_not_read_cannot_keep_us_from_stopping)
{
    static const char zeroes[1 << 20]; /* more than a pipe holds */
    _cleanup_err_ Err err = { 0 };
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    pipeline_add(p, sink_fd_new(ends[1], "standard output"));

    ck_assert_int_eq(cancel_init(), 0);
    pid_t killer = fork();
    if (killer == 0) {
        int queued = 0;
        while (ioctl(ends[0], FIONREAD, &queued) == 0 && queued < fcntl(ends[0], F_GETPIPE_SZ))
            (void)poll(NULL, 0, 1);
        _exit(kill(getppid(), SIGTERM));
    }
    ck_assert_int_lt(pipeline_write(p, zeroes, sizeof(zeroes), &err), 0);
    ck_assert_int_eq(err.kind, ERR_CANCELLED);
    ck_assert_int_eq(waitpid(killer, NULL, 0), killer);
}
END_TEST

START_TEST(a_descriptor_that_does_not_block_is_waited_for)
{
    static const char zeroes[1 << 20];
    _cleanup_err_ Err err = { 0 };
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    int ends[2], status = -1;
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    pipeline_add(p, sink_fd_new(ends[1], "standard output"));

    pid_t reader = fork();
    if (reader == 0) {
        char data[1000];
        size_t total = 0;
        close(ends[1]);
        for (ssize_t n; (n = read(ends[0], data, sizeof(data))) > 0;)
            total += (size_t)n;
        _exit(total == sizeof(zeroes) ? 0 : 1);
    }
    ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    int r = suite_feed(p, zeroes, sizeof(zeroes), 0, &err);
    ck_assert_msg(r == 0, "%s", err.message);
    close(ends[1]);
    ck_assert_int_eq(waitpid(reader, &status, 0), reader);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(the_null_sink_takes_anything)
{
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    pipeline_add(p, sink_null_new());
    ck_assert_int_eq(suite_feed(p, "data", 4, 1, NULL), 0);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(any_data_in_any_pieces_is_written, SUITE_ROUND_TRIPS),
    UNIT_TEST(a_full_disk_is_an_error_of_its_own_kind),
    UNIT_TEST(a_reader_that_went_away_is_an_error),
    UNIT_TEST(a_reader_that_does_not_read_cannot_keep_us_from_stopping),
    UNIT_TEST(a_descriptor_that_does_not_block_is_waited_for),
    UNIT_TEST(the_null_sink_takes_anything),
};
UNIT_MAIN("sink-fd", tests)
