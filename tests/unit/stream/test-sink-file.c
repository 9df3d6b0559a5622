#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage-suite.h"
#include "stream/sink-file.h"
#include "sys/fs.h"
#include "sys/mem.h"
#include "sys/strv.h"

#define NAME "app_20261122T020000Z.dump"

/* The disk's faults: the C library's functions, replaced in this program. */

static int write_errno;       /* write() fails with it */
static int fsyncs_until_fail; /* the n-th fsync() fails with EIO; 0: none does */

static char *dir_path;
static int dir_fd = -1;

ssize_t write(int fd, const void *data, size_t size)
{
    if (write_errno != 0) {
        errno = write_errno;
        return -1;
    }
    return syscall(SYS_write, fd, data, size);
}

int fsync(int fd)
{
    if (fsyncs_until_fail > 0 && --fsyncs_until_fail == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

/* The directory, and what is in it. */

static void open_directory(void)
{
    dir_path = unit_mkdir();
    dir_fd = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(dir_fd, 0);
}

static void close_directory(void)
{
    close(dir_fd);
    unit_rmdir(dir_path);
}

static void assert_directory_has(const char *only)
{
    _cleanup_strv_ Strv names = { 0 };
    ck_assert_int_eq(fs_list(dir_fd, &names), 0);
    ck_assert_uint_eq(names.count, only ? 1 : 0);
    if (only)
        ck_assert_str_eq(names.items[0], only);
}

static bool exists(const char *name)
{
    return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static Stage *make_sink(void)
{
    return sink_file_new(&(SinkFileSpec){ .dir_fd = dir_fd, .dir_path = dir_path, .name = NAME });
}

static Pipeline *pipeline_of(Stage *sink)
{
    Pipeline *p = pipeline_new();
    pipeline_add(p, sink);
    return p;
}

/* The suite */

static char *read_back(size_t *ret_size)
{
    return unit_read_file(dir_path, NAME, ret_size);
}

static const StageSuite suite = {
    .make = make_sink,
    .read_back = read_back,
    .pieces_max = 200000,
};

START_TEST(any_data_in_any_pieces_is_in_the_file)
{
    open_directory();
    suite_round_trip(&suite, _i);
    assert_directory_has(NAME);
    close_directory();
}
END_TEST

/* Publishing */

START_TEST(the_name_appears_only_when_the_pipeline_is_finished)
{
    open_directory();
    Pipeline *p = pipeline_of(make_sink());
    assert_directory_has(NULL);

    ck_assert_int_eq(pipeline_write(p, "data", 4, NULL), 0);
    ck_assert(!exists(NAME));

    ck_assert_int_eq(pipeline_finish(p, NULL), 0);
    assert_directory_has(NAME);
    pipeline_free(p);
    assert_directory_has(NAME);
    close_directory();
}
END_TEST

START_TEST(only_the_owner_can_read_the_file)
{
    struct stat st;

    open_directory();
    Pipeline *p = pipeline_of(make_sink());
    ck_assert_int_eq(suite_feed(p, "data", 4, 0, NULL), 0);
    pipeline_free(p);
    ck_assert_int_eq(fstatat(dir_fd, NAME, &st, 0), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    close_directory();
}
END_TEST

START_TEST(a_sink_freed_unfinished_leaves_nothing)
{
    open_directory();
    Pipeline *p = pipeline_of(make_sink());
    ck_assert_int_eq(pipeline_write(p, "data", 4, NULL), 0);
    pipeline_free(p);
    assert_directory_has(NULL);
    close_directory();
}
END_TEST

START_TEST(the_temporary_file_of_a_crashed_run_is_no_obstacle)
{
    open_directory();
    _cleanup_free_ char *tmp = fs_tmp_name(NAME);
    unit_write_file(dir_path, tmp, "longer than the new one", 23);

    Pipeline *p = pipeline_of(make_sink());
    ck_assert_int_eq(suite_feed(p, "data", 4, 0, NULL), 0);
    pipeline_free(p);
    _cleanup_free_ char *text = unit_read_file(dir_path, NAME, NULL);
    ck_assert_str_eq(text, "data");
    assert_directory_has(NAME);
    close_directory();
}
END_TEST

START_TEST(a_file_of_that_name_is_neither_replaced_nor_removed)
{
    _cleanup_err_ Err err = { 0 };

    open_directory();
    unit_write_file(dir_path, NAME, "earlier", 7);
    Pipeline *p = pipeline_of(make_sink());
    ck_assert_int_lt(suite_feed(p, "data", 4, 0, &err), 0);
    pipeline_free(p);

    ck_assert_int_eq(err.kind, ERR_REFUSED);
    _cleanup_free_ char *text = unit_read_file(dir_path, NAME, NULL);
    ck_assert_str_eq(text, "earlier");
    assert_directory_has(NAME);
    close_directory();
}
END_TEST

/* Faults */

START_TEST(a_full_disk_is_named_with_the_path_and_leaves_nothing)
{
    static const int full[] = { ENOSPC, EDQUOT };
    _cleanup_err_ Err err = { 0 };

    open_directory();
    Pipeline *p = pipeline_of(make_sink());
    ck_assert_int_eq(pipeline_write(p, "first", 5, NULL), 0);
    write_errno = full[_i];
    ck_assert_int_lt(suite_feed(p, "data", 4, 0, &err), 0);
    write_errno = 0;
    pipeline_free(p);

    ck_assert_int_eq(err.kind, ERR_DISK_FULL);
    _cleanup_free_ char *expected =
        mem_printf("could not write \"%s/%s\": %s", dir_path, NAME, strerror(full[_i]));
    ck_assert_str_eq(err.message, expected);
    assert_directory_has(NULL);
    close_directory();
}
END_TEST

/* The first fsync is the file's, the second the directory's: the file has its name by then. */
START_TEST(a_file_that_may_not_survive_a_power_cut_is_taken_back)
{
    _cleanup_err_ Err err = { 0 };

    open_directory();
    Pipeline *p = pipeline_of(make_sink());
    fsyncs_until_fail = _i + 1;
    ck_assert_int_lt(suite_feed(p, "data", 4, 0, &err), 0);
    ck_assert_int_eq(fsyncs_until_fail, 0);
    ck_assert_int_eq(err.kind, ERR_IO);
    pipeline_free(p);
    assert_directory_has(NULL);
    close_directory();
}
END_TEST

START_TEST(a_directory_that_is_gone_is_an_error_that_names_the_file)
{
    _cleanup_err_ Err err = { 0 };

    open_directory();
    ck_assert_int_eq(rmdir(dir_path), 0);
    Pipeline *p = pipeline_of(make_sink());
    ck_assert_int_lt(pipeline_write(p, "data", 4, &err), 0);
    pipeline_free(p);

    _cleanup_free_ char *expected =
        mem_printf("could not create \"%s/%s\": No such file or directory", dir_path, NAME);
    ck_assert_str_eq(err.message, expected);
    close(dir_fd);
    free(dir_path);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(any_data_in_any_pieces_is_in_the_file, SUITE_ROUND_TRIPS),
    UNIT_TEST(the_name_appears_only_when_the_pipeline_is_finished),
    UNIT_TEST(only_the_owner_can_read_the_file),
    UNIT_TEST(a_sink_freed_unfinished_leaves_nothing),
    UNIT_TEST(the_temporary_file_of_a_crashed_run_is_no_obstacle),
    UNIT_TEST(a_file_of_that_name_is_neither_replaced_nor_removed),
    UNIT_LOOP(a_full_disk_is_named_with_the_path_and_leaves_nothing, 2),
    UNIT_LOOP(a_file_that_may_not_survive_a_power_cut_is_taken_back, 2),
    UNIT_TEST(a_directory_that_is_gone_is_an_error_that_names_the_file),
};
UNIT_MAIN("sink-file", tests)
