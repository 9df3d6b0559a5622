#include "archive-trace.h"

#include <inttypes.h>
#include <string.h>

#include "archive/archive-reader.h"
#include "archive/archive-writer.h"
#include "sys/mem.h"

static int count_event(ArchiveTrace *t, Err *err)
{
    if (++t->happened == t->fail_at)
        return err_set(err, ERR_IO, ARCHIVE_TRACE_ERROR);
    return 0;
}

static void add_text(Buf *b, const char *name, const char *text)
{
    if (text)
        buf_addf(b, " %s=%s", name, text);
}

static int trace_header(void *userdata, const ArchiveHeader *h, Err *err)
{
    ArchiveTrace *t = userdata;

    t->minor = h->minor;
    archive_write_header(&t->archive, h);
    buf_addf(&t->events,
             "header 1.%u format=%u compression=%u level=%" PRId32 " created=", h->minor, h->format,
             h->compression, h->gzip_level);
    for (size_t i = 0; i < ELEMENTSOF(h->created); i++)
        buf_addf(&t->events, "%s%" PRId32, i > 0 ? "," : "", h->created[i]);
    add_text(&t->events, "database", h->database);
    add_text(&t->events, "server", h->server_version);
    add_text(&t->events, "dump", h->dump_version);
    buf_addc(&t->events, '\n');
    return count_event(t, err);
}

static int trace_entry(void *userdata, const ArchiveEntry *e, const void *raw, size_t raw_size,
                       Err *err)
{
    ArchiveTrace *t = userdata;

    t->entries++;
    archive_write_entry(&t->toc, t->minor, e);
    buf_addf(&t->events, "entry %" PRId32 "%s %s section=%u table_oid=%" PRIu32 " oid=%" PRIu32,
             e->dump_id, e->has_data ? " data" : "", e->desc, e->section, e->table_oid, e->oid);
    add_text(&t->events, "tag", e->tag);
    add_text(&t->events, "defn", e->defn);
    add_text(&t->events, "drop", e->drop);
    add_text(&t->events, "copy", e->copy);
    add_text(&t->events, "schema", e->schema);
    add_text(&t->events, "tablespace", e->tablespace);
    add_text(&t->events, "table_am", e->table_am);
    buf_addf(&t->events, " relkind=%" PRId32, e->relkind);
    add_text(&t->events, "owner", e->owner);
    add_text(&t->events, "with_oids", e->with_oids ? "yes" : NULL);
    for (size_t i = 0; i < e->dependency_count; i++)
        buf_addf(&t->events, " needs=%" PRId32, e->dependencies[i]);
    add_text(&t->events, "file", e->file_name);
    buf_adds(&t->events, "\nraw ");
    buf_add(&t->events, raw, raw_size);
    buf_addc(&t->events, '\n');
    return count_event(t, err);
}

static int trace_toc_end(void *userdata, Err *err)
{
    ArchiveTrace *t = userdata;

    archive_write_entry_count(&t->archive, t->entries);
    buf_add(&t->archive, t->toc.data, t->toc.size);
    buf_addf(&t->events, "toc end\n");
    return count_event(t, err);
}

static int trace_block_begin(void *userdata, const ArchiveBlock *block, Err *err)
{
    ArchiveTrace *t = userdata;

    archive_write_block_begin(&t->archive, block->kind, block->dump_id);
    buf_addf(&t->events, "block %u of %" PRId32 ", entry %zu\n", block->kind, block->dump_id,
             block->entry);
    return count_event(t, err);
}

static int trace_object_begin(void *userdata, uint32_t oid, Err *err)
{
    ArchiveTrace *t = userdata;

    archive_write_object_begin(&t->archive, oid);
    buf_addf(&t->events, "object %" PRIu32 "\n", oid);
    return count_event(t, err);
}

static int trace_data(void *userdata, const void *data, size_t size, bool ends_chunk, Err *err)
{
    ArchiveTrace *t = userdata;

    if (t->chunk.size == 0)
        buf_adds(&t->events, "chunk ");
    buf_add(&t->events, data, size);
    buf_add(&t->chunk, data, size);
    if (!ends_chunk)
        return 0;

    archive_write_chunk_begin(&t->archive, t->chunk.size);
    buf_add(&t->archive, t->chunk.data, t->chunk.size);
    t->chunk.size = 0;
    buf_adds(&t->events, "\n");
    return count_event(t, err);
}

static int trace_object_end(void *userdata, Err *err)
{
    ArchiveTrace *t = userdata;

    archive_write_end(&t->archive);
    buf_adds(&t->events, "object end\n");
    return count_event(t, err);
}

static int trace_block_end(void *userdata, Err *err)
{
    ArchiveTrace *t = userdata;

    archive_write_end(&t->archive);
    buf_adds(&t->events, "block end\n");
    return count_event(t, err);
}

static const ArchiveReaderOps trace_ops = {
    .header = trace_header,
    .entry = trace_entry,
    .toc_end = trace_toc_end,
    .block_begin = trace_block_begin,
    .object_begin = trace_object_begin,
    .data = trace_data,
    .object_end = trace_object_end,
    .block_end = trace_block_end,
};

int archive_trace(ArchiveTrace *t, const void *data, size_t size, size_t piece, Err *err)
{
    _cleanup_archive_reader_ ArchiveReader *reader = archive_reader_new(&trace_ops, t);
    const char *at = data;

    while (size > 0) {
        size_t n = piece == 0 || piece > size ? size : piece;
        int r = archive_reader_write(reader, at, n, err);
        if (r < 0)
            return r;
        at += n;
        size -= n;
    }
    return archive_reader_finish(reader, err);
}

void archive_trace_done(ArchiveTrace *t)
{
    buf_done(&t->events);
    buf_done(&t->archive);
    buf_done(&t->toc);
    buf_done(&t->chunk);
}
