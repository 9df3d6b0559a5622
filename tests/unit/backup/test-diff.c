#include "unit.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "backup/diff.h"
#include "sys/buf.h"
#include "sys/mem.h"

/* Two inventories that a test fills, and what comes of them. */
static Inventory a, b;
static DiffBasis basis;
static Diff diff;

static const Digest one = { 1, 1 }, two = { 2, 2 };

static void make(void)
{
    inventory_sort(&a);
    inventory_sort(&b);
    diff_make(&a, &b, &basis, &diff);
}

static void clean_up(void)
{
    diff_done(&diff);
    diff_basis_done(&basis);
    inventory_done(&a);
    inventory_done(&b);
    a = b = (Inventory){ 0 };
}

/* "grew t, shrank u" */
static char *told_tables(void)
{
    Buf text = { 0 };

    for (size_t i = 0; i < diff.tables.count; i++) {
        const DiffChange *c = &diff.tables.items[i];
        const InventoryTable *t = c->what.table[1] ? c->what.table[1] : c->what.table[0];
        buf_addf(&text, "%s%s %s", i > 0 ? ", " : "", diff_verdict_name(c->verdict), t->name);
    }
    return buf_take(&text);
}

static void expect_tables(const char *expected)
{
    _cleanup_free_ char *told = told_tables();
    ck_assert_str_eq(told, expected);
}

static void add_table(Inventory *i, const char *name, uint64_t rows, uint64_t bytes,
                      const Digest *digest)
{
    inventory_add_table(i, "public", name, rows, bytes, digest);
}

START_TEST(equal_inventories_have_no_difference)
{
    for (int i = 0; i < 2; i++) {
        Inventory *side = i == 0 ? &a : &b;
        add_table(side, "t", 1, 10, &one);
        inventory_add_sequence(side, "public", "s", 1, true);
        inventory_add_large_object(side, 5, &one);
        inventory_add_definition(side, "TABLE", "public", "t", &one);
    }
    make();
    ck_assert_uint_eq(diff_count(&diff), 0);
    ck_assert(!diff_is_partial(&diff));
    ck_assert_uint_eq(diff.table_count, 1);
    clean_up();
}
END_TEST

START_TEST(a_table_appears_vanishes_grows_shrinks_or_changes)
{
    add_table(&a, "vanishing", 5, 50, &one);
    add_table(&b, "appearing", 4, 40, &one);
    add_table(&a, "growing", 10, 100, &one);
    add_table(&b, "growing", 13, 90, &two);
    add_table(&a, "shrinking", 10, 100, &one);
    add_table(&b, "shrinking", 8, 200, &two);
    add_table(&a, "changing", 10, 100, &one);
    add_table(&b, "changing", 10, 100, &two);
    add_table(&a, "same", 10, 100, &one);
    add_table(&b, "same", 10, 100, &one);
    make();
    expect_tables("vanished vanishing, appeared appearing, grew growing, shrank shrinking, "
                  "changed changing");
    ck_assert_uint_eq(diff_count(&diff), 5);
    ck_assert_uint_eq(diff.table_count, 6);
    clean_up();
}
END_TEST

START_TEST(what_changed_more_comes_first)
{
    add_table(&a, "by_bytes", 1, 100, &one);
    add_table(&b, "by_bytes", 1, 90, &two);
    add_table(&a, "by_more_bytes", 1, 100, &one);
    add_table(&b, "by_more_bytes", 1, 150, &two);
    add_table(&a, "by_most_rows", UINT64_C(1) << 62, 1, &one);
    add_table(&b, "by_most_rows", 0, 1, &two);
    add_table(&a, "by_rows", 1, 1, &one);
    add_table(&b, "by_rows", 3, 2, &two);
    make();
    expect_tables("shrank by_most_rows, grew by_rows, changed by_more_bytes, changed by_bytes");
    clean_up();
}
END_TEST

START_TEST(of_equal_changes_the_graver_comes_first_then_the_name)
{
    add_table(&b, "appeared", 1, 1, &one);
    add_table(&a, "vanished", 1, 1, &one);
    add_table(&a, "grew_b", 0, 0, &one);
    add_table(&b, "grew_b", 1, 1, &two);
    add_table(&a, "grew_a", 0, 0, &one);
    add_table(&b, "grew_a", 1, 1, &two);
    add_table(&a, "shrank", 1, 1, &one);
    add_table(&b, "shrank", 0, 0, &two);
    make();
    expect_tables("vanished vanished, appeared appeared, shrank shrank, grew grew_a, grew grew_b");
    clean_up();
}
END_TEST

