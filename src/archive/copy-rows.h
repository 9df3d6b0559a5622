#pragma once

/* Counts and digests the rows of a table's COPY text (PostgreSQL manual, "COPY", text format), in
 * pieces of any size. A row is a line without its line feed: data never contains one (it is
 * escaped), nor a line "\.". pg_dump ends a block of an archive with "\.\n\n\n"; only that is an
 * end. */

#include "archive/digest.h"
#include "sys/err.h"

typedef struct CopyRows CopyRows;

CopyRows *copy_rows_new(void);
void copy_rows_free(CopyRows *c);

/* Starts the next table. */
void copy_rows_begin(CopyRows *c);
/* ERR_DAMAGED for anything behind the end but the two line feeds that belong to it. */
int copy_rows_write(CopyRows *c, const void *data, size_t size, Err *err);
/* ERR_DAMAGED when the end has not come. */
int copy_rows_finish(CopyRows *c, Err *err);

uint64_t copy_rows_count(const CopyRows *c);
uint64_t copy_rows_bytes(const CopyRows *c); /* of the rows, line feeds included, the end not */
const Digest *copy_rows_digest(const CopyRows *c);
