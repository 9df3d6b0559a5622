#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "archive/sql-scanner.h"
#include "sys/buf.h"
#include "sys/mem.h"

/* What pg_dump 15 writes around the objects. */
#define HEAD                                                                                       \
    "--\n-- PostgreSQL database dump\n--\n\n"                                                      \
    "\\restrict abc1\n\n"                                                                          \
    "-- Dumped from database version 15.18\n\n"                                                    \
    "SET standard_conforming_strings = on;\n"                                                      \
    "SELECT pg_catalog.set_config('search_path', '', false);\n\n"
#define TAIL "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc1\n\n"
#define HEADER(name, type, schema)                                                                 \
    "--\n-- Name: " name "; Type: " type "; Schema: " schema "; Owner: postgres\n--\n\n"
#define DATA_HEADER(name, type, schema)                                                            \
    "--\n-- Data for Name: " name "; Type: " type "; Schema: " schema "; Owner: postgres\n--\n\n"

#define SCHEMA_SHOP HEADER("shop", "SCHEMA", "-") "CREATE SCHEMA shop;\n\n\n"
#define SET_TABLESPACE "SET default_tablespace = '';\n\n"
#define TABLE_ORDERS                                                                               \
    HEADER("orders", "TABLE", "public")                                                            \
    "CREATE TABLE public.orders (\n    id integer\n);\n\n\n"                                       \
    "ALTER TABLE public.orders OWNER TO postgres;\n\n"
#define COPY_ORDERS                                                                                \
    DATA_HEADER("orders", "TABLE DATA", "public")                                                  \
    "COPY public.orders (id, name) FROM stdin;\n1\tone\n2\t\\N\n\n\\.\n\n\n"
#define SEQUENCE_COUNTER                                                                           \
    HEADER("counter", "SEQUENCE SET", "public")                                                    \
    "SELECT pg_catalog.setval('public.counter', 42, true);\n\n\n"
#define LARGE_OBJECTS                                                                              \
    DATA_HEADER("BLOBS", "BLOBS", "-")                                                             \
    "BEGIN;\n\n"                                                                                   \
    "SELECT pg_catalog.lo_open('3000000000', 131072);\n"                                           \
    "SELECT pg_catalog.lo_close(0);\n\n"                                                           \
    "SELECT pg_catalog.lo_open('16400', 131072);\n"                                                \
    "SELECT pg_catalog.lowrite(0, '\\x68656c6c6f');\n"                                             \
    "SELECT pg_catalog.lowrite(0, '\\x20776f726c64');\n"                                           \
    "SELECT pg_catalog.lo_close(0);\n\n"                                                           \
    "COMMIT;\n\n"

#define SAMPLE                                                                                     \
    HEAD SCHEMA_SHOP SET_TABLESPACE TABLE_ORDERS COPY_ORDERS LARGE_OBJECTS SEQUENCE_COUNTER TAIL

/* Digests by python3's xxhash, after docs/INVENTORY.md. */
#define ORDERS_LINE                                                                                \
    "{\"kind\":\"table\",\"schema\":\"public\",\"name\":\"orders\",\"rows\":3,\"bytes\":12,"       \
    "\"digest\":\"007e72784f22c9513303772c675702be\"}\n"
#define COUNTER_LINE                                                                               \
    "{\"kind\":\"sequence\",\"schema\":\"public\",\"name\":\"counter\",\"value\":42,"              \
    "\"called\":true}\n"
#define LARGE_OBJECTS_LINE                                                                         \
    "{\"kind\":\"large_objects\",\"count\":2,\"bytes\":11,"                                        \
    "\"digest\":\"e61e393d8376a98dcec29a7413fde1d6\"}\n"
#define NO_LARGE_OBJECTS_LINE                                                                      \
    "{\"kind\":\"large_objects\",\"count\":0,\"bytes\":0,"                                         \
    "\"digest\":\"00000000000000000000000000000000\"}\n"
#define SCHEMA_LINE                                                                                \
    "{\"kind\":\"definition\",\"type\":\"SCHEMA\",\"schema\":\"\",\"name\":\"shop\",\"count\":1,"  \
    "\"digest\":\"104bb9bf5803c5171d73fd50f382c72c\"}\n"
#define SET_LINE                                                                                   \
    "{\"kind\":\"definition\",\"type\":\"SET\",\"schema\":\"\",\"name\":\"\",\"count\":2,"         \
    "\"digest\":\"5e87fde868a3f1a7fc935d82b7437a46\"}\n"
