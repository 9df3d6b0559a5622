#include "backup/dump-directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/directory-read.h"
#include "backup/verify-directory.h"
#include "sys/child.h"
#include "sys/fs.h"
#include "sys/mem.h"
#include "sys/progress.h"
#include "sys/strv.h"

char *dump_directory_path(const char *series_path, const char *file)
{
    _cleanup_free_ char *tmp = fs_tmp_name(file);
    return mem_printf("%s/%s", series_path, tmp);
}

uint64_t dump_directory_connections(uint64_t jobs)
{
    return 3 + (jobs > 1 ? jobs : 0);
}

/* pg_dump takes an empty directory as well as none: ours is private from the beginning, and can be
 * watched. */
static int make_directory(const DumpDirectory *d, const char *file, const char *path, int *ret_fd,
                          Err *err)
{
    int r = fs_create_tmp_dir(d->series_fd, file, ret_fd);
    if (r < 0)
        return err_set_errno(err, -r, "could not make directory \"%s\"", path);
    return 0;
}

/* pg_dump */

/* How much is in the directory by now; what cannot be read has not grown. */
static uint64_t bytes_inside(void *userdata)
{
    const int *fd = userdata;
    _cleanup_strv_ Strv names = { 0 };
    uint64_t sum = 0;

    if (fs_list(*fd, &names) < 0)
        return 0;
    for (size_t i = 0; i < names.count; i++) {
        struct stat st;
        if (fstatat(*fd, names.items[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
            sum += (uint64_t)st.st_size;
    }
    return sum;
}

/* In the words of pg_dump itself: those of the server are of its own disks. */
static bool is_disk_full(const char *line)
{
    return !strstr(line, "ERROR:") &&
           (strstr(line, strerror(ENOSPC)) || strstr(line, "Disk quota"));
}

static void classify(const Child *dumper, Err *err)
{
    for (size_t i = 0; err->kind == ERR_CHILD && i < dumper->stderr_lines.count; i++)
        if (is_disk_full(dumper->stderr_lines.items[i]))
            err->kind = ERR_DISK_FULL;
    pg_client_classify(dumper, err);
}

static int run_client(const DumpDirectory *d, PgCommand *command, int fd, Manifest *m, Err *err)
{
    _cleanup_child_ Child dumper = CHILD_INIT;

    int r = pg_command_spawn(command, CHILD_NEITHER, d->stall_timeout, &dumper, err);
    if (r < 0)
        return r;
    child_watch(&dumper, bytes_inside, &fd);
    r = child_wait(&dumper, err);
    if (r < 0) {
        classify(&dumper, err);
        return r;
    }
    strv_copy(&m->warnings, &dumper.stderr_lines);
    m->warnings_dropped = dumper.stderr_dropped;
    return 0;
}

/* Reading back */

static int check_count(int fd, const char *path, Err *err)
{
    _cleanup_strv_ Strv names = { 0 };

    int r = fs_list(fd, &names);
    if (r < 0)
        return err_set_errno(err, -r, "could not read directory \"%s\"", path);
    if (names.count <= STORED_FILES_MAX)
        return 0;
    r = err_set(err, ERR_SETTINGS, "a directory of %zu files is too many for a manifest (%d)",
                names.count, STORED_FILES_MAX);
    err_hint(err, "Set BACKUP_FORMAT=custom: a directory has a file for each table and each large "
                  "object.");
    return r;
}

/* With the contents where the version is known; where it is not, pg_restore has to decode it. */
static int read_back(const DumpDirectory *d, int fd, const char *path, DirectoryContents *ret,
                     Err *why_none, Err *err)
{
    DirectoryRead how = {
        .fd = fd,
        .path = path,
        .threads = d->threads,
        .contents = true,
        .adopt = true,
    };

    int r = directory_read(&how, ret, why_none);
    if (r >= 0)
        return r;
    if (why_none->kind != ERR_ARCHIVE_VERSION) {
        err_move(err, why_none);
        return r;
    }

    how.contents = false;
    r = directory_read(&how, ret, err);
    if (r >= 0)
        r = verify_directory_opens(path, d->client, err);
    return r;
}

static int take_facts(DirectoryContents *c, Manifest *m, Err *err)
{
    char sha256[TAP_SHA256_HEX_SIZE];

    int r = stored_files_digest(&c->files, m->file, sha256, err);
    if (r < 0)
        return r;
    m->raw_bytes = c->raw_bytes;
    m->stored_bytes = stored_files_bytes(&c->files);
    m->stored_sha256 = mem_strdup(sha256);
    m->archive_version = TAKE_PTR(c->archive_version);
    m->files = c->files;
    c->files = (StoredFiles){ 0 };
    return 0;
}

static int check_contents(const DumpDirectory *d, int fd, const char *path, Manifest *m, Err *err)
{
    _cleanup_directory_contents_ DirectoryContents c = { 0 };
    _cleanup_err_ Err why_none = { 0 };
    _cleanup_free_ char *phase = mem_printf("reading back %s", m->file);

    int r = check_count(fd, path, err);
    if (r < 0)
        return r;
    progress_phase(phase, bytes_inside(&fd));
    r = read_back(d, fd, path, &c, &why_none, err);
    if (r < 0 && err->kind == ERR_DAMAGED) {
        err->kind = ERR_DUMP_INCOMPLETE;
        err_prefix(err, "the dump cannot be read");
    }
    if (r >= 0)
        r = d->judge(d->userdata, err_is_set(&why_none) ? NULL : &c.inventory, &why_none, err);
    return r < 0 ? r : take_facts(&c, m, err);
}

/* All of it */

static int publish(const DumpDirectory *d, int fd, const char *file, Err *err)
{
    int r = fs_publish_dir(d->series_fd, file, fd);
    if (r == -EEXIST)
        return err_set(err, ERR_REFUSED, "\"%s/%s\" exists already", d->series_path, file);
    if (r < 0)
        return err_set_errno(err, -r, "could not publish \"%s/%s\"", d->series_path, file);
    return 0;
}

int dump_directory(const DumpDirectory *d, PgCommand *command, Manifest *m, Err *err)
{
    _cleanup_free_ char *tmp = fs_tmp_name(m->file);
    _cleanup_free_ char *path = dump_directory_path(d->series_path, m->file);
    _cleanup_close_ int fd = -1;
    usec_t begin = clock_monotonic();

    m->started = clock_now();
    int r = make_directory(d, m->file, path, &fd, err);
    if (r >= 0)
        r = run_client(d, command, fd, m, err);
    if (r >= 0)
        r = check_contents(d, fd, path, m, err);
    if (r >= 0)
        r = publish(d, fd, m->file, err);
    if (r < 0) {
        (void)fs_remove_dir(d->series_fd, tmp); /* what stays is swept by the next run */
        return r;
    }

    m->finished = clock_now();
    m->duration_msec = (clock_monotonic() - begin) / USEC_PER_MSEC;
    return 0;
}
