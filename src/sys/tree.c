#include "sys/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fs.h"
#include "sys/mem.h"

#define BLOCK_SIZE 512 /* of st_blocks, whatever the file system's own is */

/* How many directories are open at a time, one within the other: far more than PostgreSQL nests,
 * far fewer than a process may open. Whoever fills a tree may nest them without an end. */
#define DEPTH_MAX 64

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

/* Removing */

/* The directory that is emptied, and what was too deep and now lies in it. */
typedef struct Removal {
    dev_t device;
    int top_fd;
    unsigned moved; /* in all */
} Removal;

/* A directory that its owner has locked himself out of is unlocked; of nobody else's. */
static DIR *open_to_empty(int parent_fd, const char *name, dev_t device)
{
    _cleanup_close_ int fd = openat(parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    _cleanup_free_ char *path = mem_printf("/proc/self/fd/%d", fd);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return NULL;
    if (st.st_dev == device && (st.st_mode & S_IRWXU) != S_IRWXU)
        (void)chmod(path, S_IRWXU); /* else the next step says why */
    return open_on_device(fd, ".", device);
}

/* Up into the top directory, from where a later pass goes on. */
static int move_up(Removal *removal, int parent_fd, const char *name)
{
    _cleanup_dir_ DIR *unlocked = open_to_empty(parent_fd, name, removal->device);
    int r;

    if (!unlocked)
        return -errno;
    do {
        _cleanup_free_ char *new_name = mem_printf("deep-%u", ++removal->moved);
        r = renameat2(parent_fd, name, removal->top_fd, new_name, RENAME_NOREPLACE);
    } while (r < 0 && errno == EEXIST);
    return r < 0 ? -errno : 0;
}

static int remove_entry(Removal *removal, int parent_fd, const char *name, unsigned depth);

static int empty_directory(Removal *removal, DIR *dir, unsigned depth)
{
    const char *entry;
    int r = 0;

    while ((entry = next_name(dir))) {
        int failed = remove_entry(removal, dirfd(dir), entry, depth);
        r = r < 0 ? r : failed;
    }
    return r;
}

static int remove_entry(Removal *removal, int parent_fd, const char *name, unsigned depth)
{
    if (unlinkat(parent_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -errno;
    if (depth == DEPTH_MAX)
        return move_up(removal, parent_fd, name);

    _cleanup_dir_ DIR *dir = open_to_empty(parent_fd, name, removal->device);
    int r = dir ? empty_directory(removal, dir, depth + 1) : -errno;
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    return unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* In as many passes as something was too deep. */
static int empty_top(DIR *top, dev_t device)
{
    Removal removal = { .device = device, .top_fd = dirfd(top) };
    unsigned before;
    int r;

    do {
        before = removal.moved;
        rewinddir(top);
        r = empty_directory(&removal, top, /* depth= */ 1);
    } while (removal.moved > before);
    return r;
}

int tree_remove(int parent_fd, const char *name)
{
    struct stat st;

    if (fstat(parent_fd, &st) < 0)
        return -errno;
    if (unlinkat(parent_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -errno;

    _cleanup_dir_ DIR *top = open_to_empty(parent_fd, name, st.st_dev);
    int r = top ? empty_top(top, st.st_dev) : -errno;
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    return unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* Counting */

static uint64_t count_bytes(int parent_fd, const char *name, dev_t device, unsigned depth)
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
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
            bytes += count_bytes(dirfd(dir), entry, device, depth + 1);
    }
    return bytes;
}

uint64_t tree_bytes(int dir_fd)
{
    struct stat st;
    return fstat(dir_fd, &st) < 0 ? 0 : count_bytes(dir_fd, ".", st.st_dev, /* depth= */ 1);
}
