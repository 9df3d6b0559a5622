#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/acceptance.h"
#include "backup/artifact.h"
#include "backup/catalog.h"
#include "backup/series-dir.h"
#include "backup/stored-inventory.h"
#include "stream/sink-file.h"
#include "sys/fs.h"
#include "sys/mem.h"

/* What changes the catalog: committing, removing, sweeping. The order of the steps is what makes a
 * backup exist exactly when its manifest does, at whatever point the power fails. */

int catalog_open_series_dir(int dir_fd, const char *path, const char *encoded, int *ret_fd,
                            char **ret_path, Err *err)
{
    int r = fs_open_dir(dir_fd, encoded, 0700, ret_fd);
    if (r < 0)
        return err_set_errno(err, -r, "could not open directory \"%s/%s\"", path, encoded);

    *ret_path = mem_printf("%s/%s", path, encoded);
    return 0;
}

/* The latest link */

static bool is_link_to(int fd, const char *name, const char *target)
{
    size_t length = strlen(target);
    _cleanup_free_ char *found = mem_alloc(length + 1);

    ssize_t n = readlinkat(fd, name, found, length + 1);
    return n >= 0 && (size_t)n == length && memcmp(found, target, length) == 0;
}

/* Removes the latest links but `wanted`: one of another extension, from before BACKUP_FORMAT was
 * changed, would go on naming an old backup. */
static int remove_other_links(int fd, const char *series_path, const char *encoded,
                              const char *wanted, Err *err)
{
    _cleanup_series_files_ SeriesFiles files = { 0 };
    bool removed = false;

    int r = series_files_list(fd, series_path, encoded, &files, err);
    if (r < 0)
        return r;

    for (size_t i = 0; i < files.count; i++) {
        const SeriesFile *f = &files.items[i];
        if (f->kind != ARTIFACT_LATEST || f->temporary || strcmp(f->name, wanted) == 0)
            continue;
        r = fs_remove(fd, f->name);
        if (r < 0)
            return err_set_errno(err, -r, "could not remove \"%s/%s\"", series_path, f->name);
        removed = true;
    }

    r = removed ? fs_sync_dir(fd) : 0;
    if (r < 0)
        return err_set_errno(err, -r, "could not sync directory \"%s\"", series_path);
    return 0;
}

/* Lets the latest link name the data file of this backup; NULL: there shall be none. */
static int point_latest(int fd, const char *series_path, const char *encoded, const Manifest *m,
                        Err *err)
{
    _cleanup_free_ char *link =
        m ? artifact_latest(encoded, m->file + strlen(m->stem)) : mem_strdup("");

    if (m && !is_link_to(fd, link, m->file)) {
        int r = fs_symlink_durable(fd, m->file, link);
        if (r < 0)
            return err_set_errno(err, -r, "could not link \"%s/%s\" to \"%s\"", series_path, link,
                                 m->file);
    }
    return remove_other_links(fd, series_path, encoded, link, err);
}

/* Committing */

/* As sha256sum(1) writes it: all that is in the backup, so that one flipped bit in any of its files
 * is found. The names need none of its escapes: the encoding leaves neither a backslash nor a
 * newline in them. */
int catalog_checksums(const Manifest *m, const char *manifest, size_t size, char **ret, Err *err)
{
    char digest[TAP_SHA256_HEX_SIZE];
    Buf text = { 0 };

    int r = tap_sha256_of(manifest, size, digest, err);
    if (r < 0)
        return r;

    if (manifest_is_directory(m))
        stored_files_print(&m->files, m->file, &text);
    else
        buf_addf(&text, "%s  %s\n", m->stored_sha256, m->file);
    if (m->inventory_file)
        buf_addf(&text, "%s  %s\n", m->inventory_sha256, m->inventory_file);
    buf_addf(&text, "%s  %s.json\n", digest, m->stem);
    *ret = buf_take(&text);
    return 0;
}

/* One of the files beside the data: complete, or not there. What has its name already belongs to
 * another backup and stays. */
static int write_beside(const CatalogCommit *c, const char *name, const char *text, size_t size,
                        Err *err)
{
    int r = fs_write_durable(c->series_fd, name, text, size, FS_PUBLISH_NEW);
    if (r < 0 && r != -EEXIST)
        fs_remove(c->series_fd, name);
    if (r < 0)
        return err_set_errno(err, -r, "could not write \"%s/%s\"", c->series_path, name);
    return 0;
}

