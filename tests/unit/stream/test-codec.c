#include "unit.h"

#include <string.h>

#include "stage-suite.h"
#include "stream/codec.h"
#include "sys/mem.h"

static const CodecSpec specs[] = {
    { CODEC_GZIP, 1 }, { CODEC_GZIP, 2 }, { CODEC_GZIP, 3 }, { CODEC_GZIP, 4 },  { CODEC_GZIP, 6 },
    { CODEC_GZIP, 9 }, { CODEC_LZ4, 0 },  { CODEC_ZSTD, 1 }, { CODEC_ZSTD, 19 }, { CODEC_NONE, 0 },
};
#define SPECS ((int)ELEMENTSOF(specs))

static const char table[] = "1\tna\xC3\xAFve\t\\N\n2\tcaf\xC3\xA9\t\\N\n3\tcaf\xC3\xA9\t\\N\n"
                            "4\tcaf\xC3\xA9\t1.25\n5\tna\xC3\xAFve\t\\N\n\\.\n\n\n";
static const size_t table_size = sizeof(table) - 1;

/* Words and noise, the same in each run. */
static Buf sample(size_t size)
{
    Buf b = { 0 };
    for (uint32_t x = 2463534242; b.size < size;) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        if (x & 1)
            buf_adds(&b, "words that repeat, ");
        else
            buf_addc(&b, (char)(x >> 24));
    }
    b.size = size;
    return b;
}

static int add_decoded(void *userdata, const void *data, size_t size, Err *err)
{
    (void)err;
    buf_add(userdata, data, size);
    return 0;
}

/* The bytes of a block, chunk by chunk; each of `chunk` bytes, 0: one chunk, in pieces of `piece`.
 */
static int decode(Codec codec, CodecForm form, const Buf *in, size_t chunk, Buf *out, Err *err)
{
    Decoder *d = decoder_new(codec, form);
    int r = 0;

    decoder_begin(d);
    for (size_t i = 0, n; i < in->size && r == 0; i += n) {
        n = chunk > 0 && chunk < in->size - i ? chunk : in->size - i;
        _cleanup_free_ char *copy = mem_alloc(n);
        memcpy(copy, in->data + i, n);
        r = decoder_write(d, copy, n, /* ends_chunk= */ true, add_decoded, out, err);
    }
    if (r == 0)
        r = decoder_finish(d, err);
    decoder_free(d);
    return r;
}

/* A stream of pieces of the given size. */
static Buf encode(const CodecSpec *spec, CodecForm form, const Buf *data, size_t piece_size)
{
    Encoder *e = encoder_new(spec);
    _cleanup_err_ Err err = { 0 };
    CodecSum sum = { 0 };
    Buf out = { 0 };

    codec_head(spec->codec, form, &out);
    for (size_t i = 0, n; i < data->size; i += n) {
        size_t start = out.size;
        n = piece_size < data->size - i ? piece_size : data->size - i;
        CodecSum piece = codec_sum(spec->codec, form, data->data + i, n);
        codec_sum_join(spec->codec, form, &sum, &piece);
        int r = encoder_piece(e, data->data + i, n, &out, &err);
        if (r == 0)
            r = encoder_check(e, data->data + i, n, out.data + start, out.size - start, &err);
        ck_assert_msg(r == 0, "%s", err.message);
    }
    codec_tail(spec->codec, form, &sum, &out);
    encoder_free(e);
    return out;
}

static Buf encode_table(const CodecSpec *spec)
{
    const Buf data = { .data = (char *)(uintptr_t)table, .size = table_size };
    return encode(spec, CODEC_BLOCK, &data, table_size);
}

