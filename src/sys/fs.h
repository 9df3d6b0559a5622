#pragma once

/* Files, durably. Names are relative to a directory's descriptor; every function returns 0 or
 * -errno, and the caller, who knows the full path, makes the sentence.
 *
 * A file is published in one way: written under a temporary name in its own directory, fsynced,
 * renamed, the directory fsynced (fs_publish()). A failed fsync means that the file is lost (Linux
 * marks the pages clean): it is never retried. Nothing else in the program creates a name that a
 * reader may trust. */

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Writes all of it, whatever the number of calls; -errno, and how much was written is lost. */
int fs_write_all(int fd, const void *data, size_t size);

/* Reads a file up to `max` bytes (-EFBIG beyond); the result is NUL-terminated, so that ret_size
 * may be NULL. */
int fs_read_file(int dir_fd, const char *name, size_t max, char **ret, size_t *ret_size);

/* The same where anything may lie: -EINVAL for what is not a regular file, symbolic links included.
 * A FIFO would be waited for, for ever. */
int fs_read_regular(int dir_fd, const char *name, size_t max, char **ret, size_t *ret_size);

/* Opens a directory, making it first with `mode` where it is missing (the parent is then fsynced).
 */
int fs_open_dir(int parent_fd, const char *name, mode_t mode, int *ret_fd);

/* The name that belongs to `name` while it is being written: ".NAME.tmp". Caller frees. */
char *fs_tmp_name(const char *name);
/* True for a name that fs_tmp_name() makes; *ret_name is then the final name, caller frees. */
bool fs_parse_tmp_name(const char *tmp, char **ret_name);

/* What root makes in somebody else's directory becomes that user's, who has to read it, too: units
 * run as pg-backup, administrators as root. Where a file system has no owners it stays as it is.
 * Does nothing for anybody but root. */
void fs_give_to_owner(int dir_fd, int fd);

/* Creates the temporary file of `name` (0600, the directory's owner's, an old one is removed first)
 * for writing. */
int fs_create_tmp(int dir_fd, const char *name, int *ret_fd);

/* The same as a directory (0700), for reading; its files go there by whatever name. */
int fs_create_tmp_dir(int dir_fd, const char *name, int *ret_fd);

typedef enum FsPublish {
    FS_PUBLISH_NEW,     /* -EEXIST when the name is taken; the temporary file stays */
    FS_PUBLISH_REPLACE, /* atomically in the place of what is there */
} FsPublish;

/* fsync(fd), rename of fs_tmp_name(name) to name, fsync(dir_fd). After a failure the name is either
 * untouched or, when only the last step failed, complete but perhaps not durable: an error all the
 * same, and the caller removes it. */
int fs_publish(int dir_fd, const char *name, int fd, FsPublish mode);

/* The same for a directory whose files are durable already: -EEXIST when the name is taken. After
 * any failure it has its temporary name, for the caller to remove. */
int fs_publish_dir(int dir_fd, const char *name, int fd);

/* fs_create_tmp() + write + fs_publish(); removes the temporary file when it fails. */
int fs_write_durable(int dir_fd, const char *name, const void *data, size_t size, FsPublish mode);

/* Makes or replaces the symbolic link `name` atomically and fsyncs the directory. */
int fs_symlink_durable(int dir_fd, const char *target, const char *name);

/* Removes a file; a missing one is fine. Does not fsync the directory. */
int fs_remove(int dir_fd, const char *name);

/* Removes a directory with the files in it, or whatever else has the name; a missing one is fine.
 * Links go and are never followed. A directory in it, which nothing of ours has, stays, and is
 * -ENOTEMPTY. Does not fsync. */
int fs_remove_dir(int dir_fd, const char *name);

/* Makes durable what was created, renamed and removed in a directory. */
int fs_sync_dir(int dir_fd);

/* The names in a directory except "." and "..", sorted by bytes, in `ret` (a Strv, empty before).
 */
struct Strv;
int fs_list(int dir_fd, struct Strv *ret);

static inline void fs_closedirp(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}
#define _cleanup_dir_ _cleanup_(fs_closedirp)

/* Free bytes for an unprivileged writer, and the size of the file system. */
int fs_space(int fd, uint64_t *ret_free, uint64_t *ret_total);
