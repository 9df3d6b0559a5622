#pragma once

/* Runs the reader of archives over bytes and keeps what it said, as text to compare, and what the
 * writer makes of that. Pieces of a chunk's data are put together: what is kept does not depend on
 * how the bytes came. */

#include "archive/archive.h"
#include "sys/buf.h"
#include "sys/err.h"

typedef struct ArchiveTrace {
    Buf events;      /* a line for each, but for the bytes of chunks, which are as they are */
    Buf archive;     /* written again */
    size_t fail_at;  /* the event of this number (from 1) fails; 0: none */
    size_t happened; /* events until now */

    unsigned minor;
    uint32_t entries;
    Buf toc;   /* entries, before they are counted */
    Buf chunk; /* until it is whole */
} ArchiveTrace;

#define ARCHIVE_TRACE_ERROR "the event was told to fail"

/* Writes the bytes in pieces (0: all at once) and finishes; stops at the first error. */
int archive_trace(ArchiveTrace *t, const void *data, size_t size, size_t piece, Err *err);
void archive_trace_done(ArchiveTrace *t);
#define _cleanup_archive_trace_ _cleanup_(archive_trace_done)
