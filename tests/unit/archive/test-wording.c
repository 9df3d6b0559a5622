#include "unit.h"

#include <string.h>
#include <time.h>

#include "archive/wording.h"
#include "sys/buf.h"
#include "sys/mem.h"

/* What pg_dump 15, 17 and 18 have written of a database, and of its restored copy. */
static const struct {
    const char *original, *copy;
} pairs[] = {
    { "CHECK (((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))",
      "CHECK (((s)::text = ANY (ARRAY[('a'::character varying)::text, "
      "('b'::character varying)::text])))" },
    { "((((b)::text = ANY ((ARRAY['a'::character varying])::text[])) OR (b IS NULL)))",
      "((((b)::text = ANY (ARRAY[('a'::character varying)::text])) OR (b IS NULL)))" },
    { "CHECK (((((s)::text >= 'a'::text) AND ((s)::text <= 'b'::text)) AND ((n >= (1)::numeric) "
      "AND "
      "(n <= (2)::numeric)) AND (i <> 3)))",
      "CHECK ((((s)::text >= 'a'::text) AND ((s)::text <= 'b'::text) AND ((n >= (1)::numeric) AND "
      "(n <= (2)::numeric)) AND (i <> 3)))" },
    { "WHERE (((((s)::text = 'a'::text) AND (c = 'b'::bpchar)) OR (((s)::text = 'c'::text) AND "
      "(c = 'd'::bpchar))) OR ((id, n) IN ( SELECT t2.a,\n            t2.a\n           FROM t2)))",
      "WHERE ((((s)::text = 'a'::text) AND (c = 'b'::bpchar)) OR (((s)::text = 'c'::text) AND "
      "(c = 'd'::bpchar)) OR ((id, n) IN ( SELECT t2.a,\n            t2.a\n           FROM t2)))" },
    { "(((((a) AND (b)) AND (c)) AND (d)) OR (e))", "(((a) AND (b) AND (c) AND (d)) OR (e))" },
    { "((((a) OR (b)) OR (c)) AND (((d) AND (e)) AND (f)))",
      "(((a) OR (b) OR (c)) AND ((d) AND (e) AND (f)))" },
    { "((ARRAY[ARRAY[1, 2], ARRAY[3, 4]])::numeric[])",
      "(ARRAY[ARRAY[(1)::numeric, (2)::numeric], ARRAY[(3)::numeric, (4)::numeric]])" },
    { "((ARRAY['a,]'::x, f(1, 2)::x, NULL::x])::public.\"T [] y\"[])",
      "(ARRAY[('a,]'::x)::public.\"T [] y\", (f(1, 2)::x)::public.\"T [] y\", "
      "(NULL::x)::public.\"T [] y\"])" },
    { "((ARRAY['{a}'::x[], (b)::x[]])::text[])",
      "(ARRAY[('{a}'::x[])::text[], ((b)::x[])::text[]])" },
    { "CHECK ((((i >= 1) AND (i <= 5)) AND\nCASE\n    WHEN b THEN c\nEND))",
      "CHECK (((i >= 1) AND (i <= 5) AND\nCASE\n    WHEN b THEN c\nEND))" },
    { "WHERE (((a) OR (b)) OR\n        CASE", "WHERE ((a) OR (b) OR\n        CASE" },
    { "((ARRAY['a'::text, 'b'::text])::character varying(10)[])",
      "(ARRAY[('a'::text)::character varying(10), ('b'::text)::character varying(10)])" },
    { "((ARRAY[NULL])::timestamp(3) without time zone[])",
      "(ARRAY[(NULL)::timestamp(3) without time zone])" },
    { "((ARRAY[((ARRAY[1])::a[])[1]::c])::b[])", "(ARRAY[((ARRAY[(1)::a])[1]::c)::b])" },
};

/* Where the text does not tell whether an element is an array; the last is one. */
static const struct {
    const char *original, *copy;
} loose_pairs[] = {
    { "((ARRAY[now(), x])::timestamp(3) without time zone[])",
      "(ARRAY[(now())::timestamp(3) without time zone, (x)::timestamp(3) without time zone])" },
    { "ON (s::text = ANY (ARRAY['a'::character varying, f(x - 1, y), s || t]::text[]))",
      "ON (s::text = ANY (ARRAY['a'::character varying::text, f(x - 1, y)::text, (s || "
      "t)::text]))" },
    { "(x)::text = ANY ((ARRAY[a, b])::text[])", "(x)::text = ANY (ARRAY[(a)::text, (b)::text])" },
    { "(x)::text = ANY ((ARRAY[a, b])::text[])",
      "(x)::text = ANY (ARRAY[(a)::text[], (b)::text[]])" },
};

