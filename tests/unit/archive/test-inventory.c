#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "archive/inventory.h"
#include "sys/buf.h"
#include "sys/json.h"
#include "sys/mem.h"

/* printf abc | xxhsum -H2 */
#define H_ABC "06b05ab6733a618578af5f94892f3950"
#define ZERO "00000000000000000000000000000000"

static Digest abc(void)
{
    Digest d = { 0 };
    digest_add(&d, "abc", 3);
    return d;
}

static Inventory sample(void)
{
    Inventory i = { 0 };
    const Digest d = abc();

    inventory_add_definition(&i, "TABLE", "public", "orders", &d);
    inventory_add_definition(&i, "SCHEMA", "", "shop", &d);
    inventory_add_table(&i, "shop", "a", 3, 30, &d);
    inventory_add_table(&i, "public", "z \"quoted\"\n", 2, 20, &d);
    inventory_add_table(&i, "public", "caf\xc3\xa9", 1, 10, &d);
    inventory_add_sequence(&i, "public", "counter", -42, true);
    inventory_add_large_object(&i, 7, &d);
    inventory_sort(&i);
    return i;
}

/* As docs/INVENTORY.md describes the file. */
static const char sample_text[] =
    "{\"inventory_format\":1,\"tables\":3,\"rows\":6,\"bytes\":60,\"sequences\":1,"
    "\"large_objects\":1,\"definitions\":2}\n"
    "{\"kind\":\"table\",\"schema\":\"public\",\"name\":\"caf\xc3\xa9\",\"rows\":1,\"bytes\":10,"
    "\"digest\":\"" H_ABC "\"}\n"
    "{\"kind\":\"table\",\"schema\":\"public\",\"name\":\"z \\\"quoted\\\"\\n\",\"rows\":2,"
    "\"bytes\":20,\"digest\":\"" H_ABC "\"}\n"
    "{\"kind\":\"table\",\"schema\":\"shop\",\"name\":\"a\",\"rows\":3,\"bytes\":30,"
    "\"digest\":\"" H_ABC "\"}\n"
    "{\"kind\":\"sequence\",\"schema\":\"public\",\"name\":\"counter\",\"value\":-42,"
    "\"called\":true}\n"
    "{\"kind\":\"large_objects\",\"count\":1,\"bytes\":7,\"digest\":\"" H_ABC "\"}\n"
    "{\"kind\":\"definition\",\"type\":\"SCHEMA\",\"schema\":\"\",\"name\":\"shop\",\"count\":1,"
    "\"digest\":\"" H_ABC "\"}\n"
    "{\"kind\":\"definition\",\"type\":\"TABLE\",\"schema\":\"public\",\"name\":\"orders\","
    "\"count\":1,\"digest\":\"" H_ABC "\"}\n";

static char *printed(const Inventory *i)
{
    Buf b = { 0 };
    inventory_print(i, &b);
    return buf_take(&b);
}

static void expect_refusal(const char *text, const char *message)
{
    _cleanup_err_ Err err = { 0 };
    _cleanup_inventory_ Inventory i = { 0 };

    ck_assert_msg(inventory_parse(text, strlen(text), &i, &err) < 0, "accepted: %s", text);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    ck_assert_msg(strstr(err.message, message) != NULL, "\"%s\" lacks \"%s\"", err.message,
                  message);
    ck_assert_ptr_null(i.tables);
}

START_TEST(equal_names_are_united)
{
    _cleanup_inventory_ Inventory i = { 0 };
    const Digest d = abc();
    Digest sum = d;
    digest_unite(&sum, &d);

    for (int n = 0; n < 2; n++) {
        inventory_add_table(&i, "public", "orders", 10, 100, &d);
        inventory_add_table(&i, "public", "items", 1, 1, &d);
        inventory_add_definition(&i, "CAST", "", "CAST (a AS b)", &d);
    }
    inventory_sort(&i);
    ck_assert_uint_eq(i.table_count, 2);
    ck_assert_str_eq(i.tables[1].name, "orders");
    ck_assert_uint_eq(i.tables[1].rows, 20);
    ck_assert_uint_eq(i.tables[1].bytes, 200);
    ck_assert(digest_equal(&i.tables[1].digest, &sum));
    ck_assert_uint_eq(i.definition_count, 1);
    ck_assert_uint_eq(i.definitions[0].count, 2);
    ck_assert_uint_eq(inventory_rows(&i), 22);
    ck_assert_uint_eq(inventory_bytes(&i), 202);
}
END_TEST

