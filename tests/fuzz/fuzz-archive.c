/* The reader of archives on anything: it does not crash, a refusal says why, how the bytes are cut
 * changes nothing, and what it accepts is written again as an archive of the same size, which is
 * then written the same. (The same, not equal to the first: offsets are not kept.) */

#include "fuzz.h"

#include <string.h>

#include "archive-trace.h"
#include "sys/mem.h"

#define FORMAT_AT 10 /* its byte */

static int equal(const Buf *a, const Buf *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

static void try_pieces(const uint8_t *data, size_t size, size_t piece, int expected,
                       const ArchiveTrace *whole, const Err *whole_err)
{
    _cleanup_archive_trace_ ArchiveTrace t = { 0 };
    _cleanup_err_ Err err = { 0 };

    int r = archive_trace(&t, data, size, piece, &err);
    require(r == expected, "pieces have the same outcome");
    require(r >= 0 || strcmp(err.message, whole_err->message) == 0, "pieces have the same error");
    require(equal(&t.events, &whole->events), "pieces have the same events");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_archive_trace_ ArchiveTrace t = { 0 }, again = { 0 };
    _cleanup_err_ Err err = { 0 };

    int r = archive_trace(&t, data, size, 0, &err);
    require(r >= 0 || (err_is_set(&err) && *err.message), "a refusal says why");
    try_pieces(data, size, 1, r, &t, &err);
    try_pieces(data, size, 13, r, &t, &err);
    if (r < 0 || data[FORMAT_AT] != ARCHIVE_FORMAT_CUSTOM)
        return 0;

    require(t.archive.size == size, "what was accepted is written in the same size");
    require(archive_trace(&again, t.archive.data, t.archive.size, 0, NULL) >= 0,
            "what was written is accepted");
    require(equal(&t.archive, &again.archive), "what was written is written the same again");
    return 0;
}
