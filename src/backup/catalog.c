#include "backup/catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/artifact.h"
#include "backup/series-dir.h"
#include "sys/buf.h"
#include "sys/fs.h"
#include "sys/mem.h"

int series_dir_open_root(const char *path, int *ret_fd, Err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        *ret_fd = fd;
        return 0;
    }
    if (errno != ENOENT && errno != ENOTDIR)
        return err_set_errno(err, errno, "could not open directory \"%s\"", path);

    int r = err_set(err, ERR_SETTINGS, "BACKUP_DIR \"%s\" %s", path,
                    errno == ENOENT ? "does not exist" : "is not a directory");
    err_hint(err, "Create the directory, owned by the user that pg-backup runs as.");
    return r;
}

int series_dir_names(int root_fd, const char *root_path, Strv *ret, Err *err)
{
    _cleanup_strv_ Strv names = { 0 };

    int r = fs_list(root_fd, &names);
    if (r < 0)
        return err_set_errno(err, -r, "could not read directory \"%s\"", root_path);

    if (strv_contains(&names, ARTIFACT_GLOBALS))
        strv_add(ret, ARTIFACT_GLOBALS);
    for (size_t i = 0; i < names.count; i++) {
        _cleanup_free_ char *database = artifact_decode(names.items[i]);
        if (database)
            strv_add(ret, names.items[i]);
    }
    return 0;
}

int series_dir_open(int root_fd, const char *root_path, const char *encoded, int *ret_fd, Err *err)
{
    int fd = openat(root_fd, encoded, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        *ret_fd = fd;
        return 0;
    }
    if (errno == ENOENT || errno == ENOTDIR)
        return -errno;
    return err_set_errno(err, errno, "could not open directory \"%s/%s\"", root_path, encoded);
}

/* False for what is not ours. */
static bool parse_file(const char *encoded, const char *name, SeriesFile *ret)
{
    _cleanup_free_ char *final = NULL;
    SeriesFile f = { .temporary = fs_parse_tmp_name(name, &final) };

    if (!artifact_parse_file(encoded, final ? final : name, &f.kind, &f.stem))
        return false;
    f.name = mem_strdup(name);
    *ret = f;
    return true;
}

int series_files_list(int series_fd, const char *series_path, const char *encoded, SeriesFiles *ret,
                      Err *err)
{
    _cleanup_strv_ Strv names = { 0 };

    int r = fs_list(series_fd, &names);
    if (r < 0)
        return err_set_errno(err, -r, "could not read directory \"%s\"", series_path);

    SeriesFiles files = { .items = mem_zero(names.count, sizeof(*files.items)) };
    for (size_t i = 0; i < names.count; i++)
        if (parse_file(encoded, names.items[i], &files.items[files.count]))
            files.count++;
    *ret = files;
    return 0;
}

void series_files_done(SeriesFiles *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->items[i].name);
        free(files->items[i].stem);
    }
    free(files->items);
    *files = (SeriesFiles){ 0 };
}

/* Loading */

static void backup_done(Backup *b)
{
    free(b->stem);
    free(b->problem);
    manifest_done(&b->manifest);
}

static void series_done(Series *s)
{
    for (size_t i = 0; i < s->count; i++)
        backup_done(&s->backups[i]);
    free(s->backups);
    free(s->encoded);
    free(s->database);
    *s = (Series){ 0 };
}

void catalog_done(Catalog *c)
{
    for (size_t i = 0; i < c->count; i++)
        series_done(&c->series[i]);
    free(c->series);
    free(c->path);
    mem_closep(&c->dir_fd);
    *c = (Catalog)CATALOG_INIT;
}

