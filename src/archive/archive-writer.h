#pragma once

/* Writes the parts of a custom archive into a buffer, one call each, in the archive's order:
 *
 *     header, entry count, entries, then for each entry with data
 *         table:          block begin, { chunk begin + its bytes }*, end
 *         large objects:  block begin, { object begin, { chunk begin + its bytes }*, end }*, end
 *
 * Whoever calls knows the order; nothing here remembers anything. Entries that were parsed come
 * out byte for byte as they went in, except that offsets of data are "not set" (the TOC is written
 * before the data, and is part of digests and ciphertext that stream past it; docs/PERFORMANCE.md
 * has what that costs a restore). Blocks may come from any producer. */

#include "archive/archive.h"
#include "sys/buf.h"

/* The format is custom, whatever the header was read from, and the compression one that the version
 * has; gzip without a level is the default level, so that who compresses has only to say gzip. */
void archive_write_header(Buf *b, const ArchiveHeader *header);
void archive_write_entry_count(Buf *b, uint32_t count);
void archive_write_entry(Buf *b, unsigned minor, const ArchiveEntry *entry);
void archive_write_block_begin(Buf *b, ArchiveBlockKind kind, int32_t dump_id);
void archive_write_object_begin(Buf *b, uint32_t oid);
/* size: at most INT32_MAX, never 0, which would be the end. */
void archive_write_chunk_begin(Buf *b, size_t size);
/* Ends a table's block, a large object, or a block of large objects. */
void archive_write_end(Buf *b);
