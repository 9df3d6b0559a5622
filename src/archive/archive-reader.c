#include "archive/archive-reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive-record.h"
#include "sys/mem.h"

/* What the next byte belongs to. Each state has a step, which takes what is there of one piece and,
 * when the piece is whole, acts on it and says what comes next. */
typedef enum State {
    STATE_PREFIX,
    STATE_HEADER,
    STATE_COUNT,
    STATE_ENTRY,
    STATE_BLOCK,  /* type and dump id of one, or the end of the archive */
    STATE_OBJECT, /* OID of one, or the end of the block */
    STATE_CHUNK,  /* size of one, or the end of the table or of the object */
    STATE_DATA,
    STATE_END, /* behind a TOC to which no blocks belong */
    _STATE_MAX,
} State;

#define BLOCK_BEGIN_SIZE (1 + ARCHIVE_INT_SIZE)

/* What is remembered of an entry. */
typedef struct Known {
    int32_t dump_id;
    uint32_t entry;
    ArchiveBlockKind kind; /* 0: no block belongs to it */
    bool seen;             /* its block has begun */
} Known;

struct ArchiveReader {
    const ArchiveReaderOps *ops;
    void *userdata;
    State state;
    bool ended; /* finished, or failed */

    /* The input of the call, and what earlier calls left over of a piece. */
    const uint8_t *at, *end;
    uint64_t end_offset; /* in the archive */
    uint8_t held[ARCHIVE_PREFIX_SIZE];
    size_t held_size;

    ArchiveHeader header;
    ArchiveRecord record;

    uint32_t entries;     /* that the archive has */
    uint32_t known_count; /* of these, read */
    size_t known_capacity;
    Known *known; /* in the order of the TOC until its end, then by dump id */

    ArchiveBlock block;
    size_t chunk_left;
};

/* Where the archive's next byte stands, `back` bytes ago. */
static uint64_t offset_before(const ArchiveReader *r, size_t back)
{
    return r->end_offset - (uint64_t)(r->end - r->at) - back;
}

/* The next `size` bytes, or NULL when not all of them are there yet. */
static const uint8_t *take(ArchiveReader *r, size_t size)
{
    size_t there = (size_t)(r->end - r->at);

    if (r->held_size == 0 && there >= size) {
        r->at += size;
        return r->at - size;
    }

    size_t missing = size - r->held_size;
    size_t taken = there < missing ? there : missing;
    memcpy(r->held + r->held_size, r->at, taken);
    r->at += taken;
    r->held_size += taken;
    if (taken < missing)
        return NULL;
    r->held_size = 0;
    return r->held;
}

/* An event with nothing to say but that it is. */
static int tell(ArchiveReader *r, int (*event)(void *userdata, Err *err), Err *err)
{
    return event ? event(r->userdata, err) : 0;
}

/* The header and the TOC */

static void begin_record(ArchiveReader *r, State state, const ArchiveLayout *layout)
{
    r->state = state;
    archive_record_begin(&r->record, layout, r->header.minor, r->header.format,
                         offset_before(r, 0));
}

static int unknown_version(const uint8_t version[static 3], Err *err)
{
    return err_set(err, ERR_ARCHIVE_VERSION,
                   "archive version %u.%u-%u is not known, only 1.%d to 1.%d are", version[0],
                   version[1], version[2], ARCHIVE_MINOR_MIN, ARCHIVE_MINOR_MAX);
}