static void judge_file(int fd, Backup *b)
{
    const char *file = b->manifest.file;
    struct stat st;

    if (fstatat(fd, file, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        b->unreadable = errno != ENOENT;
        b->problem = mem_printf("data file \"%s\": %s", file, strerror(errno));
        return;
    }
    if (!S_ISREG(st.st_mode)) {
        b->problem = mem_printf("data file \"%s\" is not a regular file", file);
        return;
    }

    b->file_bytes = (uint64_t)st.st_size;
    if (b->file_bytes != b->manifest.stored_bytes)
        b->problem = mem_printf("data file \"%s\" has %" PRIu64 " bytes, not %" PRIu64, file,
                                b->file_bytes, b->manifest.stored_bytes);
}

static void judge(int fd, const char *series_path, Backup *b)
{
    _cleanup_err_ Err err = { 0 };

    if (manifest_load(fd, series_path, b->stem, &b->manifest, &err) >= 0) {
        judge_file(fd, b);
    } else {
        b->unreadable = err.kind != ERR_DAMAGED;
        b->problem = TAKE_PTR(err.message);
    }
    b->good = !b->problem;
}

static bool is_gone(int fd, const char *stem)
{
    _cleanup_free_ char *name = mem_printf("%s.json", stem);
    return faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/* Removing a backup begins with its manifest. What has lost it since the directory was listed is
 * not damaged but being pruned while we look. */
static void load_backup(Series *s, int fd, const char *series_path, const char *stem)
{
    Backup b = { .stem = mem_strdup(stem) };

    artifact_parse_stem(stem, NULL, &b.when);
    judge(fd, series_path, &b);
    if (!b.good && is_gone(fd, stem)) {
        backup_done(&b);
        return;
    }

    s->backups = mem_resize(s->backups, s->count + 1, sizeof(*s->backups));
    s->backups[s->count++] = b;
}

static int load_backups(Series *s, int fd, const char *root_path, Err *err)
{
    _cleanup_free_ char *series_path = mem_printf("%s/%s", root_path, s->encoded);
    _cleanup_series_files_ SeriesFiles files = { 0 };

    int r = series_files_list(fd, series_path, s->encoded, &files, err);
    if (r < 0)
        return r;

    for (size_t i = 0; i < files.count; i++) {
        const SeriesFile *f = &files.items[i];
        if (f->kind == ARTIFACT_MANIFEST && !f->temporary)
            load_backup(s, fd, series_path, f->stem);
    }
    return 0;
}

static int load_series(Catalog *c, const char *encoded, Err *err)
{
    _cleanup_close_ int fd = -1;

    int r = series_dir_open(c->dir_fd, c->path, encoded, &fd, err);
    if (r == -ENOENT || r == -ENOTDIR)
        return 0;
    if (r < 0)
        return r;

    _cleanup_(series_done)
        Series s = { .encoded = mem_strdup(encoded), .database = artifact_decode(encoded) };
    r = load_backups(&s, fd, c->path, err);
    if (r < 0 || s.count == 0)
        return r;

    c->series = mem_resize(c->series, c->count + 1, sizeof(*c->series));
    c->series[c->count++] = s;
    s = (Series){ 0 };
    return 0;
}

int catalog_load(const char *path, Catalog *ret, Err *err)
{
    _cleanup_catalog_ Catalog c = CATALOG_INIT;
    _cleanup_strv_ Strv names = { 0 };

    c.path = mem_strdup(path);
    int r = series_dir_open_root(path, &c.dir_fd, err);
    if (r >= 0)
        r = series_dir_names(c.dir_fd, path, &names, err);
    for (size_t i = 0; r >= 0 && i < names.count; i++)
        r = load_series(&c, names.items[i], err);
    if (r < 0)
        return r;

    *ret = c;
    c = (Catalog)CATALOG_INIT;
    return 0;
}

/* Asking */

static const Series *series_by_directory(const Catalog *c, const char *encoded)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->series[i].encoded, encoded) == 0)
            return &c->series[i];
    return NULL;
}

const Series *catalog_series(const Catalog *c, const char *database)
{
    if (!database)
        return series_by_directory(c, ARTIFACT_GLOBALS);

    _cleanup_free_ char *encoded = artifact_encode(database);
    return series_by_directory(c, encoded);
}

