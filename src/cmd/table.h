#pragma once

/* Aligned columns on stdout. Cells are shown as one line each, whatever they hold. */

#include <stddef.h>

typedef struct Table Table;

/* Headings end with NULL; one that begins with '>' makes its column align to the right. */
Table *table_new(const char *const *headings);
/* Takes the cells' strings over; as many as there are headings. */
void table_add(Table *t, char **cells);
/* A line of its own, indented, under the last row. */
void table_note(Table *t, const char *text);
void table_print(const Table *t);
void table_free(Table *t);

static inline void table_freep(Table **t)
{
    table_free(*t);
}
#define _cleanup_table_ _cleanup_(table_freep)
