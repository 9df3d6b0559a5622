#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/buf.h"
#include "sys/fs.h"
#include "sys/mem.h"
#include "sys/strv.h"

/* The calls that make a file durable, in the place of libc's: they note what is called in which
 * order, and fail where a test says so. */
static Buf trace;
static int fsync_file_errno, fsync_dir_errno; /* 0: the real thing */
static unsigned fsync_dir_spared;             /* so many come before it fails */
static int rename_errno, noreplace_errno;

static int fail_or(int errnum, long result)
{
    if (errnum == 0)
        return (int)result;
    errno = errnum;
    return -1;
}

int fsync(int fd)
{
    struct stat st;
    ck_assert_int_eq(fstat(fd, &st), 0);
    buf_adds(&trace, S_ISDIR(st.st_mode) ? "fsync(dir) " : "fsync(file) ");
    int errnum = S_ISDIR(st.st_mode) ? fsync_dir_errno : fsync_file_errno;
    if (S_ISDIR(st.st_mode) && fsync_dir_spared > 0) {
        fsync_dir_spared--;
        errnum = 0;
    }
    return fail_or(errnum, errnum ? 0 : syscall(SYS_fsync, fd));
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    buf_adds(&trace, flags & RENAME_NOREPLACE ? "rename(new) " : "rename ");
    int errnum = rename_errno;
    if (errnum == 0 && (flags & RENAME_NOREPLACE))
        errnum = noreplace_errno;
    return fail_or(errnum, errnum ? 0 : syscall(SYS_renameat2, from_fd, from, to_fd, to, flags));
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return renameat2(from_fd, from, to_fd, to, 0);
}

/* read() and write() likewise, interrupted and short when a test asks for it. */
static bool bumpy_io;
static unsigned interruptions;

static bool interrupted(void)
{
    static bool last;

    last = bumpy_io && !last;
    if (last) {
        interruptions++;
        errno = EINTR;
    }
    return last;
}

static size_t shortened(size_t size)
{
    return bumpy_io && size > 1000 ? 1000 : size;
}

ssize_t read(int fd, void *data, size_t size)
{
    return interrupted() ? -1 : syscall(SYS_read, fd, data, shortened(size));
}

ssize_t write(int fd, const void *data, size_t size)
{
    return interrupted() ? -1 : syscall(SYS_write, fd, data, shortened(size));
}

static void check_trace(const char *expected)
{
    _cleanup_free_ char *text = buf_take(&trace);
    ck_assert_str_eq(text, expected);
}

/* A test's directory, by path and by descriptor. */
typedef struct Dir {
    char *path;
    int fd;
} Dir;

static Dir dir_new(void)
{
    Dir d = { .path = unit_mkdir() };
    d.fd = open(d.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(d.fd, 0);
    return d;
}

static void dir_done(Dir *d)
{
    close(d->fd);
    unit_rmdir(d->path);
    buf_done(&trace);
}

static void check_content(const Dir *d, const char *name, const char *expected)
{
    size_t size = 0;
    _cleanup_free_ char *content = unit_read_file(d->path, name, &size);
    ck_assert_uint_eq(size, strlen(expected));
    ck_assert_str_eq(content, expected);
}

/* The names in the directory, with a space behind each, are these. */
static void check_names(const Dir *d, const char *expected)
{
    _cleanup_strv_ Strv names = { 0 };
    _cleanup_buf_ Buf text = { 0 };

    ck_assert_int_eq(fs_list(d->fd, &names), 0);
    for (size_t i = 0; i < names.count; i++)
        buf_addf(&text, "%s ", names.items[i]);
    ck_assert_str_eq(text.data ? text.data : "", expected);
}

/* -- Writing and reading -- */

START_TEST(a_full_disk_is_told)
{
    _cleanup_close_ int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fs_write_all(fd, "x", 1), -ENOSPC);
    ck_assert_int_eq(fs_write_all(fd, "x", 0), 0);
}
END_TEST