START_TEST(a_name_many_times_takes_the_room_of_one)
{
    _cleanup_inventory_ Inventory i = { 0 };
    const Digest d = abc();

    for (int n = 0; n < 100000; n++)
        inventory_add_definition(&i, "BLOB", "", "LARGE OBJECTS", &d);
    ck_assert_uint_lt(i.definition_capacity, 100);
    inventory_sort(&i);
    ck_assert_uint_eq(i.definitions[0].count, 100000);
}
END_TEST

START_TEST(names_are_sorted_by_their_bytes)
{
    static const char *const names[] = { "", "B", "a", "a b", "aa", "\xc3\xa9", "\xff" };
    _cleanup_inventory_ Inventory i = { 0 };

    for (size_t n = 0; n < ELEMENTSOF(names); n++)
        inventory_add_sequence(&i, "s", names[ELEMENTSOF(names) - 1 - n], 1, true);
    inventory_sort(&i);
    for (size_t n = 0; n < ELEMENTSOF(names); n++)
        ck_assert_str_eq(i.sequences[n].name, names[n]);
}
END_TEST

START_TEST(the_file_is_what_its_documentation_says)
{
    _cleanup_inventory_ Inventory i = sample();
    _cleanup_free_ char *text = printed(&i);
    ck_assert_str_eq(text, sample_text);
}
END_TEST

START_TEST(an_empty_inventory_has_two_lines)
{
    _cleanup_inventory_ Inventory i = { 0 };
    _cleanup_free_ char *text = printed(&i);
    ck_assert_str_eq(text, "{\"inventory_format\":1,\"tables\":0,\"rows\":0,\"bytes\":0,"
                           "\"sequences\":0,\"large_objects\":0,\"definitions\":0}\n"
                           "{\"kind\":\"large_objects\",\"count\":0,\"bytes\":0,"
                           "\"digest\":\"" ZERO "\"}\n");
}
END_TEST

START_TEST(what_was_printed_is_read_back_equal)
{
    _cleanup_inventory_ Inventory i = sample(), got = { 0 };
    _cleanup_err_ Err err = { 0 };

    int r = inventory_parse(sample_text, strlen(sample_text), &got, &err);
    ck_assert_msg(r == 0, "%s", err.message);
    ck_assert_uint_eq(inventory_compare(&i, &got, NULL, NULL), 0);
    ck_assert_uint_eq(got.table_count, 3);
    ck_assert_int_eq(got.sequences[0].value, -42);
    ck_assert_uint_eq(got.large_object_bytes, 7);
}
END_TEST

START_TEST(names_that_are_not_utf8_stay_apart_and_come_back)
{
    _cleanup_inventory_ Inventory i = { 0 }, got = { 0 };
    const Digest d = abc();

    inventory_add_table(&i, "public", "caf\xe9", 1, 1, &d);
    inventory_add_table(&i, "public", "caf\xe8", 1, 1, &d);
    inventory_add_definition(&i, "TABLE", "\xff", "a", &d);
    inventory_sort(&i);

    _cleanup_free_ char *text = printed(&i);
    ck_assert_ptr_nonnull(strstr(text, "\"schema\":\"public\",\"name_hex\":\"636166e9\""));
    ck_assert_ptr_nonnull(strstr(text, "\"schema_hex\":\"ff\",\"name\":\"a\""));
    ck_assert_int_eq(inventory_parse(text, strlen(text), &got, NULL), 0);
    ck_assert_str_eq(got.tables[0].name, "caf\xe8");
    ck_assert_str_eq(got.tables[1].name, "caf\xe9");
    ck_assert_str_eq(got.definitions[0].schema, "\xff");
}
END_TEST

START_TEST(a_file_is_read_in_pieces_of_any_size)
{
    const size_t size = strlen(sample_text);

    for (size_t piece = 1; piece <= size; piece = piece * 2 + 1) {
        _cleanup_inventory_reader_ InventoryReader *reader = inventory_reader_new();
        _cleanup_inventory_ Inventory i = sample(), got = { 0 };

        for (size_t at = 0; at < size; at += piece) {
            size_t n = piece < size - at ? piece : size - at;
            ck_assert_int_eq(inventory_reader_write(reader, sample_text + at, n, NULL), 0);
        }
        ck_assert_int_eq(inventory_reader_finish(reader, &got, NULL), 0);
        ck_assert_uint_eq(inventory_compare(&i, &got, NULL, NULL), 0);
    }
}
END_TEST

