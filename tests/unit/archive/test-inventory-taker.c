#include "unit.h"

#include <string.h>

#include "archive/inventory-taker.h"
#include "sys/mem.h"

#define END "\\.\n\n\n"

static const ArchiveEntry orders = {
    .desc = "TABLE",
    .schema = "public",
    .tag = "orders",
    .defn = "CREATE TABLE public.orders (\n    id integer\n);\n",
    .owner = "postgres",
    .tablespace = "",
    .table_am = "heap",
    .relkind = 'r',
};

static const ArchiveEntry orders_data = {
    .desc = "TABLE DATA",
    .schema = "public",
    .tag = "orders",
    .has_data = true,
    .copy = "COPY public.orders (id) FROM stdin;\n",
};

static const ArchiveEntry orders_inserts = {
    .desc = "TABLE DATA",
    .schema = "public",
    .tag = "orders",
    .has_data = true,
};

static const ArchiveEntry blobs_data = { .desc = "BLOBS", .tag = "BLOBS", .has_data = true };

static void expect_digest(const Digest *d, const char *hex)
{
    char text[DIGEST_HEX_SIZE];
    digest_format(d, text);
    ck_assert_str_eq(text, hex);
}

static void add(InventoryTaker *t, const ArchiveEntry *entry)
{
    _cleanup_err_ Err err = { 0 };
    ck_assert_msg(inventory_taker_entry(t, entry, &err) == 0, "%s", err.message);
}

static void add_block(InventoryTaker *t, size_t entry, const char *data)
{
    inventory_taker_block_begin(t, &(ArchiveBlock){ ARCHIVE_BLOCK_DATA, 1, entry });
    ck_assert_int_eq(inventory_taker_data(t, data, strlen(data), NULL), 0);
    ck_assert_int_eq(inventory_taker_block_end(t, NULL), 0);
}

static void add_object(InventoryTaker *t, uint32_t oid, const char *data)
{
    inventory_taker_object_begin(t, oid);
    for (; *data; data++)
        ck_assert_int_eq(inventory_taker_data(t, data, 1, NULL), 0);
    inventory_taker_object_end(t);
}

/* The inventory of entries that are definitions only. */
static Inventory definitions_of(const ArchiveEntry *entries, size_t count)
{
    _cleanup_inventory_taker_ InventoryTaker *t = inventory_taker_new();
    Inventory i;

    for (size_t e = 0; e < count; e++)
        add(t, &entries[e]);
    inventory_taker_take(t, &i);
    return i;
}

START_TEST(a_block_belongs_to_its_entry)
{
    _cleanup_inventory_taker_ InventoryTaker *t = inventory_taker_new();
    _cleanup_inventory_ Inventory i = { 0 };
    ArchiveEntry first = orders_data;

    first.schema = "shop";
    first.tag = "items";
    first.copy = "COPY shop.items (id) FROM stdin;\n";
    add(t, &orders);
    add(t, &first);
    add(t, &orders);
    add(t, &orders_data);
    add_block(t, 1, "1\n2\n" END);
    add_block(t, 3, "1\n" END);
    inventory_taker_take(t, &i);
    ck_assert_uint_eq(i.table_count, 2);
    ck_assert_str_eq(i.tables[0].schema, "public");
    ck_assert_str_eq(i.tables[0].name, "orders");
    ck_assert_uint_eq(i.tables[0].rows, 1);
    ck_assert_uint_eq(i.tables[0].bytes, 2);
    ck_assert_str_eq(i.tables[1].schema, "shop");
    ck_assert_str_eq(i.tables[1].name, "items");
    ck_assert_uint_eq(i.tables[1].rows, 2);
}
END_TEST

START_TEST(rows_count_for_the_table_that_they_are_loaded_into)
{
    _cleanup_inventory_taker_ InventoryTaker *t = inventory_taker_new();
    _cleanup_inventory_ Inventory i = { 0 };
    ArchiveEntry first = orders_data, second = orders_data;

    first.tag = "orders_0";
    second.tag = "orders_1";
    add(t, &first);
    add(t, &second);
    add_block(t, 0, "1\n2\n" END);
    add_block(t, 1, "3\n" END);
    inventory_taker_take(t, &i);
    ck_assert_uint_eq(i.table_count, 1);
    ck_assert_str_eq(i.tables[0].name, "orders");
    ck_assert_uint_eq(i.tables[0].rows, 3);
}
END_TEST

