#pragma once

/* Rows of COPY text with their fields in the order of the columns' names. Where the columns of a
 * table stand is not what a dump of it can say when it inherits: in a copy they stand in the order
 * of the parents' columns, then its own.
 *
 *     column_order_read("COPY s.t (b, a) FROM stdin;", &o)      o.places = { 1, 0 }
 *     column_order_apply(&o, row, size, &b)                     "1\t2" becomes "2\t1" */

#include <stddef.h>

#include "sys/buf.h"

typedef struct ColumnOrder {
    size_t *places; /* of each column, by name: its field in a row. NULL: rows are right as they are
                     */
    size_t count;
} ColumnOrder;

#define _cleanup_column_order_ _cleanup_(column_order_done)

/* Of a COPY statement as pg_dump writes it. */
void column_order_read(const char *copy, ColumnOrder *ret);
/* Appends the row, without its line feed, in that order; as it is when it has another number of
 * fields. */
void column_order_apply(const ColumnOrder *o, const char *row, size_t size, Buf *b);
void column_order_done(ColumnOrder *o);
