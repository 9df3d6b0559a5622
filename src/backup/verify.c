#include "backup/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/comparison.h"
#include "backup/stored-inventory.h"
#include "backup/verify-directory.h"
#include "stream/pump.h"
#include "stream/sink-child.h"
#include "stream/sink-fd.h"
#include "stream/stage-check.h"
#include "stream/stage-compress.h"
#include "stream/stage-observe.h"
#include "stream/stage-tap.h"
#include "sys/child.h"
#include "sys/fs.h"
#include "sys/mem.h"

/* Of the .sha256, beyond what it should be: a difference is found, and not only that there is one.
 */
#define CHECKSUM_FILE_EXCESS 4096
#define INVENTORY_PORTION ((size_t)64 << 10) /* of a read */

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

/* Of SQL text, by the manifest's "gzip:1": pg_restore knows by itself how an archive is compressed.
 */
static int text_codec(const Manifest *m, Codec *ret, Err *err)
{
    size_t size = strcspn(m->compression, ":");

    for (Codec codec = CODEC_NONE; codec < _CODEC_MAX; codec++) {
        const char *name = codec_to_string(codec);
        if (strlen(name) == size && strncmp(name, m->compression, size) == 0) {
            *ret = codec;
            return 0;
        }
    }
    return err_set(err, ERR_COULD_NOT_VERIFY, "compression \"%s\" is not known", m->compression);
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

/* One pass over the stored file. */
typedef struct Pass {
    const char *path;
    const Manifest *manifest;
    bool decode;     /* text is decompressed, and compared with what pg_dump wrote */
    bool observe;    /* the inventory is taken */
    bool by_name;    /* of rows with their fields in the order of the columns' names */
    Stage *observed; /* its stage, owned by the pipeline */
    Expectation stored, raw;
} Pass;

static void add_observer(Pipeline *p, Pass *pass, Stage *observer)
{
    pass->observed = pipeline_add(p, observer);
    if (pass->by_name)
        stage_observe_by_name(observer);
}

static int add_decoders(Pipeline *p, Pass *pass, Err *err)
{
    const Manifest *m = pass->manifest;
    Codec codec = CODEC_NONE;

    if (!manifest_is_text(m)) {
        if (pass->observe)
            add_observer(p, pass, stage_observe_archive_new());
        return 0;
    }

    int r = text_codec(m, &codec, err);
    if (r < 0)
        return r;
    pipeline_add(p, stage_decompress_new(codec));
    add_expectation(p, &pass->raw);
    if (pass->observe)
        add_observer(p, pass, stage_observe_sql_new(CODEC_NONE));
    return 0;
}

/* The stored bytes, checked and decoded as the pass says, into the sink. A sink that publishes or
 * commits is not finished with wrong bytes: the checks stand before it. The pipeline is the
 * caller's, so that what was observed can be asked for. */
static int stream(Pass *pass, Pipeline *p, Stage *sink, Err *err)
{
    const Manifest *m = pass->manifest;
    _cleanup_close_ int fd = -1;

    pass->stored = (Expectation){ NULL, m->file, m->stored_bytes, m->stored_sha256 };
    pass->raw = (Expectation){ NULL, "the decoded dump", m->raw_bytes, m->raw_sha256 };
    add_expectation(p, &pass->stored);
    int r = pass->decode ? add_decoders(p, pass, err) : 0;
    pipeline_add(p, sink); /* which is the pipeline's however this ends */
    if (r >= 0)
        r = open_data(pass->path, &fd, err);
    if (r < 0)
        return r;
    return pump_file(fd, pass->path, p, err);
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
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    Pass pass = { .path = path, .manifest = &backup->manifest, .decode = true };

    int r = stream(&pass, p, sink, err);
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

    int r = read_beside(dir, manifest_name, MANIFEST_MAX_SIZE, &manifest, &size, err);
    if (r < 0)
        return r;
    r = catalog_checksums(m, manifest, size, &expected, err);
    if (r < 0)
        return r;
    r = read_beside(dir, name, strlen(expected) + CHECKSUM_FILE_EXCESS, &beside, &beside_size, err);
    if (r < 0)
        return r;
    if (beside_size != strlen(expected) || memcmp(beside, expected, beside_size) != 0)
        return err_set(err, ERR_DAMAGED,
                       "\"%s/%s\" does not hold the digests of the backup's files", dir, name);
    return 0;
}

/* All of the file through the pipeline and, unless that is NULL, into the reader, whose own failure
 * goes to `unread`. */
static int stream_inventory(int fd, const char *path, Pipeline *p, InventoryReader *reader,
                            Err *unread, Err *err)
{
    _cleanup_free_ char *buffer = mem_alloc(INVENTORY_PORTION);
    ssize_t n;

    while ((n = read(fd, buffer, INVENTORY_PORTION)) > 0) {
        int r = pipeline_write(p, buffer, (size_t)n, err);
        if (r < 0)
            return r;
        if (reader && !err_is_set(unread))
            (void)inventory_reader_write(reader, buffer, (size_t)n, unread);
    }
    if (n < 0)
        return err_set_errno(err, errno, "could not read \"%s\"", path);
    return pipeline_finish(p, err);
}

/* The inventory as the manifest vouches for it; ret may be NULL. */
static int read_inventory(const char *dir, const Manifest *m, Inventory *ret, Err *err)
{
    _cleanup_free_ char *path = mem_printf("%s/%s", dir, m->inventory_file);
    _cleanup_inventory_reader_ InventoryReader *reader = ret ? inventory_reader_new() : NULL;
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    const Stage *tap = pipeline_add(p, stage_tap_new());
    _cleanup_err_ Err unread = { 0 };
    _cleanup_close_ int fd = -1;

    pipeline_add(p, sink_null_new());
    int r = open_data(path, &fd, err);
    if (r >= 0)
        r = stream_inventory(fd, path, p, reader, &unread, err);
    if (r < 0)
        return r;
    if (strcmp(stage_tap_sha256(tap), m->inventory_sha256) != 0)
        return err_set(err, ERR_DAMAGED, "\"%s\" has SHA-256 %s, its manifest says %s", path,
                       stage_tap_sha256(tap), m->inventory_sha256);
    if (err_is_set(&unread)) {
        err_move(err, &unread);
        return -EIO;
    }
    return ret ? inventory_reader_finish(reader, ret, err) : 0;
}

int verify_load_inventory(const Catalog *catalog, const Series *series, const Backup *backup,
                          Inventory *ret, Err *err)
{
    _cleanup_free_ char *dir = mem_printf("%s/%s", catalog->path, series->encoded);

    if (!backup->manifest.inventory_file)
        return err_set(err, ERR_COULD_NOT_VERIFY, "the backup has no inventory");
    int r = read_inventory(dir, &backup->manifest, ret, err);
    return unless_gone(catalog, series, backup, r, err);
}

/* All but the data file itself. */
static int check_records(const Catalog *catalog, const Series *series, const Backup *backup,
                         Err *err)
{
    _cleanup_free_ char *dir = mem_printf("%s/%s", catalog->path, series->encoded);
    const Manifest *m = &backup->manifest;

    if (!m->file)
        return backup_error(backup, err);
    int r = check_checksums(dir, m, err);
    if (r < 0 || !m->inventory_file)
        return r;
    return read_inventory(dir, m, /* ret= */ NULL, err);
}

/* The data itself, without a look into it. */
static int check_data(const Catalog *catalog, const Series *series, const Backup *backup, Err *err)
{
    _cleanup_free_ char *path = verify_data_path(catalog, series, backup);
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    Pass pass = { .path = path, .manifest = &backup->manifest };

    if (manifest_is_directory(&backup->manifest))
        return verify_directory(path, &backup->manifest, /* ret_inventory= */ NULL, err);
    return stream(&pass, p, sink_null_new(), err);
}

/* The backup with its manifest whole, where the catalog has kept only a part that matters here. */
typedef struct Whole {
    Backup backup; /* borrows all but what is in `manifest` */
    Manifest manifest;
} Whole;

static void whole_done(Whole *w)
{
    manifest_done(&w->manifest);
}

static int load_whole(const Catalog *catalog, const Series *series, const Backup *backup,
                      Whole *ret, Err *err)
{
    *ret = (Whole){ .backup = *backup };
    if (!manifest_is_directory(&backup->manifest))
        return 0;
    int r = catalog_load_manifest(catalog, series, backup, &ret->manifest, err);
    ret->backup.manifest = ret->manifest;
    return r;
}

int verify_stored(const Catalog *catalog, const Series *series, const Backup *backup, Err *err)
{
    _cleanup_(whole_done) Whole whole = { 0 };

    int r = load_whole(catalog, series, backup, &whole, err);
    if (r == 0)
        r = check_records(catalog, series, &whole.backup, err);
    if (r == 0)
        r = check_data(catalog, series, &whole.backup, err);
    return unless_gone(catalog, series, backup, r, err);
}

/* Takes `now` over. The file of the inventory has been found to be what the manifest says. */
static int compare_inventories(const char *dir, const Manifest *m, Inventory *now, Err *err)
{
    _cleanup_comparison_ Comparison c = { .now = *now };
    bool same = false;

    *now = (Inventory){ 0 };
    int r = stored_inventory_is(m, &c.now, &same, err);
    if (r < 0 || same)
        return r;
    r = read_inventory(dir, m, &c.then, err);
    if (r < 0)
        return r;
    comparison_make(&c);
    return c.count == 0 ? 0 : comparison_error(&c, "the contents differ from the inventory", err);
}

static int spawn_reader(const Manifest *m, const PgClient *client, usec_t stall_timeout, Child *ret,
                        Stage **ret_sink, Err *err)
{
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;

    if (!client || manifest_is_text(m)) {
        *ret_sink = sink_null_new();
        return 0;
    }
    pg_command_decode_archive(client, &command);
    int r = pg_command_spawn(&command, CHILD_STDIN, stall_timeout, ret, err);
    if (r >= 0)
        *ret_sink = sink_child_new(ret);
    return r;
}

static int decode(const Catalog *catalog, const Series *series, const Backup *backup,
                  const PgClient *client, usec_t stall_timeout, Err *err)
{
    const Manifest *m = &backup->manifest;
    _cleanup_free_ char *path = verify_data_path(catalog, series, backup);
    _cleanup_free_ char *dir = mem_printf("%s/%s", catalog->path, series->encoded);
    _cleanup_child_ Child child = CHILD_INIT;
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    _cleanup_inventory_ Inventory now = { 0 };
    Pass pass = { .path = path, .manifest = m, .decode = true, .observe = m->inventory_file };
    Stage *sink;

    int r = spawn_reader(m, client, stall_timeout, &child, &sink, err);
    if (r < 0)
        return r;
    r = stream(&pass, p, sink, err);
    if (r < 0 && err_is_set(err))
        pg_client_judge_archive(&child, err);
    if (r < 0 || !pass.observe)
        return r;
    r = stage_observe_take_inventory(pass.observed, &now, err);
    if (r < 0 && err_is_set(err) && err->kind == ERR_DUMP_INCOMPLETE) {
        err->kind = ERR_DAMAGED; /* it was whole once: it has an inventory */
        err_hint(err, "psql would not do what is meant: do not give this text to it. Restore "
                      "another backup.");
    }
    return r < 0 ? r : compare_inventories(dir, m, &now, err);
}

static int decode_directory(const Catalog *catalog, const Series *series, const Backup *backup,
                            const PgClient *client, Err *err)
{
    const Manifest *m = &backup->manifest;
    _cleanup_free_ char *path = verify_data_path(catalog, series, backup);
    _cleanup_free_ char *dir = mem_printf("%s/%s", catalog->path, series->encoded);
    _cleanup_inventory_ Inventory now = { 0 };

    int r = verify_directory(path, m, m->inventory_file ? &now : NULL, err);
    if (r >= 0 && m->inventory_file)
        r = compare_inventories(dir, m, &now, err);
    if (r >= 0 && client)
        r = verify_directory_opens(path, client, err);
    return r;
}

int verify_decoded(const Catalog *catalog, const Series *series, const Backup *backup,
                   const PgClient *client, usec_t stall_timeout, Err *err)
{
    _cleanup_(whole_done) Whole whole = { 0 };

    int r = load_whole(catalog, series, backup, &whole, err);
    if (r == 0)
        r = check_records(catalog, series, &whole.backup, err);
    if (r == 0)
        r = manifest_is_directory(&whole.manifest)
                ? decode_directory(catalog, series, &whole.backup, client, err)
                : decode(catalog, series, backup, client, stall_timeout, err);
    return unless_gone(catalog, series, backup, r, err);
}

static int take_by_name(const char *path, const Manifest *m, Inventory *ret, Err *err)
{
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    Pass pass = { .path = path, .manifest = m, .decode = true, .observe = true, .by_name = true };

    int r = stream(&pass, p, sink_null_new(), err);
    return r < 0 ? r : stage_observe_take_inventory(pass.observed, ret, err);
}

int verify_take_by_name(const Catalog *catalog, const Series *series, const Backup *backup,
                        Inventory *ret, Err *err)
{
    _cleanup_free_ char *path = verify_data_path(catalog, series, backup);
    _cleanup_(whole_done) Whole whole = { 0 };

    int r = load_whole(catalog, series, backup, &whole, err);
    if (r == 0)
        r = manifest_is_directory(&backup->manifest)
                ? verify_directory_by_name(path, &whole.manifest, ret, err)
                : take_by_name(path, &backup->manifest, ret, err);
    return unless_gone(catalog, series, backup, r, err);
}