#define TABLE_LINE                                                                                 \
    "{\"kind\":\"definition\",\"type\":\"TABLE\",\"schema\":\"public\",\"name\":\"orders\","       \
    "\"count\":1,\"digest\":\"2788fa29b73a8d396ff02fb21161e7aa\"}\n"

static int scan(const char *text, size_t size, size_t piece, Inventory *ret, Err *err)
{
    _cleanup_sql_scanner_ SqlScanner *s = sql_scanner_new();
    int r = 0;

    for (size_t at = 0; r >= 0 && at < size; at += piece)
        r = sql_scanner_write(s, text + at, piece < size - at ? piece : size - at, err);
    if (r >= 0)
        r = sql_scanner_finish(s, err);
    if (r >= 0)
        sql_scanner_take(s, ret);
    return r;
}

/* The lines of the inventory below the first. Caller frees. */
static char *lines_of(const char *text, size_t piece)
{
    _cleanup_inventory_ Inventory i = { 0 };
    _cleanup_err_ Err err = { 0 };
    _cleanup_buf_ Buf b = { 0 };

    int r = scan(text, strlen(text), piece, &i, &err);
    ck_assert_msg(r == 0, "%s", err.message);
    inventory_print(&i, &b);
    return mem_strdup(strchr(b.data, '\n') + 1);
}

static void expect_line(const char *text, const char *line)
{
    _cleanup_free_ char *lines = lines_of(text, strlen(text));
    ck_assert_msg(strstr(lines, line) != NULL, "%s is not among %s", line, lines);
}

static void expect_damage(const char *text, size_t size, const char *message)
{
    _cleanup_inventory_ Inventory i = { 0 };
    _cleanup_err_ Err err = { 0 };

    ck_assert_msg(scan(text, size, size > 0 ? size : 1, &i, &err) < 0, "accepted: %.*s", (int)size,
                  text);
    /* Of what psql would read in a way of its own, it would not restore all. */
    bool psqls = strstr(err.message, "as psql reads it") != NULL;
    ck_assert_int_eq(err.kind, psqls ? ERR_DUMP_INCOMPLETE : ERR_DAMAGED);
    ck_assert_msg(strstr(err.message, message) != NULL, "\"%s\" lacks \"%s\"", err.message,
                  message);
}

START_TEST(a_dump_in_any_pieces_has_the_inventory_that_is_documented)
{
    for (size_t piece = 1; piece <= strlen(SAMPLE); piece++) {
        _cleanup_free_ char *lines = lines_of(SAMPLE, piece);
        ck_assert_str_eq(
            lines, ORDERS_LINE COUNTER_LINE LARGE_OBJECTS_LINE SCHEMA_LINE SET_LINE TABLE_LINE);
    }
}
END_TEST

START_TEST(a_dump_of_nothing_has_an_empty_inventory)
{
    _cleanup_free_ char *lines = lines_of("--\n-- PostgreSQL database dump complete\n--\n", 1);
    ck_assert_str_eq(lines, NO_LARGE_OBJECTS_LINE);
}
END_TEST

/* Up to the last comment's own line. */
START_TEST(a_dump_cut_short_anywhere_is_damaged)
{
    size_t end = (size_t)(strstr(SAMPLE, "dump complete") - SAMPLE) + strlen("dump complete");
    for (size_t size = 0; size <= end; size++)
        expect_damage(SAMPLE, size, "the SQL ends ");
}
END_TEST

START_TEST(without_standard_conforming_strings_a_backslash_stands_twice)
{
    static const char text[] =
        HEAD "SET standard_conforming_strings = off;\n"
             "SELECT pg_catalog.setval('public.\"a\\\\b''c\"', 1, false);\n" HEADER(
                 "x", "COMMENT",
                 "public") "COMMENT ON TABLE x IS 'x\\';COPY';\n"
                           "SELECT pg_catalog.lo_open('3000000000', 131072);\n"
                           "SELECT pg_catalog.lo_close(0);\n\n"
                           "SELECT pg_catalog.lo_open('16400', 131072);\n"
                           "SELECT pg_catalog.lowrite(0, '\\\\x68656c6c6f20776f726c64');\n"
                           "SELECT pg_catalog.lo_close(0);\n" TAIL;
    expect_line(text, LARGE_OBJECTS_LINE);
    expect_line(text, "\"name\":\"a\\\\b'c\",\"value\":1,\"called\":false}");
}
END_TEST