const Backup *series_newest_good(const Series *s)
{
    for (size_t i = s->count; i > 0; i--)
        if (s->backups[i - 1].good)
            return &s->backups[i - 1];
    return NULL;
}

uint64_t series_good_count(const Series *s)
{
    uint64_t count = 0;
    for (size_t i = 0; i < s->count; i++)
        count += s->backups[i].good;
    return count;
}

uint64_t catalog_stored_bytes(const Catalog *c)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < c->count; i++)
        for (size_t j = 0; j < c->series[i].count; j++)
            sum += c->series[i].backups[j].file_bytes;
    return sum;
}

/* Finding */

static const char *series_name(const Series *s)
{
    return s->database ? s->database : ARTIFACT_GLOBALS;
}

static const Series *series_of_stem(const Catalog *c, const char *stem)
{
    _cleanup_free_ char *encoded = NULL;
    return artifact_parse_stem(stem, &encoded, NULL) ? series_by_directory(c, encoded) : NULL;
}

/* "globals" is the globals: the database of that name is found by its directory, "%67lobals". */
static const Series *series_by_name(const Catalog *c, const char *name)
{
    const Series *s = strcmp(name, ARTIFACT_GLOBALS) == 0 ? NULL : catalog_series(c, name);
    return s ? s : series_by_directory(c, name);
}

static const Backup *backup_by_stem(const Series *s, const char *stem)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->backups[i].stem, stem) == 0)
            return &s->backups[i];
    return NULL;
}

/* The two on either side of where the name would stand: the stems of its series where it has one,
 * else the names of all series. */
static void hint_nearest(const Catalog *c, const char *name, Err *err)
{
    const Series *s = series_of_stem(c, name);
    size_t count = s ? s->count : c->count;
    _cleanup_buf_ Buf text = { 0 };

    size_t place = 0;
    while (place < count &&
           strcmp(s ? s->backups[place].stem : series_name(&c->series[place]), name) < 0)
        place++;
    size_t first = place > 2 ? place - 2 : 0;
    size_t last = place + 2 < count ? place + 2 : count;
    for (size_t i = first; i < last; i++)
        buf_addf(&text, "%s\"%s\"", i > first ? ", " : "",
                 s ? s->backups[i].stem : series_name(&c->series[i]));

    if (count == 0)
        err_hint(err, "There is no backup in \"%s\" at all.", c->path);
    else
        err_hint(err, "The nearest are %s.", text.data);
}

int catalog_find(const Catalog *c, const char *name, const Series **ret_series,
                 const Backup **ret_backup, Err *err)
{
    const Series *s = series_of_stem(c, name);
    const Backup *b = s ? backup_by_stem(s, name) : NULL;

    if (!b) {
        s = series_by_name(c, name);
        b = s ? series_newest_good(s) : NULL;
    }
    if (b) {
        *ret_series = s;
        *ret_backup = b;
        return 0;
    }

    int r;
    if (s) {
        r = err_set(err, ERR_NOT_FOUND, "all backups of \"%s\" are damaged", name);
        err_hint(err, "Name one of them by its stem, which `pg-backup list` shows.");
    } else {
        r = err_set(err, ERR_NOT_FOUND, "there is no backup \"%s\"", name);
        hint_nearest(c, name, err);
    }
    return r;
}

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

/* As sha256sum(1) writes it. The names need none of its escapes: the encoding leaves neither a
 * backslash nor a newline in them. */
static int write_checksum(int fd, const char *series_path, const Manifest *m, const char *name,
                          Err *err)
{
    _cleanup_free_ char *text = mem_printf("%s  %s\n", m->stored_sha256, m->file);

    int r = fs_write_durable(fd, name, text, strlen(text), FS_PUBLISH_NEW);
    if (r < 0 && r != -EEXIST)
        fs_remove(fd, name);
    if (r < 0)
        return err_set_errno(err, -r, "could not write \"%s/%s\"", series_path, name);
    return 0;
}