/* Whatever the sizes, every second call is interrupted and the others move 1000 bytes at most. */
START_TEST(interrupted_and_short_calls_go_on_where_they_stopped)
{
    Dir d = dir_new();
    _cleanup_free_ char *data = mem_zero(5500, 1), *read_data = NULL;
    size_t size = 0;
    for (size_t i = 0; i < 5500; i++)
        data[i] = (char)(i % 251);
    bumpy_io = true;

    _cleanup_close_ int fd = openat(d.fd, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(fs_write_all(fd, data, 5500), 0);
    ck_assert_int_eq(fs_read_file(d.fd, "f", 5500, &read_data, &size), 0);
    ck_assert_uint_gt(interruptions, 10);
    bumpy_io = false;

    ck_assert_uint_eq(size, 5500);
    ck_assert(memcmp(read_data, data, size) == 0);
    dir_done(&d);
}
END_TEST

static const size_t read_sizes[] = { 0, 1, 4095, 4096, 4097, 100000 };

START_TEST(a_file_is_read_whole)
{
    Dir d = dir_new();
    size_t size = read_sizes[_i], read_size = 0;
    _cleanup_free_ char *data = mem_zero(size, 1), *read_data = NULL;
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i % 251);
    unit_write_file(d.path, "f", data, size);

    ck_assert_int_eq(fs_read_file(d.fd, "f", size, &read_data, &read_size), 0);
    ck_assert_uint_eq(read_size, size);
    ck_assert(memcmp(read_data, data, size) == 0);
    ck_assert_int_eq(read_data[size], '\0');
    dir_done(&d);
}
END_TEST

START_TEST(a_file_beyond_the_limit_is_refused)
{
    Dir d = dir_new();
    char *data = NULL;
    size_t size = 42;
    unit_write_file(d.path, "f", "12345", 5);

    ck_assert_int_eq(fs_read_file(d.fd, "f", 4, &data, &size), -EFBIG);
    ck_assert_int_eq(fs_read_file(d.fd, "f", 0, &data, &size), -EFBIG);
    ck_assert_ptr_null(data);
    ck_assert_uint_eq(size, 42);
    dir_done(&d);
}
END_TEST

START_TEST(what_cannot_be_read_is_told)
{
    Dir d = dir_new();
    char *data = NULL;
    size_t size = 0;

    ck_assert_int_eq(fs_read_file(d.fd, "missing", 100, &data, &size), -ENOENT);
    ck_assert_int_eq(fs_read_file(d.fd, ".", 100, &data, &size), -EISDIR);
    dir_done(&d);
}
END_TEST

START_TEST(a_file_that_hides_its_size_is_read_whole)
{
    Dir d = dir_new();
    _cleanup_free_ char *path = mem_printf("%s/fifo", d.path), *data = NULL;
    size_t size = 0;
    ck_assert_int_eq(mkfifo(path, 0600), 0);

    pid_t pid = fork();
    if (pid == 0) {
        _cleanup_free_ char *zeroes = mem_zero(100000, 1);
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
        _exit(fs_write_all(fd, zeroes, 100000) == 0 ? 0 : 1);
    }
    ck_assert_int_eq(fs_read_file(d.fd, "fifo", 100000, &data, &size), 0);
    ck_assert_uint_eq(size, 100000);

    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    dir_done(&d);
}
END_TEST

/* -- Directories -- */

START_TEST(a_missing_directory_is_made_durably)
{
    Dir d = dir_new();
    umask(0);
    _cleanup_close_ int made = -1, found = -1;
    struct stat st;

    ck_assert_int_eq(fs_open_dir(d.fd, "sub", 0700, &made), 0);
    check_trace("fsync(dir) ");
    ck_assert_int_eq(fstat(made, &st), 0);
    ck_assert_uint_eq(st.st_mode, S_IFDIR | 0700);

    ck_assert_int_eq(fs_open_dir(d.fd, "sub", 0700, &found), 0);
    check_trace("");
    dir_done(&d);
}
END_TEST

START_TEST(a_directory_that_is_not_durable_does_not_stay)
{
    Dir d = dir_new();
    int fd = -1;
    fsync_dir_errno = EIO;

    ck_assert_int_eq(fs_open_dir(d.fd, "sub", 0700, &fd), -EIO);
    check_trace("fsync(dir) ");
    ck_assert_int_eq(fd, -1);
    check_names(&d, "");
    dir_done(&d);
}
END_TEST

START_TEST(a_file_is_no_directory)
{
    Dir d = dir_new();
    int fd = -1;
    unit_write_file(d.path, "f", "", 0);

    ck_assert_int_eq(fs_open_dir(d.fd, "f", 0700, &fd), -ENOTDIR);
    ck_assert_int_eq(fs_open_dir(d.fd, "missing/sub", 0700, &fd), -ENOENT);
    dir_done(&d);
}
END_TEST