START_TEST(a_copy_without_a_schema_or_of_another_form_leaves_it_to_the_entry)
{
    static const char *const copies[] = { "COPY orders (id) FROM stdin;\n",
                                          "COPY orders (id) WITH OIDS FROM stdin;\n" };

    for (size_t c = 0; c < ELEMENTSOF(copies); c++) {
        _cleanup_inventory_taker_ InventoryTaker *t = inventory_taker_new();
        _cleanup_inventory_ Inventory i = { 0 };
        ArchiveEntry entry = orders_data;

        entry.copy = copies[c];
        add(t, &entry);
        add_block(t, 0, "1\n" END);
        inventory_taker_take(t, &i);
        ck_assert_str_eq(i.tables[0].schema, "public");
        ck_assert_str_eq(i.tables[0].name, "orders");
    }
}
END_TEST

/* The digest of the text by python3's xxhash. */
START_TEST(insert_statements_are_digested_as_one_text_and_not_counted)
{
    _cleanup_inventory_taker_ InventoryTaker *t = inventory_taker_new();
    _cleanup_inventory_ Inventory i = { 0 };

    add(t, &orders_inserts);
    add_block(t, 0, "INSERT INTO public.t VALUES (1);\nINSERT INTO public.t VALUES (2);\n\n\n");
    inventory_taker_take(t, &i);
    ck_assert_uint_eq(i.table_count, 1);
    ck_assert_uint_eq(i.tables[0].rows, 0);
    ck_assert_uint_eq(i.tables[0].bytes, 65);
    expect_digest(&i.tables[0].digest, "8bbccbb7c0aca74dd9313a252512db74");
}
END_TEST

START_TEST(rows_that_are_cut_short_are_damage)
{
    _cleanup_inventory_taker_ InventoryTaker *t = inventory_taker_new();
    _cleanup_err_ Err err = { 0 };

    add(t, &orders_data);
    inventory_taker_block_begin(t, &(ArchiveBlock){ ARCHIVE_BLOCK_DATA, 1, 0 });
    ck_assert_int_eq(inventory_taker_data(t, "1\n", 2, &err), 0);
    ck_assert_int_lt(inventory_taker_block_end(t, &err), 0);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
}
END_TEST

/* Oids 16400 ("hello") and 3000000000 (empty): python3's xxhash over struct.pack("<I", oid) and the
 * contents. */
START_TEST(a_large_object_is_digested_with_its_oid)
{
    _cleanup_inventory_taker_ InventoryTaker *t = inventory_taker_new();
    _cleanup_inventory_ Inventory i = { 0 };

    add(t, &blobs_data);
    inventory_taker_block_begin(t, &(ArchiveBlock){ ARCHIVE_BLOCK_LARGE_OBJECTS, 1, 0 });
    add_object(t, 3000000000, "");
    add_object(t, 16400, "hello");
    ck_assert_int_eq(inventory_taker_block_end(t, NULL), 0);
    inventory_taker_take(t, &i);
    ck_assert_uint_eq(i.table_count, 0);
    ck_assert_uint_eq(i.large_objects, 2);
    ck_assert_uint_eq(i.large_object_bytes, 5);
    expect_digest(&i.large_object_digest, "ea172a02f0c6b05021badbf207cd3f18");
}
END_TEST

/* 17 and 18 write them in groups. */
START_TEST(large_objects_in_several_blocks_are_those_in_one)
{
    _cleanup_inventory_taker_ InventoryTaker *t = inventory_taker_new();
    _cleanup_inventory_ Inventory i = { 0 };

    add(t, &blobs_data);
    add(t, &blobs_data);
    inventory_taker_block_begin(t, &(ArchiveBlock){ ARCHIVE_BLOCK_LARGE_OBJECTS, 1, 0 });
    add_object(t, 16400, "hello");
    ck_assert_int_eq(inventory_taker_block_end(t, NULL), 0);
    inventory_taker_block_begin(t, &(ArchiveBlock){ ARCHIVE_BLOCK_LARGE_OBJECTS, 2, 1 });
    add_object(t, 3000000000, "");
    ck_assert_int_eq(inventory_taker_block_end(t, NULL), 0);
    inventory_taker_take(t, &i);
    ck_assert_uint_eq(i.large_objects, 2);
    expect_digest(&i.large_object_digest, "ea172a02f0c6b05021badbf207cd3f18");
}
END_TEST

