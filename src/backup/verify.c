#include "backup/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stream/pump.h"
#include "stream/sink-child.h"
#include "stream/sink-fd.h"
#include "stream/stage-check.h"
#include "stream/stage-gzip.h"
#include "stream/stage-tap.h"
#include "sys/child.h"
#include "sys/fs.h"
#include "sys/mem.h"

#define CHECKSUM_FILE_MAX 4096

char *verify_data_path(const Catalog *catalog, const Series *series, const Backup *backup)
{
    return mem_printf("%s/%s/%s", catalog->path, series->encoded, backup->manifest.file);
}

/* What has passed a tap against what the manifest says. */
typedef struct Expectation {
    Stage *tap; /* owned by the pipeline */
    const char *what;
    uint64_t bytes;
    const char *sha256;
} Expectation;

static int check_expectation(void *userdata, Err *err)
{
    const Expectation *e = userdata;

    if (stage_tap_bytes(e->tap) != e->bytes)
        return err_set(err, ERR_DAMAGED, "%s has %llu bytes, its manifest says %llu", e->what,
                       (unsigned long long)stage_tap_bytes(e->tap), (unsigned long long)e->bytes);
    if (strcmp(stage_tap_sha256(e->tap), e->sha256) != 0)
        return err_set(err, ERR_DAMAGED, "%s has SHA-256 %s, its manifest says %s", e->what,
                       stage_tap_sha256(e->tap), e->sha256);
    return 0;
}

static void add_expectation(Pipeline *p, Expectation *e)
{
    e->tap = pipeline_add(p, stage_tap_new());
    pipeline_add(p, stage_check_new(check_expectation, e));
}

static bool is_gzip_text(const Manifest *m)
{
    return strcmp(m->format, "plain") == 0 && strcmp(m->compression, "none") != 0;
}

static int open_data(const char *path, int *ret_fd, Err *err)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return err_set(err, ERR_DAMAGED, "\"%s\" is missing", path);
    if (fd < 0 && errno != ELOOP)
        return err_set_errno(err, errno, "could not open \"%s\"", path);
    if (fd >= 0 && fstat(fd, &st) < 0)
        return err_set_errno(err, errno, "could not ask about \"%s\"", path);
    if (fd < 0 || !S_ISREG(st.st_mode))
        return err_set(err, ERR_DAMAGED, "\"%s\" is not a regular file", path);

    *ret_fd = TAKE_FD(fd);
    return 0;
}

/* The stored bytes, checked, and decoded where `decode` says so, into the sink. A sink that
 * publishes or commits is not finished with wrong bytes: the checks stand before it. */
static int stream(const char *path, const Manifest *m, bool decode, Stage *sink, Err *err)
{
    Expectation stored = { NULL, m->file, m->stored_bytes, m->stored_sha256 };
    Expectation raw = { NULL, "the decoded dump", m->raw_bytes, m->raw_sha256 };
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    _cleanup_close_ int fd = -1;

    add_expectation(p, &stored);
    if (decode && is_gzip_text(m))
        pipeline_add(p, stage_gunzip_new());
    if (decode)
        add_expectation(p, &raw);
    pipeline_add(p, sink);

    int r = open_data(path, &fd, err);
    if (r < 0)
        return r;
    return pump_file(fd, path, p, err);
}

/* What fails to be read of a backup that is being removed meanwhile is no fault of it. */
static int unless_gone(const Catalog *catalog, const Series *series, const Backup *backup, int r,
                       Err *err)
{
    bool reading_failed = err_is_set(err) && (err->kind == ERR_DAMAGED || err->kind == ERR_IO);

    if (r >= 0 || !reading_failed || !catalog_is_gone(catalog, series, backup))
        return r;
    err_done(err);
    return err_set(err, ERR_NOT_FOUND, "\"%s\" was removed meanwhile", backup->stem);
}

int verify_stream(const Catalog *catalog, const Series *series, const Backup *backup, Stage *sink,
                  Err *err)
{
    _cleanup_free_ char *path = verify_data_path(catalog, series, backup);

    int r = stream(path, &backup->manifest, /* decode= */ true, sink, err);
    return unless_gone(catalog, series, backup, r, err);
}