START_TEST(a_listing_is_sorted_by_bytes_and_complete_each_time)
{
    Dir d = dir_new();
    static const char *const names[] = { "b", "a", "B", "\xff", ".hidden", "a b", "\xc3\xa9" };
    for (size_t i = 0; i < ELEMENTSOF(names); i++)
        unit_write_file(d.path, names[i], "", 0);

    for (int round = 0; round < 2; round++)
        check_names(&d, ".hidden B a a b b \xc3\xa9 \xff ");
    dir_done(&d);
}
END_TEST

START_TEST(removing_what_is_not_there_is_fine)
{
    Dir d = dir_new();
    unit_write_file(d.path, "f", "", 0);

    ck_assert_int_eq(fs_remove(d.fd, "f"), 0);
    ck_assert_int_eq(fs_remove(d.fd, "f"), 0);
    check_names(&d, "");
    ck_assert_int_lt(fs_remove(d.fd, "."), 0);
    dir_done(&d);
}
END_TEST

START_TEST(free_space_is_that_of_an_unprivileged_writer)
{
    Dir d = dir_new();
    struct statvfs st;
    uint64_t free_bytes = 0, total = 0;

    ck_assert_int_eq(fs_space(d.fd, &free_bytes, &total), 0);
    ck_assert_int_eq(statvfs(d.path, &st), 0);
    ck_assert_uint_eq(total, st.f_blocks * st.f_frsize);
    ck_assert_uint_gt(free_bytes, 0);
    ck_assert_uint_le(free_bytes, st.f_blocks * st.f_frsize);
    ck_assert_int_eq(fs_space(-1, &free_bytes, &total), -EBADF);
    dir_done(&d);
}
END_TEST

/* -- Temporary names -- */

static const char *const round_trip_names[] = {
    "appdb_20261122T020000Z.dump", "a", ".", "..", ".a.tmp", "x.tmp", "na\u00efve", "tmp",
};

START_TEST(temporary_names_lead_back_to_the_final_one)
{
    _cleanup_free_ char *tmp = fs_tmp_name(round_trip_names[_i]), *name = NULL;

    ck_assert_int_eq(tmp[0], '.');
    ck_assert(fs_parse_tmp_name(tmp, &name));
    ck_assert_str_eq(name, round_trip_names[_i]);
}
END_TEST

static const char *const other_names[] = {
    "", ".", "..", ".tmp", "..tmp", "a.tmp", ".a", ".a.tmp~", ".a.TMP", "tmp", ".hidden",
};

START_TEST(other_names_are_no_temporary_ones)
{
    char *name = NULL;
    ck_assert(!fs_parse_tmp_name(other_names[_i], &name));
    ck_assert_ptr_null(name);
}
END_TEST

/* -- Publishing -- */

/* The temporary file of `name` with `text` in it. */
static int written_tmp(const Dir *d, const char *name, const char *text)
{
    int fd = -1;
    ck_assert_int_eq(fs_create_tmp(d->fd, name, &fd), 0);
    ck_assert_int_eq(fs_write_all(fd, text, strlen(text)), 0);
    return fd;
}

START_TEST(a_temporary_file_is_private_and_starts_empty)
{
    Dir d = dir_new();
    umask(0);
    unit_write_file(d.path, ".f.tmp", "left by a crash", 15);
    _cleanup_close_ int fd = written_tmp(&d, "f", "");
    struct stat st;

    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
    check_content(&d, ".f.tmp", "");
    dir_done(&d);
}
END_TEST

START_TEST(a_temporary_file_is_not_written_through_a_link)
{
    Dir d = dir_new();
    unit_write_file(d.path, "precious", "stays", 5);
    ck_assert_int_eq(symlinkat("precious", d.fd, ".f.tmp"), 0);
    close(written_tmp(&d, "f", "new"));

    check_content(&d, "precious", "stays");
    check_content(&d, ".f.tmp", "new");
    dir_done(&d);
}
END_TEST

START_TEST(publishing_syncs_the_file_then_renames_then_syncs_the_directory)
{
    Dir d = dir_new();
    _cleanup_close_ int first = written_tmp(&d, "f", "first");
    ck_assert_int_eq(fs_publish(d.fd, "f", first, FS_PUBLISH_NEW), 0);
    check_trace("fsync(file) rename(new) fsync(dir) ");
    check_names(&d, "f ");

    _cleanup_close_ int second = written_tmp(&d, "f", "second");
    ck_assert_int_eq(fs_publish(d.fd, "f", second, FS_PUBLISH_REPLACE), 0);
    check_trace("fsync(file) rename fsync(dir) ");
    check_names(&d, "f ");
    check_content(&d, "f", "second");
    dir_done(&d);
}
END_TEST

