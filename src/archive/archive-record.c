#include "archive/archive-record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "sys/mem.h"

/* Nothing that PostgreSQL holds in one value is larger, so nor is what pg_dump makes of it. */
#define RECORD_SIZE_MAX ((size_t)1 << 30)

int archive_damaged(Err *err, uint64_t offset, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    _cleanup_free_ char *what = mem_vprintf(fmt, ap);
    va_end(ap);
    return err_set(err, ERR_DAMAGED, "the archive is damaged at byte %" PRIu64 ": %s", offset,
                   what);
}

int archive_damaged_int(Err *err, uint64_t offset)
{
    return archive_damaged(err, offset, "something that is no integer");
}

/* Gathering */

void archive_record_begin(ArchiveRecord *r, const ArchiveLayout *layout, unsigned minor,
                          ArchiveFormat format, uint64_t offset)
{
    r->layout = layout;
    r->minor = minor;
    r->format = format;
    r->offset = offset;
    r->bytes.size = 0;
    r->begun = 0;
    r->field = 0;
}

/* Takes what is there of a piece of `size` bytes; returns whether all of it is. */
static bool gather(ArchiveRecord *r, size_t size, const uint8_t **at, const uint8_t *end)
{
    size_t missing = r->begun + size - r->bytes.size;
    size_t there = (size_t)(end - *at);
    size_t taken = there < missing ? there : missing;

    buf_add(&r->bytes, *at, taken);
    *at += taken;
    return taken == missing;
}

/* Gathers a Str, of which *ret_null says whether it is NULL. */
static int gather_str(ArchiveRecord *r, const uint8_t **at, const uint8_t *end, bool *ret_null,
                      Err *err)
{
    int32_t length;

    if (r->bytes.size < r->begun + ARCHIVE_INT_SIZE && !gather(r, ARCHIVE_INT_SIZE, at, end))
        return 0;
    if (!archive_int_decode((const uint8_t *)r->bytes.data + r->begun, &length))
        return archive_damaged_int(err, r->offset + r->begun);
    if (length < -1)
        return archive_damaged(err, r->offset + r->begun, "a text of %" PRId32 " bytes", length);
    if (length >= 0 && r->begun + (size_t)length > RECORD_SIZE_MAX)
        return archive_damaged(err, r->offset + r->begun, "a text of %" PRId32 " bytes is too long",
                               length);

    *ret_null = length < 0;
    return length <= 0 || gather(r, ARCHIVE_INT_SIZE + (size_t)length, at, end);
}

/* Gathers one piece, which is a field or one of its Strs: 1 when it is whole. */
static int gather_piece(ArchiveRecord *r, const uint8_t **at, const uint8_t *end, bool *ret_last,
                        Err *err)
{
    *ret_last = true;

    switch (r->layout->fields[r->field].type) {
    case ARCHIVE_FIELD_NUMBER:
    case ARCHIVE_FIELD_GZIP_LEVEL:
    case ARCHIVE_FIELD_DUMP_ID:
    case ARCHIVE_FIELD_FLAG:
    case ARCHIVE_FIELD_SECTION:
        return gather(r, ARCHIVE_INT_SIZE, at, end);
    case ARCHIVE_FIELD_COMPRESSION:
        return gather(r, 1, at, end);
    case ARCHIVE_FIELD_OFFSET:
        return gather(r, ARCHIVE_OFFSET_SIZE, at, end);
    case ARCHIVE_FIELD_DEPENDENCIES:
        return gather_str(r, at, end, ret_last, err);
    case ARCHIVE_FIELD_TEXT:
    case ARCHIVE_FIELD_NAME:
    case ARCHIVE_FIELD_OID:
    case ARCHIVE_FIELD_WITH_OIDS:
    case ARCHIVE_FIELD_FILE_NAME: {
        bool null;
        return gather_str(r, at, end, &null, err);
    }
    }
    return err_set(err, ERR_INTERNAL, "a field of an archive has no type");
}

int archive_record_gather(ArchiveRecord *r, const uint8_t **at, const uint8_t *end, Err *err)
{
    for (; r->field < r->layout->count; r->field++) {
        if (!archive_field_present(&r->layout->fields[r->field], r->minor, r->format))
            continue;

        bool last;
        do {
            int n = gather_piece(r, at, end, &last, err);
            if (n <= 0)
                return n;
            r->begun = r->bytes.size;
        } while (!last);
    }
    return 1;
}