/* What is written, up to a call that fails. */
typedef struct Pieces {
    Buf all;
    size_t calls, largest, failing_call;
} Pieces;

static int take_piece(void *userdata, const void *data, size_t size, Err *err)
{
    Pieces *p = userdata;

    if (++p->calls == p->failing_call)
        return err_set(err, ERR_IO, "no room");
    p->largest = size > p->largest ? size : p->largest;
    buf_add(&p->all, data, size);
    return 0;
}

START_TEST(a_file_is_written_in_pieces_and_a_failure_ends_it)
{
    _cleanup_inventory_ Inventory i = sample();
    const Digest d = abc();

    for (int n = 0; n < 5000; n++) {
        _cleanup_free_ char *name = mem_printf("table %d", n);
        inventory_add_table(&i, "public", name, 1, 1, &d);
        inventory_add_definition(&i, "TABLE", "public", name, &d);
    }
    inventory_sort(&i);
    _cleanup_free_ char *text = printed(&i);

    Pieces pieces = { 0 };
    ck_assert_int_eq(inventory_write(&i, take_piece, &pieces, NULL), 0);
    ck_assert_str_eq(pieces.all.data, text);
    ck_assert_uint_lt(pieces.largest, 100000);
    for (size_t call = 1; call <= pieces.calls; call++) {
        _cleanup_err_ Err err = { 0 };
        Pieces cut = { .failing_call = call };
        ck_assert_int_lt(inventory_write(&i, take_piece, &cut, &err), 0);
        ck_assert_str_eq(err.message, "no room");
        ck_assert_uint_eq(cut.calls, call);
        buf_done(&cut.all);
    }
    buf_done(&pieces.all);
}
END_TEST

START_TEST(a_file_cut_short_anywhere_is_damaged)
{
    for (size_t size = 0; size < strlen(sample_text); size++) {
        _cleanup_free_ char *cut = mem_strndup(sample_text, size);
        expect_refusal(cut, "");
    }
}
END_TEST

/* RFC 8259, section 7: what has to be escaped, and how. */
START_TEST(control_characters_are_escaped)
{
    _cleanup_inventory_ Inventory i = { 0 }, got = { 0 };

    inventory_add_sequence(&i, "", "\"\\/\b\f\n\r\t\x01\x1f\x7f", 1, true);
    _cleanup_free_ char *text = printed(&i);
    ck_assert_ptr_nonnull(strstr(text, "\"name\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001F\x7f\""));
    ck_assert_int_eq(inventory_parse(text, strlen(text), &got, NULL), 0);
    ck_assert_str_eq(got.sequences[0].name, i.sequences[0].name);
}
END_TEST

/* The lines are written without jansson: its own parser and printer make the same of them. */
START_TEST(each_line_is_what_jansson_prints)
{
    _cleanup_inventory_ Inventory i = sample();
    const Digest d = abc();

    inventory_add_table(&i, "caf\xe9", "\"\\\b\x1f\x7f", UINT64_MAX, 1, &d);
    inventory_add_sequence(&i, "", "\xf0\x9f\x90\x98", INT64_MIN, false);
    _cleanup_free_ char *text = printed(&i);
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) && rest;) {
        _cleanup_json_ Json *json = NULL;
        ck_assert_int_eq(json_parse_object(line, strlen(line), &json, NULL), 0);
        _cleanup_free_ char *again = json_print_line(json);
        ck_assert_str_eq(line, again);
    }
}
END_TEST