/* With RENAME_NOREPLACE, and on file systems that answer EINVAL or do not know the call. */
static const int noreplace_errnos[] = { 0, EINVAL, ENOSYS };

START_TEST(a_new_name_is_published_on_every_file_system)
{
    Dir d = dir_new();
    noreplace_errno = noreplace_errnos[_i];
    _cleanup_close_ int fd = written_tmp(&d, "f", "new");

    ck_assert_int_eq(fs_publish(d.fd, "f", fd, FS_PUBLISH_NEW), 0);
    check_names(&d, "f ");
    check_content(&d, "f", "new");
    dir_done(&d);
}
END_TEST

START_TEST(a_taken_name_is_never_replaced_by_a_new_file)
{
    Dir d = dir_new();
    noreplace_errno = noreplace_errnos[_i];
    unit_write_file(d.path, "f", "old", 3);
    _cleanup_close_ int fd = written_tmp(&d, "f", "new");

    ck_assert_int_eq(fs_publish(d.fd, "f", fd, FS_PUBLISH_NEW), -EEXIST);
    check_content(&d, "f", "old");
    check_content(&d, ".f.tmp", "new");
    dir_done(&d);
}
END_TEST

START_TEST(a_dangling_link_is_a_taken_name)
{
    Dir d = dir_new();
    noreplace_errno = noreplace_errnos[_i];
    ck_assert_int_eq(symlinkat("nowhere", d.fd, "f"), 0);
    _cleanup_close_ int fd = written_tmp(&d, "f", "new");

    ck_assert_int_eq(fs_publish(d.fd, "f", fd, FS_PUBLISH_NEW), -EEXIST);
    dir_done(&d);
}
END_TEST

START_TEST(a_failed_fsync_is_not_tried_again_and_publishes_nothing)
{
    Dir d = dir_new();
    fsync_file_errno = EIO;
    _cleanup_close_ int fd = written_tmp(&d, "f", "lost");

    ck_assert_int_eq(fs_publish(d.fd, "f", fd, FS_PUBLISH_NEW), -EIO);
    check_trace("fsync(file) ");
    check_names(&d, ".f.tmp ");

    ck_assert_int_eq(fs_write_durable(d.fd, "g", "lost", 4, FS_PUBLISH_REPLACE), -EIO);
    check_trace("fsync(file) ");
    check_names(&d, ".f.tmp ");
    dir_done(&d);
}
END_TEST

START_TEST(a_failed_rename_leaves_the_name_untouched)
{
    Dir d = dir_new();
    unit_write_file(d.path, "f", "old", 3);
    rename_errno = EIO;

    ck_assert_int_eq(fs_write_durable(d.fd, "f", "new", 3, FS_PUBLISH_REPLACE), -EIO);
    check_trace("fsync(file) rename ");
    check_names(&d, "f ");
    check_content(&d, "f", "old");
    dir_done(&d);
}
END_TEST

START_TEST(a_failed_fsync_of_the_directory_is_an_error)
{
    Dir d = dir_new();
    fsync_dir_errno = EIO;

    ck_assert_int_eq(fs_write_durable(d.fd, "f", "x", 1, FS_PUBLISH_NEW), -EIO);
    check_trace("fsync(file) rename(new) fsync(dir) ");
    ck_assert_int_eq(fs_symlink_durable(d.fd, "f", "link"), -EIO);
    check_trace("rename fsync(dir) ");
    dir_done(&d);
}
END_TEST

START_TEST(a_file_system_that_cannot_sync_directories_is_good_enough)
{
    Dir d = dir_new();
    fsync_dir_errno = EINVAL;

    ck_assert_int_eq(fs_write_durable(d.fd, "f", "x", 1, FS_PUBLISH_NEW), 0);
    check_names(&d, "f ");
    dir_done(&d);
}
END_TEST

static int tmp_dir(const Dir *d, const char *name)
{
    int fd = -1;
    ck_assert_int_eq(fs_create_tmp_dir(d->fd, name, &fd), 0);
    return fd;
}

