#include "unit.h"

#include <string.h>

#include "stage-suite.h"
#include "stream/stage-compress.h"
#include "sys/mem.h"

static const char *const gzip_tool[] = { "gzip", "-nc", NULL };
static const char *const gunzip_tool[] = { "gzip", "-dc", NULL };
static const char *const zstd_tool[] = { "zstd", "-qc", NULL };
static const char *const unzstd_tool[] = { "zstd", "-qdc", NULL };
static const char *const lz4_tool[] = { "lz4", "-qc", NULL };
static const char *const unlz4_tool[] = { "lz4", "-qdc", NULL };

static const struct {
    CodecSpec compression;
    const char *const *encode, *const *decode;
} codecs[] = {
    { { CODEC_GZIP, 1 }, gzip_tool, gunzip_tool },
    { { CODEC_ZSTD, 3 }, zstd_tool, unzstd_tool },
    { { CODEC_LZ4, 0 }, lz4_tool, unlz4_tool },
};
#define CODECS ((int)ELEMENTSOF(codecs))

/* Each test has a process of its own, and says here what the suite is to make. */
static StageCompressSpec spec;

static Stage *make_compress(void)
{
    return stage_compress_new(&spec);
}

static Stage *make_decompress(void)
{
    return stage_decompress_new(spec.compression.codec);
}

static StageSuite compress_suite(int codec)
{
    spec = (StageCompressSpec){
        .compression = codecs[codec].compression,
        .threads = 2,
        .check = true,
    };
    return (StageSuite){ .make = make_compress, .decode = codecs[codec].decode };
}

static StageSuite decompress_suite(int codec)
{
    spec.compression = codecs[codec].compression;
    return (StageSuite){ .make = make_decompress, .encode = codecs[codec].encode };
}

START_TEST(any_data_in_any_pieces_is_what_the_stock_tool_gives_back)
{
    StageSuite suite = compress_suite(_i / SUITE_ROUND_TRIPS);
    suite_round_trip(&suite, _i % SUITE_ROUND_TRIPS);
}
END_TEST

START_TEST(what_the_stock_tool_made_is_decoded_in_any_pieces)
{
    StageSuite suite = decompress_suite(_i / SUITE_ROUND_TRIPS);
    suite_round_trip(&suite, _i % SUITE_ROUND_TRIPS);
}
END_TEST

START_TEST(a_failure_behind_the_encoder_latches_and_publishes_nothing)
{
    StageSuite suite = compress_suite(_i / SUITE_FAILURES);
    suite_failure_downstream(&suite, _i % SUITE_FAILURES);
}
END_TEST

START_TEST(a_failure_behind_the_decoder_latches_and_publishes_nothing)
{
    StageSuite suite = decompress_suite(_i / SUITE_FAILURES);
    suite_failure_downstream(&suite, _i % SUITE_FAILURES);
}
END_TEST

START_TEST(a_stream_that_ends_too_early_anywhere_is_refused)
{
    StageSuite suite = decompress_suite(_i);
    suite_truncations(&suite);
}
END_TEST

START_TEST(no_flipped_bit_changes_what_is_decoded)
{
    StageSuite suite = decompress_suite(_i);
    suite_flipped_bits(&suite);
}
END_TEST

START_TEST(anything_behind_the_last_member_or_frame_is_refused)
{
    StageSuite suite = decompress_suite(_i);
    suite_trailing_garbage(&suite);
}
END_TEST

static Buf rows(size_t size)
{
    Buf b = { 0 };
    for (unsigned i = 0; b.size < size; i++)
        buf_addf(&b, "%u\t%u\tsome text that repeats\t%u\n", i, i * 7919, i * i % 1009);
    return b;
}

static Buf compress(const StageCompressSpec *how, const Buf *input, size_t chunk)
{
    SuiteSink sink = { 0 };
    _cleanup_err_ Err err = { 0 };
    Pipeline *p = pipeline_new();
    pipeline_add(p, stage_compress_new(how));
    pipeline_add(p, suite_sink_new(&sink));
    int r = suite_feed(p, input->data, input->size, chunk, &err);
    ck_assert_msg(r == 0, "%s", err.message);
    pipeline_free(p);
    return sink.data;
}

