#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "stage-suite.h"
#include "stream/pump.h"
#include "sys/cancel.h"
#include "sys/mem.h"

/* A pump's run: what it returned, what it said, what reached the sink. */
typedef struct Run {
    int r;
    Err err;
    SuiteSink sink;
} Run;

static void run_done(Run *run)
{
    err_done(&run->err);
    buf_done(&run->sink.data);
}
#define _cleanup_run_ _cleanup_(run_done)

static Pipeline *pipeline_of(SuiteSink *sink)
{
    Pipeline *p = pipeline_new();
    pipeline_add(p, suite_sink_new(sink));
    return p;
}

static void pump_script(Run *run, const char *script, usec_t stall_timeout)
{
    char sh[] = "sh", option[] = "-c";
    _cleanup_free_ char *text = mem_strdup(script);
    char *const argv[] = { sh, option, text, NULL };
    char *const env[] = { NULL };
    const ChildSpec spec = {
        .path = "/bin/sh",
        .argv = argv,
        .env = env,
        .pipe = CHILD_STDOUT,
        .stall_timeout = stall_timeout,
    };
    _cleanup_child_ Child child = CHILD_INIT;
    _cleanup_pipeline_ Pipeline *p = pipeline_of(&run->sink);

    ck_assert_int_eq(child_spawn(&child, &spec, NULL), 0);
    run->r = pump_child(&child, p, &run->err);
}

static void assert_failed(const Run *run, ErrKind kind)
{
    ck_assert_int_lt(run->r, 0);
    ck_assert_int_eq(run->err.kind, kind);
    ck_assert(!run->sink.finished);
}

/* Children */

START_TEST(all_that_a_child_writes_arrives_and_is_published)
{
    _cleanup_run_ Run run = { 0 };
    pump_script(&run, "seq 1 400000", 0);
    ck_assert_int_eq(run.r, 0);
    ck_assert(run.sink.finished);

    size_t size;
    _cleanup_free_ char *expected =
        suite_tool((const char *const[]){ "seq", "1", "400000", NULL }, "", 0, &size);
    ck_assert_uint_eq(run.sink.data.size, size);
    ck_assert_mem_eq(run.sink.data.data, expected, size);
}
END_TEST

START_TEST(a_child_that_wrote_nothing_and_exited_with_0_is_complete)
{
    _cleanup_run_ Run run = { 0 };
    pump_script(&run, ":", 0);
    ck_assert_int_eq(run.r, 0);
    ck_assert(run.sink.finished);
    ck_assert_uint_eq(run.sink.data.size, 0);
}
END_TEST

START_TEST(the_end_of_the_data_without_exit_status_0_publishes_nothing)
{
    static const struct {
        const char *script;
        const char *message;
    } failures[] = {
        { "echo half; echo 'sh: error: connection lost' >&2; exit 1",
          "sh exited with status 1: sh: error: connection lost" },
        { "echo half; exec >&-; exit 4", "sh exited with status 4" },
        { "echo half; kill -9 $$", "sh was killed by signal 9 (Killed)" },
    };
    _cleanup_run_ Run run = { 0 };

    pump_script(&run, failures[_i].script, 0);
    assert_failed(&run, ERR_CHILD);
    ck_assert_str_eq(run.sink.data.data, "half\n");
    ck_assert_str_eq(run.err.message, failures[_i].message);
}
END_TEST

START_TEST(a_sink_that_fails_stops_an_endless_child)
{
    _cleanup_run_ Run run = { .sink.fail_at = 100000 };
    pump_script(&run, "exec yes", 0);
    assert_failed(&run, ERR_IO);
    ck_assert_str_eq(run.err.message, SUITE_SINK_ERROR);
}
END_TEST

START_TEST(a_child_that_hangs_is_stalled_and_publishes_nothing)
{
    _cleanup_run_ Run run = { 0 };
    pump_script(&run, "echo half; exec sleep 1000", 300 * USEC_PER_MSEC);
    assert_failed(&run, ERR_STALLED);
}
END_TEST

