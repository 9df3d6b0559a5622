#pragma once

/* Counts and digests the rows of a table's COPY text (PostgreSQL manual, "COPY", text format), in
 * pieces of any size. A row is a line without its line feed: data never contains one (it is
 * escaped), nor a line "\.". pg_dump ends a block of an archive with "\.\n\n\n"; only that is an
 * end. */

#include "archive/column-order.h"
#include "archive/digest.h"
#include "sys/err.h"
#include "sys/mem.h"

typedef struct CopyRows CopyRows;

CopyRows *copy_rows_new(void);
void copy_rows_free(CopyRows *c);
static inline void copy_rows_freep(CopyRows **c)
{
    copy_rows_free(*c);
}
#define _cleanup_copy_rows_ _cleanup_(copy_rows_freep)

/* Starts the next table. */
void copy_rows_begin(CopyRows *c);
/* The same, for rows that are digested with their fields in that order, which is borrowed. Each row
 * is in memory then. */
void copy_rows_begin_in_order(CopyRows *c, const ColumnOrder *order);
/* ERR_DAMAGED for anything behind the end but the two line feeds that belong to it. */
int copy_rows_write(CopyRows *c, const void *data, size_t size, Err *err);
/* The same for SQL text, which goes on behind the line "\.": takes no more than that line, and
 * returns how many bytes it has taken. */
size_t copy_rows_take(CopyRows *c, const void *data, size_t size);
bool copy_rows_ended(const CopyRows *c); /* that line has come */
/* It has come with a carriage return, where psql ends the rows and pg_dump never writes one. */
bool copy_rows_damaged(const CopyRows *c);
/* ERR_DAMAGED when the end of an archive's block has not come. */
int copy_rows_finish(const CopyRows *c, Err *err);

uint64_t copy_rows_count(const CopyRows *c);
uint64_t copy_rows_bytes(const CopyRows *c); /* of the rows, line feeds included, the end not */
const Digest *copy_rows_digest(const CopyRows *c);
