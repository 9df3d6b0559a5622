#include "sys/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "sys/mem.h"
#include "sys/strv.h"

#define TMP_PREFIX "."
#define TMP_SUFFIX ".tmp"

/* -- Reading and writing -- */

int fs_write_all(int fd, const void *data, size_t size)
{
    const char *p = data;

    while (size > 0) {
        ssize_t n = write(fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EIO;
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

/* The number of bytes read, 0 at the end, or -errno. */
static ssize_t read_some(int fd, char *data, size_t size)
{
    ssize_t n;
    do {
        n = read(fd, data, size);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* How much to allocate at first: all of it where the size is known, so that no copy of a secret is
 * left behind by growing. A pipe or a file in /proc has size 0 and is none the worse for it. */
static int guess_size(int fd, size_t max, size_t *ret)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;

    size_t size = st.st_size > 0 ? (size_t)st.st_size : 4096;
    *ret = size < max ? size : max;
    return 0;
}

/* Reads to the end of the file; one byte is asked for beyond `max`, to know that there is none. */
static int read_to_end(int fd, size_t max, char **ret, size_t *ret_size)
{
    size_t capacity = 0, size = 0;
    int r = guess_size(fd, max, &capacity);
    if (r < 0)
        return r;
    _cleanup_free_ char *data = mem_alloc(capacity + 1);

    for (;;) {
        ssize_t n = read_some(fd, data + size, capacity + 1 - size);
        if (n < 0)
            return (int)n;
        if (n == 0)
            break;
        size += (size_t)n;
        if (size > max)
            return -EFBIG;
        if (size > capacity) {
            capacity = capacity > max / 2 ? max : capacity * 2;
            data = mem_resize(data, capacity + 1, 1);
        }
    }

    data[size] = '\0';
    *ret = TAKE_PTR(data);
    if (ret_size)
        *ret_size = size;
    return 0;
}

int fs_read_file(int dir_fd, const char *name, size_t max, char **ret, size_t *ret_size)
{
    _cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;

    return read_to_end(fd, max, ret, ret_size);
}

int fs_read_regular(int dir_fd, const char *name, size_t max, char **ret, size_t *ret_size)
{
    const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK;
    _cleanup_close_ int fd = openat(dir_fd, name, flags);
    struct stat st;

    if (fd < 0)
        return errno == ELOOP ? -EINVAL : -errno;
    if (fstat(fd, &st) < 0)
        return -errno;
    return S_ISREG(st.st_mode) ? read_to_end(fd, max, ret, ret_size) : -EINVAL;
}

/* -- Durability -- */

/* Once: after a failure Linux calls the lost pages clean, and a second fsync would succeed. */
static int sync_file(int fd)
{
    return fsync(fd) < 0 ? -errno : 0;
}

/* Some network and FUSE file systems have no fsync for directories and say EINVAL (PostgreSQL's
 * fsync_fname() knows them, too): there is nothing more that could be done there. */
int fs_sync_dir(int dir_fd)
{
    if (fsync(dir_fd) < 0 && errno != EINVAL)
        return -errno;
    return 0;
}

/* The parent by "..", so that AT_FDCWD and names with slashes are as good as a plain name. */
static int sync_parent(int dir_fd)
{
    _cleanup_close_ int parent_fd = openat(dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent_fd < 0)
        return -errno;

    return fs_sync_dir(parent_fd);
}

/* NFS and quota tell some failed writes only here. On Linux the descriptor is gone even after
 * EINTR. */
static int close_written(int fd)
{
    return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

/* -- Directories -- */

static int open_dir(int parent_fd, const char *name, int *ret_fd)
{
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;

    *ret_fd = fd;
    return 0;
}

void fs_give_to_owner(int dir_fd, int fd)
{
    struct stat dir;

    if (geteuid() == 0 && fstat(dir_fd, &dir) == 0 && dir.st_uid != 0)
        (void)!fchown(fd, dir.st_uid, dir.st_gid);
}

int fs_open_dir(int parent_fd, const char *name, mode_t mode, int *ret_fd)
{
    int r = open_dir(parent_fd, name, ret_fd);
    if (r != -ENOENT)
        return r;

    if (mkdirat(parent_fd, name, mode) < 0)
        return errno == EEXIST ? open_dir(parent_fd, name, ret_fd) : -errno;

    _cleanup_close_ int fd = -1;
    r = open_dir(parent_fd, name, &fd);
    if (r >= 0) {
        fs_give_to_owner(parent_fd, fd);
        r = sync_parent(fd);
    }
    if (r < 0) {
        /* Or the next one to come finds it there and takes it for durable. */
        unlinkat(parent_fd, name, AT_REMOVEDIR);
        return r;
    }

    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int read_names(DIR *dir, Strv *names)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry)
            return -errno;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            strv_add(names, entry->d_name);
    }
}

int fs_list(int dir_fd, Strv *ret)
{
    /* A description of its own: one that was dup()ed would share the position with dir_fd. */
    _cleanup_close_ int fd = -1;
    int r = open_dir(dir_fd, ".", &fd);
    if (r < 0)
        return r;

    _cleanup_dir_ DIR *dir = fdopendir(fd);
    if (!dir)
        return -errno;
    (void)TAKE_FD(fd);

    _cleanup_strv_ Strv names = { 0 };
    r = read_names(dir, &names);
    if (r < 0)
        return r;

    strv_sort(&names);
    *ret = names;
    names = (Strv){ 0 };
    return 0;
}

int fs_remove(int dir_fd, const char *name)
{
    return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int fs_remove_dir(int dir_fd, const char *name)
{
    _cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    _cleanup_strv_ Strv names = { 0 };

    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        return fs_remove(dir_fd, name);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;

    int r = fs_list(fd, &names);
    for (size_t i = 0; r >= 0 && i < names.count; i++) {
        r = fs_remove(fd, names.items[i]);
        if (r == -EISDIR)
            r = 0; /* rmdir() finds it */
    }
    if (r < 0)
        return r;
    return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

static uint64_t bytes_of_blocks(uint64_t blocks, uint64_t block_size)
{
    uint64_t bytes;
    return __builtin_mul_overflow(blocks, block_size, &bytes) ? UINT64_MAX : bytes;
}

int fs_space(int fd, uint64_t *ret_free, uint64_t *ret_total)
{
    struct statvfs st;
    if (fstatvfs(fd, &st) < 0)
        return -errno;

    *ret_free = bytes_of_blocks(st.f_bavail, st.f_frsize);
    *ret_total = bytes_of_blocks(st.f_blocks, st.f_frsize);
    return 0;
}

/* -- Publishing -- */

char *fs_tmp_name(const char *name)
{
    return mem_printf(TMP_PREFIX "%s" TMP_SUFFIX, name);
}

bool fs_parse_tmp_name(const char *tmp, char **ret_name)
{
    size_t prefix = strlen(TMP_PREFIX), suffix = strlen(TMP_SUFFIX), size = strlen(tmp);
    if (size <= prefix + suffix || strncmp(tmp, TMP_PREFIX, prefix) != 0 ||
        strcmp(tmp + size - suffix, TMP_SUFFIX) != 0)
        return false;

    *ret_name = mem_strndup(tmp + prefix, size - prefix - suffix);
    return true;
}

int fs_create_tmp(int dir_fd, const char *name, int *ret_fd)
{
    _cleanup_free_ char *tmp = fs_tmp_name(name);
    int r = fs_remove(dir_fd, tmp);
    if (r < 0)
        return r;

    int fd = openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    fs_give_to_owner(dir_fd, fd);
    *ret_fd = fd;
    return 0;
}

int fs_create_tmp_dir(int dir_fd, const char *name, int *ret_fd)
{
    _cleanup_free_ char *tmp = fs_tmp_name(name);
    int r = fs_remove_dir(dir_fd, tmp);
    if (r < 0)
        return r;
    if (mkdirat(dir_fd, tmp, 0700) < 0)
        return -errno;

    int fd = openat(dir_fd, tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        r = -errno;
        unlinkat(dir_fd, tmp, AT_REMOVEDIR);
        return r;
    }
    fs_give_to_owner(dir_fd, fd);

    *ret_fd = fd;
    return 0;
}

/* NFS, CIFS and many FUSE file systems lack RENAME_NOREPLACE. The lock of the instance keeps other
 * writers away, so that looking first is enough there. */
static int rename_new(int dir_fd, const char *from, const char *to)
{
    if (renameat2(dir_fd, from, dir_fd, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;

    struct stat st;
    if (fstatat(dir_fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST;
    if (errno != ENOENT)
        return -errno;
    return renameat(dir_fd, from, dir_fd, to) < 0 ? -errno : 0;
}

/* The last two steps, for a temporary file that is durable already. */
static int rename_durable(int dir_fd, const char *tmp, const char *name, FsPublish mode)
{
    int r;
    if (mode == FS_PUBLISH_NEW)
        r = rename_new(dir_fd, tmp, name);
    else
        r = renameat(dir_fd, tmp, dir_fd, name) < 0 ? -errno : 0;
    if (r < 0)
        return r;

    return fs_sync_dir(dir_fd);
}

int fs_publish(int dir_fd, const char *name, int fd, FsPublish mode)
{
    int r = sync_file(fd);
    if (r < 0)
        return r;

    _cleanup_free_ char *tmp = fs_tmp_name(name);
    return rename_durable(dir_fd, tmp, name, mode);
}

int fs_publish_dir(int dir_fd, const char *name, int fd)
{
    int r = fs_sync_dir(fd);
    if (r < 0)
        return r;

    _cleanup_free_ char *tmp = fs_tmp_name(name);
    r = rename_new(dir_fd, tmp, name);
    if (r < 0)
        return r;

    r = fs_sync_dir(dir_fd);
    if (r < 0)
        (void)renameat(dir_fd, name, dir_fd, tmp);
    return r;
}

/* Nothing is renamed before the descriptor is closed: its error would come too late. */
static int write_tmp(int dir_fd, const char *name, const void *data, size_t size)
{
    _cleanup_close_ int fd = -1;
    int r = fs_create_tmp(dir_fd, name, &fd);
    if (r < 0)
        return r;

    r = fs_write_all(fd, data, size);
    if (r < 0)
        return r;
    r = sync_file(fd);
    if (r < 0)
        return r;
    return close_written(TAKE_FD(fd));
}

int fs_write_durable(int dir_fd, const char *name, const void *data, size_t size, FsPublish mode)
{
    _cleanup_free_ char *tmp = fs_tmp_name(name);

    int r = write_tmp(dir_fd, name, data, size);
    if (r >= 0)
        r = rename_durable(dir_fd, tmp, name, mode);
    if (r < 0)
        fs_remove(dir_fd, tmp);
    return r;
}

int fs_symlink_durable(int dir_fd, const char *target, const char *name)
{
    _cleanup_free_ char *tmp = fs_tmp_name(name);
    int r = fs_remove(dir_fd, tmp);
    if (r < 0)
        return r;

    if (symlinkat(target, dir_fd, tmp) < 0)
        return -errno;
    r = rename_durable(dir_fd, tmp, name, FS_PUBLISH_REPLACE);
    if (r < 0)
        fs_remove(dir_fd, tmp);
    return r;
}