START_TEST(a_signal_stops_the_pump_between_an_endless_childs_buffers)
{
    _cleanup_run_ Run run = { 0 };
    ck_assert_int_eq(cancel_init(), 0);
    ck_assert_int_eq(raise(SIGTERM), 0);
    pump_script(&run, "exec yes", 0);
    assert_failed(&run, ERR_CANCELLED);
}
END_TEST

/* Files */

static void pump_fd(Run *run, int fd)
{
    _cleanup_pipeline_ Pipeline *p = pipeline_of(&run->sink);
    run->r = pump_file(fd, "/backups/app.dump", p, &run->err);
}

static int open_file_of(const char *text)
{
    char *dir = unit_mkdir();
    _cleanup_free_ char *path = mem_printf("%s/f", dir);
    unit_write_file(dir, "f", text, strlen(text));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    unit_rmdir(dir);
    return fd;
}

START_TEST(a_file_arrives_from_its_position_to_its_end)
{
    _cleanup_run_ Run run = { 0 };
    _cleanup_close_ int fd = open_file_of("head and tail");

    ck_assert_int_eq(lseek(fd, 9, SEEK_SET), 9);
    pump_fd(&run, fd);
    ck_assert_int_eq(run.r, 0);
    ck_assert(run.sink.finished);
    ck_assert_str_eq(run.sink.data.data, "tail");
}
END_TEST

START_TEST(a_file_larger_than_any_buffer_arrives)
{
    _cleanup_run_ Run run = { 0 };
    _cleanup_free_ char *numbers =
        suite_tool((const char *const[]){ "seq", "1", "400000", NULL }, "", 0, NULL);
    _cleanup_close_ int fd = open_file_of(numbers);

    pump_fd(&run, fd);
    ck_assert_int_eq(run.r, 0);
    ck_assert_str_eq(run.sink.data.data, numbers);
}
END_TEST

START_TEST(a_pipe_is_as_good_as_a_file)
{
    _cleanup_run_ Run run = { 0 };
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(write(ends[1], "data", 4), 4);
    close(ends[1]);
    _cleanup_close_ int fd = ends[0];

    pump_fd(&run, fd);
    ck_assert_int_eq(run.r, 0);
    ck_assert_str_eq(run.sink.data.data, "data");
}
END_TEST

START_TEST(a_file_that_cannot_be_read_publishes_nothing)
{
    _cleanup_run_ Run run = { 0 };
    _cleanup_close_ int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    pump_fd(&run, fd);
    assert_failed(&run, ERR_IO);
    ck_assert_str_eq(run.err.message, "could not read \"/backups/app.dump\": Is a directory");
}
END_TEST

START_TEST(a_signal_stops_the_pump_between_a_files_buffers)
{
    _cleanup_run_ Run run = { 0 };
    _cleanup_close_ int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(cancel_init(), 0);
    ck_assert_int_eq(raise(SIGINT), 0);

    pump_fd(&run, fd);
    assert_failed(&run, ERR_CANCELLED);
}
END_TEST

START_TEST(a_sink_that_fails_stops_an_endless_file)
{
    _cleanup_run_ Run run = { .sink.fail_at = 1000000 };
    _cleanup_close_ int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    pump_fd(&run, fd);
    assert_failed(&run, ERR_IO);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(all_that_a_child_writes_arrives_and_is_published),
    UNIT_TEST(a_child_that_wrote_nothing_and_exited_with_0_is_complete),
    UNIT_LOOP(the_end_of_the_data_without_exit_status_0_publishes_nothing, 3),
    UNIT_TEST(a_sink_that_fails_stops_an_endless_child),
    UNIT_TEST(a_child_that_hangs_is_stalled_and_publishes_nothing),
    UNIT_TEST(a_signal_stops_the_pump_between_an_endless_childs_buffers),
    UNIT_TEST(a_file_arrives_from_its_position_to_its_end),
    UNIT_TEST(a_file_larger_than_any_buffer_arrives),
    UNIT_TEST(a_pipe_is_as_good_as_a_file),
    UNIT_TEST(a_file_that_cannot_be_read_publishes_nothing),
    UNIT_TEST(a_signal_stops_the_pump_between_a_files_buffers),
    UNIT_TEST(a_sink_that_fails_stops_an_endless_file),
};
UNIT_MAIN("pump", tests)
