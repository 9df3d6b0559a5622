#include "unit.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "stage-suite.h"
#include "stream/sink-child.h"
#include "sys/mem.h"

static char *dir_path;
static Child child = CHILD_INIT;

static void spawn(const char *path, char *const *argv)
{
    _cleanup_err_ Err err = { 0 };
    char *const env[] = { NULL };
    const ChildSpec spec = { .path = path, .argv = argv, .env = env, .pipe = CHILD_STDIN };

    signal(SIGPIPE, SIG_IGN); /* as main() does */
    ck_assert_msg(child_spawn(&child, &spec, &err) == 0, "%s", err.message);
}

static Pipeline *pipeline_to_shell(const char *script)
{
    char *argv[] = { mem_strdup("sh"), mem_strdup("-c"), mem_strdup(script), NULL };
    spawn("/bin/sh", argv);
    for (size_t i = 0; argv[i]; i++)
        free(argv[i]);

    Pipeline *p = pipeline_new();
    pipeline_add(p, sink_child_new(&child));
    return p;
}

/* The suite: tee(1) writes to a file what it reads. */

static Stage *make_tee(void)
{
    _cleanup_free_ char *path = mem_printf("%s/out", dir_path);
    char name[] = "tee";
    char *const argv[] = { name, path, NULL };
    spawn("/usr/bin/tee", argv);
    return sink_child_new(&child);
}

static char *read_back(size_t *ret_size)
{
    return unit_read_file(dir_path, "out", ret_size);
}

static const StageSuite suite = {
    .make = make_tee,
    .read_back = read_back,
    .pieces_max = 50000,
};

START_TEST(any_data_in_any_pieces_reaches_the_child)
{
    dir_path = unit_mkdir();
    suite_round_trip(&suite, _i);
    child_done(&child);
    unit_rmdir(dir_path);
}
END_TEST

/* More than any pipe holds. */
static int feed_much(Pipeline *p, Err *err)
{
    _cleanup_free_ char *much = mem_zero(8, 1 << 20);
    return suite_feed(p, much, (size_t)8 << 20, 1 << 16, err);
}

START_TEST(a_child_that_fails_at_the_end_of_its_input_fails_finish)
{
    _cleanup_err_ Err err = { 0 };
    Pipeline *p = pipeline_to_shell("cat >/dev/null; echo 'error: no space' >&2; exit 3");

    ck_assert_int_eq(pipeline_write(p, "data", 4, &err), 0);
    ck_assert_int_lt(pipeline_finish(p, &err), 0);
    ck_assert_int_eq(err.kind, ERR_CHILD);
    ck_assert_ptr_nonnull(strstr(err.message, "no space"));
    pipeline_free(p);
    child_done(&child);
}
END_TEST

START_TEST(a_child_that_stops_reading_fails_the_write_with_what_it_said)
{
    _cleanup_err_ Err err = { 0 };
    Pipeline *p = pipeline_to_shell("head -c 1 >/dev/null; echo 'ERROR: no such role' >&2; exit 3");

    ck_assert_int_lt(feed_much(p, &err), 0);
    ck_assert_int_eq(err.kind, ERR_CHILD);
    ck_assert_ptr_nonnull(strstr(err.message, "no such role"));
    pipeline_free(p);
    child_done(&child);
}
END_TEST

START_TEST(a_child_that_stops_reading_and_claims_success_is_not_believed)
{
    _cleanup_err_ Err err = { 0 };
    Pipeline *p = pipeline_to_shell("head -c 1 >/dev/null; exit 0");

    ck_assert_int_lt(feed_much(p, &err), 0);
    ck_assert_int_eq(err.kind, ERR_CHILD);
    ck_assert_str_eq(err.message, "sh ended before it had read all of its input");
    pipeline_free(p);
    child_done(&child);
}
END_TEST

START_TEST(a_child_that_dies_by_a_signal_is_an_error)
{
    _cleanup_err_ Err err = { 0 };
    Pipeline *p = pipeline_to_shell("kill -9 $$");

    ck_assert_int_lt(feed_much(p, &err), 0);
    ck_assert_int_eq(err.kind, ERR_CHILD);
    ck_assert_ptr_nonnull(strstr(err.message, "signal 9"));
    pipeline_free(p);
    child_done(&child);
}
END_TEST

/* psql would commit at the end of its input. */
START_TEST(an_unfinished_sink_does_not_look_like_the_end_of_the_data)
{
    dir_path = unit_mkdir();
    _cleanup_free_ char *script = mem_printf("cat >/dev/null; echo committed >'%s/out'", dir_path);
    _cleanup_free_ char *path = mem_printf("%s/out", dir_path);
    Pipeline *p = pipeline_to_shell(script);

    ck_assert_int_eq(pipeline_write(p, "BEGIN;", 6, NULL), 0);
    pipeline_free(p);
    child_done(&child);
    ck_assert_int_ne(access(path, F_OK), 0);
    unit_rmdir(dir_path);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(any_data_in_any_pieces_reaches_the_child, SUITE_ROUND_TRIPS),
    UNIT_TEST(a_child_that_fails_at_the_end_of_its_input_fails_finish),
    UNIT_TEST(a_child_that_stops_reading_fails_the_write_with_what_it_said),
    UNIT_TEST(a_child_that_stops_reading_and_claims_success_is_not_believed),
    UNIT_TEST(a_child_that_dies_by_a_signal_is_an_error),
    UNIT_TEST(an_unfinished_sink_does_not_look_like_the_end_of_the_data),
};
UNIT_MAIN("sink-child", tests)
