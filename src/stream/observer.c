#include "stream/observer.h"

#include "archive/archive-reader.h"
#include "archive/inventory-taker.h"
#include "archive/sql-scanner.h"
#include "sys/mem.h"

typedef struct ObserverOps {
    int (*write)(Observer *o, const void *data, size_t size, Err *err);
    int (*finish)(Observer *o, Err *err);
    void (*take)(Observer *o, Inventory *ret);
} ObserverOps;

struct Observer {
    const ObserverOps *ops;
    Decoder *decoder; /* of an archive: from its header on */

    ArchiveReader *reader;
    InventoryTaker *taker;
    ArchiveBlockKind kind; /* of the block that has begun */
    char *version;

    SqlScanner *scanner;
};

/* Archives: reader, then decoder, then taker */

static const Codec codecs[] = {
    [ARCHIVE_COMPRESSION_NONE] = CODEC_NONE,
    [ARCHIVE_COMPRESSION_GZIP] = CODEC_GZIP,
    [ARCHIVE_COMPRESSION_LZ4] = CODEC_LZ4,
    [ARCHIVE_COMPRESSION_ZSTD] = CODEC_ZSTD,
};

static int on_header(void *userdata, const ArchiveHeader *header, Err *err)
{
    Observer *o = userdata;

    if (header->format != ARCHIVE_FORMAT_CUSTOM)
        return err_set(err, ERR_DAMAGED, "the archive is not one of the custom format");
    o->decoder = decoder_new(codecs[header->compression], CODEC_BLOCK);
    o->version = mem_printf("1.%u", header->minor);
    return 0;
}

static int on_entry(void *userdata, const ArchiveEntry *entry, const void *raw, size_t raw_size,
                    Err *err)
{
    const Observer *o = userdata;
    (void)raw;
    (void)raw_size;
    return inventory_taker_entry(o->taker, entry, err);
}

static int on_block_begin(void *userdata, const ArchiveBlock *block, Err *err)
{
    Observer *o = userdata;
    (void)err;

    o->kind = block->kind;
    inventory_taker_block_begin(o->taker, block);
    decoder_begin(o->decoder);
    return 0;
}

static int on_object_begin(void *userdata, uint32_t oid, Err *err)
{
    const Observer *o = userdata;
    (void)err;

    inventory_taker_object_begin(o->taker, oid);
    decoder_begin(o->decoder);
    return 0;
}

static int take_decoded(void *userdata, const void *data, size_t size, Err *err)
{
    return inventory_taker_data(userdata, data, size, err);
}

static int on_data(void *userdata, const void *data, size_t size, bool ends_chunk, Err *err)
{
    const Observer *o = userdata;
    return decoder_write(o->decoder, data, size, ends_chunk, take_decoded, o->taker, err);
}

static int on_object_end(void *userdata, Err *err)
{
    const Observer *o = userdata;
    int r = decoder_finish(o->decoder, err);
    if (r == 0)
        inventory_taker_object_end(o->taker);
    return r;
}

static int on_block_end(void *userdata, Err *err)
{
    const Observer *o = userdata;
    int r = o->kind == ARCHIVE_BLOCK_DATA ? decoder_finish(o->decoder, err) : 0;
    return r < 0 ? r : inventory_taker_block_end(o->taker, err);
}

static const ArchiveReaderOps reader_ops = {
    .header = on_header,
    .entry = on_entry,
    .block_begin = on_block_begin,
    .object_begin = on_object_begin,
    .data = on_data,
    .object_end = on_object_end,
    .block_end = on_block_end,
};

static int archive_write(Observer *o, const void *data, size_t size, Err *err)
{
    return archive_reader_write(o->reader, data, size, err);
}

static int archive_finish(Observer *o, Err *err)
{
    return archive_reader_finish(o->reader, err);
}

static void archive_take(Observer *o, Inventory *ret)
{
    inventory_taker_take(o->taker, ret);
}

static const ObserverOps archive_ops = {
    .write = archive_write,
    .finish = archive_finish,
    .take = archive_take,
};

Observer *observer_new_archive(void)
{
    Observer *o = mem_zero(1, sizeof(*o));
    o->ops = &archive_ops;
    o->reader = archive_reader_new(&reader_ops, o);
    o->taker = inventory_taker_new();
    return o;
}

/* SQL: decoder, then scanner */

static int scan_decoded(void *userdata, const void *data, size_t size, Err *err)
{
    return sql_scanner_write(userdata, data, size, err);
}

static int sql_write(Observer *o, const void *data, size_t size, Err *err)
{
    return decoder_write(o->decoder, data, size, /* ends_chunk= */ false, scan_decoded, o->scanner,
                         err);
}

static int sql_finish(Observer *o, Err *err)
{
    int r = decoder_finish(o->decoder, err);
    return r < 0 ? r : sql_scanner_finish(o->scanner, err);
}

static void sql_take(Observer *o, Inventory *ret)
{
    sql_scanner_take(o->scanner, ret);
}

static const ObserverOps sql_ops = {
    .write = sql_write,
    .finish = sql_finish,
    .take = sql_take,
};

Observer *observer_new_sql(Codec codec)
{
    Observer *o = mem_zero(1, sizeof(*o));
    o->ops = &sql_ops;
    o->scanner = sql_scanner_new();
    o->decoder = decoder_new(codec, CODEC_FILE);
    decoder_begin(o->decoder);
    return o;
}

/* Both */

void observer_by_name(Observer *o)
{
    if (o->taker)
        inventory_taker_by_name(o->taker);
    else
        sql_scanner_by_name(o->scanner);
}

int observer_write(Observer *o, const void *data, size_t size, Err *err)
{
    return o->ops->write(o, data, size, err);
}

int observer_finish(Observer *o, Err *err)
{
    return o->ops->finish(o, err);
}

void observer_take(Observer *o, Inventory *ret)
{
    o->ops->take(o, ret);
}

const char *observer_archive_version(const Observer *o)
{
    return o->version;
}

void observer_free(Observer *o)
{
    if (!o)
        return;
    decoder_free(o->decoder);
    archive_reader_free(o->reader);
    inventory_taker_free(o->taker);
    sql_scanner_free(o->scanner);
    free(o->version);
    free(o);
}