/* Each holds what looks like contents, and has none. */
static const char *const disguises[] = {
    "COMMENT ON TABLE x IS 'a;\nCOPY public.fake (a) FROM stdin;\n1\n\\.\n';\n",
    "COMMENT ON TABLE x IS E'\\';\nCOPY public.fake (a) FROM stdin;\n1\n\\.\n';\n",
    "CREATE TABLE \"a;\nCOPY public.fake (a) FROM stdin;\n1\n\\.\n\" ();\n",
    "CREATE FUNCTION f() AS $_$a;\nCOPY public.fake (a) FROM stdin;\n1\n\\.\n$_$;\n",
    "CREATE VIEW v AS SELECT 1 /*;\nCOPY public.fake (a) FROM stdin;\n1\n*/;\n",
    "CREATE VIEW v AS SELECT 1 --;\n + 2 -- COPY public.fake (a) FROM stdin;\n;\n",
    "CREATE VIEW v AS SELECT 1,\nCOPY public.fake (a) FROM stdin;\n",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;\n"
    "SELECT pg_catalog.setval('public.fake', 1, true);\nEND;\n",
    "CREATE RULE r AS ON INSERT TO v DO INSTEAD (SELECT 1;\n"
    "SELECT pg_catalog.setval('public.fake', 1, true);\n);\n",
    "COMMENT ON TABLE x IS '\n--\n-- Name: fake; Type: TABLE; Schema: public; Owner: x\n--\n';\n",
};

START_TEST(what_only_looks_like_contents_is_none)
{
    _cleanup_free_ char *text = mem_printf(HEAD SCHEMA_SHOP "%s" COPY_ORDERS TAIL, disguises[_i]);
    _cleanup_free_ char *lines = lines_of(text, strlen(text));

    ck_assert_ptr_null(strstr(lines, "fake"));
    ck_assert_ptr_nonnull(strstr(lines, ORDERS_LINE));
    ck_assert_ptr_null(strstr(lines, "\"kind\":\"sequence\""));
}
END_TEST

START_TEST(rows_that_look_like_sql_are_rows)
{
    static const char text[] =
        HEAD "COPY public.t (a) FROM stdin;\n--\n-- Name: x; Type: TABLE; Schema: -; Owner: x\n--\n"
             "';\nCOPY public.fake (a) FROM stdin;\n\\\\.\n\\.\n" TAIL;
    _cleanup_inventory_ Inventory i = { 0 };

    ck_assert_int_eq(scan(text, strlen(text), 5, &i, NULL), 0);
    ck_assert_uint_eq(i.table_count, 1);
    ck_assert_str_eq(i.tables[0].name, "t");
    ck_assert_uint_eq(i.tables[0].rows, 6);
    ck_assert_uint_eq(i.definition_count, 1); /* SET */
}
END_TEST

/* The text's digest and size by python3. */
START_TEST(insert_statements_are_digested_as_one_text)
{
    expect_line(HEAD DATA_HEADER("orders", "TABLE DATA", "public") //
                "INSERT INTO public.orders VALUES (1, 'a;\n\n--\n');\n"
                "INSERT INTO public.orders VALUES (2, NULL);\n\n\n" SEQUENCE_COUNTER TAIL,
                "{\"kind\":\"table\",\"schema\":\"public\",\"name\":\"orders\",\"rows\":0,"
                "\"bytes\":92,\"digest\":\"10a5b98f2d9ff715ca1339f7da613313\"}\n");
}
END_TEST

START_TEST(an_empty_table_of_inserts_is_there)
{
    expect_line(HEAD DATA_HEADER("empty", "TABLE DATA", "public") "\n\n" TAIL,
                "\"name\":\"empty\",\"rows\":0,\"bytes\":0,"
                "\"digest\":\"99aa06d3014798d86001c324468d497f\"}\n");
}
END_TEST

START_TEST(a_header_is_read_from_the_right)
{
    expect_line(
        HEAD HEADER("a; Type: VIEW; Schema: b", "TABLE", "public") "CREATE TABLE x ();\n" TAIL,
        "\"type\":\"TABLE\",\"schema\":\"public\","
        "\"name\":\"a; Type: VIEW; Schema: b\"");
}
END_TEST

/* pg_dump --verbose puts more into a header. */
START_TEST(other_lines_of_a_header_do_not_matter)
{
    expect_line(HEAD "--\n-- TOC entry 6 (class 2615 OID 16386)\n"
                     "-- Name: shop; Type: SCHEMA; Schema: -; Owner: postgres\n"
                     "-- Dependencies: 215\n--\n\nCREATE SCHEMA shop;\n\n\n" TAIL,
                SCHEMA_LINE);
}
END_TEST