/* Of the first `size` bytes, what can be said. */
static int check_prefix(const uint8_t *bytes, size_t size, Err *err)
{
    const uint8_t *version = bytes + ARCHIVE_MAGIC_SIZE, *sizes = version + 3;

    if (memcmp(bytes, ARCHIVE_MAGIC, size < ARCHIVE_MAGIC_SIZE ? size : ARCHIVE_MAGIC_SIZE) != 0)
        return archive_damaged(err, 0, "it does not begin with \"" ARCHIVE_MAGIC "\"");
    if (size >= ARCHIVE_MAGIC_SIZE + 3 && (version[0] != 1 || version[1] < ARCHIVE_MINOR_MIN ||
                                           version[1] > ARCHIVE_MINOR_MAX || version[2] != 0))
        return unknown_version(version, err);
    if (size < ARCHIVE_PREFIX_SIZE)
        return 0;

    if (sizes[0] != ARCHIVE_INT_SIZE - 1 || sizes[1] != ARCHIVE_OFFSET_SIZE - 1)
        return archive_damaged(err, ARCHIVE_MAGIC_SIZE + 3,
                               "integers of %u and offsets of %u bytes, instead of 4 and 8",
                               sizes[0], sizes[1]);
    if (sizes[2] != ARCHIVE_FORMAT_CUSTOM && sizes[2] != ARCHIVE_FORMAT_DIRECTORY)
        return archive_damaged(err, ARCHIVE_PREFIX_SIZE - 1, "a format of number %u", sizes[2]);
    return 0;
}

static int step_prefix(ArchiveReader *r, Err *err)
{
    const uint8_t *bytes = take(r, ARCHIVE_PREFIX_SIZE);

    int n = bytes ? check_prefix(bytes, ARCHIVE_PREFIX_SIZE, err)
                  : check_prefix(r->held, r->held_size, err);
    if (n < 0 || !bytes)
        return n;

    r->header.minor = bytes[ARCHIVE_MAGIC_SIZE + 1];
    r->header.format = bytes[ARCHIVE_PREFIX_SIZE - 1];
    begin_record(r, STATE_HEADER, &archive_header_layout);
    return 0;
}

static int step_header(ArchiveReader *r, Err *err)
{
    int n = archive_record_gather(&r->record, &r->at, r->end, err);
    if (n <= 0)
        return n;
    n = archive_record_decode(&r->record, &r->header, err);
    if (n < 0)
        return n;

    if (r->header.gzip_level != 0)
        r->header.compression = ARCHIVE_COMPRESSION_GZIP;
    r->state = STATE_COUNT;
    return r->ops->header ? r->ops->header(r->userdata, &r->header, err) : 0;
}

static int compare_known(const void *a, const void *b)
{
    int32_t x = ((const Known *)a)->dump_id, y = ((const Known *)b)->dump_id;
    return (x > y) - (x < y);
}

static int end_toc(ArchiveReader *r, Err *err)
{
    if (r->known_count > 0)
        qsort(r->known, r->known_count, sizeof(*r->known), compare_known);
    for (size_t i = 1; i < r->known_count; i++) {
        if (r->known[i].dump_id == r->known[i - 1].dump_id)
            return archive_damaged(err, offset_before(r, 0),
                                   "more than one entry has dump id %" PRId32, r->known[i].dump_id);
    }

    r->state = r->header.format == ARCHIVE_FORMAT_CUSTOM ? STATE_BLOCK : STATE_END;
    return tell(r, r->ops->toc_end, err);
}

static int next_entry(ArchiveReader *r, Err *err)
{
    if (r->known_count == r->entries)
        return end_toc(r, err);
    begin_record(r, STATE_ENTRY, &archive_entry_layout);
    return 0;
}

static int step_count(ArchiveReader *r, Err *err)
{
    const uint8_t *bytes = take(r, ARCHIVE_INT_SIZE);
    int32_t count;

    if (!bytes)
        return 0;
    if (!archive_int_decode(bytes, &count))
        return archive_damaged_int(err, offset_before(r, ARCHIVE_INT_SIZE));
    if (count < 0)
        return archive_damaged(err, offset_before(r, ARCHIVE_INT_SIZE), "%" PRId32 " entries",
                               count);

    r->entries = (uint32_t)count;
    int n = r->ops->toc_begin ? r->ops->toc_begin(r->userdata, r->entries, err) : 0;
    return n < 0 ? n : next_entry(r, err);
}