/* In a good file, `from` (which must be there) becomes `to`. */
static const struct {
    const char *from, *to, *message;
} attacks[] = {
    { "\"inventory_format\":1", "\"inventory_format\":0", "format 0 is not known" },
    { "\"rows\":6", "\"rows\":7", "line 1 does not have the totals" },
    { "\"sequences\":1", "\"sequences\":2", "line 1 does not have the totals" },
    { "{\"kind\":\"table\"", "{\"kind\":\"index\"", "line 2: kind \"index\" is not known" },
    { "{\"kind\":\"table\"", "{ \"kind\":\"table\"", "line 2: not the line that" },
    { "\"schema\":\"public\",", "", "line 2: member \"schema\" is missing" },
    { "\"schema\":\"public\"", "\"schema_hex\":\"7075626c6963\"", "line 2: not the line that" },
    { "\"schema\":\"public\"", "\"schema_hex\":\"7g\"", "\"schema_hex\" is not hexadecimal" },
    { "\"schema\":\"public\"", "\"schema_hex\":\"00ff\"", "\"schema_hex\" is not hexadecimal" },
    { "\"schema\":\"public\"", "\"schema_hex\":\"ff0\"", "line 2: not the line that" },
    { "\"rows\":1", "\"rows\":-1", "line 2: member \"rows\" is negative" },
    { "\"rows\":1", "\"rows\":1,\"more\":1", "line 2: not the line that" },
    { "\"rows\":1", "\"rows\":1,\"rows\":1", "line 2: " },
    { H_ABC, "06B05AB6733A618578AF5F94892F3950", "line 2: member \"digest\"" },
    { "\"name\":\"z ", "\"name\":\"a ", "line 3: out of order" },
    { "\"name\":\"z \\\"quoted\\\"\\n\"", "\"name\":\"caf\xc3\xa9\"", "line 3: out of order" },
    { "\"schema\":\"shop\"", "\"schema\":\"\"", "line 4: out of order" },
    { "\"value\":-42", "\"value\":9223372036854775808", "line 5: " },
    { "\"called\":true", "\"called\":1", "line 5: member \"called\"" },
    { "\"kind\":\"large_objects\"", "\"kind\":\"sequence\"", "line 6: member \"schema\"" },
    { "{\"kind\":\"large_objects\"",
      "{\"kind\":\"large_objects\",\"count\":1,\"bytes\":7,\"digest\":\"" H_ABC "\"}\n"
      "{\"kind\":\"large_objects\"",
      "line 7: out of order, or a second time" },
    { "{\"kind\":\"definition\",\"type\":\"TABLE\"",
      "{\"kind\":\"large_objects\",\"count\":0,\"bytes\":0,\"digest\":\"" ZERO "\"}\n"
      "{\"kind\":\"definition\",\"type\":\"TABLE\"",
      "line 8: out of order" },
    { "{\"kind\":\"large_objects\",\"count\":1,\"bytes\":7,\"digest\":\"" H_ABC "\"}\n", "",
      "the line of the large objects is missing" },
    { "\"type\":\"SCHEMA\"", "\"type\":\"VIEW\"", "line 8: out of order" },
    { "{\"kind\":\"sequence\"", "\n{\"kind\":\"sequence\"", "line 5: " },
    { "{\"kind\":\"sequence\"", "[]\n{\"kind\":\"sequence\"", "line 5: " },
};

START_TEST(a_file_that_is_not_as_it_was_written_is_damaged)
{
    const char *place = strstr(sample_text, attacks[_i].from);
    ck_assert_ptr_nonnull(place);
    _cleanup_free_ char *bad = mem_printf("%.*s%s%s", (int)(place - sample_text), sample_text,
                                          attacks[_i].to, place + strlen(attacks[_i].from));
    expect_refusal(bad, attacks[_i].message);
}
END_TEST

START_TEST(a_newer_format_asks_for_a_newer_program)
{
    static const char text[] = "{\"inventory_format\":2}\n";
    _cleanup_inventory_reader_ InventoryReader *reader = inventory_reader_new();
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_lt(inventory_reader_write(reader, text, strlen(text), &err), 0);
    ck_assert_int_eq(err.kind, ERR_ARCHIVE_VERSION);
    ck_assert_ptr_nonnull(strstr(err.message, "format 2 needs a newer pg-backup"));
}
END_TEST

/* Comparing */

typedef struct Told {
    const Inventory *before, *after;
    Buf text;
} Told;

static void tell(void *userdata, const InventoryDifference *d)
{
    Told *told = userdata;
    _cleanup_free_ char *text = inventory_describe(d, told->before, told->after);
    buf_addf(&told->text, "%s\n", text);
}

static void expect_differences(const Inventory *before, const Inventory *after, const char *text)
{
    Told told = { before, after, { 0 } };
    size_t count = inventory_compare(before, after, tell, &told), lines = 0;

    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    ck_assert_str_eq(told.text.data ? told.text.data : "", text);
    ck_assert_uint_eq(count, lines);
    buf_done(&told.text);
}

START_TEST(an_inventory_equals_itself)
{
    _cleanup_inventory_ Inventory before = sample(), after = sample();
    expect_differences(&before, &after, "");
}
END_TEST

