#include "unit.h"

#include <string.h>

#include "stage-suite.h"
#include "stream/stage-gzip.h"
#include "sys/mem.h"

static const char *const gzip_tool[] = { "gzip", "-nc", NULL };
static const char *const gunzip_tool[] = { "gzip", "-dc", NULL };

static Stage *make_gzip(void)
{
    return stage_gzip_new(6);
}

static const StageSuite gzip_suite = { .make = make_gzip, .decode = gunzip_tool };
static const StageSuite gunzip_suite = { .make = stage_gunzip_new, .encode = gzip_tool };

START_TEST(any_data_in_any_pieces_is_what_gunzip_gives_back)
{
    suite_round_trip(&gzip_suite, _i);
}
END_TEST

START_TEST(what_gzip_made_is_decoded_in_any_pieces)
{
    suite_round_trip(&gunzip_suite, _i);
}
END_TEST

START_TEST(a_failure_behind_the_encoder_latches_and_publishes_nothing)
{
    suite_failure_downstream(&gzip_suite, _i);
}
END_TEST

START_TEST(a_failure_behind_the_decoder_latches_and_publishes_nothing)
{
    suite_failure_downstream(&gunzip_suite, _i);
}
END_TEST

START_TEST(a_stream_that_ends_too_early_anywhere_is_refused)
{
    suite_truncations(&gunzip_suite);
}
END_TEST

START_TEST(no_flipped_bit_changes_what_is_decoded)
{
    suite_flipped_bits(&gunzip_suite);
}
END_TEST

START_TEST(anything_behind_the_last_member_is_refused)
{
    suite_trailing_garbage(&gunzip_suite);
}
END_TEST

static Pipeline *pipeline_of(Stage *stage, SuiteSink *sink)
{
    Pipeline *p = pipeline_new();
    pipeline_add(p, stage);
    pipeline_add(p, suite_sink_new(sink));
    return p;
}

/* RFC 1952, 2.3: magic, CM 8, FLG 0 (no name, comment, extra field), MTIME 0. */
START_TEST(the_header_has_neither_a_name_nor_a_time)
{
    for (int level = 1; level <= 9; level++) {
        SuiteSink sink = { 0 };
        _cleanup_pipeline_ Pipeline *p = pipeline_of(stage_gzip_new(level), &sink);
        ck_assert_int_eq(suite_feed(p, "abc", 3, 0, NULL), 0);
        ck_assert_mem_eq(sink.data.data, "\x1F\x8B\x08\x00\x00\x00\x00\x00", 8);
        buf_done(&sink.data);
    }
}
END_TEST

START_TEST(members_one_after_another_are_one_stream)
{
    SuiteSink sink = { 0 };
    _cleanup_pipeline_ Pipeline *p = pipeline_of(stage_gunzip_new(), &sink);
    _cleanup_buf_ Buf input = { 0 };
    for (int i = 0; i < 3; i++) {
        static const char *const parts[] = { "one, ", "", "two" };
        size_t size;
        _cleanup_free_ char *member = suite_tool(gzip_tool, parts[i], strlen(parts[i]), &size);
        buf_add(&input, member, size);
    }

    ck_assert_int_eq(suite_feed(p, input.data, input.size, _i, NULL), 0);
    ck_assert_str_eq(sink.data.data, "one, two");
    buf_done(&sink.data);
}
END_TEST

/* RFC 1952, 2.3.1: CRC32 and ISIZE are the last eight bytes, and both are checked. */
START_TEST(every_bit_of_the_checksum_and_the_length_counts)
{
    size_t size;
    _cleanup_free_ char *input = suite_tool(gzip_tool, "abcabc", 6, &size);

    for (size_t bit = (size - 8) * 8; bit < size * 8; bit++) {
        _cleanup_err_ Err err = { 0 };
        SuiteSink sink = { 0 };
        _cleanup_pipeline_ Pipeline *p = pipeline_of(stage_gunzip_new(), &sink);
        input[bit / 8] ^= (char)(1 << bit % 8);
        ck_assert_int_lt(suite_feed(p, input, size, 0, &err), 0);
        ck_assert_int_eq(err.kind, ERR_DAMAGED);
        input[bit / 8] ^= (char)(1 << bit % 8);
        buf_done(&sink.data);
    }
}
END_TEST

START_TEST(what_is_no_gzip_file_is_refused)
{
    _cleanup_err_ Err err = { 0 };
    SuiteSink sink = { 0 };
    _cleanup_pipeline_ Pipeline *p = pipeline_of(stage_gunzip_new(), &sink);

    ck_assert_int_lt(suite_feed(p, "PGDMP plain text", 16, 0, &err), 0);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    ck_assert_str_eq(err.message, "the gzip data is damaged: incorrect header check");
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(any_data_in_any_pieces_is_what_gunzip_gives_back, SUITE_ROUND_TRIPS),
    UNIT_LOOP(what_gzip_made_is_decoded_in_any_pieces, SUITE_ROUND_TRIPS),
    UNIT_LOOP(a_failure_behind_the_encoder_latches_and_publishes_nothing, SUITE_FAILURES),
    UNIT_LOOP(a_failure_behind_the_decoder_latches_and_publishes_nothing, SUITE_FAILURES),
    UNIT_TEST(a_stream_that_ends_too_early_anywhere_is_refused),
    UNIT_TEST(no_flipped_bit_changes_what_is_decoded),
    UNIT_TEST(anything_behind_the_last_member_is_refused),
    UNIT_TEST(the_header_has_neither_a_name_nor_a_time),
    UNIT_LOOP(members_one_after_another_are_one_stream, 40),
    UNIT_TEST(every_bit_of_the_checksum_and_the_length_counts),
    UNIT_TEST(what_is_no_gzip_file_is_refused),
};
UNIT_MAIN("stage-gzip", tests)