/* Decoding: the pieces are all there, and lengths of texts are good. */

typedef struct Decoder {
    const ArchiveRecord *record;
    const uint8_t *at;
    char *texts; /* where the next text goes */
    Err *err;
} Decoder;

/* For what was `size` bytes before the next one. */
static uint64_t offset_before(const Decoder *d, size_t size)
{
    const uint8_t *begin = (const uint8_t *)d->record->bytes.data;
    return d->record->offset + (uint64_t)(d->at - begin) - size;
}

static int decode_int(Decoder *d, int32_t min, int32_t max, const char *what, int32_t *ret)
{
    d->at += ARCHIVE_INT_SIZE;
    if (!archive_int_decode(d->at - ARCHIVE_INT_SIZE, ret))
        return archive_damaged_int(d->err, offset_before(d, ARCHIVE_INT_SIZE));
    if (*ret < min || *ret > max)
        return archive_damaged(d->err, offset_before(d, ARCHIVE_INT_SIZE), "%s %" PRId32, what,
                               *ret);
    return 0;
}

/* The texts have room: each is a NUL longer than in the archive, and its length not there. */
static int decode_text(Decoder *d, const char **ret, size_t *ret_size)
{
    int32_t length = -1;

    archive_int_decode(d->at, &length);
    d->at += ARCHIVE_INT_SIZE;
    if (length < 0) {
        *ret = NULL;
        *ret_size = 0;
        return 0;
    }

    size_t size = (size_t)length;
    if (size > 0 && memchr(d->at, '\0', size))
        return archive_damaged(d->err, offset_before(d, ARCHIVE_INT_SIZE),
                               "a text with a zero byte in it");

    *ret = d->texts;
    *ret_size = size;
    memcpy(d->texts, d->at, size);
    d->texts[size] = '\0';
    d->texts += size + 1;
    d->at += size;
    return 0;
}

static int decode_name(Decoder *d, const char **ret, size_t *ret_size)
{
    const char *text;

    int r = decode_text(d, &text, ret_size);
    if (r < 0)
        return r;
    if (!text)
        return archive_damaged(d->err, offset_before(d, ARCHIVE_INT_SIZE),
                               "a null where a text belongs");
    *ret = text;
    return 0;
}

