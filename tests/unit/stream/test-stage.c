#include "unit.h"

#include <string.h>

#include "stage-suite.h"
#include "stream/stage.h"
#include "sys/mem.h"

/* A stage that writes down what is called, and passes on at finish what its tail is. */
typedef struct Witness {
    Stage stage;
    char letter;
    Buf *diary;
} Witness;

static int witness_write(Stage *s, const void *data, size_t size, Err *err)
{
    const Witness *w = (const Witness *)s;
    buf_addf(w->diary, "%cw ", w->letter);
    return stage_forward(s, data, size, err);
}

static int witness_finish(Stage *s, Err *err)
{
    const Witness *w = (const Witness *)s;
    buf_addf(w->diary, "%cf ", w->letter);
    return stage_forward(s, &w->letter, 1, err);
}

static void witness_free(Stage *s)
{
    const Witness *w = (const Witness *)s;
    buf_addf(w->diary, "%c- ", w->letter);
    free(s);
}

static const StageOps witness_ops = {
    .name = "witness",
    .write = witness_write,
    .finish = witness_finish,
    .free = witness_free,
};

static Stage *witness_new(char letter, Buf *diary)
{
    Witness *w = mem_zero(1, sizeof(*w));
    *w = (Witness){ .stage.ops = &witness_ops, .letter = letter, .diary = diary };
    return &w->stage;
}

/* A stage without a tail. */
static int through_write(Stage *s, const void *data, size_t size, Err *err)
{
    return stage_forward(s, data, size, err);
}

static void through_free(Stage *s)
{
    free(s);
}

static const StageOps through_ops = {
    .name = "through",
    .write = through_write,
    .free = through_free,
};

static Stage *through_new(void)
{
    Stage *s = mem_zero(1, sizeof(*s));
    s->ops = &through_ops;
    return s;
}

static const StageSuite suite = { .make = through_new };

START_TEST(any_data_in_any_pieces_arrives_unchanged)
{
    suite_round_trip(&suite, _i);
}
END_TEST

START_TEST(a_failure_downstream_latches_and_publishes_nothing)
{
    suite_failure_downstream(&suite, _i);
}
END_TEST

START_TEST(finish_goes_front_to_back_and_each_tail_passes_the_stages_behind)
{
    _cleanup_buf_ Buf diary = { 0 };
    SuiteSink sink = { 0 };
    Pipeline *p = pipeline_new();
    pipeline_add(p, witness_new('a', &diary));
    pipeline_add(p, witness_new('b', &diary));
    pipeline_add(p, suite_sink_new(&sink));

    ck_assert_int_eq(pipeline_write(p, "1", 1, NULL), 0);
    ck_assert_int_eq(pipeline_finish(p, NULL), 0);
    pipeline_free(p);
    ck_assert_str_eq(diary.data, "aw bw af bw bf a- b- ");
    ck_assert_str_eq(sink.data.data, "1ab");
    ck_assert(sink.finished);
    buf_done(&sink.data);
}
END_TEST

START_TEST(stages_that_are_joined_are_added_as_one)
{
    _cleanup_buf_ Buf diary = { 0 };
    SuiteSink sink = { 0 };
    Pipeline *p = pipeline_new();
    pipeline_add(p, stage_join(witness_new('a', &diary), witness_new('b', &diary)));
    pipeline_add(p, suite_sink_new(&sink));

    ck_assert_int_eq(pipeline_finish(p, NULL), 0);
    pipeline_free(p);
    ck_assert_str_eq(diary.data, "af bw bf a- b- ");
    ck_assert_str_eq(sink.data.data, "ab");
    ck_assert(sink.freed);
    buf_done(&sink.data);
}
END_TEST

START_TEST(a_pipeline_freed_unfinished_finishes_no_stage)
{
    _cleanup_buf_ Buf diary = { 0 };
    SuiteSink sink = { 0 };
    Pipeline *p = pipeline_new();
    pipeline_add(p, witness_new('a', &diary));
    pipeline_add(p, suite_sink_new(&sink));

    ck_assert_int_eq(pipeline_write(p, "1", 1, NULL), 0);
    pipeline_free(p);
    ck_assert_str_eq(diary.data, "aw a- ");
    ck_assert(!sink.finished);
    ck_assert(sink.freed);
    buf_done(&sink.data);
}
END_TEST

START_TEST(an_empty_write_calls_no_stage)
{
    _cleanup_buf_ Buf diary = { 0 };
    SuiteSink sink = { 0 };
    Pipeline *p = pipeline_new();
    pipeline_add(p, witness_new('a', &diary));
    pipeline_add(p, suite_sink_new(&sink));

    ck_assert_int_eq(pipeline_write(p, "", 0, NULL), 0);
    ck_assert_ptr_null(diary.data);
    pipeline_free(p);
}
END_TEST

START_TEST(a_finished_pipeline_cannot_be_used_again)
{
    _cleanup_err_ Err err = { 0 };
    SuiteSink sink = { 0 };
    Pipeline *p = pipeline_new();
    pipeline_add(p, suite_sink_new(&sink));

    ck_assert_int_eq(pipeline_finish(p, NULL), 0);
    ck_assert_int_lt(pipeline_write(p, "late", 4, &err), 0);
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
    ck_assert_int_lt(pipeline_finish(p, NULL), 0);
    ck_assert_uint_eq(sink.calls, 1);
    pipeline_free(p);
}
END_TEST

START_TEST(no_pipeline_is_freed_without_harm)
{
    _cleanup_pipeline_ Pipeline *none = NULL;
    _cleanup_pipeline_ Pipeline *empty = pipeline_new();
    ck_assert_ptr_null(none);
    ck_assert_ptr_nonnull(empty);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(any_data_in_any_pieces_arrives_unchanged, SUITE_ROUND_TRIPS),
    UNIT_LOOP(a_failure_downstream_latches_and_publishes_nothing, SUITE_FAILURES),
    UNIT_TEST(finish_goes_front_to_back_and_each_tail_passes_the_stages_behind),
    UNIT_TEST(stages_that_are_joined_are_added_as_one),
    UNIT_TEST(a_pipeline_freed_unfinished_finishes_no_stage),
    UNIT_TEST(an_empty_write_calls_no_stage),
    UNIT_TEST(a_finished_pipeline_cannot_be_used_again),
    UNIT_TEST(no_pipeline_is_freed_without_harm),
};
UNIT_MAIN("stage", tests)