START_TEST(what_is_encoded_in_pieces_decodes_again)
{
    static const size_t sizes[] = { 1, 2, 5, 999, 1000, 1001, 65536, 700000 };
    const CodecSpec *spec = &specs[_i];
    bool frames = spec->codec != CODEC_GZIP; /* several in one chunk: for lz4 and nothing alone */

    for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
        _cleanup_buf_ Buf data = sample(sizes[i]), back = { 0 };
        _cleanup_buf_ Buf stream = encode(spec, CODEC_BLOCK, &data, frames ? 700000 : 1000);
        ck_assert_int_eq(decode(spec->codec, CODEC_BLOCK, &stream, 0, &back, NULL), 0);
        ck_assert_uint_eq(back.size, data.size);
        ck_assert_mem_eq(back.data, data.data, data.size);
    }
}
END_TEST

START_TEST(noise_grows_by_little)
{
    _cleanup_buf_ Buf data = { 0 };
    for (uint32_t x = 2463534242; data.size < 500000; buf_addc(&data, (char)(x >> 24)))
        x = x * 1664525 + 1013904223;

    _cleanup_buf_ Buf stream = encode(&specs[_i], CODEC_FILE, &data, 100000);
    _cleanup_buf_ Buf back = { 0 };
    ck_assert_uint_lt(stream.size, data.size + data.size / 200);
    ck_assert_int_eq(decode(specs[_i].codec, CODEC_FILE, &stream, 0, &back, NULL), 0);
    ck_assert_uint_eq(back.size, data.size);
    ck_assert_mem_eq(back.data, data.data, data.size);
}
END_TEST

START_TEST(a_piece_that_is_not_what_it_should_be_is_found)
{
    Encoder *e = encoder_new(&specs[_i]);
    _cleanup_buf_ Buf data = sample(2000), piece = { 0 };
    ck_assert_int_eq(encoder_piece(e, data.data, data.size, &piece, NULL), 0);
    ck_assert_int_eq(encoder_check(e, data.data, data.size, piece.data, piece.size, NULL), 0);

    /* Less, more, another byte of the original. */
    ck_assert_int_lt(encoder_check(e, data.data, data.size, piece.data, piece.size - 1, NULL), 0);
    ck_assert_int_lt(encoder_check(e, data.data, data.size - 1, piece.data, piece.size, NULL), 0);
    ck_assert_int_lt(encoder_check(e, data.data, data.size + 1, piece.data, piece.size, NULL), 0);
    buf_addc(&piece, 'x');
    ck_assert_int_lt(encoder_check(e, data.data, data.size, piece.data, piece.size, NULL), 0);
    piece.size--;
    for (size_t i = 0; i < data.size; i += 100) {
        data.data[i] ^= 1;
        ck_assert_int_lt(encoder_check(e, data.data, data.size, piece.data, piece.size, NULL), 0);
        data.data[i] ^= 1;
    }

    /* Afterwards it is none the worse for it. */
    ck_assert_int_eq(encoder_check(e, data.data, data.size, piece.data, piece.size, NULL), 0);
    encoder_free(e);
}
END_TEST