static int read_beside(const char *dir, const char *name, size_t max, char **ret, size_t *ret_size,
                       Err *err)
{
    _cleanup_free_ char *path = mem_printf("%s/%s", dir, name);

    int r = fs_read_regular(AT_FDCWD, path, max, ret, ret_size);
    switch (-r) {
    case 0:
        return 0;
    case ENOENT:
        return err_set(err, ERR_DAMAGED, "\"%s\" is missing", path);
    case EFBIG:
        return err_set(err, ERR_DAMAGED, "\"%s\" is far too large", path);
    case EINVAL:
        return err_set(err, ERR_DAMAGED, "\"%s\" is not a regular file", path);
    default:
        return err_set_errno(err, -r, "could not read \"%s\"", path);
    }
}

/* The .sha256 is what it was when it was written: the digest of the manifest is found nowhere else.
 */
static int check_checksums(const char *dir, const Manifest *m, Err *err)
{
    _cleanup_free_ char *name = mem_printf("%s.sha256", m->file), *beside = NULL, *expected = NULL;
    _cleanup_free_ char *manifest_name = mem_printf("%s.json", m->stem), *manifest = NULL;
    size_t size, beside_size;

    int r = read_beside(dir, name, CHECKSUM_FILE_MAX, &beside, &beside_size, err);
    if (r < 0)
        return r;
    r = read_beside(dir, manifest_name, MANIFEST_MAX_SIZE, &manifest, &size, err);
    if (r < 0)
        return r;
    r = catalog_checksums(m, manifest, size, &expected, err);
    if (r < 0)
        return r;
    if (beside_size != strlen(expected) || memcmp(beside, expected, beside_size) != 0)
        return err_set(err, ERR_DAMAGED,
                       "\"%s/%s\" does not hold the digests of the file and its manifest", dir,
                       name);
    return 0;
}

static int check_records(const Catalog *catalog, const Series *series, const Backup *backup,
                         Err *err)
{
    _cleanup_free_ char *dir = mem_printf("%s/%s", catalog->path, series->encoded);

    if (!backup->manifest.file)
        return err_set(err, backup->unreadable ? ERR_COULD_NOT_VERIFY : ERR_DAMAGED, "%s",
                       backup->problem);
    return check_checksums(dir, &backup->manifest, err);
}

int verify_stored(const Catalog *catalog, const Series *series, const Backup *backup, Err *err)
{
    _cleanup_free_ char *path = NULL;

    int r = check_records(catalog, series, backup, err);
    if (r == 0) {
        path = verify_data_path(catalog, series, backup);
        r = stream(path, &backup->manifest, /* decode= */ false, sink_null_new(), err);
    }
    return unless_gone(catalog, series, backup, r, err);
}

static int decode_archive(const char *path, const Manifest *m, const PgClient *client,
                          usec_t stall_timeout, Err *err)
{
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;
    _cleanup_child_ Child child = CHILD_INIT;

    pg_command_decode_archive(client, &command);
    int r = pg_command_spawn(&command, CHILD_STDIN, stall_timeout, &child, err);
    if (r < 0)
        return r;
    r = stream(path, m, /* decode= */ true, sink_child_new(&child), err);
    if (r < 0 && err_is_set(err) && err->kind == ERR_CHILD) {
        err->kind = ERR_DAMAGED;
        err_prefix(err, "the archive does not decode");
    }
    return r;
}

static int decode(const Catalog *catalog, const Series *series, const Backup *backup,
                  const PgClient *client, usec_t stall_timeout, Err *err)
{
    const Manifest *m = &backup->manifest;
    _cleanup_free_ char *path = verify_data_path(catalog, series, backup);

    if (strcmp(m->format, "custom") == 0)
        return decode_archive(path, m, client, stall_timeout, err);
    return stream(path, m, /* decode= */ true, sink_null_new(), err);
}

int verify_decoded(const Catalog *catalog, const Series *series, const Backup *backup,
                   const PgClient *client, usec_t stall_timeout, Err *err)
{
    int r = check_records(catalog, series, backup, err);
    if (r == 0)
        r = decode(catalog, series, backup, client, stall_timeout, err);
    return unless_gone(catalog, series, backup, r, err);
}