static int commit_record(int fd, const char *series_path, const Manifest *m, Err *err)
{
    _cleanup_free_ char *checksum = mem_printf("%s.sha256", m->file);
    _cleanup_free_ char *manifest = mem_printf("%s.json", m->stem);

    int r = write_checksum(fd, series_path, m, checksum, err);
    if (r < 0) {
        fs_remove(fd, m->file);
        return r;
    }

    r = manifest_save(m, fd, series_path, err);
    if (r >= 0)
        return 0;

    /* A manifest whose directory could not be synced has its name already. It goes first, as when a
     * backup is removed; where it does not go, the backup stays complete. One that was there before
     * belongs to another backup. */
    if (r != -EEXIST && fs_remove(fd, manifest) < 0)
        return r;
    fs_sync_dir(fd);
    fs_remove(fd, checksum);
    fs_remove(fd, m->file);
    return r;
}

int catalog_commit(int series_fd, const char *series_path, const char *encoded, const Manifest *m,
                   Err *ret_warning, Err *err)
{
    int r = commit_record(series_fd, series_path, m, err);
    if (r < 0)
        return r;

    /* The backup exists from here on. */
    (void)point_latest(series_fd, series_path, encoded, m, ret_warning);
    return 0;
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
        r = fs_remove(fd, name);
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

int catalog_remove(const Catalog *c, const Series *s, const Backup *b, Err *err)
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
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;

    r = remove_files(fd, series_path, s->encoded, b->stem, err);
    if (r < 0)
        return r;

    const Backup *newest = newest_good_left(fd, s);
    return point_latest(fd, series_path, s->encoded, newest ? &newest->manifest : NULL, err);
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

/* We make only regular files, and links for the latest: a directory of such a name is not ours. */
static int remove_leftover(int fd, const char *series_path, const char *encoded, const char *name,
                           Strv *removed, Err *err)
{
    struct stat st;

    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
        return 0;
    int r = fs_remove(fd, name);
    if (r < 0)
        return err_set_errno(err, -r, "could not remove \"%s/%s\"", series_path, name);

    strv_addf(removed, "%s/%s", encoded, name);
    return 0;
}

static int sweep_files(int fd, const char *series_path, const char *encoded, Strv *removed,
                       Err *err)
{
    _cleanup_series_files_ SeriesFiles files = { 0 };

    int r = series_files_list(fd, series_path, encoded, &files, err);
    for (size_t i = 0; r >= 0 && i < files.count; i++)
        if (is_leftover(&files, &files.items[i]))
            r = remove_leftover(fd, series_path, encoded, files.items[i].name, removed, err);

    /* Only now is it known which links still name something. */
    for (size_t i = 0; r >= 0 && i < files.count; i++)
        if (is_dangling_link(fd, &files.items[i]))
            r = remove_leftover(fd, series_path, encoded, files.items[i].name, removed, err);
    return r;
}

static int sweep_series(int root_fd, const char *root_path, const char *encoded, Strv *removed,
                        Err *err)
{
    _cleanup_free_ char *series_path = mem_printf("%s/%s", root_path, encoded);
    _cleanup_close_ int fd = -1;

    int r = series_dir_open(root_fd, root_path, encoded, &fd, err);
    if (r == -ENOENT || r == -ENOTDIR)
        return 0;
    return r < 0 ? r : sweep_files(fd, series_path, encoded, removed, err);
}

int catalog_sweep(const char *path, Strv *removed, Err *err)
{
    _cleanup_close_ int fd = -1;
    _cleanup_strv_ Strv names = { 0 };

    int r = series_dir_open_root(path, &fd, err);
    if (r >= 0)
        r = series_dir_names(fd, path, &names, err);

    /* What cannot be swept in one directory is no reason to leave the others as they are. Nothing
     * is synced: a leftover that a power cut brings back is swept again. */
    for (size_t i = 0; i < names.count; i++) {
        int q = sweep_series(fd, path, names.items[i], removed, err);
        r = r < 0 ? r : q;
    }
    return r;
}
