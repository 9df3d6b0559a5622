#include "backup/directory-copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "stream/pump.h"
#include "stream/sink-file.h"
#include "stream/stage-check.h"
#include "stream/stage-tap.h"
#include "stream/stage.h"
#include "sys/fs.h"
#include "sys/mem.h"

typedef struct Expectation {
    const StoredFile *file;
    const Stage *tap;
    const char *directory;
} Expectation;

static int check_digest(void *userdata, Err *err)
{
    const Expectation *e = userdata;

    if (strcmp(stage_tap_sha256(e->tap), e->file->sha256) != 0)
        return err_set(err, ERR_DAMAGED, "\"%s/%s\" has SHA-256 %s, its manifest says %s",
                       e->directory, e->file->name, stage_tap_sha256(e->tap), e->file->sha256);
    return 0;
}

static int copy_file(int from_fd, const char *from, const StoredFile *file, int to_fd,
                     const char *to, Err *err)
{
    Expectation e = { .file = file, .directory = from };
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    _cleanup_free_ char *path = mem_printf("%s/%s", from, file->name);
    _cleanup_close_ int fd = -1;
    uint64_t size;

    int r = stored_file_open(from_fd, from, file->name, &fd, &size, err);
    if (r < 0)
        return r;
    e.tap = pipeline_add(p, stage_tap_new());
    pipeline_add(p, stage_check_new(check_digest, &e));
    pipeline_add(
        p, sink_file_new(&(SinkFileSpec){ .dir_fd = to_fd, .dir_path = to, .name = file->name }));
    return pump_file(fd, path, p, err);
}

static int fill(const char *from, const Manifest *m, int to_fd, const char *to, Err *err)
{
    _cleanup_close_ int from_fd = open(from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (from_fd < 0)
        return err_set_errno(err, errno, "could not open directory \"%s\"", from);
    for (size_t i = 0; i < m->files.count; i++) {
        int r = copy_file(from_fd, from, &m->files.items[i], to_fd, to, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int directory_copy(const char *from, const Manifest *m, int dir_fd, const char *dir_path,
                   const char *name, Err *err)
{
    _cleanup_free_ char *tmp = fs_tmp_name(name), *to = mem_printf("%s/%s", dir_path, name);
    _cleanup_close_ int fd = -1;

    int r = fs_create_tmp_dir(dir_fd, name, &fd);
    if (r < 0)
        return err_set_errno(err, -r, "could not make directory \"%s/%s\"", dir_path, tmp);

    r = fill(from, m, fd, to, err);
    if (r >= 0) {
        r = fs_publish_dir(dir_fd, name, fd);
        if (r < 0)
            err_set_errno(err, -r, "could not publish \"%s\"", to);
    }
    if (r < 0)
        (void)fs_remove_dir(dir_fd, tmp);
    return r;
}