START_TEST(definitions_of_large_objects_have_one_name)
{
    expect_line(HEAD HEADER("16401", "BLOB", "-") "SELECT pg_catalog.lo_create('16401');\n\n\n" //
                HEADER("16400", "BLOB", "-") "SELECT pg_catalog.lo_create('16400');\n\n\n" TAIL,
                "{\"kind\":\"definition\",\"type\":\"BLOB\",\"schema\":\"\","
                "\"name\":\"LARGE OBJECTS\",\"count\":2,"
                "\"digest\":\"172eca0388983b605f735411244c1efc\"}\n");
}
END_TEST

/* What begins as pg_dump's statements do, and goes on in another way. */
static const struct {
    const char *text, *message;
} surprises[] = {
    { "COPY public.orders (id) FROM '/etc/passwd';\n", "not as pg_dump writes it: COPY" },
    { "COPY public.orders (id) FROM stdin; 1\n\\.\n", "do not begin in a new line" },
    { "SELECT pg_catalog.setval('public.counter', 42);\n", "not as pg_dump writes it" },
    { "SELECT pg_catalog.lo_open('x', 131072);\n", "not as pg_dump writes it" },
    { "SELECT pg_catalog.lo_close(0);\n", "not as pg_dump writes it" },
    { "SELECT pg_catalog.lowrite(0, '\\x00');\n", "not as pg_dump writes it" },
    { "SELECT pg_catalog.lo_open('1', 131072);\nSELECT pg_catalog.lo_open('2', 131072);\n",
      "not as pg_dump writes it" },
    { "SELECT pg_catalog.lo_open('1', 131072);\nSELECT pg_catalog.lo_close(1);\n",
      "not as pg_dump writes it" },
    { "SELECT pg_catalog.lo_open('1', 131072);\nSELECT pg_catalog.lowrite(0, 'x00');\n",
      "not as pg_dump writes it" },
    { "SELECT pg_catalog.lo_open('1', 131072);\nSELECT pg_catalog.lowrite(0, '\\x0');\n",
      "not as pg_dump writes it" },
    { "SELECT pg_catalog.lo_open('1', 131072);\nSELECT pg_catalog.lowrite(0, '\\x0G');\n",
      "not as pg_dump writes it" },
    { "SELECT pg_catalog.lo_open('1', 131072);\nSELECT pg_catalog.lowrite(0, '\\x00', 1);\n",
      "not as pg_dump writes it" },
    { "SELECT pg_catalog.lo_open('1', 131072);\nSELECT pg_catalog.lowrite(0, '\\x00')  ;\n",
      "not as pg_dump writes it" },
    { "SELECT pg_catalog.lo_open('1', 131072);\n", "inside a large object" },
    { "SET client_encoding = 'SJIS';\n", "not as pg_dump writes it: SET client_enc" },
    { "SET standard_conforming_strings = 0;\n", "not as pg_dump writes it" },
    { "BEGIN;\n", "not as pg_dump writes it: BEGIN;" },
    { "copy zz from stdin;\n'\n\\.\n\\! id\n-- ';\n", "pg_dump writes it: copy zz from stdin;" },
    { "COPY\tzz FROM stdin;\n1\n\\.\n", "pg_dump writes it: COPY\tzz" },
    { "\xef\xbb\xbf"
      "COPY zz FROM stdin;\n1\n\\.\n",
      "not as pg_dump writes it" },
    { "/**/COPY zz FROM stdin;\n1\n\\.\n", "not as pg_dump writes it: /**/" },
    { "set standard_conforming_strings = off;\n", "not as pg_dump writes it: set" },
    { "RESET standard_conforming_strings;\n", "not as pg_dump writes it: RESET" },
    { "SELECT set_config('standard_conforming_strings', 'off', false);\n",
      "pg_dump writes it: SELECT" },
    { "SELECT pg_catalog.set_config('search_path', 'x', false);\n", "not as pg_dump writes it" },
    { "DROP TABLE public.orders;\n", "line 12 of the SQL is not as pg_dump writes it: DROP TABLE" },
    { "CREATE TABLE public.orders ();\n", "not as pg_dump writes it: CREATE TABLE" },
    { "SELECT * FROM pg_catalog.pg_restore_relation_stats('version', 1);\n", "not as pg_dump" },
    { SEQUENCE_COUNTER "DROP TABLE public.orders;\n", "not as pg_dump writes it: DROP TABLE" },
    { SEQUENCE_COUNTER "ALTER TABLE t ADD i int;\n", "not as pg_dump writes it: ALTER TABLE" },
    { COPY_ORDERS "INSERT INTO public.orders VALUES (3);\n", "a section of rows that has other" },
    { HEADER("appdb", "DATABASE", "-") "CREATE DATABASE appdb;\n", "writes it: CREATE DATABASE" },
    { "--\n-- PostgreSQL database dump complete\n--\nSET a = 1;\n", "pg_dump writes it: SET a" },
    { "COPY zz (a) FROM stdin;\n1\n\\.\r\n\\! id\n/*\n\\.\n*/;\n", "line 14 of the SQL is no row" },
    { "-- a comment\r\\! id\n", "a command of psql's: \\! id" },
    { "\\! id\n", "line 12 of the SQL holds a command of psql's: \\! id" },
    { "\\connect 'host=elsewhere'\n", "a command of psql's" },
    { "\\restrict abc1\n", "a command of psql's" },
    { "\\unrestrict abc1\n", "a command of psql's" },
    { "\\unrestrict `id`\n", "a command of psql's" },
    { "SET a = 1; \\! id\n", "a command of psql's: \\! id" },
    { "SELECT 1 \\! id\n;\n", "a command of psql's inside" },
    { "SELECT (1 \\! id\n);\n", "a command of psql's inside" },
    { "SELECT 1 AS a\\! id\n;\n", "a command of psql's inside" },
    { "SET a = 1, :DBNAME;\n", "a variable of psql's" },
};

