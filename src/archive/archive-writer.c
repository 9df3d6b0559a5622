#include "archive/archive-writer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive-layout.h"

#define GZIP_LEVEL_DEFAULT (-1)

static void write_byte(Buf *b, unsigned value)
{
    assert(value <= UINT8_MAX);
    buf_addc(b, (char)value);
}

static void write_int(Buf *b, int32_t value)
{
    uint32_t size = value < 0 ? -(uint32_t)value : (uint32_t)value;
    const uint8_t bytes[ARCHIVE_INT_SIZE] = { value < 0, (uint8_t)size, (uint8_t)(size >> 8),
                                              (uint8_t)(size >> 16), (uint8_t)(size >> 24) };
    buf_add(b, bytes, sizeof(bytes));
}

static void write_str(Buf *b, const char *text)
{
    size_t size = text ? strlen(text) : 0;

    assert(size <= INT32_MAX);
    write_int(b, text ? (int32_t)size : -1);
    buf_add(b, text, size);
}

static void write_decimal(Buf *b, uint32_t value)
{
    char text[sizeof("4294967295")];

    snprintf(text, sizeof(text), "%" PRIu32, value);
    write_str(b, text);
}

static void write_dependencies(Buf *b, const ArchiveEntry *entry)
{
    for (size_t i = 0; i < entry->dependency_count; i++)
        write_decimal(b, (uint32_t)entry->dependencies[i]);
    write_str(b, NULL);
}

static void write_offset(Buf *b, bool has_data)
{
    const uint8_t bytes[ARCHIVE_OFFSET_SIZE] = { has_data ? ARCHIVE_OFFSET_NOT_SET
                                                          : ARCHIVE_OFFSET_NO_DATA };
    buf_add(b, bytes, sizeof(bytes));
}

/* `record` is the ArchiveHeader or the ArchiveEntry that the field is of. */
static void write_field(Buf *b, const ArchiveField *field, const void *record)
{
    const void *member = (const char *)record + field->member;

    switch (field->type) {
    case ARCHIVE_FIELD_NUMBER:
    case ARCHIVE_FIELD_GZIP_LEVEL:
    case ARCHIVE_FIELD_DUMP_ID:
        write_int(b, *(const int32_t *)member);
        break;
    case ARCHIVE_FIELD_FLAG:
        write_int(b, *(const bool *)member);
        break;
    case ARCHIVE_FIELD_SECTION:
        write_int(b, *(const ArchiveSection *)member);
        break;
    case ARCHIVE_FIELD_COMPRESSION:
        write_byte(b, *(const ArchiveCompression *)member);
        break;
    case ARCHIVE_FIELD_TEXT:
    case ARCHIVE_FIELD_NAME:
        write_str(b, *(const char *const *)member);
        break;
    case ARCHIVE_FIELD_OID:
        write_decimal(b, *(const uint32_t *)member);
        break;
    case ARCHIVE_FIELD_WITH_OIDS:
        write_str(b, *(const bool *)member ? "true" : "false");
        break;
    case ARCHIVE_FIELD_FILE_NAME: /* only a directory has these */
        break;
    case ARCHIVE_FIELD_DEPENDENCIES:
        write_dependencies(b, record);
        break;
    case ARCHIVE_FIELD_OFFSET:
        write_offset(b, *(const bool *)member);
        break;
    }
}

static void write_record(Buf *b, const ArchiveLayout *layout, unsigned minor, const void *record)
{
    for (size_t i = 0; i < layout->count; i++) {
        if (archive_field_present(&layout->fields[i], minor, ARCHIVE_FORMAT_CUSTOM))
            write_field(b, &layout->fields[i], record);
    }
}

void archive_write_header(Buf *b, const ArchiveHeader *header)
{
    ArchiveHeader h = *header;
    const uint8_t versions_and_sizes[] = { 1, (uint8_t)h.minor, 0, 4, 8, ARCHIVE_FORMAT_CUSTOM };

    assert(h.minor >= ARCHIVE_MINOR_MIN && h.minor <= ARCHIVE_MINOR_MAX);
    assert(h.minor >= 15 || h.compression <= ARCHIVE_COMPRESSION_GZIP);
    if (h.compression == ARCHIVE_COMPRESSION_NONE)
        h.gzip_level = 0;
    else if (h.gzip_level == 0)
        h.gzip_level = GZIP_LEVEL_DEFAULT;

    buf_add(b, ARCHIVE_MAGIC, ARCHIVE_MAGIC_SIZE);
    buf_add(b, versions_and_sizes, sizeof(versions_and_sizes));
    write_record(b, &archive_header_layout, h.minor, &h);
}

void archive_write_entry_count(Buf *b, uint32_t count)
{
    assert(count <= INT32_MAX);
    write_int(b, (int32_t)count);
}

void archive_write_entry(Buf *b, unsigned minor, const ArchiveEntry *entry)
{
    write_record(b, &archive_entry_layout, minor, entry);
}

void archive_write_block_begin(Buf *b, ArchiveBlockKind kind, int32_t dump_id)
{
    write_byte(b, kind);
    write_int(b, dump_id);
}

void archive_write_object_begin(Buf *b, uint32_t oid)
{
    assert(oid != 0);
    write_int(b, (int32_t)oid);
}

void archive_write_chunk_begin(Buf *b, size_t size)
{
    assert(size > 0 && size <= INT32_MAX);
    write_int(b, (int32_t)size);
}

void archive_write_end(Buf *b)
{
    write_int(b, 0);
}
