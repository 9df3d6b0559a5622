#include "unit.h"

#include "backup/comparison.h"
#include "sys/buf.h"
#include "sys/mem.h"

static const Digest one = { 1, 1 }, two = { 2, 2 };

static void add_table(Inventory *i, const char *name, uint64_t rows, const Digest *digest)
{
    inventory_add_table(i, "public", name, rows, /* bytes= */ 0, digest);
}

static void make(Comparison *c)
{
    inventory_sort(&c->then);
    inventory_sort(&c->now);
    inventory_sort(&c->then_by_name);
    inventory_sort(&c->now_by_name);
    comparison_make(c);
}

START_TEST(equal_inventories_have_no_first_difference)
{
    _cleanup_comparison_ Comparison c = { 0 };

    add_table(&c.then, "t", 1, &one);
    add_table(&c.now, "t", 1, &one);
    make(&c);
    ck_assert_uint_eq(c.count, 0);
    ck_assert_ptr_null(c.first);
}
END_TEST

START_TEST(a_difference_is_told_with_their_number)
{
    _cleanup_comparison_ Comparison c = { 0 };
    _cleanup_err_ Err err = { 0 };

    add_table(&c.then, "t", 2, &one);
    add_table(&c.now, "t", 1, &two);
    make(&c);
    ck_assert_int_lt(comparison_error(&c, "the copy differs", &err), 0);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    ck_assert_str_eq(err.message, "the copy differs in 1 place: table public.t: 2 rows became 1");
}
END_TEST

START_TEST(of_several_the_first_stands_in_the_error)
{
    _cleanup_comparison_ Comparison c = { 0 };
    _cleanup_err_ Err err = { 0 };

    add_table(&c.then, "b", 1, &one);
    add_table(&c.then, "a", 1, &one);
    make(&c);
    comparison_error(&c, "the copy differs", &err);
    ck_assert_str_eq(err.message,
                     "the copy differs in 2 places: table public.a is missing (1 row)");
}
END_TEST

static void join(void *userdata, const char *difference)
{
    buf_addf(userdata, "%s; ", difference);
}

START_TEST(who_listens_hears_each)
{
    _cleanup_buf_ Buf told = { 0 };
    _cleanup_comparison_ Comparison c = { .tell = join, .userdata = &told };

    add_table(&c.then, "a", 1, &one);
    add_table(&c.then, "b", 1, &one);
    make(&c);
    ck_assert_str_eq(told.data,
                     "table public.a is missing (1 row); table public.b is missing (1 row); ");
}
END_TEST

START_TEST(an_empty_table_of_the_copy_alone_is_overlooked_where_a_standby_was_dumped)
{
    _cleanup_comparison_ Comparison c = { .no_unlogged = true };

    add_table(&c.now, "empty", 0, &one);
    make(&c);
    ck_assert_uint_eq(c.count, 0);
}
END_TEST

START_TEST(a_table_with_rows_of_the_copy_alone_is_not)
{
    _cleanup_comparison_ Comparison c = { .no_unlogged = true };

    add_table(&c.now, "full", 1, &one);
    make(&c);
    ck_assert_uint_eq(c.count, 1);
}
END_TEST

/* A table and its definition, of which one digest is that by name. */
static void add_heir(Inventory *i, const Digest *rows, const Digest *definition)
{
    add_table(i, "heir", 1, rows);
    inventory_add_definition(i, "TABLE", "public", "heir", definition);
}

START_TEST(what_differs_but_not_by_name_is_noted)
{
    _cleanup_strv_ Strv notes = { 0 };
    _cleanup_comparison_ Comparison c = { .notes = &notes };

    add_heir(&c.then, &one, &one);
    add_heir(&c.now, &two, &two);
    add_heir(&c.then_by_name, &one, &two);
    add_heir(&c.now_by_name, &one, &two);
    ck_assert(comparison_needs_names(&c));
    make(&c);
    ck_assert_uint_eq(c.count, 0);
    ck_assert_uint_eq(notes.count, 2);
    ck_assert_str_eq(notes.items[0], "the columns of public.heir, which inherits, stand in another "
                                     "order in the copy");
    ck_assert_str_eq(notes.items[1],
                     "the definition of TABLE public.heir is worded otherwise in the copy");
}
END_TEST

START_TEST(what_differs_by_name_is_told)
{
    _cleanup_strv_ Strv notes = { 0 };
    _cleanup_comparison_ Comparison c = { .notes = &notes };

    add_heir(&c.then, &one, &one);
    add_heir(&c.now, &two, &two);
    add_heir(&c.then_by_name, &one, &one);
    add_heir(&c.now_by_name, &two, &two);
    make(&c);
    ck_assert_uint_eq(c.count, 2);
    ck_assert_uint_eq(notes.count, 0);
}
END_TEST

START_TEST(names_explain_no_other_number_of_rows)
{
    _cleanup_comparison_ Comparison c = { 0 };

    add_table(&c.then, "t", 2, &one);
    add_table(&c.now, "t", 1, &two);
    ck_assert(!comparison_needs_names(&c));
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(what_differs_but_not_by_name_is_noted),
    UNIT_TEST(what_differs_by_name_is_told),
    UNIT_TEST(names_explain_no_other_number_of_rows),
    UNIT_TEST(equal_inventories_have_no_first_difference),
    UNIT_TEST(a_difference_is_told_with_their_number),
    UNIT_TEST(of_several_the_first_stands_in_the_error),
    UNIT_TEST(who_listens_hears_each),
    UNIT_TEST(an_empty_table_of_the_copy_alone_is_overlooked_where_a_standby_was_dumped),
    UNIT_TEST(a_table_with_rows_of_the_copy_alone_is_not),
};

UNIT_MAIN("comparison", tests)
