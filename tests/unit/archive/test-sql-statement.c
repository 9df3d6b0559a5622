#include "unit.h"

#include <errno.h>
#include <string.h>

#include "archive/sql-statement.h"
#include "sys/mem.h"

static const struct {
    const char *text, *schema, *name;
} copies[] = {
    { "COPY public.orders (id, name) FROM stdin;", "public", "orders" },
    { "COPY public.zero  FROM stdin;", "public", "zero" },
    { "COPY orders (id) FROM stdin;", NULL, "orders" },
    { "COPY \"we;ird\".\"Tab \"\"le\"\".x (a) FROM stdin; --\" (\"a,b\", \"c)\") FROM stdin;",
      "we;ird", "Tab \"le\".x (a) FROM stdin; --" },
    { "COPY shop.\"new\nline\" (a) FROM stdin;", "shop", "new\nline" },
    { "COPY s.\"\xff\" (\"\xc3\xa9\") FROM stdin;", "s", "\xff" },
};

START_TEST(copy_names_its_table)
{
    _cleanup_free_ char *schema = NULL, *name = NULL;

    ck_assert_int_eq(sql_read_copy(copies[_i].text, &schema, &name), 0);
    ck_assert_str_eq(name, copies[_i].name);
    if (copies[_i].schema)
        ck_assert_str_eq(schema, copies[_i].schema);
    else
        ck_assert_ptr_null(schema);
}
END_TEST

START_TEST(any_other_copy_is_refused)
{
    static const char *const texts[] = {
        "COPY public.orders (id) FROM '/etc/passwd';",
        "COPY public.orders (id) TO stdout;",
        "COPY public.orders (id) FROM stdin WITH CSV;",
        "COPY public.orders (id)  FROM stdin;",
        "COPY public.orders (id,name) FROM stdin;",
        "COPY public.orders () FROM stdin;",
        "COPY public.orders FROM stdin;",
        "COPY public.orders (id FROM stdin;",
        "COPY public.\"orders (id) FROM stdin;",
        "COPY Public.orders (id) FROM stdin;",
        "COPY a.b.c (id) FROM stdin;",
        "COPY  (id) FROM stdin;",
        "COPY public. (id) FROM stdin;",
        "COPY public.orders (id) FROM stdin; ",
        "COPY (SELECT 1) TO stdout;",
        "COPY ",
    };

    for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
        char *schema, *name;
        ck_assert_msg(sql_read_copy(texts[i], &schema, &name) == -EINVAL, "accepted: %s", texts[i]);
    }
}
END_TEST

static const struct {
    const char *text;
    bool plain_backslash;
    const char *schema, *name;
    int64_t value;
    bool called;
} setvals[] = {
    { "SELECT pg_catalog.setval('public.counter', 42, true);", true, "public", "counter", 42,
      true },
    { "SELECT pg_catalog.setval('public.neg', -5, false);", true, "public", "neg", -5, false },
    { "SELECT pg_catalog.setval('\"we;ird\".\"s''eq\"\", 1, true); --\"', 77, true);", true,
      "we;ird", "s'eq\", 1, true); --", 77, true },
    { "SELECT pg_catalog.setval('s.\"back\\slash\"', 1, true);", true, "s", "back\\slash", 1,
      true },
    { "SELECT pg_catalog.setval('s.\"back\\\\slash\"', 1, true);", false, "s", "back\\slash", 1,
      true },
};

START_TEST(setval_names_its_sequence_and_value)
{
    _cleanup_free_ char *schema = NULL, *name = NULL;
    int64_t value;
    bool called;

    ck_assert_int_eq(sql_read_setval(setvals[_i].text, setvals[_i].plain_backslash, &schema, &name,
                                     &value, &called),
                     0);
    ck_assert_str_eq(schema, setvals[_i].schema);
    ck_assert_str_eq(name, setvals[_i].name);
    ck_assert_int_eq(value, setvals[_i].value);
    ck_assert_int_eq(called, setvals[_i].called);
}
END_TEST

START_TEST(any_other_setval_is_refused)
{
    static const char *const texts[] = {
        "SELECT pg_catalog.setval('public.counter', 42);",
        "SELECT pg_catalog.setval('public.counter', 42, TRUE);",
        "SELECT pg_catalog.setval('public.counter', +42, true);",
        "SELECT pg_catalog.setval('public.counter', - 42, true);",
        "SELECT pg_catalog.setval('public.counter x', 42, true);",
        "SELECT pg_catalog.setval('public.counter, 42, true);",
        "SELECT pg_catalog.setval(public.counter, 42, true);",
        "SELECT pg_catalog.setval('public.counter', 99999999999999999999, true);",
    };

    for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
        char *schema, *name;
        int64_t value;
        bool called;
        ck_assert_msg(sql_read_setval(texts[i], true, &schema, &name, &value, &called) == -EINVAL,
                      "accepted: %s", texts[i]);
    }
}
END_TEST

START_TEST(lo_open_names_its_object)
{
    uint32_t oid = 0;

    ck_assert_int_eq(sql_read_lo_open("SELECT pg_catalog.lo_open('16400', 131072);", &oid), 0);
    ck_assert_uint_eq(oid, 16400);
    ck_assert_int_eq(sql_read_lo_open("SELECT pg_catalog.lo_open('4294967295', 131072);", &oid), 0);
    ck_assert_uint_eq(oid, UINT32_MAX);
}
END_TEST

START_TEST(any_other_lo_open_is_refused)
{
    static const char *const texts[] = {
        "SELECT pg_catalog.lo_open('0', 131072);",
        "SELECT pg_catalog.lo_open('-1', 131072);",
        "SELECT pg_catalog.lo_open('4294967296', 131072);",
        "SELECT pg_catalog.lo_open('x', 131072);",
        "SELECT pg_catalog.lo_open('1', 262144);",
        "SELECT pg_catalog.lo_open(1, 131072);",
    };
    uint32_t oid;

    for (size_t i = 0; i < ELEMENTSOF(texts); i++)
        ck_assert_msg(sql_read_lo_open(texts[i], &oid) == -EINVAL, "accepted: %s", texts[i]);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(copy_names_its_table, ELEMENTSOF(copies)),
    UNIT_TEST(any_other_copy_is_refused),
    UNIT_LOOP(setval_names_its_sequence_and_value, ELEMENTSOF(setvals)),
    UNIT_TEST(any_other_setval_is_refused),
    UNIT_TEST(lo_open_names_its_object),
    UNIT_TEST(any_other_lo_open_is_refused),
};
UNIT_MAIN("sql-statement", tests)