static char *normal(const char *text)
{
    char *other = wording_normal(text, strlen(text));
    return other ? other : mem_strdup(text);
}

START_TEST(an_original_and_its_copy_have_one_wording)
{
    _cleanup_free_ char *of_original = normal(pairs[_i].original),
                        *of_copy = normal(pairs[_i].copy);

    ck_assert_str_eq(of_original, pairs[_i].copy);
    ck_assert_str_eq(of_copy, pairs[_i].copy);
}
END_TEST

START_TEST(what_the_text_does_not_tell_is_the_same_in_an_original_and_its_copy_alone)
{
    const char *original = loose_pairs[_i].original, *copy = loose_pairs[_i].copy;
    _cleanup_free_ char *of_original = wording_loose(original, strlen(original)),
                        *of_copy = wording_loose(copy, strlen(copy));

    ck_assert_str_eq(of_original, of_copy ? of_copy : copy);
    ck_assert_ptr_null(wording_normal(original, strlen(original)));
    ck_assert_ptr_null(wording_normal(copy, strlen(copy)));
}
END_TEST

/* Another meaning, or no expression of PostgreSQL's. */
static const char *const unchanged[] = {
    "",
    "ON ((a AND b OR c) AND d), i",
    "((ARRAY[x.a, 'b'::text])::text[])",
    "((ARRAY[CASE WHEN a::text IS NULL THEN b ELSE c END])::text[])",
    "((ARRAY[a::text[] COLLATE \"C\"])::text[])",
    "(((a) AND (b)) ANDROID (c))",
    "(((a) OR (b)) AND (c))",
    "((a) AND ((b) AND (c)))",
    "((a) AND (b)) AND (c)",
    "((f((a) AND (b)) AND (c)))",
    "(ARRAY['a'::text])::text",
    "(ARRAY[1, 2])::numeric",
    "(f(ARRAY[1])::numeric[])",
    "((ARRAY[1] || 2)::numeric[])",
    "(x, ARRAY[1])::numeric[]",
    "DEFAULT '(ARRAY[1])::numeric[] (((a) AND (b)) AND (c))'::text",
    "DEFAULT E'\\'(ARRAY[1])::numeric[]'::text",
    "\"(ARRAY[1])::numeric[]\"",
    "AS $_$ SELECT (ARRAY[1])::numeric[] WHERE (((a) AND (b)) AND (c)) $_$;",
    "AS $$(ARRAY[1])::numeric[]$$",
    "ARRAY[]::text[]",
    "ANARRAY[1]::text[]",
    "f(ARRAY[1])::text[]",
    "ARRAY[1]::text",
    "x[1]::text[]",
    "(ARRAY[1, 2",
    "(ARRAY[1)::numeric[]",
    "(ARRAY[1])::",
    "(ARRAY[1])::numeric(",
    ")]) AND (ARRAY[ (((a) AND ",
    "((ROWS BETWEEN 1 AND 2) OR (a))",
};

START_TEST(nothing_else_is_changed)
{
    _cleanup_free_ char *other = wording_normal(unchanged[_i], strlen(unchanged[_i]));
    ck_assert_ptr_null(other);
}
END_TEST

static char *repeated(const char *before, size_t count, const char *inside, const char *after)
{
    Buf b = { 0 };

    for (size_t i = 0; i < count; i++)
        buf_adds(&b, before);
    buf_adds(&b, inside);
    for (size_t i = 0; i < count; i++)
        buf_adds(&b, after);
    return buf_take(&b);
}

START_TEST(nesting_without_end_takes_no_time)
{
    static const struct {
        const char *before, *inside, *after;
    } hostile[] = {
        { "(", "a", ")" },
        { "(", "((a) AND (b))", " AND c)" },
        { "(ARRAY[", "1", "" },
        { "(ARRAY[", "1", "])::a[]" },
        { "(ARRAY[", "1", "])" },
        { "ARRAY[", "1", "]" },
        { "ARRAY[", "1", "]::a[]" },
        { "(ARRAY[ARRAY[", "1", "]])::a[]" },
        { "ARRAY[1]::x(", "1", "" },
        { "ARRAY[1]::x(", "1", ")[]" },
        { "(ARRAY[1]::", "\"x\"", "[])" },
        { "$a", "(ARRAY[", ") AND " },
    };

    for (size_t i = 0; i < ELEMENTSOF(hostile); i++) {
        size_t length = strlen(hostile[i].before) + strlen(hostile[i].after);
        _cleanup_free_ char *text = repeated(hostile[i].before, (WORDING_MAX - 64) / length,
                                             hostile[i].inside, hostile[i].after);
        clock_t begin = clock();
        _cleanup_free_ char *other = wording_normal(text, strlen(text));
        ck_assert_msg(clock() - begin < 2 * CLOCKS_PER_SEC, "%s… took long%s", hostile[i].before,
                      other ? " to change" : "");
    }
}
END_TEST

