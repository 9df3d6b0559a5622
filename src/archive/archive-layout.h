#pragma once

/* How the header and an entry of the TOC are laid out: the one table of fields by which
 * archive-record.c reads them and archive-writer.c writes them. For these two alone.
 *
 * Everything is built of three forms. An Int is a sign byte (0: positive, 1: negative), then four
 * bytes of the absolute value, low first. A Str is an Int, its length, then that many bytes, none
 * of them NUL; the length -1 is NULL. An Offset is a state byte, then eight bytes, low first. */

#include "archive/archive.h"

/* Before the header's fields: magic; version major, minor, revision; sizes of an integer and of an
 * offset; format. */
#define ARCHIVE_PREFIX_SIZE 11
#define ARCHIVE_INT_SIZE 5
#define ARCHIVE_OFFSET_SIZE 9

/* The state of an Offset. */
enum {
    ARCHIVE_OFFSET_NOT_SET = 1,
    ARCHIVE_OFFSET_SET = 2,
    ARCHIVE_OFFSET_NO_DATA = 3,
};

/* A field's form, and what it is in memory. */
typedef enum ArchiveFieldType {
    ARCHIVE_FIELD_NUMBER,       /* Int, int32_t */
    ARCHIVE_FIELD_GZIP_LEVEL,   /* Int from -1 to 9, int32_t */
    ARCHIVE_FIELD_DUMP_ID,      /* Int above 0, int32_t */
    ARCHIVE_FIELD_FLAG,         /* Int 0 or 1, bool */
    ARCHIVE_FIELD_SECTION,      /* Int, ArchiveSection */
    ARCHIVE_FIELD_COMPRESSION,  /* byte, ArchiveCompression */
    ARCHIVE_FIELD_TEXT,         /* Str, const char *, either may be NULL */
    ARCHIVE_FIELD_NAME,         /* Str, const char * */
    ARCHIVE_FIELD_OID,          /* Str of decimal digits, uint32_t */
    ARCHIVE_FIELD_WITH_OIDS,    /* Str "true" or "false", bool */
    ARCHIVE_FIELD_FILE_NAME,    /* Str, const char *; "" is NULL in memory */
    ARCHIVE_FIELD_DEPENDENCIES, /* Strs of decimal digits to a NULL, the entry's two members */
    ARCHIVE_FIELD_OFFSET,       /* Offset, bool: whether it is that of an entry with data */
} ArchiveFieldType;

typedef struct ArchiveField {
    ArchiveFieldType type;
    size_t member;        /* its offset in ArchiveHeader or ArchiveEntry */
    unsigned since;       /* minor versions that have it; 0: all */
    unsigned until;       /* likewise */
    ArchiveFormat format; /* which has it; 0: all */
} ArchiveField;

typedef struct ArchiveLayout {
    const ArchiveField *fields;
    size_t count;
} ArchiveLayout;

extern const ArchiveLayout archive_header_layout; /* from behind the prefix on */
extern const ArchiveLayout archive_entry_layout;

bool archive_field_present(const ArchiveField *field, unsigned minor, ArchiveFormat format);

/* False for what no Int is: another sign byte, a negative zero, a value out of range. */
static inline bool archive_int_decode(const uint8_t bytes[static ARCHIVE_INT_SIZE], int32_t *ret)
{
    uint32_t size = (uint32_t)bytes[1] | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3] << 16 |
                    (uint32_t)bytes[4] << 24;

    if (bytes[0] == 0 && size <= INT32_MAX) {
        *ret = (int32_t)size;
        return true;
    }
    if (bytes[0] != 1 || size == 0 || size > (uint32_t)INT32_MAX + 1)
        return false;
    *ret = (int32_t) - (int64_t)size;
    return true;
}