START_TEST(where_digests_prove_nothing_as_many_rows_are_undecided_and_last)
{
    basis.contents = mem_strdup("because");
    add_table(&a, "same", 10, 100, &one);
    add_table(&b, "same", 10, 100, &one);
    add_table(&a, "other", 10, 100, &one);
    add_table(&b, "other", 10, 900, &two);
    add_table(&a, "grown", 10, 100, &one);
    add_table(&b, "grown", 11, 100, &two);
    add_table(&b, "empty", 0, 0, &one);
    make();
    expect_tables("grew grown, appeared empty, undecided other");
    ck_assert_uint_eq(diff_count(&diff), 2);
    ck_assert_uint_eq(diff.undecided, 1);
    ck_assert(diff_is_partial(&diff));
    clean_up();
}
END_TEST

START_TEST(where_all_digests_are_equal_nothing_is_undecided)
{
    basis.contents = mem_strdup("because");
    add_table(&a, "same", 10, 100, &one);
    add_table(&b, "same", 10, 100, &one);
    make();
    expect_tables("");
    ck_assert(!diff_is_partial(&diff));
    clean_up();
}
END_TEST

START_TEST(sequences_go_up_and_down)
{
    static const DiffVerdict expected[] = { DIFF_CHANGED, DIFF_SHRANK, DIFF_VANISHED, DIFF_APPEARED,
                                            DIFF_GREW };

    inventory_add_sequence(&a, "public", "called", 1, false);
    inventory_add_sequence(&b, "public", "called", 1, true);
    inventory_add_sequence(&a, "public", "down", INT64_MAX, true);
    inventory_add_sequence(&b, "public", "down", INT64_MIN, true);
    inventory_add_sequence(&a, "public", "gone", 1, true);
    inventory_add_sequence(&b, "public", "new", 1, true);
    inventory_add_sequence(&a, "public", "up", -1, true);
    inventory_add_sequence(&b, "public", "up", 1, true);
    make();
    ck_assert_uint_eq(diff.sequences.count, ELEMENTSOF(expected));
    for (size_t i = 0; i < ELEMENTSOF(expected); i++)
        ck_assert_int_eq(diff.sequences.items[i].verdict, expected[i]);
    clean_up();
}
END_TEST

static const struct ObjectCase {
    int count_a, count_b;
    bool same;
    size_t changes;
    DiffVerdict verdict;
} object_cases[] = {
    { 2, 1, true, 1, DIFF_SHRANK },
    { 0, 1, true, 1, DIFF_GREW },
    { 1, 1, false, 1, DIFF_CHANGED },
    { 1, 1, true, 0, 0 },
};

START_TEST(large_objects_are_compared_by_number_then_contents)
{
    const struct ObjectCase *c = &object_cases[_i];

    basis.contents = mem_strdup("no setting shapes large objects");
    for (int i = 0; i < c->count_a; i++)
        inventory_add_large_object(&a, 5, &one);
    for (int i = 0; i < c->count_b; i++)
        inventory_add_large_object(&b, 5, c->same ? &one : &two);
    make();
    ck_assert_uint_eq(diff.large_objects.count, c->changes);
    if (c->changes > 0)
        ck_assert_int_eq(diff.large_objects.items[0].verdict, c->verdict);
    clean_up();
}
END_TEST

static void add_definitions(void)
{
    inventory_add_definition(&a, "INDEX", "public", "gone", &one);
    inventory_add_definition(&a, "TABLE", "public", "t", &one);
    inventory_add_definition(&b, "TABLE", "public", "t", &two);
    inventory_add_definition(&b, "VIEW", "public", "new", &one);
    make();
}

START_TEST(definitions_appear_vanish_and_change_by_type)
{
    static const DiffVerdict expected[] = { DIFF_VANISHED, DIFF_CHANGED, DIFF_APPEARED };

    add_definitions();
    ck_assert_uint_eq(diff.definitions.count, ELEMENTSOF(expected));
    for (size_t i = 0; i < ELEMENTSOF(expected); i++)
        ck_assert_int_eq(diff.definitions.items[i].verdict, expected[i]);
    clean_up();
}
END_TEST