static int write_inventory(const CatalogCommit *c, Err *err)
{
    Manifest *m = c->manifest;
    char *sha256;
    Stage *sink = sink_file_new(&(SinkFileSpec){
        .dir_fd = c->series_fd,
        .dir_path = c->series_path,
        .name = m->inventory_file,
    });

    int r = stored_inventory_write(c->inventory, sink, &sha256, err);
    if (r < 0)
        return r;
    free(m->inventory_sha256);
    m->inventory_sha256 = sha256;
    return 0;
}

static int write_checksum(const CatalogCommit *c, const char *name, Err *err)
{
    _cleanup_free_ char *manifest = manifest_print(c->manifest), *text = NULL;

    int r = catalog_checksums(c->manifest, manifest, strlen(manifest), &text, err);
    if (r < 0)
        return r;
    return write_beside(c, name, text, strlen(text), err);
}

/* After a failure *ret_stays says that the manifest has its name all the same. */
static int write_manifest(const CatalogCommit *c, bool *ret_stays, Err *err)
{
    _cleanup_free_ char *name = mem_printf("%s.json", c->manifest->stem);

    int r = manifest_save(c->manifest, c->series_fd, c->series_path, err);
    if (r >= 0)
        return 0;

    /* A manifest whose directory could not be synced has its name already. It goes first, as when a
     * backup is removed; where it does not go, the backup stays complete. One that was there before
     * belongs to another backup. */
    *ret_stays = r != -EEXIST && fs_remove(c->series_fd, name) < 0;
    if (!*ret_stays)
        fs_sync_dir(c->series_fd);
    return r;
}

static int commit_record(const CatalogCommit *c, Err *err)
{
    _cleanup_free_ char *checksum = mem_printf("%s.sha256", c->manifest->file);
    const char *written[3] = { c->manifest->file };
    size_t count = 1;
    bool stays = false;

    int r = c->inventory ? write_inventory(c, err) : 0;
    if (r >= 0 && c->inventory)
        written[count++] = c->manifest->inventory_file;
    if (r >= 0)
        r = write_checksum(c, checksum, err);
    if (r >= 0) {
        written[count++] = checksum;
        r = write_manifest(c, &stays, err);
    }

    while (r < 0 && !stays && count > 0)
        series_file_remove(c->series_fd, written[--count]);
    return r;
}

int catalog_commit(const CatalogCommit *commit, Err *ret_warning, Err *err)
{
    int r = commit_record(commit, err);
    if (r < 0)
        return r;

    /* The backup exists from here on. */
    (void)point_latest(commit->series_fd, commit->series_path, commit->encoded, commit->manifest,
                       ret_warning);
    return 0;
}

/* Accepting */

int catalog_accept(const Catalog *c, const Series *s, const Backup *b, usec_t when, Err *err)
{
    _cleanup_free_ char *series_path = mem_printf("%s/%s", c->path, s->encoded);
    _cleanup_close_ int fd = -1;

    int r = series_dir_open(c->dir_fd, c->path, s->encoded, &fd, err);
    if (r < 0)
        return err_set_errno(err, -r, "could not open directory \"%s\"", series_path);
    return acceptance_save(fd, series_path, b->stem, when, err);
}

/* Removing */

/* The manifest is durably gone before the first of the others goes: a backup without its data would
 * come back from a power cut as a damaged one. */
static int remove_files(int fd, const char *series_path, const char *encoded, const char *stem,
                        Err *err)
{
    _cleanup_free_ char *manifest = mem_printf("%s.json", stem);
    _cleanup_series_files_ SeriesFiles files = { 0 };

    int r = series_files_list(fd, series_path, encoded, &files, err);
    if (r < 0)
        return r;

    const char *name = manifest;
    r = fs_remove(fd, manifest);
    if (r >= 0)
        r = fs_sync_dir(fd);
    for (size_t i = 0; r >= 0 && i < files.count; i++) {
        const SeriesFile *f = &files.items[i];
        if (!f->stem || strcmp(f->stem, stem) != 0)
            continue;
        name = f->name;
        r = series_file_remove(fd, name);
    }
    if (r >= 0)
        r = fs_sync_dir(fd);
    if (r < 0)
        return err_set_errno(err, -r, "could not remove \"%s/%s\"", series_path, name);
    return 0;
}

