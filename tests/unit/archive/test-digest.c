#include "unit.h"

#include <errno.h>
#include <string.h>

#include "archive/digest.h"
#include "archive/text-digest.h"
#include "sys/mem.h"

/* Expected values: `printf abc | xxhsum -H2`, and sums of those by python3. */
#define H_EMPTY "99aa06d3014798d86001c324468d497f"
#define H_ABC "06b05ab6733a618578af5f94892f3950"
#define SUM_ABC_DEF "105eeac27efb358a149446d2f2ce2ad8"
#define SUM_ABC_ABC "0d60b56ce674c30af15ebf29125e72a0"
/* of the bytes i * 7 mod 256 for i from 0 to 2^20 - 1 */
#define H_MEBIBYTE "1aab91afeba44d9210b1a1969287219f"
#define MEBIBYTE ((size_t)1 << 20)

static void expect(const Digest *d, const char *hex)
{
    char text[DIGEST_HEX_SIZE];
    digest_format(d, text);
    ck_assert_str_eq(text, hex);
}

static void adds(Digest *d, const char *text)
{
    digest_add(d, text, strlen(text));
}

START_TEST(the_empty_multiset_is_32_zeroes)
{
    expect(&(Digest){ 0 }, "00000000000000000000000000000000");
}
END_TEST

START_TEST(one_element_has_the_digest_that_xxhsum_prints)
{
    Digest d = { 0 };
    adds(&d, "abc");
    expect(&d, H_ABC);
}
END_TEST

START_TEST(an_empty_element_is_an_element)
{
    Digest d = { 0 };
    adds(&d, "");
    expect(&d, H_EMPTY);
}
END_TEST

START_TEST(the_order_of_elements_does_not_matter)
{
    Digest d = { 0 }, other = { 0 };

    adds(&d, "abc");
    adds(&d, "def");
    expect(&d, SUM_ABC_DEF);
    adds(&other, "def");
    adds(&other, "abc");
    expect(&other, SUM_ABC_DEF);
}
END_TEST

START_TEST(an_element_counts_as_often_as_it_is_there)
{
    Digest d = { 0 };
    adds(&d, "abc");
    adds(&d, "abc");
    expect(&d, SUM_ABC_ABC);
}
END_TEST

START_TEST(united_multisets_have_the_digest_of_all_their_elements)
{
    Digest d = { 0 }, other = { 0 };

    adds(&d, "abc");
    adds(&other, "def");
    digest_unite(&d, &other);
    expect(&d, SUM_ABC_DEF);
}
END_TEST

START_TEST(an_element_in_pieces_is_the_element)
{
    static const size_t pieces[] = { 1, 7, 4096, MEBIBYTE };
    size_t piece = pieces[_i];
    _cleanup_free_ unsigned char *data = mem_alloc(MEBIBYTE);
    for (size_t i = 0; i < MEBIBYTE; i++)
        data[i] = (unsigned char)(i * 7);

    DigestStream *s = digest_stream_new();
    Digest d = { 0 };
    digest_stream_begin(s);
    for (size_t at = 0; at < MEBIBYTE; at += piece)
        digest_stream_write(s, data + at, piece < MEBIBYTE - at ? piece : MEBIBYTE - at);
    digest_stream_end(s, &d);
    digest_stream_free(s);
    expect(&d, H_MEBIBYTE);
}
END_TEST

START_TEST(what_was_written_can_be_read)
{
    Digest d = { 0 };
    ck_assert_int_eq(digest_parse(H_ABC, &d), 0);
    expect(&d, H_ABC);
}
END_TEST

START_TEST(what_no_digest_looks_like_is_refused)
{
    static const char *const texts[] = {
        "",
        "06b05ab6733a618578af5f94892f395",
        "06b05ab6733a618578af5f94892f39500",
        "06B05AB6733A618578AF5F94892F3950",
        "06b05ab6733a618578af5f94892f395g",
        "0x6b05ab6733a618578af5f94892f395",
        " 6b05ab6733a618578af5f94892f3950",
    };
    Digest d;

    for (size_t i = 0; i < ELEMENTSOF(texts); i++)
        ck_assert_int_eq(digest_parse(texts[i], &d), -EINVAL);
}
END_TEST

/* Where "|" stands, another piece begins. */
static void expect_text(const char *pieces, const char *hex, uint64_t bytes)
{
    TextDigest t;
    Digest d = { 0 };

    text_digest_init(&t);
    for (; *pieces; pieces += strspn(pieces, "|")) {
        size_t size = strcspn(pieces, "|");
        text_digest_write(&t, pieces, size);
        pieces += size;
    }
    text_digest_end(&t, &d);
    ck_assert_uint_eq(t.bytes, bytes);
    text_digest_done(&t);
    expect(&d, hex);
}

START_TEST(line_feeds_at_either_end_of_a_text_do_not_belong_to_it)
{
    static const char *const texts[] = { "abc", "\nabc", "abc\n", "\n|\n\na|b|c|\n\n|\n", "|abc|" };
    for (size_t i = 0; i < ELEMENTSOF(texts); i++)
        expect_text(texts[i], H_ABC, 3);

    expect_text("", H_EMPTY, 0);
    expect_text("\n|\n\n", H_EMPTY, 0);
}
END_TEST

START_TEST(line_feeds_inside_a_text_belong_to_it)
{
    /* printf 'a\n\nb' | xxhsum -H2 */
    static const char *const texts[] = { "a\n\nb", "a\n|\nb", "\na|\n\n|b\n" };
    for (size_t i = 0; i < ELEMENTSOF(texts); i++)
        expect_text(texts[i], "4028764152ddb3e2b010765c37f64488", 4);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(the_empty_multiset_is_32_zeroes),
    UNIT_TEST(one_element_has_the_digest_that_xxhsum_prints),
    UNIT_TEST(an_empty_element_is_an_element),
    UNIT_TEST(the_order_of_elements_does_not_matter),
    UNIT_TEST(an_element_counts_as_often_as_it_is_there),
    UNIT_TEST(united_multisets_have_the_digest_of_all_their_elements),
    UNIT_LOOP(an_element_in_pieces_is_the_element, 4),
    UNIT_TEST(what_was_written_can_be_read),
    UNIT_TEST(what_no_digest_looks_like_is_refused),
    UNIT_TEST(line_feeds_at_either_end_of_a_text_do_not_belong_to_it),
    UNIT_TEST(line_feeds_inside_a_text_belong_to_it),
};
UNIT_MAIN("digest", tests)