static void assert_comes_back(const char *const *tool, const Buf *compressed, const Buf *expected)
{
    size_t size;
    _cleanup_free_ char *back = suite_tool(tool, compressed->data, compressed->size, &size);
    ck_assert_uint_eq(size, expected->size);
    ck_assert(memcmp(back, expected->data, size) == 0);
}

START_TEST(pieces_and_threads_of_any_number_make_one_stream)
{
    static const size_t piece_sizes[] = { 1, 100, 1000, 65536, 1000000 };
    static const unsigned threads[] = { 1, 2, 4 };
    int codec = _i % CODECS;

    for (size_t t = 0; t < ELEMENTSOF(threads); t++) {
        size_t piece_size = piece_sizes[_i / CODECS];
        _cleanup_buf_ Buf input = rows(piece_size == 1 ? 500 : 300000);
        StageCompressSpec how = {
            .compression = codecs[codec].compression,
            .threads = threads[t],
            .check = true,
            .piece_size = piece_size,
        };
        _cleanup_buf_ Buf output = compress(&how, &input, 777);
        assert_comes_back(codecs[codec].decode, &output, &input);
    }
}
END_TEST

START_TEST(each_level_of_gzip_is_read_by_gunzip)
{
    _cleanup_buf_ Buf input = rows(200000);
    StageCompressSpec how = {
        .compression = { CODEC_GZIP, _i + 1 },
        .threads = 2,
        .check = true,
        .piece_size = 50000,
    };
    _cleanup_buf_ Buf output = compress(&how, &input, 0);
    assert_comes_back(gunzip_tool, &output, &input);
    ck_assert_uint_lt(output.size, input.size / 3);
}
END_TEST

/* RFC 1952, 2.3: magic, CM 8, FLG 0 (no name, comment, extra field), MTIME 0. */
START_TEST(the_gzip_header_has_neither_a_name_nor_a_time)
{
    _cleanup_buf_ Buf input = rows(100);
    StageCompressSpec how = { .compression = { CODEC_GZIP, 1 }, .threads = 1 };
    _cleanup_buf_ Buf output = compress(&how, &input, 0);
    ck_assert_mem_eq(output.data, "\x1F\x8B\x08\x00\x00\x00\x00\x00", 8);
}
END_TEST

START_TEST(a_stage_that_is_freed_in_the_middle_of_its_work_forwards_nothing_more)
{
    SuiteSink sink = { 0 };
    _cleanup_buf_ Buf input = rows(1000000);
    StageCompressSpec how = {
        .compression = codecs[_i].compression,
        .threads = 2,
        .piece_size = 10000,
    };
    Pipeline *p = pipeline_new();
    pipeline_add(p, stage_compress_new(&how));
    pipeline_add(p, suite_sink_new(&sink));
    ck_assert_int_eq(pipeline_write(p, input.data, input.size, NULL), 0);
    pipeline_free(p);

    ck_assert(sink.freed);
    ck_assert(!sink.finished);
    buf_done(&sink.data);
}
END_TEST

START_TEST(members_and_frames_one_after_another_are_one_stream)
{
    SuiteSink sink = { 0 };
    int codec = _i % CODECS;
    size_t chunk = (size_t)(_i / CODECS);
    _cleanup_buf_ Buf input = { 0 };
    for (int i = 0; i < 3; i++) {
        static const char *const parts[] = { "one, ", "", "two" };
        size_t size;
        _cleanup_free_ char *part =
            suite_tool(codecs[codec].encode, parts[i], strlen(parts[i]), &size);
        buf_add(&input, part, size);
    }

    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    pipeline_add(p, stage_decompress_new(codecs[codec].compression.codec));
    pipeline_add(p, suite_sink_new(&sink));
    ck_assert_int_eq(suite_feed(p, input.data, input.size, chunk, NULL), 0);
    ck_assert_str_eq(sink.data.data, "one, two");
    buf_done(&sink.data);
}
END_TEST