static void remember(ArchiveReader *r, const ArchiveEntry *entry)
{
    ArchiveBlockKind kind =
        strcmp(entry->desc, "BLOBS") == 0 ? ARCHIVE_BLOCK_LARGE_OBJECTS : ARCHIVE_BLOCK_DATA;

    if (r->known_count == r->known_capacity) {
        r->known_capacity = r->known_capacity * 2 + 256;
        r->known = mem_resize(r->known, r->known_capacity, sizeof(*r->known));
    }
    r->known[r->known_count] = (Known){
        .dump_id = entry->dump_id,
        .entry = r->known_count,
        .kind = entry->has_data ? kind : 0,
    };
    r->known_count++;
}

static int step_entry(ArchiveReader *r, Err *err)
{
    ArchiveEntry entry = { 0 };

    int n = archive_record_gather(&r->record, &r->at, r->end, err);
    if (n <= 0)
        return n;
    n = archive_record_decode(&r->record, &entry, err);
    if (n < 0)
        return n;
    if (r->header.format == ARCHIVE_FORMAT_DIRECTORY && entry.has_data != !!entry.file_name)
        return archive_damaged(err, r->record.offset, "an entry %s data %s a file",
                               entry.has_data ? "with" : "without",
                               entry.file_name ? "with" : "without");

    remember(r, &entry);
    n = r->ops->entry
            ? r->ops->entry(r->userdata, &entry, r->record.bytes.data, r->record.bytes.size, err)
            : 0;
    return n < 0 ? n : next_entry(r, err);
}

/* The blocks */

static int find_block(ArchiveReader *r, ArchiveBlockKind kind, int32_t dump_id, Err *err)
{
    const Known key = { .dump_id = dump_id };
    uint64_t offset = offset_before(r, BLOCK_BEGIN_SIZE);

    Known *known = r->known_count > 0
                       ? bsearch(&key, r->known, r->known_count, sizeof(*r->known), compare_known)
                       : NULL;
    if (!known)
        return archive_damaged(err, offset, "data of entry %" PRId32 ", which there is not",
                               dump_id);
    if (known->kind == 0)
        return archive_damaged(err, offset, "data of entry %" PRId32 ", which has none", dump_id);
    if (known->kind != kind)
        return archive_damaged(err, offset, "data of type %u for entry %" PRId32 ", not %u", kind,
                               dump_id, known->kind);
    if (known->seen)
        return archive_damaged(err, offset, "data of entry %" PRId32 " for the second time",
                               dump_id);

    known->seen = true;
    r->block = (ArchiveBlock){ .kind = kind, .dump_id = dump_id, .entry = known->entry };
    return 0;
}

static int step_block(ArchiveReader *r, Err *err)
{
    const uint8_t *bytes = take(r, BLOCK_BEGIN_SIZE);
    int32_t dump_id;

    if (!bytes)
        return 0;
    if (bytes[0] != ARCHIVE_BLOCK_DATA && bytes[0] != ARCHIVE_BLOCK_LARGE_OBJECTS)
        return archive_damaged(err, offset_before(r, BLOCK_BEGIN_SIZE), "data of type %u",
                               bytes[0]);
    if (!archive_int_decode(bytes + 1, &dump_id))
        return archive_damaged_int(err, offset_before(r, ARCHIVE_INT_SIZE));

    int n = find_block(r, bytes[0], dump_id, err);
    if (n < 0)
        return n;
    r->state = r->block.kind == ARCHIVE_BLOCK_DATA ? STATE_CHUNK : STATE_OBJECT;
    return r->ops->block_begin ? r->ops->block_begin(r->userdata, &r->block, err) : 0;
}

static int step_object(ArchiveReader *r, Err *err)
{
    const uint8_t *bytes = take(r, ARCHIVE_INT_SIZE);
    int32_t oid;

    if (!bytes)
        return 0;
    if (!archive_int_decode(bytes, &oid))
        return archive_damaged_int(err, offset_before(r, ARCHIVE_INT_SIZE));
    if (oid == 0) {
        r->state = STATE_BLOCK;
        return tell(r, r->ops->block_end, err);
    }

    r->state = STATE_CHUNK;
    /* OIDs are unsigned, but written as if they were not. */
    return r->ops->object_begin ? r->ops->object_begin(r->userdata, (uint32_t)oid, err) : 0;
}