START_TEST(publishing_a_directory_syncs_it_then_renames_then_syncs_its_parent)
{
    Dir d = dir_new();
    _cleanup_close_ int fd = tmp_dir(&d, "x"), again = -1;

    ck_assert_int_eq(fs_publish_dir(d.fd, "x", fd), 0);
    check_trace("fsync(dir) rename(new) fsync(dir) ");
    check_names(&d, "x ");

    again = tmp_dir(&d, "x");
    ck_assert_int_eq(fs_publish_dir(d.fd, "x", again), -EEXIST);
    check_names(&d, ".x.tmp x ");
    dir_done(&d);
}
END_TEST

START_TEST(a_directory_that_was_not_published_has_its_temporary_name)
{
    Dir d = dir_new();
    _cleanup_close_ int fd = tmp_dir(&d, "x");

    fsync_dir_errno = EIO;
    ck_assert_int_eq(fs_publish_dir(d.fd, "x", fd), -EIO);
    check_names(&d, ".x.tmp ");
    fsync_dir_spared = 1; /* only its parent cannot be synced */
    ck_assert_int_eq(fs_publish_dir(d.fd, "x", fd), -EIO);
    check_names(&d, ".x.tmp ");
    fsync_dir_errno = 0;
    rename_errno = EIO;
    ck_assert_int_eq(fs_publish_dir(d.fd, "x", fd), -EIO);
    check_names(&d, ".x.tmp ");
    dir_done(&d);
}
END_TEST

START_TEST(a_directory_is_removed_with_its_files_and_no_link_is_followed)
{
    Dir d = dir_new();
    ck_assert_int_eq(mkdirat(d.fd, "x", 0700), 0);
    ck_assert_int_eq(mkdirat(d.fd, "other", 0700), 0);
    unit_write_file(d.path, "other/file", "x", 1);
    unit_write_file(d.path, "x/file", "x", 1);
    unit_write_file(d.path, "x/.hidden", "x", 1);
    ck_assert_int_eq(symlinkat("../other", d.fd, "x/link"), 0);
    ck_assert_int_eq(symlinkat("other", d.fd, "link"), 0);

    ck_assert_int_eq(fs_remove_dir(d.fd, "x"), 0);
    ck_assert_int_eq(fs_remove_dir(d.fd, "link"), 0);
    ck_assert_int_eq(fs_remove_dir(d.fd, "not there"), 0);
    check_names(&d, "other ");
    check_content(&d, "other/file", "x");
    dir_done(&d);
}
END_TEST

START_TEST(a_directory_that_holds_another_stays_with_that_alone)
{
    Dir d = dir_new();
    ck_assert_int_eq(mkdirat(d.fd, "x", 0700), 0);
    ck_assert_int_eq(mkdirat(d.fd, "x/theirs", 0700), 0);
    unit_write_file(d.path, "x/theirs/file", "x", 1);
    unit_write_file(d.path, "x/zzz", "x", 1);

    ck_assert_int_eq(fs_remove_dir(d.fd, "x"), -ENOTEMPTY);
    check_content(&d, "x/theirs/file", "x");
    ck_assert_int_lt(faccessat(d.fd, "x/zzz", F_OK, 0), 0);
    dir_done(&d);
}
END_TEST

START_TEST(a_whole_file_is_written_durably)
{
    Dir d = dir_new();
    ck_assert_int_eq(fs_write_durable(d.fd, "f", "one", 3, FS_PUBLISH_NEW), 0);
    check_trace("fsync(file) rename(new) fsync(dir) ");
    ck_assert_int_eq(fs_write_durable(d.fd, "f", "two", 3, FS_PUBLISH_NEW), -EEXIST);
    check_content(&d, "f", "one");
    ck_assert_int_eq(fs_write_durable(d.fd, "f", "three", 5, FS_PUBLISH_REPLACE), 0);
    check_content(&d, "f", "three");
    check_names(&d, "f ");
    dir_done(&d);
}
END_TEST

START_TEST(a_write_that_stops_half_way_leaves_nothing_behind)
{
    Dir d = dir_new();
    _cleanup_free_ char *data = mem_zero(10000, 1);
    unit_write_file(d.path, "f", "old", 3);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 4096;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);

    int r = fs_write_durable(d.fd, "f", data, 10000, FS_PUBLISH_REPLACE);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert_int_eq(r, -EFBIG);
    check_trace("");
    check_names(&d, "f ");
    check_content(&d, "f", "old");
    dir_done(&d);
}
END_TEST

