#include "unit.h"

#include <stdio.h>
#include <unistd.h>

#include "cmd/table.h"
#include "sys/mem.h"

/* What a table prints, read back from a file in the place of stdout. */
static char *printed(const Table *t)
{
    char *dir = unit_mkdir();
    _cleanup_free_ char *path = mem_printf("%s/out", dir);

    ck_assert_ptr_nonnull(freopen(path, "w", stdout));
    table_print(t);
    char *text = unit_read_file(dir, "out", NULL);
    unit_rmdir(dir);
    return text;
}

static void add(Table *t, const char *name, const char *size, const char *state)
{
    char *cells[] = { mem_strdup(name), mem_strdup(size), mem_strdup(state) };
    table_add(t, cells);
}

static const char *const headings[] = { "NAME", ">SIZE", "STATE", NULL };

START_TEST(columns_are_aligned_and_lines_have_no_trailing_blanks)
{
    _cleanup_table_ Table *t = table_new(headings);

    add(t, "shop", "2.86 MiB", "good");
    add(t, "a longer one", "9 B", "damaged");
    _cleanup_free_ char *text = printed(t);
    ck_assert_str_eq(text, "NAME              SIZE  STATE\n"
                           "shop          2.86 MiB  good\n"
                           "a longer one       9 B  damaged\n");
}
END_TEST

START_TEST(width_is_counted_in_characters)
{
    _cleanup_table_ Table *t = table_new(headings);

    add(t, "na\xC3\xAFve", "1 B", "good");
    add(t, "plain", "1 B", "good");
    _cleanup_free_ char *text = printed(t);
    ck_assert_str_eq(text, "NAME   SIZE  STATE\n"
                           "na\xC3\xAFve   1 B  good\n"
                           "plain   1 B  good\n");
}
END_TEST

START_TEST(hostile_cells_and_notes_stay_on_their_line)
{
    _cleanup_table_ Table *t = table_new(headings);

    add(t, "a\nb", "1 B", "\033[31m");
    table_note(t, "two\nlines");
    _cleanup_free_ char *text = printed(t);
    ck_assert_str_eq(text, "NAME  SIZE  STATE\n"
                           "a\\nb   1 B  \\x1B[31m\n"
                           "    two\\nlines\n");
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(columns_are_aligned_and_lines_have_no_trailing_blanks),
    UNIT_TEST(width_is_counted_in_characters),
    UNIT_TEST(hostile_cells_and_notes_stay_on_their_line),
};

UNIT_MAIN("table", tests)