START_TEST(a_statement_in_another_form_is_damage)
{
    _cleanup_free_ char *text = mem_printf(HEAD "%s" TAIL, surprises[_i].text);
    expect_damage(text, strlen(text), surprises[_i].message);
}
END_TEST

START_TEST(a_nul_in_a_statement_is_damage)
{
    static const char text[] = HEAD "COPY public.orders (id) FROM stdin;\0;\n1\n\\.\n" TAIL;
    expect_damage(text, sizeof(text) - 1, "");
}
END_TEST

/* What psql runs stands in backticks, and where it ends rows is no end for others. */
START_TEST(no_command_but_one_pair_around_all_of_it_is_accepted)
{
#define SQL(begin, end) begin "SET a = 1;\n--\n-- PostgreSQL database dump complete\n--\n\n" end
    static const struct {
        const char *text;
        bool accepted;
    } cases[] = {
        { SQL("", ""), true },
        { SQL("\\restrict aZ09\n", "\\unrestrict aZ09\n"), true },
        { SQL("-- x\n\n\\restrict a\n", "\\unrestrict a\n\n"), true },
        { SQL("\\restrict a\n", ""), false },
        { SQL("", "\\unrestrict a\n"), false },
        { SQL("\\restrict a\n", "\\unrestrict b\n"), false },
        { SQL("\\restrict a\n", "\\unrestrict aa\n"), false },
        { SQL("\\restrict a\n\\restrict a\n", "\\unrestrict a\n"), false },
        { SQL("\\restrict a\n", "\\unrestrict a\n\\unrestrict a\n"), false },
        { SQL("SET a = 1;\n\\restrict a\n", "\\unrestrict a\n"), false },
        { SQL("\\restrict a\n\\unrestrict a\n", ""), false },
        { SQL("\\restrict a\n", "\\unrestrict a\n\\! id\n"), false },
        { SQL("\\restrict `id`\n", "\\unrestrict `id`\n"), false },
        { SQL("\\restrict a\n", "\\unrestrict `id; echo a`\n"), false },
        { SQL("\\restrict a\n", "\\unrestrict :a\n"), false },
        { SQL("\\restrict a\n", "\\unrestrict a \\! id\n"), false },
        { SQL("\\restrict a\n", "\\unrestrict a\r\n"), false },
        { SQL("\\restrict a\n", "\\unrestrict  a\n"), false },
        { SQL("\\restrict \n", "\\unrestrict \n"), false },
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_inventory_ Inventory inventory = { 0 };
        int r = scan(cases[i].text, strlen(cases[i].text), 3, &inventory, NULL);
        ck_assert_msg((r == 0) == cases[i].accepted, "%s", cases[i].text);
    }
}
END_TEST

static int add_to_buf(void *userdata, const void *data, size_t size, Err *err)
{
    (void)err;
    buf_add(userdata, data, size);
    return 0;
}

