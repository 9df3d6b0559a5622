#include "stream/stage-archive.h"

#include <assert.h>

#include "archive/archive-reader.h"
#include "archive/archive-writer.h"
#include "archive/inventory-taker.h"
#include "stream/pieces.h"
#include "sys/mem.h"

#define MINOR_OF_ALL_CODECS 15 /* the first archives with a compression beside gzip */

typedef struct StageArchive {
    Stage stage;
    CodecSpec compression;
    ArchiveReader *reader;
    InventoryTaker *taker;
    Pieces *pieces;
    unsigned minor;
    ArchiveBlockKind kind; /* of the block that has begun */
    char *version;         /* NULL until the header has passed */
    Buf part;              /* of the archive, on its way to the pieces */
} StageArchive;

static const ArchiveCompression archive_compressions[_CODEC_MAX] = {
    [CODEC_NONE] = ARCHIVE_COMPRESSION_NONE,
    [CODEC_GZIP] = ARCHIVE_COMPRESSION_GZIP,
    [CODEC_LZ4] = ARCHIVE_COMPRESSION_LZ4,
    [CODEC_ZSTD] = ARCHIVE_COMPRESSION_ZSTD,
};

/* Writes the part that was put together, between the streams. */
static int write_part(StageArchive *a, Err *err)
{
    int r = pieces_literal(a->pieces, a->part.data, a->part.size, err);
    a->part.size = 0;
    return r;
}

/* The header and the TOC */

static int check_header(const StageArchive *a, const ArchiveHeader *header, Err *err)
{
    Codec codec = a->compression.codec;

    if (header->format != ARCHIVE_FORMAT_CUSTOM)
        return err_set(err, ERR_DAMAGED, "the archive is not one of the custom format");
    if (header->compression != ARCHIVE_COMPRESSION_NONE)
        return err_set(err, ERR_DAMAGED, "the archive is compressed already");
    if (codec > CODEC_GZIP && header->minor < MINOR_OF_ALL_CODECS)
        return err_set(err, ERR_INTERNAL, "archives of version 1.%u cannot be compressed by %s",
                       header->minor, codec_to_string(codec));
    return 0;
}

static int on_header(void *userdata, const ArchiveHeader *header, Err *err)
{
    StageArchive *a = userdata;
    ArchiveHeader compressed = *header;

    a->minor = header->minor;
    free(a->version);
    a->version = mem_printf("1.%u", header->minor);
    int r = check_header(a, header, err);
    if (r < 0)
        return r;

    compressed.compression = archive_compressions[a->compression.codec];
    compressed.gzip_level = a->compression.codec == CODEC_GZIP ? a->compression.level : 0;
    archive_write_header(&a->part, &compressed);
    return write_part(a, err);
}

static int on_toc_begin(void *userdata, uint32_t entries, Err *err)
{
    StageArchive *a = userdata;
    archive_write_entry_count(&a->part, entries);
    return write_part(a, err);
}

static int on_entry(void *userdata, const ArchiveEntry *entry, const void *raw, size_t raw_size,
                    Err *err)
{
    StageArchive *a = userdata;
    (void)raw; /* its offsets may be set, and will not be right */
    (void)raw_size;

    int r = inventory_taker_entry(a->taker, entry, err);
    if (r < 0)
        return r;
    archive_write_entry(&a->part, a->minor, entry);
    return write_part(a, err);
}

/* The blocks */

static int on_block_begin(void *userdata, const ArchiveBlock *block, Err *err)
{
    StageArchive *a = userdata;

    a->kind = block->kind;
    inventory_taker_block_begin(a->taker, block);
    archive_write_block_begin(&a->part, block->kind, block->dump_id);
    int r = write_part(a, err);
    if (r < 0 || block->kind != ARCHIVE_BLOCK_DATA)
        return r;
    return pieces_begin(a->pieces, err);
}

static int on_object_begin(void *userdata, uint32_t oid, Err *err)
{
    StageArchive *a = userdata;

    inventory_taker_object_begin(a->taker, oid);
    archive_write_object_begin(&a->part, oid);
    int r = write_part(a, err);
    return r < 0 ? r : pieces_begin(a->pieces, err);
}

/* A row, mostly. */
static int on_data(void *userdata, const void *data, size_t size, bool ends_chunk, Err *err)
{
    StageArchive *a = userdata;
    (void)ends_chunk;

    int r = inventory_taker_data(a->taker, data, size, err);
    return r < 0 ? r : pieces_write(a->pieces, data, size, err);
}

static int on_object_end(void *userdata, Err *err)
{
    StageArchive *a = userdata;

    inventory_taker_object_end(a->taker);
    pieces_end(a->pieces);
    archive_write_end(&a->part);
    return write_part(a, err);
}

static int on_block_end(void *userdata, Err *err)
{
    StageArchive *a = userdata;

    int r = inventory_taker_block_end(a->taker, err);
    if (r < 0)
        return r;
    if (a->kind == ARCHIVE_BLOCK_DATA)
        pieces_end(a->pieces);
    archive_write_end(&a->part);
    return write_part(a, err);
}

static const ArchiveReaderOps reader_ops = {
    .header = on_header,
    .toc_begin = on_toc_begin,
    .entry = on_entry,
    .block_begin = on_block_begin,
    .object_begin = on_object_begin,
    .data = on_data,
    .object_end = on_object_end,
    .block_end = on_block_end,
};

/* The stage */

static int archive_write(Stage *s, const void *data, size_t size, Err *err)
{
    const StageArchive *a = (const StageArchive *)s;
    return archive_reader_write(a->reader, data, size, err);
}

static int archive_finish(Stage *s, Err *err)
{
    const StageArchive *a = (const StageArchive *)s;
    int r = archive_reader_finish(a->reader, err);
    return r < 0 ? r : pieces_finish(a->pieces, err);
}

static void archive_free(Stage *s)
{
    StageArchive *a = (StageArchive *)s;
    pieces_free(a->pieces);
    archive_reader_free(a->reader);
    inventory_taker_free(a->taker);
    buf_done(&a->part);
    free(a->version);
    free(a);
}

static const StageOps archive_ops = {
    .name = "archive",
    .write = archive_write,
    .finish = archive_finish,
    .free = archive_free,
};

Stage *stage_archive_new(const StageArchiveSpec *spec)
{
    StageArchive *a = mem_zero(1, sizeof(*a));
    const PiecesSpec pieces = {
        .compression = spec->compression,
        .form = CODEC_BLOCK,
        .chunk_begin = archive_write_chunk_begin,
        .threads = spec->threads,
        .check = spec->check,
        .piece_size = spec->piece_size,
    };

    a->stage.ops = &archive_ops;
    a->compression = spec->compression;
    a->reader = archive_reader_new(&reader_ops, a);
    a->taker = inventory_taker_new();
    a->pieces = pieces_new(&pieces, &a->stage);
    return &a->stage;
}

const char *stage_archive_version(const Stage *s)
{
    assert(s->ops == &archive_ops);
    return ((const StageArchive *)s)->version;
}

void stage_archive_take_inventory(Stage *s, Inventory *ret)
{
    assert(s->ops == &archive_ops);
    inventory_taker_take(((StageArchive *)s)->taker, ret);
}