/* The series is as it was loaded; of its backups, some may have been removed since. */
static const Backup *newest_good_left(int fd, const Series *s)
{
    for (size_t i = s->count; i > 0; i--) {
        const Backup *b = &s->backups[i - 1];
        _cleanup_free_ char *manifest = mem_printf("%s.json", b->stem);
        if (b->good && faccessat(fd, manifest, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            return b;
    }
    return NULL;
}

int catalog_remove(const Catalog *c, const Series *s, const Backup *b, Err *ret_warning, Err *err)
{
    _cleanup_free_ char *series_path = mem_printf("%s/%s", c->path, s->encoded);
    _cleanup_close_ int fd = -1;

    if (b->unreadable) {
        int r =
            err_set(err, ERR_REFUSED, "\"%s\" is not removed, because it could not be judged: %s",
                    b->stem, b->problem);
        err_hint(err, "Repair the file system, or remove the files of this backup by hand.");
        return r;
    }

    int r = series_dir_open(c->dir_fd, c->path, s->encoded, &fd, err);
    if (r == -ENOENT || r == -ENOTDIR)
        return 0;
    if (r < 0)
        return r;

    r = remove_files(fd, series_path, s->encoded, b->stem, err);
    if (r < 0)
        return r;

    /* The backup is gone from here on. */
    const Backup *newest = newest_good_left(fd, s);
    (void)point_latest(fd, series_path, s->encoded, newest ? &newest->manifest : NULL, ret_warning);
    return 0;
}

/* Sweeping */

static bool has_manifest(const SeriesFiles *files, const char *stem)
{
    for (size_t i = 0; i < files->count; i++) {
        const SeriesFile *f = &files->items[i];
        if (f->kind == ARTIFACT_MANIFEST && !f->temporary && strcmp(f->stem, stem) == 0)
            return true;
    }
    return false;
}

/* A manifest protects what belongs to it, whatever it holds: damage is for people to look at. */
static bool is_leftover(const SeriesFiles *files, const SeriesFile *f)
{
    return f->temporary || (f->kind != ARTIFACT_LATEST && !has_manifest(files, f->stem));
}

static bool is_dangling_link(int fd, const SeriesFile *f)
{
    struct stat st;
    return f->kind == ARTIFACT_LATEST && !f->temporary && fstatat(fd, f->name, &st, 0) < 0 &&
           errno == ENOENT;
}

/* A directory is ours where the name is that of one; else we make only regular files, and links for
 * the latest. */
static void remove_leftover(int fd, const char *series_path, const char *encoded,
                            const SeriesFile *f, Strv *removed, Strv *problems)
{
    struct stat st;

    if (!f->directory && fstatat(fd, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
        return;
    int r = series_file_remove(fd, f->name);
    if (r < 0)
        strv_addf(problems, "could not remove \"%s/%s\": %s", series_path, f->name, strerror(-r));
    else
        strv_addf(removed, "%s/%s", encoded, f->name);
}

static int sweep_series(int root_fd, const char *root_path, const char *encoded, Strv *removed,
                        Strv *problems, Err *err)
{
    _cleanup_free_ char *series_path = mem_printf("%s/%s", root_path, encoded);
    _cleanup_series_files_ SeriesFiles files = { 0 };
    _cleanup_close_ int fd = -1;

    int r = series_dir_open(root_fd, root_path, encoded, &fd, err);
    if (r >= 0)
        r = series_files_list(fd, series_path, encoded, &files, err);
    if (r < 0)
        return r;

    for (size_t i = 0; i < files.count; i++)
        if (is_leftover(&files, &files.items[i]))
            remove_leftover(fd, series_path, encoded, &files.items[i], removed, problems);

    /* Only now is it known which links still name something. */
    for (size_t i = 0; i < files.count; i++)
        if (is_dangling_link(fd, &files.items[i]))
            remove_leftover(fd, series_path, encoded, &files.items[i], removed, problems);
    return 0;
}

int catalog_sweep(const char *path, Strv *removed, Strv *problems, Err *err)
{
    _cleanup_close_ int fd = -1;
    _cleanup_strv_ Strv names = { 0 };

    int r = series_dir_open_root(path, &fd, err);
    if (r >= 0)
        r = series_dir_names(fd, path, &names, err);
    if (r < 0)
        return r;

    r = fs_sync_dir(fd);
    if (r < 0)
        return err_set_errno(err, -r, "could not sync directory \"%s\"", path);

    /* The removals are not synced: a leftover that a power cut brings back is swept again. */
    for (size_t i = 0; i < names.count; i++) {
        _cleanup_err_ Err problem = { 0 };
        (void)sweep_series(fd, path, names.items[i], removed, problems, &problem);
        if (err_is_set(&problem))
            strv_add(problems, problem.message);
    }
    return 0;
}