START_TEST(a_long_type_is_not_written_for_each_element)
{
    _cleanup_free_ char *elements = repeated("1,", 2000, "1", ""),
                        *type = repeated("t", WORDING_MAX / 2, "", ""),
                        *text = mem_printf("(ARRAY[%s])::%s[]", elements, type),
                        *nested =
                            mem_printf("((ARRAY[%s])::%.100s[])::%.200s[]", elements, type, type);
    _cleanup_free_ char *other = wording_normal(nested, strlen(nested));

    ck_assert_ptr_null(wording_normal(text, strlen(text)));
    ck_assert_ptr_null(other);
}
END_TEST

START_TEST(longer_texts_stay_as_they_are)
{
    static const char long_one[] = "(((a) AND (b)) AND (c))";
    _cleanup_free_ char *text = repeated(" ", WORDING_MAX - strlen(long_one), long_one, "");
    _cleanup_free_ char *other = wording_normal(text, strlen(text));
    _cleanup_free_ char *longer = mem_printf(" %s", text);

    ck_assert_ptr_nonnull(other);
    ck_assert_ptr_null(wording_normal(longer, strlen(longer)));
}
END_TEST

static const struct {
    const char *text, *by_name;
} inheriting[] = {
    { "CREATE TABLE s.t (\n    b integer DEFAULT f(1, 2),\n    a text DEFAULT ')\nINHERITS "
      "('::text,\n"
      "    \"A, B\" numeric(4,1)\n)\nINHERITS (s.p);\n",
      "CREATE TABLE s.t (\"A, B\" numeric(4,1), a text DEFAULT ')\nINHERITS ('::text, "
      "b integer DEFAULT f(1, 2))\nINHERITS (s.p);\n" },
    { "\n\nCREATE UNLOGGED TABLE s.\"(t\" (\n    b integer,\n    a integer\n)\nINHERITS (s.p)\n"
      "WITH (fillfactor='10');\n\n\nALTER TABLE s.\"(t\" OWNER TO postgres;\n",
      "\n\nCREATE UNLOGGED TABLE s.\"(t\" (a integer, b integer)\nINHERITS (s.p)\n"
      "WITH (fillfactor='10');\n\n\nALTER TABLE s.\"(t\" OWNER TO postgres;\n" },
    { "CREATE TABLE s.t (\n)\nINHERITS (s.p);\n", "CREATE TABLE s.t ()\nINHERITS (s.p);\n" },
    { "CREATE TABLE s.t (\n    b integer,\n    a integer\n);\n", NULL },
    { "CREATE TABLE s.t (\n    b integer,\n    a integer\n)\nPARTITION BY RANGE (a);\n", NULL },
    { "COMMENT ON TABLE s.t IS 'CREATE TABLE (\n)\nINHERITS (';", NULL },
    { "CREATE VIEW s.v AS\n SELECT f(b, a)\nINHERITS (", NULL },
    { "CREATE TABLE s.t (\n    b integer", NULL },
    { "CREATE ", NULL },
    { "", NULL },
};

START_TEST(only_tables_that_inherit_have_their_columns_sorted)
{
    const char *text = inheriting[_i].text;
    _cleanup_free_ char *by_name = wording_by_name(text, strlen(text));

    if (inheriting[_i].by_name)
        ck_assert_pstr_eq(by_name, inheriting[_i].by_name);
    else
        ck_assert_ptr_null(by_name);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(only_tables_that_inherit_have_their_columns_sorted, ELEMENTSOF(inheriting)),
    UNIT_LOOP(an_original_and_its_copy_have_one_wording, ELEMENTSOF(pairs)),
    UNIT_LOOP(what_the_text_does_not_tell_is_the_same_in_an_original_and_its_copy_alone,
              ELEMENTSOF(loose_pairs)),
    UNIT_LOOP(nothing_else_is_changed, ELEMENTSOF(unchanged)),
    UNIT_TEST(nesting_without_end_takes_no_time),
    UNIT_TEST(a_long_type_is_not_written_for_each_element),
    UNIT_TEST(longer_texts_stay_as_they_are),
};
UNIT_MAIN("wording", tests)
