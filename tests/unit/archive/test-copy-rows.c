#include "unit.h"

#include <string.h>

#include "archive/copy-rows.h"
#include "sys/mem.h"

#define END "\\.\n\n\n"

/* Expected digests: sums of what python3's xxhash.xxh3_128() gives for each row. */
static const struct Sample {
    const char *rows, *digest;
    uint64_t count;
} samples[] = {
    { "", "00000000000000000000000000000000", 0 },
    { "1\tone\n", "bf89842f22de3cec1fb2d57aa9a8b56c", 1 },
    { "1\tone\n2\t\\N\n\n", "007e72784f22c9513303772c675702be", 3 },
    { "\n2\t\\N\n1\tone\n", "007e72784f22c9513303772c675702be", 3 }, /* in another order */
    { "\n", "99aa06d3014798d86001c324468d497f", 1 }, /* of a table without columns */
    { "\\.x\n\\\n\\..\nx\\.\n", "dc06d091c75fbbad5816f579d1abf31d", 4 }, /* nearly ends */
};

static int feed(CopyRows *c, const char *data, size_t size, size_t piece, Err *err)
{
    int r = 0;
    for (size_t at = 0; r >= 0 && at < size; at += piece)
        r = copy_rows_write(c, data + at, piece < size - at ? piece : size - at, err);
    return r;
}

static void expect(const CopyRows *c, const struct Sample *sample)
{
    char digest[DIGEST_HEX_SIZE];
    digest_format(copy_rows_digest(c), digest);
    ck_assert_str_eq(digest, sample->digest);
    ck_assert_uint_eq(copy_rows_count(c), sample->count);
    ck_assert_uint_eq(copy_rows_bytes(c), strlen(sample->rows));
}

START_TEST(rows_in_any_pieces_are_counted_and_digested)
{
    const struct Sample *sample = &samples[_i];
    _cleanup_free_ char *block = mem_printf("%s" END, sample->rows);
    _cleanup_copy_rows_ CopyRows *c = copy_rows_new();

    for (size_t piece = 1; piece <= strlen(block); piece++) {
        copy_rows_begin(c);
        ck_assert_int_eq(feed(c, block, strlen(block), piece, NULL), 0);
        ck_assert_int_eq(copy_rows_finish(c, NULL), 0);
        expect(c, sample);
    }
}
END_TEST

/* psql ends rows there; pg_dump never writes it. */
START_TEST(an_end_with_a_carriage_return_is_damage_whatever_the_pieces)
{
    static const char block[] = "1\n\\.\r\n2\n" END;
    _cleanup_copy_rows_ CopyRows *c = copy_rows_new();

    for (size_t piece = 1; piece < sizeof(block); piece++) {
        _cleanup_err_ Err err = { 0 };
        copy_rows_begin(c);
        ck_assert_int_lt(feed(c, block, sizeof(block) - 1, piece, &err), 0);
        ck_assert_int_eq(err.kind, ERR_DAMAGED);
        ck_assert(copy_rows_damaged(c));
    }
}
END_TEST

START_TEST(a_long_row_in_pieces_has_the_digest_of_the_whole)
{
    size_t size = 3 << 20;
    _cleanup_free_ char *row = mem_alloc(size);
    _cleanup_copy_rows_ CopyRows *c = copy_rows_new();
    Digest whole = { 0 };

    memset(row, 'x', size);
    digest_add(&whole, row, size);
    copy_rows_begin(c);
    ck_assert_int_eq(feed(c, row, size, 65536, NULL), 0);
    ck_assert_int_eq(copy_rows_write(c, "\n" END, strlen("\n" END), NULL), 0);
    ck_assert_int_eq(copy_rows_finish(c, NULL), 0);
    ck_assert(digest_equal(copy_rows_digest(c), &whole));
    ck_assert_uint_eq(copy_rows_count(c), 1);
}
END_TEST

START_TEST(a_block_cut_short_anywhere_is_damaged)
{
    static const char block[] = "1\tone\n" END;
    _cleanup_copy_rows_ CopyRows *c = copy_rows_new();

    for (size_t size = 0; size < strlen(block); size++) {
        _cleanup_err_ Err err = { 0 };
        copy_rows_begin(c);
        ck_assert_int_eq(copy_rows_write(c, block, size, &err), 0);
        ck_assert_int_lt(copy_rows_finish(c, &err), 0);
        ck_assert_int_eq(err.kind, ERR_DAMAGED);
    }
}
END_TEST

START_TEST(anything_behind_the_end_is_damage)
{
    static const char *const blocks[] = { END "\n", END "x", "\\.\nx", "\\.\n\n2\ttwo\n", END END };
    _cleanup_copy_rows_ CopyRows *c = copy_rows_new();

    for (size_t i = 0; i < ELEMENTSOF(blocks); i++) {
        for (size_t piece = 1; piece < 6; piece++) {
            _cleanup_err_ Err err = { 0 };
            copy_rows_begin(c);
            ck_assert_int_lt(feed(c, blocks[i], strlen(blocks[i]), piece, &err), 0);
            ck_assert_int_eq(err.kind, ERR_DAMAGED);
        }
    }
}
END_TEST

START_TEST(of_sql_text_no_more_than_the_line_of_the_end_is_taken)
{
    static const char text[] = "1\tone\n\\.\n\n\nSELECT 1;";
    _cleanup_copy_rows_ CopyRows *c = copy_rows_new();

    copy_rows_begin(c);
    ck_assert_uint_eq(copy_rows_take(c, text, strlen(text)), strlen("1\tone\n\\.\n"));
    ck_assert(copy_rows_ended(c));
    expect(c, &samples[1]);
}
END_TEST

START_TEST(each_table_starts_from_nothing)
{
    _cleanup_copy_rows_ CopyRows *c = copy_rows_new();

    copy_rows_begin(c);
    ck_assert_int_eq(copy_rows_write(c, "half a r", 8, NULL), 0);
    copy_rows_begin(c);
    ck_assert_int_eq(copy_rows_write(c, "1\tone\n" END, strlen("1\tone\n" END), NULL), 0);
    ck_assert_int_eq(copy_rows_finish(c, NULL), 0);
    expect(c, &samples[1]);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(rows_in_any_pieces_are_counted_and_digested, ELEMENTSOF(samples)),
    UNIT_TEST(an_end_with_a_carriage_return_is_damage_whatever_the_pieces),
    UNIT_TEST(a_long_row_in_pieces_has_the_digest_of_the_whole),
    UNIT_TEST(a_block_cut_short_anywhere_is_damaged),
    UNIT_TEST(anything_behind_the_end_is_damage),
    UNIT_TEST(of_sql_text_no_more_than_the_line_of_the_end_is_taken),
    UNIT_TEST(each_table_starts_from_nothing),
};
UNIT_MAIN("copy-rows", tests)
