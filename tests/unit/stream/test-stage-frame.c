#include "unit.h"

#include <string.h>

#include "stage-suite.h"
#include "stream/stage-frame.h"
#include "sys/mem.h"

#define HEAD "BEGIN;\n"
#define TAIL "COMMIT;\n"

static Stage *make_frame(void)
{
    return stage_frame_new(HEAD, TAIL);
}

/* What stands between seven bytes in front and eight behind. */
static const char *const unframe[] = { "sh", "-c", "tail -c +8 | head -c -8", NULL };
static const StageSuite suite = { .make = make_frame, .decode = unframe };

START_TEST(any_data_in_any_pieces_stands_unchanged_in_the_frame)
{
    suite_round_trip(&suite, _i);
}
END_TEST

START_TEST(a_failure_downstream_latches_and_publishes_nothing)
{
    suite_failure_downstream(&suite, _i);
}
END_TEST

static Pipeline *framed(SuiteSink *sink)
{
    Pipeline *p = pipeline_new();
    pipeline_add(p, make_frame());
    pipeline_add(p, suite_sink_new(sink));
    return p;
}

START_TEST(the_tail_comes_at_finish_and_not_before)
{
    SuiteSink sink = { 0 };
    _cleanup_pipeline_ Pipeline *p = framed(&sink);

    ck_assert_int_eq(pipeline_write(p, "a", 1, NULL), 0);
    ck_assert_int_eq(pipeline_write(p, "b", 1, NULL), 0);
    ck_assert_str_eq(sink.data.data, HEAD "ab");
    ck_assert_int_eq(pipeline_finish(p, NULL), 0);
    ck_assert_str_eq(sink.data.data, HEAD "ab" TAIL);
    buf_done(&sink.data);
}
END_TEST

START_TEST(a_frame_around_nothing_is_whole)
{
    SuiteSink sink = { 0 };
    _cleanup_pipeline_ Pipeline *p = framed(&sink);

    ck_assert_int_eq(pipeline_finish(p, NULL), 0);
    ck_assert_str_eq(sink.data.data, HEAD TAIL);
    buf_done(&sink.data);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(any_data_in_any_pieces_stands_unchanged_in_the_frame, SUITE_ROUND_TRIPS),
    UNIT_LOOP(a_failure_downstream_latches_and_publishes_nothing, SUITE_FAILURES),
    UNIT_TEST(the_tail_comes_at_finish_and_not_before),
    UNIT_TEST(a_frame_around_nothing_is_whole),
};

UNIT_MAIN("stage-frame", tests)