static const struct {
    const char *defn;
    int64_t value;
    bool called;
} sequences[] = {
    { "SELECT pg_catalog.setval('public.counter', 42, true);\n", 42, true },
    { "SELECT pg_catalog.setval('public.counter', 1, false);\n\n\n", 1, false },
    { "SELECT pg_catalog.setval('public.counter', -9223372036854775808, true);", INT64_MIN, true },
    { "SELECT pg_catalog.setval('public.counter', 9223372036854775807, true);", INT64_MAX, true },
    { "SELECT pg_catalog.setval('public.\"we''ird, 7, true);\"', 42, false);\n", 42, false },
};

START_TEST(a_sequence_has_the_value_that_setval_gives_it)
{
    _cleanup_inventory_ Inventory i = definitions_of(&(ArchiveEntry){ .desc = "SEQUENCE SET",
                                                                      .schema = "public",
                                                                      .tag = "counter",
                                                                      .defn = sequences[_i].defn },
                                                     1);

    ck_assert_uint_eq(i.sequence_count, 1);
    ck_assert_str_eq(i.sequences[0].schema, "public");
    ck_assert_str_eq(i.sequences[0].name, "counter");
    ck_assert_int_eq(i.sequences[0].value, sequences[_i].value);
    ck_assert_int_eq(i.sequences[0].called, sequences[_i].called);
    ck_assert_uint_eq(i.definition_count, 0);
}
END_TEST

START_TEST(a_sequence_without_a_value_is_damage)
{
    static const char *const texts[] = {
        NULL,
        "",
        "SELECT pg_catalog.setval('public.counter', 42);\n",
        "SELECT pg_catalog.setval('public.counter', 42, maybe);\n",
        "SELECT pg_catalog.setval('public.counter', , true);\n",
        "SELECT pg_catalog.setval('public.counter', 9223372036854775808, true);\n",
        "SELECT pg_catalog.setval('public.counter', 42, true); DROP TABLE orders;\n",
        "SELECT pg_catalog.setval('public.counter', 1, true); DROP TABLE orders; "
        "SELECT pg_catalog.setval('public.counter', 42, true);\n",
        "SELECT 'public.counter', 42, true);\n",
    };
    _cleanup_inventory_taker_ InventoryTaker *t = inventory_taker_new();

    for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
        ArchiveEntry entry = { .desc = "SEQUENCE SET", .tag = "counter", .defn = texts[i] };
        _cleanup_err_ Err err = { 0 };
        ck_assert_int_lt(inventory_taker_entry(t, &entry, &err), 0);
        ck_assert_int_eq(err.kind, ERR_DAMAGED);
    }
}
END_TEST

/* docs/INVENTORY.md, "Definitions", computed by python3. */
START_TEST(a_definition_is_digested_field_by_field)
{
    _cleanup_inventory_ Inventory i = definitions_of(&orders, 1);

    ck_assert_uint_eq(i.definition_count, 1);
    ck_assert_str_eq(i.definitions[0].type, "TABLE");
    ck_assert_str_eq(i.definitions[0].schema, "public");
    ck_assert_str_eq(i.definitions[0].name, "orders");
    ck_assert_uint_eq(i.definitions[0].count, 1);
    expect_digest(&i.definitions[0].digest, "18a9fd614261083d28355bd65963d560");
}
END_TEST

START_TEST(any_change_of_a_definition_changes_its_digest)
{
    ArchiveEntry changed[6];
    for (size_t i = 0; i < ELEMENTSOF(changed); i++)
        changed[i] = orders;
    changed[0].defn = "CREATE TABLE public.orders (\n    id bigint\n);\n";
    changed[1].owner = "bob";
    changed[2].tablespace = "fast";
    changed[3].table_am = NULL;
    changed[4].relkind = 'p';
    changed[5].defn = NULL;

    _cleanup_inventory_ Inventory before = definitions_of(&orders, 1);
    for (size_t i = 0; i < ELEMENTSOF(changed); i++) {
        _cleanup_inventory_ Inventory after = definitions_of(&changed[i], 1);
        ck_assert_uint_eq(inventory_compare(&before, &after, NULL, NULL), 1);
    }
}
END_TEST

