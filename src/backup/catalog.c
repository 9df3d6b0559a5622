#include "backup/catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/acceptance.h"
#include "backup/artifact.h"
#include "backup/nearest.h"
#include "backup/series-dir.h"
#include "sys/mem.h"

/* Loading */

static void backup_done(Backup *b)
{
    free(b->stem);
    free(b->problem);
    free(b->acceptance_problem);
    manifest_done(&b->manifest);
    if (b->proof)
        proof_done(b->proof);
    free(b->proof);
}

static void series_done(Series *s)
{
    for (size_t i = 0; i < s->count; i++)
        backup_done(&s->backups[i]);
    free(s->backups);
    free(s->encoded);
    free(s->database);
    free(s->problem);
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

/* What is wrong with a file that should have so many bytes; NULL if nothing is. `shown` is its name
 * for people. */
static char *judge_size(Backup *b, int fd, const char *name, const char *shown, uint64_t expected)
{
    struct stat st;

    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        b->unreadable |= errno != ENOENT;
        return mem_printf("data file \"%s\": %s", shown, strerror(errno));
    }
    if (!S_ISREG(st.st_mode))
        return mem_printf("data file \"%s\" is not a regular file", shown);

    uint64_t bytes = (uint64_t)st.st_size;
    b->file_bytes += bytes;
    return bytes == expected ? NULL
                             : mem_printf("data file \"%s\" has %" PRIu64 " bytes, not %" PRIu64,
                                          shown, bytes, expected);
}

static void judge_files(int fd, Backup *b)
{
    const StoredFiles *files = &b->manifest.files;
    _cleanup_free_ char *first = NULL;
    size_t wrong = 0;

    for (size_t i = 0; i < files->count; i++) {
        const StoredFile *f = &files->items[i];
        _cleanup_free_ char *shown = mem_printf("%s/%s", b->manifest.file, f->name);
        _cleanup_free_ char *problem = judge_size(b, fd, f->name, shown, f->bytes);

        wrong += problem != NULL;
        if (!first)
            first = TAKE_PTR(problem);
    }
    b->problem = wrong > 1 ? mem_printf("%s, and %zu more are not as they were", first, wrong - 1)
                           : TAKE_PTR(first);
}

static void judge_directory(int series_fd, Backup *b)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    _cleanup_close_ int fd = openat(series_fd, b->manifest.file, flags);

    if (fd >= 0) {
        judge_files(fd, b);
        return;
    }
    b->unreadable = errno != ENOENT && errno != ENOTDIR && errno != ELOOP;
    b->problem = mem_printf("directory \"%s\": %s", b->manifest.file, strerror(errno));
}

static void judge_data(int fd, Backup *b)
{
    const Manifest *m = &b->manifest;

    if (manifest_is_directory(m))
        judge_directory(fd, b);
    else
        b->problem = judge_size(b, fd, m->file, m->file, m->stored_bytes);
}

