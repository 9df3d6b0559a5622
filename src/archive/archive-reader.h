#pragma once

/* Reads a custom archive, or the toc.dat of a directory, as it streams by: bytes go in as they
 * come, events come out, in the archive's order:
 *
 *     header  toc_begin  entry*  toc_end
 *     { block_begin data* block_end                                   a table
 *     | block_begin { object_begin data* object_end }* block_end } *  large objects
 *
 * Bounded memory: an entry is held while it is read, of all entries only what tells whether each
 * has had its block. Nothing is believed: every length is checked, memory grows only with bytes
 * that are there, and what the format does not allow is ERR_DAMAGED with the offset where it stood;
 * an archive version that is not known is ERR_ARCHIVE_VERSION, found within the first 8 bytes. */

#include "archive/archive.h"
#include "sys/err.h"

typedef struct ArchiveReader ArchiveReader;

typedef struct ArchiveBlock {
    ArchiveBlockKind kind;
    int32_t dump_id;
    size_t entry; /* which entry of the TOC, from 0 */
} ArchiveBlock;

/* Each may be NULL, and returns 0 or a negative number with `err` filled, which the call that led
 * to it then returns. What they are given is borrowed for the call. */
typedef struct ArchiveReaderOps {
    int (*header)(void *userdata, const ArchiveHeader *header, Err *err);
    int (*toc_begin)(void *userdata, uint32_t entries, Err *err);
    /* `raw` is the entry as it stood in the archive: for tests that hold the writer against it. */
    int (*entry)(void *userdata, const ArchiveEntry *entry, const void *raw, size_t raw_size,
                 Err *err);
    int (*toc_end)(void *userdata, Err *err);
    int (*block_begin)(void *userdata, const ArchiveBlock *block, Err *err);
    int (*object_begin)(void *userdata, uint32_t oid, Err *err);
    /* Bytes of a chunk as they are stored, so compressed where the header says so. A chunk may come
     * in several calls, the last of which has ends_chunk; boundaries of chunks mean something to
     * zstd and lz4 alone. */
    int (*data)(void *userdata, const void *data, size_t size, bool ends_chunk, Err *err);
    int (*object_end)(void *userdata, Err *err);
    int (*block_end)(void *userdata, Err *err);
} ArchiveReaderOps;

/* Borrows ops and userdata. */
ArchiveReader *archive_reader_new(const ArchiveReaderOps *ops, void *userdata);
/* Takes all of it, or fails; behind a failure and behind finish there is only ERR_INTERNAL. */
int archive_reader_write(ArchiveReader *r, const void *data, size_t size, Err *err);
/* The input has ended: ERR_DAMAGED unless that is at a block's end (custom) or the TOC's end
 * (directory) and each entry with data has had its one block. */
int archive_reader_finish(ArchiveReader *r, Err *err);
void archive_reader_free(ArchiveReader *r);
static inline void archive_reader_freep(ArchiveReader **r)
{
    archive_reader_free(*r);
}
#define _cleanup_archive_reader_ _cleanup_(archive_reader_freep)

/* Whether the reader knows the archives that a pg_dump of this major writes: what to ask before it
 * is started. The header of what it then writes has the last word. */
bool archive_reader_knows_major(int pg_dump_major);