START_TEST(the_owner_of_a_privilege_or_comment_does_not_matter)
{
    static const ArchiveEntry bobs = {
        .desc = "ACL",
        .schema = "public",
        .tag = "TABLE orders",
        .defn = "GRANT SELECT ON TABLE public.orders TO bob;\n",
        .owner = "bob",
        .tablespace = "",
        .table_am = "",
    };
    _cleanup_inventory_ Inventory i = definitions_of(&bobs, 1);
    expect_digest(&i.definitions[0].digest, "e39758e455f937730149023f3789ef29");
}
END_TEST

START_TEST(definitions_of_large_objects_have_one_name)
{
    static const ArchiveEntry entries[] = {
        { .desc = "BLOB",
          .tag = "16401",
          .defn = "SELECT pg_catalog.lo_create('16401');\n",
          .owner = "postgres",
          .tablespace = "" },
        { .desc = "BLOB",
          .tag = "16400",
          .defn = "SELECT pg_catalog.lo_create('16400');\n",
          .owner = "postgres",
          .tablespace = "" },
        { .desc = "ACL", .tag = "LARGE OBJECT 16400" },
        { .desc = "ACL", .tag = "LARGE OBJECTS 16400..16401" },
    };
    _cleanup_inventory_ Inventory i = definitions_of(entries, ELEMENTSOF(entries));

    ck_assert_uint_eq(i.definition_count, 2);
    ck_assert_str_eq(i.definitions[0].type, "ACL");
    ck_assert_str_eq(i.definitions[0].name, "LARGE OBJECTS");
    ck_assert_str_eq(i.definitions[1].type, "BLOB");
    ck_assert_str_eq(i.definitions[1].name, "LARGE OBJECTS");
    ck_assert_uint_eq(i.definitions[1].count, 2);
    expect_digest(&i.definitions[1].digest, "3c9d85242257ebedb96b1980c87c2f47");
}
END_TEST

START_TEST(what_bears_the_name_of_the_database_is_no_definition)
{
    static const ArchiveEntry entries[] = {
        { .desc = "DATABASE", .tag = "appdb" },
        { .desc = "DATABASE PROPERTIES", .tag = "appdb" },
        { .desc = "COMMENT", .tag = "DATABASE appdb" },
        { .desc = "ACL", .tag = "DATABASE appdb" },
        { .desc = "SECURITY LABEL", .tag = "DATABASE appdb" },
        { .desc = "STATISTICS DATA", .schema = "public", .tag = "orders" },
    };
    _cleanup_inventory_ Inventory i = definitions_of(entries, ELEMENTSOF(entries));
    ck_assert_uint_eq(i.definition_count, 0);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_block_belongs_to_its_entry),
    UNIT_TEST(rows_count_for_the_table_that_they_are_loaded_into),
    UNIT_TEST(a_copy_without_a_schema_or_of_another_form_leaves_it_to_the_entry),
    UNIT_TEST(insert_statements_are_digested_as_one_text_and_not_counted),
    UNIT_TEST(rows_that_are_cut_short_are_damage),
    UNIT_TEST(a_large_object_is_digested_with_its_oid),
    UNIT_TEST(large_objects_in_several_blocks_are_those_in_one),
    UNIT_LOOP(a_sequence_has_the_value_that_setval_gives_it, ELEMENTSOF(sequences)),
    UNIT_TEST(a_sequence_without_a_value_is_damage),
    UNIT_TEST(a_definition_is_digested_field_by_field),
    UNIT_TEST(any_change_of_a_definition_changes_its_digest),
    UNIT_TEST(the_owner_of_a_privilege_or_comment_does_not_matter),
    UNIT_TEST(definitions_of_large_objects_have_one_name),
    UNIT_TEST(what_bears_the_name_of_the_database_is_no_definition),
};
UNIT_MAIN("inventory-taker", tests)