static void judge(int fd, const char *series_path, Backup *b)
{
    _cleanup_err_ Err err = { 0 };

    if (manifest_load(fd, series_path, b->stem, &b->manifest, &err) >= 0) {
        manifest_trim_warnings(&b->manifest, CATALOG_WARNINGS_KEPT);
        judge_data(fd, b);
        stored_files_done(&b->manifest.files);
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

/* One that cannot be read, or is of other bytes, proves nothing. */
static void load_proof(int fd, const char *series_path, Backup *b)
{
    _cleanup_proof_ Proof proof = { 0 };

    if (!b->good || proof_load(fd, series_path, b->stem, &proof, /* err= */ NULL) < 0 ||
        strcmp(proof.stored_sha256, b->manifest.stored_sha256) != 0)
        return;

    strv_done(&proof.differences);
    strv_done(&proof.notes);
    b->proof = mem_alloc(sizeof(*b->proof));
    *b->proof = proof;
    proof = (Proof){ 0 };
}

/* Whatever has become of the backup: those after it are compared with it, not with older ones. */
static void load_acceptance(int fd, const char *series_path, Backup *b)
{
    _cleanup_err_ Err err = { 0 };

    int r = acceptance_load(fd, series_path, b->stem, &err);
    b->accepted = r >= 0;
    if (r != -ENOENT) /* or else it was removed since the directory was listed */
        b->acceptance_problem = TAKE_PTR(err.message);
}

static bool has_file(const SeriesFiles *files, const char *name)
{
    for (size_t i = 0; i < files->count; i++)
        if (strcmp(files->items[i].name, name) == 0)
            return true;
    return false;
}

/* Removing a backup begins with its manifest. What has lost it since the directory was listed is
 * not damaged but being pruned while we look. */
static void load_backup(Series *s, int fd, const char *series_path, const SeriesFiles *files,
                        const char *stem)
{
    _cleanup_free_ char *proof = proof_file_name(stem), *acceptance = acceptance_file_name(stem);
    Backup b = { .stem = mem_strdup(stem) };

    artifact_parse_stem(stem, NULL, &b.when);
    judge(fd, series_path, &b);
    if (!b.good && is_gone(fd, stem)) {
        backup_done(&b);
        return;
    }

    if (has_file(files, proof))
        load_proof(fd, series_path, &b);
    if (has_file(files, acceptance))
        load_acceptance(fd, series_path, &b);
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
            load_backup(s, fd, series_path, &files, f->stem);
    }
    return 0;
}

/* What cannot be read of one series says nothing about the others. */
static void load_series(Catalog *c, const char *encoded)
{
    _cleanup_(series_done)
        Series s = { .encoded = mem_strdup(encoded), .database = artifact_decode(encoded) };
    _cleanup_close_ int fd = -1;
    _cleanup_err_ Err err = { 0 };

    if (series_dir_open(c->dir_fd, c->path, encoded, &fd, &err) >= 0)
        (void)load_backups(&s, fd, c->path, &err);
    s.problem = TAKE_PTR(err.message);
    if (s.count == 0 && !s.problem)
        return;

    c->series = mem_resize(c->series, c->count + 1, sizeof(*c->series));
    c->series[c->count++] = s;
    s = (Series){ 0 };
}

int catalog_load(const char *path, Catalog *ret, Err *err)
{
    _cleanup_catalog_ Catalog c = CATALOG_INIT;
    _cleanup_strv_ Strv names = { 0 };

    c.path = mem_strdup(path);
    int r = series_dir_open_root(path, &c.dir_fd, err);
    if (r >= 0)
        r = series_dir_names(c.dir_fd, path, &names, err);
    if (r < 0)
        return r;

    for (size_t i = 0; i < names.count; i++)
        load_series(&c, names.items[i]);
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

const Backup *series_newest_good_until(const Series *s, usec_t now)
{
    for (size_t i = s->count; i > 0; i--)
        if (s->backups[i - 1].good && s->backups[i - 1].when <= now)
            return &s->backups[i - 1];
    return NULL;
}

const Backup *series_newest_good(const Series *s)
{
    return series_newest_good_until(s, UINT64_MAX);
}

uint64_t series_good_count(const Series *s)
{
    uint64_t count = 0;
    for (size_t i = 0; i < s->count; i++)
        count += s->backups[i].good;
    return count;
}

static const Backup *newest_drill(const Series *s, usec_t now, bool proven)
{
    const Backup *newest = NULL;

    for (size_t i = 0; i < s->count; i++) {
        const Backup *b = &s->backups[i];
        bool counts = b->proof && b->proof->finished <= now &&
                      (proven ? backup_is_proven(b) : b->proof->result != PROOF_RESULT_UNDECIDED);
        if (counts && (!newest || b->proof->finished >= newest->proof->finished))
            newest = b;
    }
    return newest;
}

const Backup *series_newest_proof(const Series *s, usec_t now)
{
    return newest_drill(s, now, /* proven= */ true);
}

const Backup *series_newest_drill(const Series *s, usec_t now)
{
    return newest_drill(s, now, /* proven= */ false);
}

uint64_t catalog_stored_bytes(const Catalog *c)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < c->count; i++)
        for (size_t j = 0; j < c->series[i].count; j++)
            sum += c->series[i].backups[j].file_bytes;
    return sum;
}

int catalog_load_manifest(const Catalog *c, const Series *s, const Backup *b, Manifest *ret,
                          Err *err)
{
    _cleanup_free_ char *series_path = mem_printf("%s/%s", c->path, s->encoded);
    _cleanup_close_ int fd = -1;

    int r = series_dir_open(c->dir_fd, c->path, s->encoded, &fd, err);
    if (r < 0)
        return err_set_errno(err, -r, "could not open directory \"%s\"", series_path);
    return manifest_load(fd, series_path, b->stem, ret, err);
}

bool catalog_is_gone(const Catalog *c, const Series *s, const Backup *b)
{
    _cleanup_free_ char *stem = mem_printf("%s/%s", s->encoded, b->stem);
    return is_gone(c->dir_fd, stem);
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

/* Of the stems of its series where it has one, else of the names of all series. */
static void hint_nearest(const Catalog *c, const char *name, Err *err)
{
    const Series *s = series_of_stem(c, name);
    _cleanup_strv_ Strv names = { 0 };

    for (size_t i = 0; i < (s ? s->count : c->count); i++)
        strv_add(&names, s ? s->backups[i].stem : series_name(&c->series[i]));

    _cleanup_free_ char *nearest = nearest_names(&names, name);
    if (names.count == 0)
        err_hint(err, "There is no backup in \"%s\" at all.", c->path);
    else
        err_hint(err, "The nearest are %s.", nearest);
}

static int explain_miss(const Catalog *c, const char *name, Err *err)
{
    const Series *s = series_by_name(c, name);
    const Series *asked = s ? s : series_of_stem(c, name);

    if (asked && asked->problem)
        return err_set(err, ERR_COULD_NOT_VERIFY, "%s", asked->problem);

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

int catalog_find(const Catalog *c, const char *name, const Series **ret_series,
                 const Backup **ret_backup, Err *err)
{
    const Series *s = series_of_stem(c, name);
    const Backup *b = s ? backup_by_stem(s, name) : NULL;

    if (!b) {
        s = series_by_name(c, name);
        b = s ? series_newest_good(s) : NULL;
    }
    if (!b)
        return explain_miss(c, name, err);

    *ret_series = s;
    *ret_backup = b;
    return 0;
}
