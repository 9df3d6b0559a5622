#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "stage-suite.h"
#include "stream/sink-fd.h"
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
    UNIT_TEST(the_null_sink_takes_anything),
};
UNIT_MAIN("sink-fd", tests)
