#include "unit.h"

#include <string.h>

#include "archive/column-order.h"
#include "archive/copy-rows.h"
#include "archive/inventory-taker.h"
#include "archive/sql-scanner.h"

static const struct {
    const char *copy, *row, *expected;
} samples[] = {
    { "COPY s.t (b, a) FROM stdin;", "1\t2", "2\t1" },
    { "COPY s.t (c, b, a) FROM stdin;\n", "\\N\t\tx\\ty", "x\\ty\t\t\\N" },
    { "COPY s.t (\"B\", a, \"A, B\") FROM stdin;", "1\t2\t3", "3\t1\t2" },
    { "COPY s.t (a, b) FROM stdin;", "1\t2", NULL }, /* is in order */
    { "COPY s.t (a) FROM stdin;", "1", NULL },
    { "COPY s.t  FROM stdin;", "", NULL },
    { "COPY s.t (b, a) WITH OIDS FROM stdin;", "1\t2", NULL }, /* is not pg_dump's */
    /* No rows of such a table: they stay what they are, and different. */
    { "COPY s.t (b, a) FROM stdin;", "1", "1" },
    { "COPY s.t (b, a) FROM stdin;", "", "" },
    { "COPY s.t (b, a) FROM stdin;", "1\t2\t3", "1\t2\t3" },
    { "COPY s.t (b, a) FROM stdin;", "1\t2\t3\t4\t5", "1\t2\t3\t4\t5" },
};

START_TEST(fields_come_in_the_order_of_the_names)
{
    _cleanup_column_order_ ColumnOrder order = { 0 };
    _cleanup_buf_ Buf b = { 0 };

    column_order_read(samples[_i].copy, &order);
    ck_assert_int_eq(order.places != NULL, samples[_i].expected != NULL);
    if (!samples[_i].expected)
        return;
    column_order_apply(&order, samples[_i].row, strlen(samples[_i].row), &b);
    buf_adds(&b, "");
    ck_assert_str_eq(b.data, samples[_i].expected);
}
END_TEST

#define ROWS "1\tone\n\\N\ttwo\n\n3\n"
#define SWAPPED_ROWS "one\t1\ntwo\t\\N\n\n3\n"
#define END "\\.\n\n\n"

static void write_pieces(CopyRows *c, const char *text, size_t piece)
{
    size_t size = strlen(text);
    for (size_t at = 0; at < size; at += piece)
        ck_assert_int_eq(copy_rows_write(c, text + at, piece < size - at ? piece : size - at, NULL),
                         0);
    ck_assert_int_eq(copy_rows_finish(c, NULL), 0);
}

START_TEST(rows_in_any_pieces_have_the_digest_of_rows_in_that_order)
{
    _cleanup_column_order_ ColumnOrder order = { 0 };
    _cleanup_copy_rows_ CopyRows *c = copy_rows_new();

    copy_rows_begin(c);
    write_pieces(c, ROWS END, sizeof(ROWS END));
    Digest expected = *copy_rows_digest(c);

    column_order_read("COPY s.t (name, id) FROM stdin;", &order);
    for (size_t piece = 1; piece < sizeof(SWAPPED_ROWS END); piece++) {
        copy_rows_begin_in_order(c, &order);
        write_pieces(c, SWAPPED_ROWS END, piece);
        ck_assert(digest_equal(copy_rows_digest(c), &expected));
        ck_assert_uint_eq(copy_rows_count(c), 4);
        ck_assert_uint_eq(copy_rows_bytes(c), strlen(SWAPPED_ROWS));
    }

    copy_rows_begin(c);
    write_pieces(c, SWAPPED_ROWS END, 3);
    ck_assert(!digest_equal(copy_rows_digest(c), &expected));
}
END_TEST

static Digest take_archive(const char *copy, const char *rows, bool by_name)
{
    _cleanup_inventory_taker_ InventoryTaker *t = inventory_taker_new();
    _cleanup_inventory_ Inventory i = { 0 };
    const ArchiveEntry entry = {
        .desc = "TABLE DATA", .schema = "s", .tag = "t", .has_data = true, .copy = copy
    };

    if (by_name)
        inventory_taker_by_name(t);
    ck_assert_int_eq(inventory_taker_entry(t, &entry, NULL), 0);
    inventory_taker_block_begin(t, &(ArchiveBlock){ ARCHIVE_BLOCK_DATA, 1, 0 });
    ck_assert_int_eq(inventory_taker_data(t, rows, strlen(rows), NULL), 0);
    ck_assert_int_eq(inventory_taker_block_end(t, NULL), 0);
    inventory_taker_take(t, &i);
    ck_assert_uint_eq(i.table_count, 1);
    return i.tables[0].digest;
}

static Digest take_sql(const char *copy, const char *rows, bool by_name)
{
    _cleanup_sql_scanner_ SqlScanner *s = sql_scanner_new();
    _cleanup_inventory_ Inventory i = { 0 };
    _cleanup_buf_ Buf text = { 0 };

    buf_addf(&text, "%s%s--\n-- PostgreSQL database dump complete\n--\n\n", copy, rows);
    if (by_name)
        sql_scanner_by_name(s);
    ck_assert_int_eq(sql_scanner_write(s, text.data, text.size, NULL), 0);
    ck_assert_int_eq(sql_scanner_finish(s, NULL), 0);
    sql_scanner_take(s, &i);
    ck_assert_uint_eq(i.table_count, 1);
    return i.tables[0].digest;
}

START_TEST(inventories_by_name_do_not_depend_on_where_columns_stand)
{
    static const char copy[] = "COPY s.t (id, name) FROM stdin;\n",
                      swapped[] = "COPY s.t (name, id) FROM stdin;\n";
    Digest (*const take[])(const char *, const char *, bool) = { take_archive, take_sql };

    for (size_t i = 0; i < ELEMENTSOF(take); i++) {
        Digest as_it_is = take[i](copy, ROWS END, false), by_name = take[i](copy, ROWS END, true),
               moved = take[i](swapped, SWAPPED_ROWS END, true),
               moved_as_it_is = take[i](swapped, SWAPPED_ROWS END, false),
               renamed = take[i](swapped, ROWS END, true);
        ck_assert(digest_equal(&as_it_is, &by_name));
        ck_assert(digest_equal(&moved, &by_name));
        ck_assert(!digest_equal(&moved_as_it_is, &by_name));
        ck_assert(!digest_equal(&renamed, &by_name));
    }
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(fields_come_in_the_order_of_the_names, ELEMENTSOF(samples)),
    UNIT_TEST(rows_in_any_pieces_have_the_digest_of_rows_in_that_order),
    UNIT_TEST(inventories_by_name_do_not_depend_on_where_columns_stand),
};
UNIT_MAIN("column-order", tests)