/* The shortest digits of a number up to `max`, as "%u" writes them. */
static bool parse_decimal(const char *text, size_t size, uint32_t max, uint32_t *ret)
{
    uint64_t value = 0;

    if (size == 0 || size > strlen("4294967295") || (size > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *ret = (uint32_t)value;
    return value <= max;
}

/* The text of `size` bytes that was decoded last. */
static int bad_text(Decoder *d, size_t size, const char *what)
{
    return archive_damaged(d->err, offset_before(d, ARCHIVE_INT_SIZE + size),
                           "a text that is no %s", what);
}

static int decode_oid(Decoder *d, uint32_t *ret)
{
    const char *text;
    size_t size;

    int r = decode_name(d, &text, &size);
    if (r < 0)
        return r;
    if (!parse_decimal(text, size, UINT32_MAX, ret))
        return bad_text(d, size, "OID");
    return 0;
}

static int decode_with_oids(Decoder *d, bool *ret)
{
    const char *text;
    size_t size;

    int r = decode_name(d, &text, &size);
    if (r < 0)
        return r;
    *ret = strcmp(text, "true") == 0;
    if (!*ret && strcmp(text, "false") != 0)
        return bad_text(d, size, "truth value");
    return 0;
}

static int decode_file_name(Decoder *d, const char **ret)
{
    const char *name;
    size_t size;

    int r = decode_name(d, &name, &size);
    if (r < 0)
        return r;
    if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return bad_text(d, size, "name of a file");
    *ret = size > 0 ? name : NULL;
    return 0;
}

static int decode_dependencies(Decoder *d, ArchiveRecord *record, ArchiveEntry *ret)
{
    size_t count = 0;

    for (;;) {
        const char *text;
        size_t size;
        uint32_t id;
        int r = decode_text(d, &text, &size);
        if (r < 0)
            return r;
        if (!text)
            break;
        if (!parse_decimal(text, size, INT32_MAX, &id) || id == 0)
            return bad_text(d, size, "dump id");

        if (count == record->ids_capacity) {
            record->ids_capacity = count * 2 + 16;
            record->ids = mem_resize(record->ids, record->ids_capacity, sizeof(*record->ids));
        }
        record->ids[count++] = (int32_t)id;
    }
    ret->dependencies = record->ids;
    ret->dependency_count = count;
    return 0;
}

static int decode_offset(Decoder *d, bool has_data)
{
    uint8_t state = d->at[0];

    d->at += ARCHIVE_OFFSET_SIZE;
    if (has_data ? state == ARCHIVE_OFFSET_NOT_SET || state == ARCHIVE_OFFSET_SET
                 : state == ARCHIVE_OFFSET_NO_DATA)
        return 0;
    return archive_damaged(d->err, offset_before(d, ARCHIVE_OFFSET_SIZE),
                           "an offset of state %u for an entry %s data", state,
                           has_data ? "with" : "without");
}

static int decode_compression(Decoder *d, ArchiveCompression *ret)
{
    *ret = *d->at++;
    if (*ret > ARCHIVE_COMPRESSION_ZSTD)
        return archive_damaged(d->err, offset_before(d, 1), "a compression of number %u", *ret);
    return 0;
}

static int decode_field(Decoder *d, ArchiveRecord *record, const ArchiveField *field, void *ret)
{
    void *member = (char *)ret + field->member;
    int32_t number;
    size_t size;
    int r = 0;

    switch (field->type) {
    case ARCHIVE_FIELD_NUMBER:
        return decode_int(d, INT32_MIN, INT32_MAX, "a number of", member);
    case ARCHIVE_FIELD_GZIP_LEVEL:
        return decode_int(d, -1, 9, "a compression level of", member);
    case ARCHIVE_FIELD_DUMP_ID:
        return decode_int(d, 1, INT32_MAX, "an entry with dump id", member);
    case ARCHIVE_FIELD_FLAG:
        r = decode_int(d, 0, 1, "a flag of value", &number);
        if (r >= 0)
            *(bool *)member = number;
        return r;
    case ARCHIVE_FIELD_SECTION:
        r = decode_int(d, ARCHIVE_SECTION_NONE, ARCHIVE_SECTION_POST_DATA, "a section of number",
                       &number);
        if (r >= 0)
            *(ArchiveSection *)member = (ArchiveSection)number;
        return r;
    case ARCHIVE_FIELD_COMPRESSION:
        return decode_compression(d, member);
    case ARCHIVE_FIELD_TEXT:
        return decode_text(d, member, &size);
    case ARCHIVE_FIELD_NAME:
        return decode_name(d, member, &size);
    case ARCHIVE_FIELD_OID:
        return decode_oid(d, member);
    case ARCHIVE_FIELD_WITH_OIDS:
        return decode_with_oids(d, member);
    case ARCHIVE_FIELD_FILE_NAME:
        return decode_file_name(d, member);
    case ARCHIVE_FIELD_DEPENDENCIES:
        return decode_dependencies(d, record, ret);
    case ARCHIVE_FIELD_OFFSET:
        return decode_offset(d, *(const bool *)member);
    }
    return r;
}

int archive_record_decode(ArchiveRecord *r, void *ret, Err *err)
{
    if (r->texts_capacity < r->bytes.size) {
        r->texts_capacity = r->bytes.capacity;
        r->texts = mem_resize(r->texts, r->texts_capacity, 1);
    }

    Decoder d = {
        .record = r,
        .at = (const uint8_t *)r->bytes.data,
        .texts = r->texts,
        .err = err,
    };
    for (size_t i = 0; i < r->layout->count; i++) {
        if (!archive_field_present(&r->layout->fields[i], r->minor, r->format))
            continue;
        int n = decode_field(&d, r, &r->layout->fields[i], ret);
        if (n < 0)
            return n;
    }
    return 0;
}

void archive_record_done(ArchiveRecord *r)
{
    buf_done(&r->bytes);
    free(r->texts);
    free(r->ids);
    *r = (ArchiveRecord){ 0 };
}