START_TEST(definitions_that_cannot_be_compared_are_no_differences)
{
    basis.definitions = mem_strdup("because");
    add_definitions();
    ck_assert_uint_eq(diff_count(&diff), 0);
    ck_assert(diff_is_partial(&diff));
    clean_up();
}
END_TEST

/* What can be compared */

static const Manifest custom = {
    .format = (char[]){ "custom" },
    .server_version = (char[]){ "15.18" },
    .client_version = (char[]){ "15.18" },
    .encoding = (char[]){ "UTF8" },
    .bytea_output = (char[]){ "hex" },
    .lc_monetary = (char[]){ "C" },
    .quote_all_identifiers = (char[]){ "off" },
};

#define MEMBER(name) offsetof(Manifest, name)

/* Of two manifests that agree but for a member or two of B's. */
static const struct BasisCase {
    struct {
        size_t member;
        const char *value;
    } changes[2];
    size_t change_count;
    const char *contents, *definitions; /* NULL: comparable */
} basis_cases[] = {
    { .change_count = 0 },
    { { { MEMBER(format), "directory" } }, 1, NULL, NULL },
    { { { MEMBER(server_version), "15.2" } }, 1, NULL, NULL },
    { { { MEMBER(format), "plain" } },
      1,
      NULL,
      "format is \"archive\" in A and \"SQL text\" in B" },
    { { { MEMBER(server_version), "17.2" } },
      1,
      NULL,
      "server's major version is \"15\" in A and \"17\" in B" },
    { { { MEMBER(client_version), "17.2" }, { MEMBER(quote_all_identifiers), "on" } },
      2,
      NULL,
      "pg_dump's major version is \"15\" in A and \"17\" in B; "
      "quote_all_identifiers is \"off\" in A and \"on\" in B" },
    { { { MEMBER(encoding), "LATIN1" } },
      1,
      "encoding is \"UTF8\" in A and \"LATIN1\" in B",
      "encoding is \"UTF8\" in A and \"LATIN1\" in B" },
    { { { MEMBER(bytea_output), "escape" } },
      1,
      "bytea_output is \"hex\" in A and \"escape\" in B",
      "bytea_output is \"hex\" in A and \"escape\" in B" },
    { { { MEMBER(lc_monetary), NULL } },
      1,
      "lc_monetary is \"C\" in A and unknown in B",
      "lc_monetary is \"C\" in A and unknown in B" },
};

static void expect_reason(const char *got, const char *expected)
{
    if (expected)
        ck_assert_pstr_eq(got, expected);
    else
        ck_assert_ptr_null(got);
}

START_TEST(the_manifests_say_what_can_be_compared)
{
    const struct BasisCase *c = &basis_cases[_i];
    Manifest changed = custom;

    for (size_t i = 0; i < c->change_count; i++) {
        void *member = (char *)&changed + c->changes[i].member;
        memcpy(member, &c->changes[i].value, sizeof(c->changes[i].value));
    }
    _cleanup_diff_basis_ DiffBasis found = diff_basis(&custom, &changed);
    expect_reason(found.contents, c->contents);
    expect_reason(found.definitions, c->definitions);
}
END_TEST

START_TEST(what_neither_manifest_says_is_taken_as_equal)
{
    Manifest old = custom;
    old.bytea_output = old.lc_monetary = old.quote_all_identifiers = NULL;
    _cleanup_diff_basis_ DiffBasis found = diff_basis(&old, &old);

    expect_reason(found.contents, NULL);
    expect_reason(found.definitions, NULL);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(equal_inventories_have_no_difference),
    UNIT_TEST(a_table_appears_vanishes_grows_shrinks_or_changes),
    UNIT_TEST(what_changed_more_comes_first),
    UNIT_TEST(of_equal_changes_the_graver_comes_first_then_the_name),
    UNIT_TEST(where_digests_prove_nothing_as_many_rows_are_undecided_and_last),
    UNIT_TEST(where_all_digests_are_equal_nothing_is_undecided),
    UNIT_TEST(sequences_go_up_and_down),
    UNIT_LOOP(large_objects_are_compared_by_number_then_contents, ELEMENTSOF(object_cases)),
    UNIT_TEST(definitions_appear_vanish_and_change_by_type),
    UNIT_TEST(definitions_that_cannot_be_compared_are_no_differences),
    UNIT_LOOP(the_manifests_say_what_can_be_compared, ELEMENTSOF(basis_cases)),
    UNIT_TEST(what_neither_manifest_says_is_taken_as_equal),
};
UNIT_MAIN("diff", tests)
