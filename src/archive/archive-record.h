#pragma once

/* One header or entry of the TOC, from bytes that come in pieces of any size: gathered field by
 * field until it is whole, then decoded. For the reader alone.
 *
 *     archive_record_begin(r, &archive_entry_layout, minor, format, offset)
 *     while (archive_record_gather(r, &at, end, err) == 0)     more input is needed
 *         …
 *     archive_record_decode(r, &entry, err)
 *
 * Memory grows with the bytes that have come, whatever lengths they claim. */

#include "archive/archive-layout.h"
#include "sys/buf.h"
#include "sys/err.h"

typedef struct ArchiveRecord {
    const ArchiveLayout *layout;
    unsigned minor;
    ArchiveFormat format;
    uint64_t offset; /* where it began in the archive */

    Buf bytes;    /* as they stood */
    size_t begun; /* where the piece that is being gathered begins, in bytes */
    size_t field; /* whose piece that is */

    /* What the decoded record points to. */
    char *texts;
    size_t texts_capacity;
    int32_t *ids;
    size_t ids_capacity;
} ArchiveRecord;

void archive_record_begin(ArchiveRecord *r, const ArchiveLayout *layout, unsigned minor,
                          ArchiveFormat format, uint64_t offset);
/* Takes of *at to end what belongs to the record. Returns 1 when it is whole, 0 when all was taken
 * and it is not. ERR_DAMAGED. */
int archive_record_gather(ArchiveRecord *r, const uint8_t **at, const uint8_t *end, Err *err);
/* Fills in the members that the layout names, which borrow from r until it begins again.
 * ERR_DAMAGED. */
int archive_record_decode(ArchiveRecord *r, void *ret, Err *err);
void archive_record_done(ArchiveRecord *r);

/* ERR_DAMAGED: "the archive is damaged at byte <offset>: …". */
int archive_damaged(Err *err, uint64_t offset, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* An Int that archive_int_decode() refused. */
int archive_damaged_int(Err *err, uint64_t offset);