START_TEST(a_flipped_bit_in_a_piece_is_found)
{
    _cleanup_err_ Err err = { 0 };
    Encoder *e = encoder_new(&specs[_i]);
    _cleanup_buf_ Buf data = sample(2000), piece = { 0 };
    ck_assert_int_eq(encoder_piece(e, data.data, data.size, &piece, NULL), 0);

    size_t missed = 0;
    for (size_t bit = 0; bit < piece.size * 8; bit++) {
        piece.data[bit / 8] ^= (char)(1 << bit % 8);
        missed += encoder_check(e, data.data, data.size, piece.data, piece.size, &err) == 0;
        piece.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    /* The few that are let pass make the same data: another place to copy the same words from. */
    ck_assert_uint_le(missed, piece.size * 8 / 100);
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
    encoder_free(e);
}
END_TEST

/* A block of an archive, as zlib itself writes it (RFC 1950). */
static const char abc[] = "\x78\x9C\x4B\x4C\x4A\x06\x00\x02\x4D\x01\x27";
static const char nothing[] = "\x78\x9C\x03\x00\x00\x00\x00\x01";

static int decode_bytes(Codec codec, const char *bytes, size_t size, size_t chunk, Buf *out)
{
    _cleanup_err_ Err err = { 0 };
    const Buf in = { .data = (char *)(uintptr_t)bytes, .size = size };
    int r = decode(codec, CODEC_BLOCK, &in, chunk, out, &err);
    if (r < 0)
        ck_assert_int_eq(err.kind, ERR_DAMAGED);
    return r;
}

START_TEST(a_block_of_zlibs_is_decoded_in_chunks_of_any_size)
{
    for (size_t chunk = 0; chunk < sizeof(abc); chunk++) {
        _cleanup_buf_ Buf out = { 0 }, empty = { 0 };
        ck_assert_int_eq(decode_bytes(CODEC_GZIP, abc, sizeof(abc) - 1, chunk, &out), 0);
        ck_assert_str_eq(out.data, "abc");
        ck_assert_int_eq(decode_bytes(CODEC_GZIP, nothing, sizeof(nothing) - 1, chunk, &empty), 0);
        ck_assert_uint_eq(empty.size, 0);
    }
}
END_TEST

START_TEST(anything_behind_the_zlib_stream_of_a_block_is_refused)
{
    const struct {
        const char *data;
        size_t size;
    } behind[] = {
        { "\0", 1 },
        { "\0\0\0\0\0", 5 },
        { "x", 1 },
        { abc, sizeof(abc) - 1 },
        { abc, 1 },
        { nothing, sizeof(nothing) - 1 },
        { "\n\n\n\n\n\n\n\n\n\n", 10 },
    };

    for (size_t i = 0; i < ELEMENTSOF(behind); i++)
        for (size_t chunk = 0; chunk < 2 * sizeof(abc); chunk++) {
            _cleanup_buf_ Buf in = { 0 }, out = { 0 };
            buf_add(&in, abc, sizeof(abc) - 1);
            buf_add(&in, behind[i].data, behind[i].size);
            ck_assert_int_lt(decode_bytes(CODEC_GZIP, in.data, in.size, chunk, &out), 0);
        }
}
END_TEST

/* RFC 1950 and 1951, checked with Python's zlib: head, stored block, empty block, last block, sum.
 */
START_TEST(the_block_of_a_table_without_rows_is_stored)
{
    static const char expected[] = "\x78\x01"
                                   "\x00\x05\x00\xFA\xFF\\.\n\n\n"
                                   "\x00\x00\x00\xFF\xFF"
                                   "\x03\x00"
                                   "\x02\xC5\x00\xA9";
    const Buf data = { .data = (char *)(uintptr_t)table + table_size - 5, .size = 5 };

    for (int level = 1; level <= 9; level++) {
        _cleanup_buf_ Buf stream = encode(&(CodecSpec){ CODEC_GZIP, level }, CODEC_BLOCK, &data, 5);
        ck_assert_uint_eq(stream.size, sizeof(expected) - 1);
        ck_assert_mem_eq(stream.data, expected, stream.size);
    }
}
END_TEST

START_TEST(a_block_that_ends_too_early_anywhere_is_refused)
{
    _cleanup_buf_ Buf stream = encode_table(&specs[_i]);
    bool gzip = specs[_i].codec == CODEC_GZIP;

    /* No chunk at all is an empty block to all but gzip. */
    for (size_t n = gzip ? 0 : 1; n < stream.size; n++)
        for (size_t chunk = 0; chunk < 3; chunk++) {
            _cleanup_buf_ Buf out = { 0 };
            if (decode_bytes(specs[_i].codec, stream.data, n, chunk, &out) == 0)
                ck_abort_msg("an end at byte %zu was not seen", n);
        }
    _cleanup_buf_ Buf out = { 0 };
    ck_assert_int_eq(decode_bytes(specs[_i].codec, "", 0, 0, &out) < 0, gzip);
}
END_TEST

START_TEST(no_flipped_bit_changes_a_block)
{
    _cleanup_buf_ Buf stream = encode_table(&specs[_i]);

    for (size_t bit = 0; bit < stream.size * 8; bit++)
        for (size_t chunk = 0; chunk < 2; chunk++) {
            _cleanup_buf_ Buf out = { 0 };
            stream.data[bit / 8] ^= (char)(1 << bit % 8);
            if (decode_bytes(specs[_i].codec, stream.data, stream.size, chunk, &out) == 0 &&
                (out.size != table_size || memcmp(out.data, table, table_size) != 0))
                ck_abort_msg("a flip of bit %zu makes another block", bit);
            stream.data[bit / 8] ^= (char)(1 << bit % 8);
        }
}
END_TEST

START_TEST(a_frame_may_span_chunks_but_a_zstd_frame_must_end_with_one)
{
    CodecSpec spec = { _i == 0 ? CODEC_ZSTD : CODEC_LZ4, 1 };
    _cleanup_buf_ Buf frame = encode_table(&spec), both = { 0 };
    buf_add(&both, frame.data, frame.size);
    buf_add(&both, frame.data, frame.size);

    for (size_t chunk = 0; chunk <= both.size; chunk++) {
        _cleanup_buf_ Buf out = { 0 };
        int r = decode_bytes(spec.codec, both.data, both.size, chunk, &out);
        bool lost = spec.codec == CODEC_ZSTD && (chunk == 0 || frame.size % chunk != 0);
        ck_assert_int_eq(r < 0, lost);
        if (!lost)
            ck_assert_uint_eq(out.size, 2 * table_size);
    }
}
END_TEST

START_TEST(a_chunk_may_come_in_several_calls)
{
    CodecSpec spec = { CODEC_ZSTD, 1 };
    _cleanup_buf_ Buf frame = encode_table(&spec), out = { 0 };
    Decoder *d = decoder_new(CODEC_ZSTD, CODEC_BLOCK);

    decoder_begin(d);
    for (int again = 0; again < 2; again++) {
        ck_assert_int_eq(decoder_write(d, frame.data, 9, false, add_decoded, &out, NULL), 0);
        ck_assert_int_eq(
            decoder_write(d, frame.data + 9, frame.size - 9, false, add_decoded, &out, NULL), 0);
        ck_assert_int_eq(decoder_write(d, "", 0, true, add_decoded, &out, NULL), 0);
    }
    ck_assert_int_eq(decoder_write(d, frame.data, frame.size, false, add_decoded, &out, NULL), 0);
    ck_assert_int_lt(decoder_write(d, frame.data, 1, true, add_decoded, &out, NULL), 0);
    ck_assert_uint_eq(out.size, 3 * table_size);
    decoder_free(d);
}
END_TEST

START_TEST(a_decoder_starts_afresh_with_each_stream)
{
    _cleanup_buf_ Buf stream = encode_table(&specs[_i]);
    Decoder *d = decoder_new(specs[_i].codec, CODEC_BLOCK);

    for (size_t n = 0; n <= stream.size; n++) {
        _cleanup_buf_ Buf out = { 0 };
        decoder_begin(d);
        ck_assert_int_eq(decoder_write(d, stream.data, n, true, add_decoded, &out, NULL), 0);
        if (n == stream.size) {
            ck_assert_int_eq(decoder_finish(d, NULL), 0);
            ck_assert_mem_eq(out.data, table, table_size);
        }
    }
    decoder_free(d);
}
END_TEST

static int count_decoded(void *userdata, const void *data, size_t size, Err *err)
{
    (void)data;
    if (size > (size_t)128 << 10)
        return err_set(err, ERR_INTERNAL, "%zu bytes at once", size);
    *(size_t *)userdata += size;
    return 0;
}

START_TEST(what_decodes_to_much_comes_in_pieces)
{
    _cleanup_free_ char *zeroes = mem_zero(20, 1 << 20);
    const Buf data = { .data = zeroes, .size = (size_t)20 << 20 };
    _cleanup_buf_ Buf stream = encode(&specs[_i], CODEC_FILE, &data, data.size);
    ck_assert_uint_lt(stream.size, data.size / 100);

    size_t size = 0;
    Decoder *d = decoder_new(specs[_i].codec, CODEC_FILE);
    decoder_begin(d);
    ck_assert_int_eq(decoder_write(d, stream.data, stream.size, true, count_decoded, &size, NULL),
                     0);
    ck_assert_int_eq(decoder_finish(d, NULL), 0);
    ck_assert_uint_eq(size, data.size);
    decoder_free(d);
}
END_TEST

/* RFC 8878, 3.1.1.1: magic, no flags, a window descriptor of 2^31 bytes. */
START_TEST(a_zstd_frame_that_asks_for_gigabytes_is_refused)
{
    _cleanup_buf_ Buf out = { 0 };
    ck_assert_int_lt(decode_bytes(CODEC_ZSTD, "\x28\xB5\x2F\xFD\x00\xA8\x01\x00\x00", 9, 0, &out),
                     0);
}
END_TEST

static int refuse(void *userdata, const void *data, size_t size, Err *err)
{
    (void)userdata;
    (void)data;
    (void)size;
    return err_set(err, ERR_IO, "no");
}

START_TEST(what_the_sink_says_comes_back)
{
    _cleanup_err_ Err err = { 0 };
    _cleanup_buf_ Buf stream = encode_table(&specs[_i]);
    Decoder *d = decoder_new(specs[_i].codec, CODEC_BLOCK);
    decoder_begin(d);
    ck_assert_int_lt(decoder_write(d, stream.data, stream.size, true, refuse, NULL, &err), 0);
    ck_assert_str_eq(err.message, "no");
    decoder_free(d);
}
END_TEST

START_TEST(codecs_have_names)
{
    ck_assert_str_eq(codec_to_string(CODEC_NONE), "none");
    ck_assert_str_eq(codec_to_string(CODEC_GZIP), "gzip");
    ck_assert_str_eq(codec_to_string(CODEC_LZ4), "lz4");
    ck_assert_str_eq(codec_to_string(CODEC_ZSTD), "zstd");
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(what_is_encoded_in_pieces_decodes_again, SPECS),
    UNIT_LOOP(noise_grows_by_little, SPECS),
    UNIT_LOOP(a_piece_that_is_not_what_it_should_be_is_found, SPECS),
    UNIT_LOOP(a_flipped_bit_in_a_piece_is_found, SPECS),
    UNIT_TEST(a_block_of_zlibs_is_decoded_in_chunks_of_any_size),
    UNIT_TEST(anything_behind_the_zlib_stream_of_a_block_is_refused),
    UNIT_TEST(the_block_of_a_table_without_rows_is_stored),
    UNIT_LOOP(a_block_that_ends_too_early_anywhere_is_refused, SPECS - 1),
    UNIT_LOOP(no_flipped_bit_changes_a_block, SPECS - 1),
    UNIT_LOOP(a_frame_may_span_chunks_but_a_zstd_frame_must_end_with_one, 2),
    UNIT_TEST(a_chunk_may_come_in_several_calls),
    UNIT_LOOP(a_decoder_starts_afresh_with_each_stream, SPECS),
    UNIT_LOOP(what_decodes_to_much_comes_in_pieces, SPECS - 1),
    UNIT_TEST(a_zstd_frame_that_asks_for_gigabytes_is_refused),
    UNIT_LOOP(what_the_sink_says_comes_back, SPECS),
    UNIT_TEST(codecs_have_names),
};
UNIT_MAIN("codec", tests)
