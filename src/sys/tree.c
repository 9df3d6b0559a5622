#include "sys/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/mem.h"

#define BLOCK_SIZE 512 /* of st_blocks, whatever the file system's own is */

static void close_dirp(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}
#define _cleanup_dir_ _cleanup_(close_dirp)

/* A directory of this device, or NULL with errno. */
static DIR *open_on_device(int parent_fd, const char *name, dev_t device)
{
    _cleanup_close_ int fd =
        openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return NULL;
    if (st.st_dev != device) {
        errno = EXDEV;
        return NULL;
    }

    DIR *dir = fdopendir(fd);
    if (dir)
        (void)TAKE_FD(fd);
    return dir;
}

/* The next name, NULL at the end. */
static const char *next_name(DIR *dir)
{
    const struct dirent *entry;
    do {
        entry = readdir(dir);
    } while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    return entry ? entry->d_name : NULL;
}

static int remove_on_device(int parent_fd, const char *name, dev_t device);

static int empty_directory(int parent_fd, const char *name, dev_t device)
{
    _cleanup_dir_ DIR *dir = open_on_device(parent_fd, name, device);
    const char *entry;
    int r = 0;

    if (!dir)
        return -errno;
    while ((entry = next_name(dir))) {
        int failed = remove_on_device(dirfd(dir), entry, device);
        r = r < 0 ? r : failed;
    }
    return r;
}

static int remove_on_device(int parent_fd, const char *name, dev_t device)
{
    if (unlinkat(parent_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -errno;

    int r = empty_directory(parent_fd, name, device);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    return unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int tree_remove(int parent_fd, const char *name)
{
    struct stat st;
    if (fstat(parent_fd, &st) < 0)
        return -errno;
    return remove_on_device(parent_fd, name, st.st_dev);
}

static uint64_t count_bytes(int parent_fd, const char *name, dev_t device)
{
    _cleanup_dir_ DIR *dir = open_on_device(parent_fd, name, device);
    uint64_t bytes = 0;
    const char *entry;

    if (!dir)
        return 0;
    while ((entry = next_name(dir))) {
        struct stat st;
        if (fstatat(dirfd(dir), entry, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        bytes += (uint64_t)st.st_blocks * BLOCK_SIZE;
        if (S_ISDIR(st.st_mode))
            bytes += count_bytes(dirfd(dir), entry, device);
    }
    return bytes;
}

uint64_t tree_bytes(int dir_fd)
{
    struct stat st;
    return fstat(dir_fd, &st) < 0 ? 0 : count_bytes(dir_fd, ".", st.st_dev);
}
