#include "unit.h"

#include <endian.h>
#include <string.h>

#include "stage-suite.h"
#include "stream/pieces.h"
#include "sys/mem.h"

/* What a stage does with pieces, without a stage: the outcome goes to the sink behind it. */
typedef struct Bench {
    Stage stage;
    SuiteSink sink;
    Pieces *pieces;
    Decoder *decoder;
} Bench;

static void chunk_begin(Buf *out, size_t size)
{
    uint32_t number = htole32((uint32_t)size);
    ck_assert_uint_gt(size, 0);
    buf_addc(out, '#');
    buf_add(out, &number, sizeof(number));
}

static void bench_start(Bench *b, const PiecesSpec *spec)
{
    *b = (Bench){ .decoder = decoder_new(spec->compression.codec, CODEC_BLOCK) };
    b->stage.next = suite_sink_new(&b->sink);
    b->pieces = pieces_new(spec, &b->stage);
}

static void bench_done(Bench *b)
{
    pieces_free(b->pieces);
    decoder_free(b->decoder);
    b->stage.next->ops->free(b->stage.next);
    buf_done(&b->sink.data);
}

static int put(Bench *b, const char *literal, const Buf *stream, Err *err)
{
    int r = pieces_literal(b->pieces, literal, strlen(literal), err);
    if (r == 0)
        r = pieces_begin(b->pieces, err);
    for (size_t i = 0, n; r == 0 && i < stream->size; i += n) {
        n = stream->size - i < 97 ? stream->size - i : 97;
        r = pieces_write(b->pieces, stream->data + i, n, err);
    }
    if (r == 0)
        pieces_end(b->pieces);
    return r;
}

static int add_decoded(void *userdata, const void *data, size_t size, Err *err)
{
    (void)err;
    buf_add(userdata, data, size);
    return 0;
}

/* Takes one stream from the output: chunks up to the next literal. Returns how many. */
static size_t take_stream(const Bench *b, size_t *at, Buf *ret)
{
    const Buf *out = &b->sink.data;
    _cleanup_err_ Err err = { 0 };
    size_t chunks = 0;

    decoder_begin(b->decoder);
    for (; *at < out->size && out->data[*at] == '#'; chunks++) {
        uint32_t size;
        memcpy(&size, out->data + *at + 1, sizeof(size));
        size = le32toh(size);
        ck_assert_uint_le(size, out->size - *at - 5);
        int r = decoder_write(b->decoder, out->data + *at + 5, size, /* ends_chunk= */ true,
                              add_decoded, ret, &err);
        ck_assert_msg(r == 0, "%s", err.message);
        *at += 5 + size;
    }
    ck_assert_msg(decoder_finish(b->decoder, &err) == 0, "%s", err.message);
    return chunks;
}

static Buf text(size_t size, unsigned seed)
{
    Buf b = { 0 };
    while (b.size < size)
        buf_addf(&b, "%u;", seed += 7919);
    b.size = size;
    return b;
}

static const CodecSpec compressions[] = {
    { CODEC_NONE, 0 }, { CODEC_GZIP, 1 }, { CODEC_GZIP, 6 }, { CODEC_LZ4, 0 }, { CODEC_ZSTD, 1 },
};
#define COMPRESSIONS ((int)ELEMENTSOF(compressions))

static const size_t stream_sizes[] = { 0, 5, 1, 3000, 0, 999, 1000, 1001, 5, 5000, 2, 0 };

