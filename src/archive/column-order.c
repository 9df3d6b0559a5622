#include "archive/column-order.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "archive/sql-statement.h"
#include "sys/mem.h"
#include "sys/strv.h"

typedef struct Column {
    const char *name;
    size_t place;
} Column;

static int order_by_name(const void *a, const void *b)
{
    return strcmp(((const Column *)a)->name, ((const Column *)b)->name);
}

void column_order_read(const char *copy, ColumnOrder *ret)
{
    _cleanup_strv_ Strv names = { 0 };
    bool sorted = true;

    *ret = (ColumnOrder){ 0 };
    if (sql_read_copy_columns(copy, &names) < 0 || names.count == 0)
        return;

    _cleanup_free_ Column *columns = mem_zero(names.count, sizeof(*columns));
    for (size_t i = 0; i < names.count; i++)
        columns[i] = (Column){ .name = names.items[i], .place = i };
    qsort(columns, names.count, sizeof(*columns), order_by_name);

    size_t *places = mem_zero(names.count, sizeof(*places));
    for (size_t i = 0; i < names.count; i++) {
        places[i] = columns[i].place;
        sorted &= places[i] == i;
    }
    if (sorted)
        free(TAKE_PTR(places));
    *ret = (ColumnOrder){ .places = places, .count = places ? names.count : 0 };
}

typedef struct Field {
    const char *text;
    size_t size;
} Field;

/* A tab inside a field is escaped. Stops behind `max` of them. */
static size_t split(const char *row, size_t size, Field *ret, size_t max)
{
    const char *end = row + size;
    size_t count = 0;

    for (const char *p = row;;) {
        const char *tab = memchr(p, '\t', (size_t)(end - p)), *stop = tab ? tab : end;
        if (count < max)
            ret[count] = (Field){ .text = p, .size = (size_t)(stop - p) };
        count++;
        if (!tab || count > max)
            return count;
        p = tab + 1;
    }
}

void column_order_apply(const ColumnOrder *o, const char *row, size_t size, Buf *b)
{
    _cleanup_free_ Field *fields = mem_zero(o->count, sizeof(*fields));

    if (split(row, size, fields, o->count) != o->count) {
        buf_add(b, row, size);
        return;
    }
    for (size_t i = 0; i < o->count; i++) {
        const Field *f = &fields[o->places[i]];
        if (i > 0)
            buf_addc(b, '\t');
        buf_add(b, f->text, f->size);
    }
}

void column_order_done(ColumnOrder *o)
{
    free(o->places);
    *o = (ColumnOrder){ 0 };
}
