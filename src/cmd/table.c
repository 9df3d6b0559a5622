#include "cmd/table.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "sys/format.h"
#include "sys/mem.h"
#include "sys/utf8.h"

typedef struct Row {
    char **cells; /* NULL for a note */
    char *note;
} Row;

struct Table {
    const char *const *headings;
    size_t columns;
    Row *rows;
    size_t count;
};

Table *table_new(const char *const *headings)
{
    Table *t = mem_zero(1, sizeof(*t));

    t->headings = headings;
    while (headings[t->columns])
        t->columns++;
    return t;
}

static Row *add_row(Table *t)
{
    t->rows = mem_resize(t->rows, t->count + 1, sizeof(*t->rows));
    t->rows[t->count] = (Row){ 0 };
    return &t->rows[t->count++];
}

void table_add(Table *t, char **cells)
{
    Row *row = add_row(t);

    row->cells = mem_zero(t->columns, sizeof(*row->cells));
    for (size_t i = 0; i < t->columns; i++) {
        row->cells[i] = format_oneline(cells[i]);
        free(cells[i]);
    }
}

void table_note(Table *t, const char *text)
{
    add_row(t)->note = format_oneline(text);
}

/* Characters, not bytes; wide ones count as one, which a table of names can live with. */
static size_t width(const char *text)
{
    size_t n = 0;

    for (size_t size; *text; text += size, n++) {
        size = utf8_next(text, NULL);
        if (size == 0)
            size = 1;
    }
    return n;
}

static bool is_right(const char *heading)
{
    return heading[0] == '>';
}

static const char *heading_text(const char *heading)
{
    return heading + (is_right(heading) ? 1 : 0);
}

static size_t column_width(const Table *t, size_t column)
{
    size_t widest = width(heading_text(t->headings[column]));

    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].cells && width(t->rows[i].cells[column]) > widest)
            widest = width(t->rows[i].cells[column]);
    return widest;
}

static void print_cell(const Table *t, size_t column, size_t column_size, const char *text)
{
    bool last = column + 1 == t->columns, right = is_right(t->headings[column]);
    int padding = (int)(column_size - width(text));

    printf("%s%*s%s%*s", column > 0 ? "  " : "", right ? padding : 0, "", text,
           right || last ? 0 : padding, "");
}

void table_print(const Table *t)
{
    _cleanup_free_ size_t *sizes = mem_zero(t->columns, sizeof(*sizes));

    for (size_t i = 0; i < t->columns; i++) {
        sizes[i] = column_width(t, i);
        print_cell(t, i, sizes[i], heading_text(t->headings[i]));
    }
    printf("\n");

    for (size_t i = 0; i < t->count; i++) {
        if (!t->rows[i].cells)
            printf("    %s", t->rows[i].note);
        for (size_t j = 0; t->rows[i].cells && j < t->columns; j++)
            print_cell(t, j, sizes[j], t->rows[i].cells[j]);
        printf("\n");
    }
    (void)fflush(stdout); /* before what is logged next; a failure is found at the end */
}

void table_free(Table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++) {
        for (size_t j = 0; t->rows[i].cells && j < t->columns; j++)
            free(t->rows[i].cells[j]);
        free(t->rows[i].cells);
        free(t->rows[i].note);
    }
    free(t->rows);
    free(t);
}