START_TEST(each_change_is_told_in_words)
{
    _cleanup_inventory_ Inventory before = { 0 }, after = { 0 };
    const Digest d = abc(), other = { 1, 1 };

    inventory_add_table(&before, "public", "a", 100, 1000, &d);
    inventory_add_table(&after, "public", "a", 99, 990, &other);
    inventory_add_table(&before, "public", "b", 1, 10, &d);
    inventory_add_table(&after, "public", "b", 1, 10, &other);
    inventory_add_table(&before, "public", "c", 1, 10, &d);
    inventory_add_table(&after, "public", "d", 2, 10, &d);
    inventory_add_sequence(&before, "public", "s", 42, true);
    inventory_add_sequence(&after, "public", "s", 43, true);
    inventory_add_sequence(&before, "public", "t", 1, false);
    inventory_add_sequence(&after, "public", "t", 1, true);
    inventory_add_sequence(&after, "public", "u", 1, false);
    inventory_add_large_object(&before, 5, &d);
    inventory_add_definition(&before, "TABLE", "public", "a", &d);
    inventory_add_definition(&after, "TABLE", "public", "a", &other);
    inventory_add_definition(&before, "SCHEMA", "", "shop", &d);
    inventory_add_definition(&after, "VIEW", "public", "v", &d);
    inventory_sort(&before);
    inventory_sort(&after);
    expect_differences(&before, &after,
                       "table public.a: 100 rows became 99\n"
                       "table public.b: other contents in as many rows (1 row)\n"
                       "table public.c is missing (1 row)\n"
                       "table public.d was added (2 rows)\n"
                       "sequence public.s: 42 became 43\n"
                       "sequence public.t: 1 (not called yet) became 1\n"
                       "sequence public.u was added: 1 (not called yet)\n"
                       "large objects: 1 became 0\n"
                       "definition of SCHEMA shop is missing\n"
                       "definition of TABLE public.a differs\n"
                       "definition of VIEW public.v was added\n");
}
END_TEST

START_TEST(large_objects_differ_by_their_contents)
{
    _cleanup_inventory_ Inventory before = { 0 }, after = { 0 };
    const Digest d = abc(), other = { 1, 1 };

    inventory_add_large_object(&before, 5, &d);
    inventory_add_large_object(&after, 5, &other);
    expect_differences(&before, &after,
                       "large objects: other contents or numbers, but as many (1)\n");
}
END_TEST

/* Before its digest is known to be wrong, a file without a line feed may have any size. */
START_TEST(a_line_longer_than_any_object_makes_is_damaged_before_it_ends)
{
    static const char piece[64 << 10] = "{\"kind\":\"table\"";
    _cleanup_inventory_reader_ InventoryReader *reader = inventory_reader_new();
    _cleanup_err_ Err err = { 0 };
    int r = inventory_reader_write(reader, sample_text, strcspn(sample_text, "\n") + 1, &err);

    for (int i = 0; r >= 0 && i < 64; i++)
        r = inventory_reader_write(reader, piece, sizeof(piece), &err);
    ck_assert_int_lt(r, 0);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    ck_assert_str_eq(err.message, "inventory: line 2: longer than the line of any object");
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_line_longer_than_any_object_makes_is_damaged_before_it_ends),
    UNIT_TEST(equal_names_are_united),
    UNIT_TEST(a_name_many_times_takes_the_room_of_one),
    UNIT_TEST(names_are_sorted_by_their_bytes),
    UNIT_TEST(the_file_is_what_its_documentation_says),
    UNIT_TEST(an_empty_inventory_has_two_lines),
    UNIT_TEST(what_was_printed_is_read_back_equal),
    UNIT_TEST(names_that_are_not_utf8_stay_apart_and_come_back),
    UNIT_TEST(control_characters_are_escaped),
    UNIT_TEST(each_line_is_what_jansson_prints),
    UNIT_TEST(a_file_is_read_in_pieces_of_any_size),
    UNIT_TEST(a_file_is_written_in_pieces_and_a_failure_ends_it),
    UNIT_TEST(a_file_cut_short_anywhere_is_damaged),
    UNIT_LOOP(a_file_that_is_not_as_it_was_written_is_damaged, ELEMENTSOF(attacks)),
    UNIT_TEST(a_newer_format_asks_for_a_newer_program),
    UNIT_TEST(an_inventory_equals_itself),
    UNIT_TEST(each_change_is_told_in_words),
    UNIT_TEST(large_objects_differ_by_their_contents),
};
UNIT_MAIN("inventory", tests)
