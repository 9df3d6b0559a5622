#include "stream/sink-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fs.h"
#include "sys/mem.h"

/* How much may be dirty before the kernel is asked to write it. */
#define WRITE_BACK_BYTES ((uint64_t)16 << 20)

typedef struct SinkFile {
    Stage stage;
    SinkFileSpec spec; /* its strings are those below */
    char *dir_path, *name, *tmp_name;
    int fd; /* -1 until the first write */
    uint64_t written;
    uint64_t write_back; /* so much of it was handed to write-back */
    bool published;
} SinkFile;

/* For "could not WHAT "DIR/NAME": ...". */
static int sink_file_error(const SinkFile *f, int r, const char *what, Err *err)
{
    return err_set_errno(err, r, "could not %s \"%s/%s\"", what, f->dir_path, f->name);
}

static int sink_file_create(SinkFile *f, Err *err)
{
    if (f->fd >= 0)
        return 0;

    int r = fs_create_tmp(f->spec.dir_fd, f->name, &f->fd);
    if (r < 0)
        return sink_file_error(f, r, "create", err);
    return 0;
}

/* Left to itself, the kernel may keep a good part of memory dirty, and the fsync at the end would
 * then wait for gigabytes in one call, in which nothing feeds the watchdog. This is a hint and no
 * durability: it flushes neither metadata nor the disk's cache, and the fsync is what counts. It
 * does not take a write error away from that fsync either, since it waits for nothing; so its own
 * result (ENOSYS, ESPIPE, EIO) says nothing that matters here. */
static void start_write_back(SinkFile *f)
{
    uint64_t size = f->written - f->write_back;
    if (size < WRITE_BACK_BYTES)
        return;

    (void)sync_file_range(f->fd, (off_t)f->write_back, (off_t)size, SYNC_FILE_RANGE_WRITE);
    f->write_back = f->written;
}

static int sink_file_write(Stage *s, const void *data, size_t size, Err *err)
{
    SinkFile *f = (SinkFile *)s;
    int r = sink_file_create(f, err);
    if (r < 0)
        return r;

    r = fs_write_all(f->fd, data, size);
    if (r < 0)
        return sink_file_error(f, r, "write", err);

    f->written += size;
    start_write_back(f);
    return 0;
}

static int sink_file_finish(Stage *s, Err *err)
{
    SinkFile *f = (SinkFile *)s;
    int r = sink_file_create(f, err);
    if (r < 0)
        return r;

    r = fs_publish(f->spec.dir_fd, f->name, f->fd, FS_PUBLISH_NEW);
    if (r == -EEXIST)
        return err_set(err, ERR_REFUSED, "\"%s/%s\" exists already", f->dir_path, f->name);
    if (r < 0)
        return sink_file_error(f, r, "publish", err);

    f->published = true;
    return 0;
}

/* True when the name in the directory is the very file that we have open, and not one that was
 * there before us. */
static bool sink_file_owns(const SinkFile *f, const char *name)
{
    struct stat ours, there;
    return fstat(f->fd, &ours) == 0 &&
           fstatat(f->spec.dir_fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* The final name is ours when publishing failed after the rename: such a file may not survive a
 * power cut, so it must not look as if it could. Failures here leave a leftover, which the next
 * run sweeps. */
static void sink_file_discard(const SinkFile *f)
{
    const char *const names[] = { f->tmp_name, f->name };

    for (size_t i = 0; i < ELEMENTSOF(names); i++)
        if (sink_file_owns(f, names[i]))
            (void)fs_remove(f->spec.dir_fd, names[i]);
}

static void sink_file_free(Stage *s)
{
    SinkFile *f = (SinkFile *)s;
    if (f->fd >= 0) {
        if (!f->published)
            sink_file_discard(f);
        close(f->fd);
    }
    free(f->tmp_name);
    free(f->dir_path);
    free(f->name);
    free(f);
}

static const StageOps sink_file_ops = {
    .name = "file",
    .write = sink_file_write,
    .finish = sink_file_finish,
    .free = sink_file_free,
};

Stage *sink_file_new(const SinkFileSpec *spec)
{
    SinkFile *f = mem_zero(1, sizeof(*f));
    *f = (SinkFile){
        .stage.ops = &sink_file_ops,
        .spec = *spec,
        .dir_path = mem_strdup(spec->dir_path),
        .name = mem_strdup(spec->name),
        .tmp_name = fs_tmp_name(spec->name),
        .fd = -1,
    };
    f->spec.dir_path = f->dir_path;
    f->spec.name = f->name;
    return &f->stage;
}
