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
#include "backup/series-dir.h"
#include "stream/stage-tap.h"
#include "sys/fs.h"
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

/* Whether a .sha256 beside the manifest says that it was another. */
static bool is_changed(int fd, const SeriesFiles *files, const char *stem)
{
    _cleanup_free_ char *name = mem_printf("%s.json", stem), *manifest = NULL;
    _cleanup_free_ char *of_it = mem_printf("  %s\n", name);
    char sha256[TAP_SHA256_HEX_SIZE];
    size_t size;

    if (fs_read_regular(fd, name, MANIFEST_MAX_SIZE, &manifest, &size) < 0 ||
        tap_sha256_of(manifest, size, sha256, /* err= */ NULL) < 0)
        return false;
    _cleanup_free_ char *expected = mem_printf("%s%s", sha256, of_it);

    for (size_t i = 0; i < files->count; i++) {
        const SeriesFile *f = &files->items[i];
        _cleanup_free_ char *checksums = NULL;
        if (f->kind != ARTIFACT_CHECKSUM || f->temporary || strcmp(f->stem, stem) != 0 ||
            fs_read_regular(fd, f->name, MANIFEST_MAX_SIZE, &checksums, NULL) < 0)
            continue;
        if (strstr(checksums, of_it) && !strstr(checksums, expected))
            return true;
    }
    return false;
}

static void judge_unloaded(int fd, const SeriesFiles *files, Err *err, Backup *b)
{
    /* A newer pg-backup has written it, or one bit of its version has flipped. */
    b->newer = err->kind == ERR_ARCHIVE_VERSION && !is_changed(fd, files, b->stem);
    b->unreadable = b->newer || (err->kind != ERR_DAMAGED && err->kind != ERR_ARCHIVE_VERSION);
    b->problem = TAKE_PTR(err->message);
}

static void judge(int fd, const char *series_path, const SeriesFiles *files, Backup *b)
{
    _cleanup_err_ Err err = { 0 };

    if (manifest_load(fd, series_path, b->stem, &b->manifest, &err) >= 0) {
        manifest_trim_warnings(&b->manifest, CATALOG_WARNINGS_KEPT);
        judge_data(fd, b);
        stored_files_done(&b->manifest.files);
    } else {
        judge_unloaded(fd, files, &err, b);
    }
    b->good = !b->problem;
}

static bool is_gone(int fd, const char *stem)
{
    _cleanup_free_ char *name = mem_printf("%s.json", stem);
    return faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/* What says that the backup does not restore to what it was makes it one that is not good. */
static void apply_proof(Backup *b)
{
    const Proof *p = b->proof;

    if (!proof_refutes(p))
        return;
    b->good = false;
    b->problem = mem_printf("%s: %s",
                            p->made_by == PROOF_MADE_BY_VERIFY ? "verify found it damaged"
                                                               : "its drill failed",
                            p->reason);
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
    apply_proof(b);
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
    judge(fd, series_path, files, &b);
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
