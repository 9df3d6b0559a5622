#include "unit.h"

#include <string.h>

#include "stage-suite.h"
#include "stream/stage-check.h"
#include "sys/mem.h"

static int agree(void *userdata, Err *err)
{
    (void)err;
    if (userdata)
        ++*(int *)userdata;
    return 0;
}

static int refuse(void *userdata, Err *err)
{
    (void)userdata;
    return err_set(err, ERR_DUMP_INCOMPLETE, "the archive cannot be read");
}

static Stage *make_agreeing(void)
{
    return stage_check_new(agree, NULL);
}

static const StageSuite suite = { .make = make_agreeing };

START_TEST(any_data_in_any_pieces_passes_unchanged)
{
    suite_round_trip(&suite, _i);
}
END_TEST

START_TEST(a_failure_downstream_latches_and_publishes_nothing)
{
    suite_failure_downstream(&suite, _i);
}
END_TEST

START_TEST(the_check_is_asked_once_and_at_the_end)
{
    int asked = 0;
    SuiteSink sink = { 0 };
    Pipeline *p = pipeline_new();

    pipeline_add(p, stage_check_new(agree, &asked));
    pipeline_add(p, suite_sink_new(&sink));
    ck_assert_int_eq(pipeline_write(p, "data", 4, NULL), 0);
    ck_assert_int_eq(asked, 0);
    ck_assert_int_eq(pipeline_finish(p, NULL), 0);
    ck_assert_int_eq(asked, 1);
    ck_assert(sink.finished);
    pipeline_free(p);
    buf_done(&sink.data);
}
END_TEST

START_TEST(what_is_refused_is_not_published)
{
    SuiteSink sink = { 0 };
    Pipeline *p = pipeline_new();
    _cleanup_err_ Err err = { 0 };

    pipeline_add(p, stage_check_new(refuse, NULL));
    pipeline_add(p, suite_sink_new(&sink));
    ck_assert_int_lt(suite_feed(p, "data", 4, 0, &err), 0);
    ck_assert_int_eq(err.kind, ERR_DUMP_INCOMPLETE);
    ck_assert(!sink.finished);
    pipeline_free(p);
    buf_done(&sink.data);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(any_data_in_any_pieces_passes_unchanged, SUITE_ROUND_TRIPS),
    UNIT_LOOP(a_failure_downstream_latches_and_publishes_nothing, SUITE_FAILURES),
    UNIT_TEST(the_check_is_asked_once_and_at_the_end),
    UNIT_TEST(what_is_refused_is_not_published),
};

UNIT_MAIN("stage-check", tests)
