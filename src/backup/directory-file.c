#include "backup/directory-file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/inventory-taker.h"
#include "stream/stage-compress.h"
#include "stream/stage.h"
#include "sys/mem.h"

#define READ_SIZE ((size_t)256 << 10)

/* The sink of decoded bytes */

typedef struct ContentsSink {
    Stage stage;
    InventoryTaker *taker;
    uint64_t bytes;
} ContentsSink;

static int contents_sink_write(Stage *stage, const void *data, size_t size, Err *err)
{
    ContentsSink *s = (ContentsSink *)stage;

    s->bytes += size;
    return s->taker ? inventory_taker_data(s->taker, data, size, err) : 0;
}

static void contents_sink_free(Stage *stage)
{
    ContentsSink *s = (ContentsSink *)stage;

    inventory_taker_free(s->taker);
    free(s);
}

static const StageOps contents_sink_ops = {
    .name = "contents",
    .write = contents_sink_write,
    .free = contents_sink_free,
};

static int begin_part(ContentsSink *s, const DirectoryPart *part, bool by_name, Err *err)
{
    s->taker = inventory_taker_new();
    if (by_name)
        inventory_taker_by_name(s->taker);
    if (part->kind == ARCHIVE_BLOCK_DATA) {
        const ArchiveEntry entry = {
            .dump_id = 1,
            .has_data = true,
            .tag = part->tag,
            .desc = "TABLE DATA",
            .section = ARCHIVE_SECTION_DATA,
            .copy = part->copy,
            .schema = part->schema,
        };
        int r = inventory_taker_entry(s->taker, &entry, err);
        if (r < 0)
            return r;
    }
    inventory_taker_block_begin(s->taker, &(ArchiveBlock){ .kind = part->kind, .dump_id = 1 });
    if (part->kind == ARCHIVE_BLOCK_LARGE_OBJECTS)
        inventory_taker_object_begin(s->taker, part->oid);
    return 0;
}

static int end_part(ContentsSink *s, const DirectoryPart *part, Inventory *ret, Err *err)
{
    if (part->kind == ARCHIVE_BLOCK_LARGE_OBJECTS)
        inventory_taker_object_end(s->taker);
    int r = inventory_taker_block_end(s->taker, err);
    if (r >= 0)
        inventory_taker_take(s->taker, ret);
    return r;
}

/* The file */

static Codec codec_of(const char *name)
{
    static const struct {
        const char *suffix;
        Codec codec;
    } codecs[] = { { ".gz", CODEC_GZIP }, { ".lz4", CODEC_LZ4 }, { ".zst", CODEC_ZSTD } };
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < ELEMENTSOF(codecs); i++)
        if (strcmp(dot, codecs[i].suffix) == 0)
            return codecs[i].codec;
    return CODEC_NONE;
}

static int fill(const DirectoryFile *f, int fd, Pipeline *p, Err *err)
{
    _cleanup_free_ char *buffer = mem_alloc(READ_SIZE);

    while (!atomic_load(f->stop)) {
        ssize_t n = read(fd, buffer, READ_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(err, errno, "could not read \"%s/%s\"", f->dir_path, f->name);
        if (n == 0)
            return pipeline_finish(p, err);

        int r = pipeline_write(p, buffer, (size_t)n, err);
        if (r < 0)
            return r;
        atomic_fetch_add(f->read, (uint64_t)n);
    }
    return -ECANCELED; /* whoever has stopped it says why */
}

/* Read back from where pg_dump has closed it: a write that failed since it did is told to the first
 * who asks (Linux, "errseq_t"), which is us. */
static int adopt(const DirectoryFile *f, int fd, Err *err)
{
    if (fchmod(fd, 0600) < 0)
        return err_set_errno(err, errno, "could not restrict \"%s/%s\"", f->dir_path, f->name);
    if (fsync(fd) < 0)
        return err_set_errno(err, errno, "could not sync \"%s/%s\"", f->dir_path, f->name);
    return 0;
}

static int compare(const DirectoryFile *f, Err *err)
{
    const StoredFile *e = f->expected;

    if (!e)
        return 0;
    if (f->bytes != e->bytes)
        return err_set(err, ERR_DAMAGED, "\"%s/%s\" has %llu bytes, its manifest says %llu",
                       f->dir_path, f->name, (unsigned long long)f->bytes,
                       (unsigned long long)e->bytes);
    if (strcmp(f->sha256, e->sha256) != 0)
        return err_set(err, ERR_DAMAGED, "\"%s/%s\" has SHA-256 %s, its manifest says %s",
                       f->dir_path, f->name, f->sha256, e->sha256);
    return 0;
}

static int read_through(DirectoryFile *f, int fd, uint64_t size, Err *err)
{
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    const Stage *tap = pipeline_add(p, stage_tap_new());
    ContentsSink *sink = mem_zero(1, sizeof(*sink));
    sink->stage.ops = &contents_sink_ops;

    /* An empty file is one, whatever its suffix says: so pg_restore takes it, and so some versions
     * of pg_dump store an empty large object. */
    if (f->part && size > 0 && codec_of(f->name) != CODEC_NONE)
        pipeline_add(p, stage_decompress_new(codec_of(f->name)));
    pipeline_add(p, &sink->stage);

    int r = f->part ? begin_part(sink, f->part, f->by_name, err) : 0;
    if (r >= 0)
        r = fill(f, fd, p, err);
    if (r >= 0 && f->part)
        r = end_part(sink, f->part, &f->inventory, err);
    if (r < 0) {
        if (err->kind == ERR_DAMAGED)
            err_prefix(err, "\"%s/%s\"", f->dir_path, f->name);
        return r;
    }

    f->bytes = stage_tap_bytes(tap);
    f->raw_bytes = sink->bytes;
    memcpy(f->sha256, stage_tap_sha256(tap), sizeof(f->sha256));
    return 0;
}

int directory_file_read(DirectoryFile *f, Err *err)
{
    _cleanup_close_ int fd = -1;
    uint64_t size;

    int r = stored_file_open(f->dir_fd, f->dir_path, f->name, &fd, &size, err);
    if (r >= 0)
        r = read_through(f, fd, size, err);
    if (r >= 0)
        r = compare(f, err);
    if (r >= 0 && f->adopt)
        r = adopt(f, fd, err);
    return r;
}

void directory_file_done(DirectoryFile *f)
{
    inventory_done(&f->inventory);
}