START_TEST(a_link_is_made_and_replaced_durably)
{
    Dir d = dir_new();
    unit_write_file(d.path, "one", "1", 1);
    unit_write_file(d.path, "two", "2", 1);
    ck_assert_int_eq(symlinkat("crash", d.fd, ".latest.tmp"), 0);

    ck_assert_int_eq(fs_symlink_durable(d.fd, "one", "latest"), 0);
    check_trace("rename fsync(dir) ");
    check_content(&d, "latest", "1");
    ck_assert_int_eq(fs_symlink_durable(d.fd, "two", "latest"), 0);
    check_content(&d, "latest", "2");
    check_content(&d, "one", "1");
    check_names(&d, "latest one two ");
    dir_done(&d);
}
END_TEST

START_TEST(only_a_regular_file_is_read_where_anything_may_lie)
{
    Dir d = dir_new();
    _cleanup_free_ char *data = NULL;
    size_t size;

    unit_write_file(d.path, "f", "abc", 3);
    ck_assert_int_eq(mkfifoat(d.fd, "fifo", 0600), 0);
    ck_assert_int_eq(symlinkat("f", d.fd, "link"), 0);
    ck_assert_int_eq(fs_read_regular(d.fd, "fifo", 100, &data, &size), -EINVAL);
    ck_assert_int_eq(fs_read_regular(d.fd, "link", 100, &data, &size), -EINVAL);
    ck_assert_int_eq(fs_read_regular(d.fd, ".", 100, &data, &size), -EINVAL);
    ck_assert_int_eq(fs_read_regular(d.fd, "missing", 100, &data, &size), -ENOENT);
    ck_assert_int_eq(fs_read_regular(d.fd, "f", 2, &data, &size), -EFBIG);
    ck_assert_int_eq(fs_read_regular(d.fd, "f", 3, &data, &size), 0);
    ck_assert_str_eq(data, "abc");
    dir_done(&d);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(only_a_regular_file_is_read_where_anything_may_lie),
    UNIT_TEST(a_full_disk_is_told),
    UNIT_TEST(interrupted_and_short_calls_go_on_where_they_stopped),
    UNIT_LOOP(a_file_is_read_whole, ELEMENTSOF(read_sizes)),
    UNIT_TEST(a_file_beyond_the_limit_is_refused),
    UNIT_TEST(what_cannot_be_read_is_told),
    UNIT_TEST(a_file_that_hides_its_size_is_read_whole),
    UNIT_TEST(a_missing_directory_is_made_durably),
    UNIT_TEST(a_directory_that_is_not_durable_does_not_stay),
    UNIT_TEST(a_file_is_no_directory),
    UNIT_TEST(a_listing_is_sorted_by_bytes_and_complete_each_time),
    UNIT_TEST(removing_what_is_not_there_is_fine),
    UNIT_TEST(free_space_is_that_of_an_unprivileged_writer),
    UNIT_LOOP(temporary_names_lead_back_to_the_final_one, ELEMENTSOF(round_trip_names)),
    UNIT_LOOP(other_names_are_no_temporary_ones, ELEMENTSOF(other_names)),
    UNIT_TEST(a_temporary_file_is_private_and_starts_empty),
    UNIT_TEST(a_temporary_file_is_not_written_through_a_link),
    UNIT_TEST(publishing_syncs_the_file_then_renames_then_syncs_the_directory),
    UNIT_LOOP(a_new_name_is_published_on_every_file_system, ELEMENTSOF(noreplace_errnos)),
    UNIT_LOOP(a_taken_name_is_never_replaced_by_a_new_file, ELEMENTSOF(noreplace_errnos)),
    UNIT_LOOP(a_dangling_link_is_a_taken_name, ELEMENTSOF(noreplace_errnos)),
    UNIT_TEST(a_failed_fsync_is_not_tried_again_and_publishes_nothing),
    UNIT_TEST(a_failed_rename_leaves_the_name_untouched),
    UNIT_TEST(a_failed_fsync_of_the_directory_is_an_error),
    UNIT_TEST(a_file_system_that_cannot_sync_directories_is_good_enough),
    UNIT_TEST(publishing_a_directory_syncs_it_then_renames_then_syncs_its_parent),
    UNIT_TEST(a_directory_that_was_not_published_has_its_temporary_name),
    UNIT_TEST(a_directory_is_removed_with_its_files_and_no_link_is_followed),
    UNIT_TEST(a_directory_that_holds_another_stays_with_that_alone),
    UNIT_TEST(a_whole_file_is_written_durably),
    UNIT_TEST(a_write_that_stops_half_way_leaves_nothing_behind),
    UNIT_TEST(a_link_is_made_and_replaced_durably),
};
UNIT_MAIN("fs", tests)