/* Caller frees. */
static char *passed_on(const char *text, size_t piece, int *ret)
{
    _cleanup_sql_scanner_ SqlScanner *s = sql_scanner_new();
    size_t size = strlen(text);
    Buf b = { 0 };

    *ret = 0;
    sql_scanner_pass_on(s, add_to_buf, &b);
    for (size_t at = 0; *ret >= 0 && at < size; at += piece)
        *ret = sql_scanner_write(s, text + at, piece < size - at ? piece : size - at, NULL);
    return buf_take(&b);
}

START_TEST(all_but_the_commands_is_passed_on)
{
    int r;

    for (size_t piece = 1; piece <= strlen(SAMPLE); piece += piece) {
        _cleanup_free_ char *got = passed_on(SAMPLE, piece, &r);
        ck_assert_int_eq(r, 0);
        ck_assert_ptr_null(strstr(got, "restrict"));
        ck_assert_uint_ge(strlen(got) + strlen("\n\n\\restrict abc1\n\n\\unrestrict abc1\n"),
                          strlen(SAMPLE));
        ck_assert_ptr_nonnull(strstr(got, COPY_ORDERS));
        ck_assert_ptr_nonnull(strstr(got, LARGE_OBJECTS));
    }
}
END_TEST

START_TEST(of_what_is_refused_no_end_is_passed_on)
{
    static const char *const ends[] = { "\\! id\n", "copy zz from stdin;\n1\n",
                                        "SET standard_conforming_strings = 0;\n" };

    for (size_t i = 0; i < ELEMENTSOF(ends); i++)
        for (size_t piece = 1; piece < 1000; piece += piece) {
            _cleanup_free_ char *text = mem_printf(HEAD "%s", ends[i]);
            int r;
            _cleanup_free_ char *got = passed_on(text, piece, &r);
            ck_assert_int_lt(r, 0);
            ck_assert_ptr_null(strchr(strstr(got, "search_path"), '\\'));
            ck_assert_ptr_null(strchr(strstr(got, "false);") + strlen("false);"), ';'));
        }
}
END_TEST

/* "COPY", and so many columns of 63 double quotes. */
static char *dump_with_columns(int count)
{
    Buf b = { 0 };
    buf_adds(&b, HEAD "COPY public.wide (");
    for (int i = 0; i < count; i++) {
        buf_adds(&b, i > 0 ? ", \"" : "\"");
        for (int quote = 0; quote < 2 * 63; quote++)
            buf_addc(&b, '"');
        buf_addc(&b, '"');
    }
    buf_adds(&b, ") FROM stdin;\n\\.\n" TAIL);
    return buf_take(&b);
}

START_TEST(the_widest_table_of_postgresql_fits)
{
    _cleanup_free_ char *text = dump_with_columns(1600);
    expect_line(text, "\"name\":\"wide\"");
}
END_TEST

START_TEST(a_longer_statement_is_damage)
{
    _cleanup_free_ char *text = dump_with_columns(2100);
    expect_damage(text, strlen(text), "a statement is longer than 262144 bytes: COPY public.wide");
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_dump_in_any_pieces_has_the_inventory_that_is_documented),
    UNIT_TEST(a_dump_of_nothing_has_an_empty_inventory),
    UNIT_TEST(a_dump_cut_short_anywhere_is_damaged),
    UNIT_TEST(without_standard_conforming_strings_a_backslash_stands_twice),
    UNIT_LOOP(what_only_looks_like_contents_is_none, ELEMENTSOF(disguises)),
    UNIT_TEST(rows_that_look_like_sql_are_rows),
    UNIT_TEST(insert_statements_are_digested_as_one_text),
    UNIT_TEST(an_empty_table_of_inserts_is_there),
    UNIT_TEST(a_header_is_read_from_the_right),
    UNIT_TEST(other_lines_of_a_header_do_not_matter),
    UNIT_TEST(definitions_of_large_objects_have_one_name),
    UNIT_LOOP(a_statement_in_another_form_is_damage, ELEMENTSOF(surprises)),
    UNIT_TEST(a_nul_in_a_statement_is_damage),
    UNIT_TEST(no_command_but_one_pair_around_all_of_it_is_accepted),
    UNIT_TEST(all_but_the_commands_is_passed_on),
    UNIT_TEST(of_what_is_refused_no_end_is_passed_on),
    UNIT_TEST(the_widest_table_of_postgresql_fits),
    UNIT_TEST(a_longer_statement_is_damage),
};
UNIT_MAIN("sql-scanner", tests)
