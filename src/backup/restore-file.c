#include "backup/restore-step.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "backup/directory-copy.h"
#include "backup/verify.h"
#include "stream/sink-fd.h"
#include "stream/sink-file.h"
#include "sys/mem.h"
#include "sys/progress.h"

void restore_begin_pass(const RestoreSource *source, const char *what)
{
    _cleanup_free_ char *phase = mem_printf("%s %s", what, source->backup->stem);
    progress_phase(phase, source->backup->manifest.stored_bytes);
}

int restore_check_digest(const RestoreSource *source, Err *err)
{
    restore_begin_pass(source, "checking");
    return verify_stored(source->catalog, source->series, source->backup, err);
}

/* psql acts upon a command as soon as it comes: text is searched for them before anything is done.
 */
int restore_check_contents(const RestoreSource *source, Err *err)
{
    if (!manifest_is_text(&source->backup->manifest))
        return restore_check_digest(source, err);
    restore_begin_pass(source, "searching");
    return verify_decoded(source->catalog, source->series, source->backup, /* client= */ NULL,
                          /* stall_timeout= */ 0, err);
}

int restore_stream_into(const RestoreSource *source, Stage *sink, Err *err)
{
    restore_begin_pass(source, "restoring");
    return verify_stream(source->catalog, source->series, source->backup, sink, err);
}

static int refuse_directory(const RestoreSource *source, const char *name, Err *err)
{
    _cleanup_free_ char *path = verify_data_path(source->catalog, source->series, source->backup);

    err_set(err, ERR_USAGE, "%s is a directory, which cannot be written to %s",
            source->backup->stem, name);
    err_hint(err,
             "Copy it with --output, or let pg_restore make SQL text of it: pg_restore -f - "
             "'%s'",
             path);
    return -EISDIR;
}

int restore_to_fd(const RestoreSource *source, int fd, const char *name, Err *err)
{
    if (manifest_is_directory(&source->backup->manifest))
        return refuse_directory(source, name, err);

    int r = restore_check_digest(source, err);
    if (r < 0)
        return r;
    return restore_stream_into(source, sink_fd_new(fd, name), err);
}

/* Each file is checked again as it is copied. */
static int copy_directory(const RestoreSource *source, int dir_fd, const char *dir,
                          const char *name, Err *err)
{
    _cleanup_free_ char *from = verify_data_path(source->catalog, source->series, source->backup);
    _cleanup_manifest_ Manifest m = { 0 };

    restore_begin_pass(source, "restoring");
    int r = catalog_load_manifest(source->catalog, source->series, source->backup, &m, err);
    if (r < 0)
        return r;
    return directory_copy(from, &m, dir_fd, dir, name, err);
}

int restore_to_file(const RestoreSource *source, const char *path, Err *err)
{
    _cleanup_free_ char *dir_copy = mem_strdup(path), *name_copy = mem_strdup(path);
    const char *dir = dirname(dir_copy), *name = basename(name_copy);
    _cleanup_close_ int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir_fd < 0)
        return err_set_errno(err, errno, "could not open the directory \"%s\"", dir);
    if (faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        err_set(err, ERR_REFUSED, "\"%s\" exists already", path);
        err_hint(err, "Choose another name, or remove it first.");
        return -EEXIST;
    }

    int r = restore_check_digest(source, err);
    if (r < 0)
        return r;
    if (manifest_is_directory(&source->backup->manifest))
        return copy_directory(source, dir_fd, dir, name, err);
    return restore_stream_into(
        source, sink_file_new(&(SinkFileSpec){ .dir_fd = dir_fd, .dir_path = dir, .name = name }),
        err);
}