START_TEST(streams_and_literals_come_out_in_order_for_any_number_of_threads_and_sizes)
{
    static const size_t piece_sizes[] = { 7, 100, 1000, 0 };
    for (unsigned threads = 1; threads <= 4; threads *= 2) {
        Bench b;
        PiecesSpec spec = {
            .compression = compressions[_i % COMPRESSIONS],
            .form = CODEC_BLOCK,
            .chunk_begin = chunk_begin,
            .threads = threads,
            .check = true,
            .piece_size = piece_sizes[_i / COMPRESSIONS],
        };
        bench_start(&b, &spec);
        for (unsigned i = 0; i < ELEMENTSOF(stream_sizes); i++) {
            _cleanup_buf_ Buf stream = text(stream_sizes[i], i);
            ck_assert_int_eq(put(&b, "<head>", &stream, NULL), 0);
            ck_assert_int_eq(pieces_literal(b.pieces, "<end>", 5, NULL), 0);
        }
        ck_assert_int_eq(pieces_finish(b.pieces, NULL), 0);

        size_t at = 0;
        for (unsigned i = 0; i < ELEMENTSOF(stream_sizes); i++) {
            _cleanup_buf_ Buf expected = text(stream_sizes[i], i), stream = { 0 };
            ck_assert_mem_eq(b.sink.data.data + at, "<head>", 6);
            at += 6;
            take_stream(&b, &at, &stream);
            ck_assert_uint_eq(stream.size, expected.size);
            ck_assert(stream.size == 0 || memcmp(stream.data, expected.data, stream.size) == 0);
            ck_assert_mem_eq(b.sink.data.data + at, "<end>", 5);
            at += 5;
        }
        ck_assert_uint_eq(at, b.sink.data.size);
        bench_done(&b);
    }
}
END_TEST

START_TEST(thousands_of_tiny_streams_reach_the_next_stage_in_a_few_writes)
{
    Bench b;
    PiecesSpec spec = {
        .compression = compressions[_i],
        .form = CODEC_BLOCK,
        .chunk_begin = chunk_begin,
        .threads = 2,
        .check = true,
    };
    const Buf tiny = { .data = (char[]){ "\\.\n\n\n" }, .size = 5 };

    bench_start(&b, &spec);
    for (int i = 0; i < 20000; i++)
        ck_assert_int_eq(put(&b, "<table>", &tiny, NULL), 0);
    ck_assert_int_eq(pieces_finish(b.pieces, NULL), 0);
    ck_assert_uint_le(b.sink.calls, 50);

    size_t at = 0;
    for (int i = 0; i < 20000; i++) {
        _cleanup_buf_ Buf stream = { 0 };
        at += 7;
        if (take_stream(&b, &at, &stream) != 1 || memcmp(stream.data, tiny.data, 5) != 0)
            ck_abort_msg("stream %d is another", i);
    }
    ck_assert_uint_eq(at, b.sink.data.size);
    bench_done(&b);
}
END_TEST

/* RFC 1950 and 1951: the header, an empty last block, the Adler-32 of nothing. */
START_TEST(an_empty_gzip_stream_is_one_chunk_of_eight_bytes)
{
    Bench b;
    PiecesSpec spec = {
        .compression = { CODEC_GZIP, 1 },
        .form = CODEC_BLOCK,
        .chunk_begin = chunk_begin,
        .threads = 1,
    };
    bench_start(&b, &spec);
    ck_assert_int_eq(pieces_begin(b.pieces, NULL), 0);
    pieces_end(b.pieces);
    ck_assert_int_eq(pieces_finish(b.pieces, NULL), 0);

    ck_assert_uint_eq(b.sink.data.size, 13);
    ck_assert_mem_eq(b.sink.data.data, "#\x08\0\0\0\x78\x01\x03\0\0\0\0\x01", 13);
    bench_done(&b);
}
END_TEST

START_TEST(a_failure_of_the_next_stage_comes_back)
{
    Bench b;
    Err err = { 0 };
    PiecesSpec spec = { .compression = { CODEC_ZSTD, 1 }, .threads = 2, .piece_size = 1000 };
    _cleanup_buf_ Buf stream = text(100000, 1);

    bench_start(&b, &spec);
    b.sink.fail_at = (size_t)_i * 500 + 1;
    int r = put(&b, "", &stream, &err);
    if (r == 0)
        r = pieces_finish(b.pieces, &err);
    ck_assert_int_lt(r, 0);
    ck_assert_str_eq(err.message, SUITE_SINK_ERROR);
    err_done(&err);
    bench_done(&b);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(streams_and_literals_come_out_in_order_for_any_number_of_threads_and_sizes,
              COMPRESSIONS * 4),
    UNIT_LOOP(thousands_of_tiny_streams_reach_the_next_stage_in_a_few_writes, COMPRESSIONS),
    UNIT_TEST(an_empty_gzip_stream_is_one_chunk_of_eight_bytes),
    UNIT_LOOP(a_failure_of_the_next_stage_comes_back, 20),
};
UNIT_MAIN("pieces", tests)