static void assert_refused(Codec codec, const void *data, size_t size, const char *message)
{
    _cleanup_err_ Err err = { 0 };
    SuiteSink sink = { 0 };
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    pipeline_add(p, stage_decompress_new(codec));
    pipeline_add(p, suite_sink_new(&sink));

    ck_assert_int_lt(suite_feed(p, data, size, 0, &err), 0);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    if (message)
        ck_assert_str_eq(err.message, message);
    buf_done(&sink.data);
}

/* RFC 1952, 2.3.1: CRC32 and ISIZE are the last eight bytes, and both are checked. */
START_TEST(every_bit_of_the_gzip_checksum_and_length_counts)
{
    size_t size;
    _cleanup_free_ char *input = suite_tool(gzip_tool, "abcabc", 6, &size);

    for (size_t bit = (size - 8) * 8; bit < size * 8; bit++) {
        input[bit / 8] ^= (char)(1 << bit % 8);
        assert_refused(CODEC_GZIP, input, size,
                       "the gzip data is damaged: incorrect checksum or length");
        input[bit / 8] ^= (char)(1 << bit % 8);
    }
}
END_TEST

START_TEST(what_was_not_compressed_so_is_refused)
{
    static const char *const messages[] = {
        "the gzip data is damaged: incorrect header",
        "the zstd data is damaged: Unknown frame descriptor",
        "the lz4 data is damaged: ERROR_frameType_unknown",
    };
    assert_refused(codecs[_i].compression.codec, "PGDMP plain text", 16, messages[_i]);
}
END_TEST

START_TEST(nothing_at_all_is_not_an_empty_stream)
{
    assert_refused(codecs[_i].compression.codec, "", 0, NULL);
}
END_TEST

START_TEST(without_a_codec_bytes_pass_as_they_are)
{
    SuiteSink sink = { 0 };
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    pipeline_add(p, stage_decompress_new(CODEC_NONE));
    pipeline_add(p, suite_sink_new(&sink));
    ck_assert_int_eq(suite_feed(p, "plain", 5, 2, NULL), 0);
    ck_assert_str_eq(sink.data.data, "plain");
    buf_done(&sink.data);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(any_data_in_any_pieces_is_what_the_stock_tool_gives_back, CODECS *SUITE_ROUND_TRIPS),
    UNIT_LOOP(what_the_stock_tool_made_is_decoded_in_any_pieces, CODECS *SUITE_ROUND_TRIPS),
    UNIT_LOOP(a_failure_behind_the_encoder_latches_and_publishes_nothing, CODECS *SUITE_FAILURES),
    UNIT_LOOP(a_failure_behind_the_decoder_latches_and_publishes_nothing, CODECS *SUITE_FAILURES),
    UNIT_LOOP(a_stream_that_ends_too_early_anywhere_is_refused, CODECS),
    UNIT_LOOP(no_flipped_bit_changes_what_is_decoded, CODECS),
    UNIT_LOOP(anything_behind_the_last_member_or_frame_is_refused, CODECS),
    UNIT_LOOP(pieces_and_threads_of_any_number_make_one_stream, CODECS * 5),
    UNIT_LOOP(each_level_of_gzip_is_read_by_gunzip, 9),
    UNIT_TEST(the_gzip_header_has_neither_a_name_nor_a_time),
    UNIT_LOOP(a_stage_that_is_freed_in_the_middle_of_its_work_forwards_nothing_more, CODECS),
    UNIT_LOOP(members_and_frames_one_after_another_are_one_stream, CODECS * 40),
    UNIT_TEST(every_bit_of_the_gzip_checksum_and_length_counts),
    UNIT_LOOP(what_was_not_compressed_so_is_refused, CODECS),
    UNIT_LOOP(nothing_at_all_is_not_an_empty_stream, CODECS),
    UNIT_TEST(without_a_codec_bytes_pass_as_they_are),
};
UNIT_MAIN("stage-compress", tests)