static int end_data(ArchiveReader *r, Err *err)
{
    if (r->block.kind == ARCHIVE_BLOCK_DATA) {
        r->state = STATE_BLOCK;
        return tell(r, r->ops->block_end, err);
    }
    r->state = STATE_OBJECT;
    return tell(r, r->ops->object_end, err);
}

static int step_data(ArchiveReader *r, Err *err)
{
    size_t there = (size_t)(r->end - r->at);
    size_t size = there < r->chunk_left ? there : r->chunk_left;
    const uint8_t *data = r->at;

    r->at += size;
    r->chunk_left -= size;
    if (r->chunk_left == 0)
        r->state = STATE_CHUNK;
    return r->ops->data ? r->ops->data(r->userdata, data, size, r->chunk_left == 0, err) : 0;
}

/* A row is a chunk in an uncompressed archive: this and step_data() are what a dump's speed meets.
 */
static int step_chunk(ArchiveReader *r, Err *err)
{
    const uint8_t *bytes = take(r, ARCHIVE_INT_SIZE);
    int32_t size;

    if (!bytes)
        return 0;
    if (!archive_int_decode(bytes, &size))
        return archive_damaged_int(err, offset_before(r, ARCHIVE_INT_SIZE));
    if (size < 0)
        return archive_damaged(err, offset_before(r, ARCHIVE_INT_SIZE),
                               "a chunk of %" PRId32 " bytes", size);
    if (size == 0)
        return end_data(r, err);

    r->chunk_left = (size_t)size;
    r->state = STATE_DATA;
    return r->at < r->end ? step_data(r, err) : 0;
}

static int step_end(ArchiveReader *r, Err *err)
{
    return archive_damaged(err, offset_before(r, 0), "something behind the last entry");
}

static int (*const steps[_STATE_MAX])(ArchiveReader *r, Err *err) = {
    [STATE_PREFIX] = step_prefix, [STATE_HEADER] = step_header, [STATE_COUNT] = step_count,
    [STATE_ENTRY] = step_entry,   [STATE_BLOCK] = step_block,   [STATE_OBJECT] = step_object,
    [STATE_CHUNK] = step_chunk,   [STATE_DATA] = step_data,     [STATE_END] = step_end,
};

ArchiveReader *archive_reader_new(const ArchiveReaderOps *ops, void *userdata)
{
    ArchiveReader *r = mem_zero(1, sizeof(*r));
    r->ops = ops;
    r->userdata = userdata;
    return r;
}

static int check_usable(const ArchiveReader *r, Err *err)
{
    if (r->ended)
        return err_set(err, ERR_INTERNAL, "the reader of an archive is used after its end");
    return 0;
}

int archive_reader_write(ArchiveReader *r, const void *data, size_t size, Err *err)
{
    int n = check_usable(r, err);
    if (n < 0 || size == 0)
        return n;

    r->at = data;
    r->end = r->at + size;
    r->end_offset += size;
    while (n >= 0 && r->at < r->end)
        n = steps[r->state](r, err);
    if (n < 0)
        r->ended = true;
    return n < 0 ? n : 0;
}

int archive_reader_finish(ArchiveReader *r, Err *err)
{
    int n = check_usable(r, err);
    if (n < 0)
        return n;

    r->ended = true;
    if (r->state == STATE_END)
        return 0;
    if (r->state != STATE_BLOCK || r->held_size > 0)
        return archive_damaged(err, r->end_offset, "it ends too early");
    for (size_t i = 0; i < r->known_count; i++) {
        if (r->known[i].kind != 0 && !r->known[i].seen)
            return archive_damaged(err, r->end_offset, "it ends without the data of entry %" PRId32,
                                   r->known[i].dump_id);
    }
    return 0;
}

void archive_reader_free(ArchiveReader *r)
{
    if (!r)
        return;
    archive_record_done(&r->record);
    free(r->known);
    free(r);
}

/* 9 is 9.0 to 9.6. */
bool archive_reader_knows_major(int pg_dump_major)
{
    return pg_dump_major >= 9 && pg_dump_major <= 18;
}
