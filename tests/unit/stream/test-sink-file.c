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

static int write_back_errno; /* sync_file_range() fails with it */

static struct {
    off64_t offset, size;
    unsigned flags;
} write_backs[8]; /* the calls of sync_file_range() */
static size_t write_back_count;

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

int sync_file_range(int fd, off64_t offset, off64_t size, unsigned flags)
{
    ck_assert_uint_lt(write_back_count, ELEMENTSOF(write_backs));
    write_backs[write_back_count].offset = offset;
    write_backs[write_back_count].size = size;
    write_backs[write_back_count++].flags = flags;
    if (write_back_errno != 0) {
        errno = write_back_errno;
        return -1;
    }
    return (int)syscall(SYS_sync_file_range, fd, offset, size, flags);
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

/* Write-back while streaming */

#define PIECE 65537 /* divides no power of two */

static void write_pieces(Pipeline *p, size_t bytes)
{
    static const char zeroes[PIECE];
    for (size_t done = 0, size; done < bytes; done += size) {
        size = bytes - done < PIECE ? bytes - done : PIECE;
        ck_assert_int_eq(pipeline_write(p, zeroes, size, NULL), 0);
    }
}

START_TEST(write_back_starts_at_each_further_16_mib_and_leaves_no_gap)
{
    static const size_t mib = (size_t)1 << 20;
    off64_t end = 0;

    open_directory();
    Pipeline *p = pipeline_of(make_sink());
    write_pieces(p, 16 * mib - 1);
    ck_assert_uint_eq(write_back_count, 0);
    write_pieces(p, 1);
    ck_assert_uint_eq(write_back_count, 1);
    write_pieces(p, 40 * mib);
    ck_assert_uint_eq(write_back_count, 3);
    ck_assert_int_eq(pipeline_finish(p, NULL), 0);
    pipeline_free(p);

    for (size_t i = 0; i < write_back_count; i++) {
        ck_assert_int_eq(write_backs[i].offset, end);
        ck_assert_int_ge(write_backs[i].size, 16 * mib);
        ck_assert_int_lt(write_backs[i].size, 16 * mib + PIECE);
        ck_assert_uint_eq(write_backs[i].flags, SYNC_FILE_RANGE_WRITE);
        end += write_backs[i].size;
    }
    close_directory();
}
END_TEST

START_TEST(a_file_system_that_knows_no_write_back_is_good_enough)
{
    struct stat st;
    size_t size = (size_t)20 << 20;

    open_directory();
    write_back_errno = ENOSYS;
    Pipeline *p = pipeline_of(make_sink());
    write_pieces(p, size);
    ck_assert_int_eq(pipeline_finish(p, NULL), 0);
    pipeline_free(p);

    ck_assert_uint_eq(write_back_count, 1);
    ck_assert_int_eq(fstatat(dir_fd, NAME, &st, 0), 0);
    ck_assert_uint_eq(st.st_size, size);
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
    UNIT_TEST(write_back_starts_at_each_further_16_mib_and_leaves_no_gap),
    UNIT_TEST(a_file_system_that_knows_no_write_back_is_good_enough),
    UNIT_LOOP(a_full_disk_is_named_with_the_path_and_leaves_nothing, 2),
    UNIT_LOOP(a_file_that_may_not_survive_a_power_cut_is_taken_back, 2),
    UNIT_TEST(a_directory_that_is_gone_is_an_error_that_names_the_file),
};
UNIT_MAIN("sink-file", tests)
