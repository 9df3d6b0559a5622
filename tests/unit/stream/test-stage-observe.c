#include "unit.h"

#include <string.h>

#include "archive/archive-writer.h"
#include "sample-archive.h"
#include "stage-suite.h"
#include "stream/stage-archive.h"
#include "stream/stage-compress.h"
#include "stream/stage-observe.h"
#include "sys/mem.h"

#define VERSIONS (ARCHIVE_MINOR_MAX - ARCHIVE_MINOR_MIN + 1) /* loops: _i is one of them */
#define MINOR(i) ((unsigned)(ARCHIVE_MINOR_MIN + (i)))

static const StageSuite suite = { .make = stage_observe_archive_new };

/* The suite's samples are no archives: whatever the observer says, all passes. */
START_TEST(any_data_in_any_pieces_passes_unchanged)
{
    suite_round_trip(&suite, _i);
}
END_TEST

START_TEST(a_failure_behind_it_latches_and_publishes_nothing)
{
    suite_failure_downstream(&suite, _i);
}
END_TEST

typedef struct Outcome {
    int r;
    Err err;
    char *inventory, *version;
} Outcome;

/* All of it must have passed; what the observer says is the outcome. */
static Outcome observe(Stage *stage, const Buf *input, size_t chunk)
{
    Outcome o = { 0 };
    SuiteSink sink = { 0 };
    Inventory i = { 0 };
    Buf text = { 0 };
    Pipeline *p = pipeline_new();
    pipeline_add(p, stage);
    pipeline_add(p, suite_sink_new(&sink));

    ck_assert_int_eq(suite_feed(p, input->data, input->size, chunk, NULL), 0);
    ck_assert_uint_eq(sink.data.size, input->size);
    ck_assert(input->size == 0 || memcmp(sink.data.data, input->data, input->size) == 0);
    buf_done(&sink.data);

    o.version = mem_strdup(stage_observe_archive_version(stage));
    o.r = stage_observe_take_inventory(stage, &i, &o.err);
    if (o.r == 0) {
        inventory_print(&i, &text);
        o.inventory = buf_take(&text);
        inventory_done(&i);
    }
    pipeline_free(p);
    return o;
}

static void outcome_done(Outcome *o)
{
    err_done(&o->err);
    free(o->inventory);
    free(o->version);
}

/* What a stage in front of a sink makes of it. */
static Buf through(Stage *stage, const Buf *input)
{
    SuiteSink sink = { 0 };
    _cleanup_err_ Err err = { 0 };
    Pipeline *p = pipeline_new();
    pipeline_add(p, stage);
    pipeline_add(p, suite_sink_new(&sink));
    int r = suite_feed(p, input->data, input->size, 0, &err);
    ck_assert_msg(r == 0, "%s", err.message);
    pipeline_free(p);
    return sink.data;
}

START_TEST(an_archive_has_the_same_inventory_whatever_its_compression)
{
    static const size_t pieces[] = { 1, 7, 4096, 0 };
    static const CodecSpec codecs[] = {
        { CODEC_NONE, 0 }, { CODEC_GZIP, 1 }, { CODEC_LZ4, 0 }, { CODEC_ZSTD, 1 }
    };
    unsigned minor = MINOR(_i);
    _cleanup_buf_ Buf archive = { 0 };
    _cleanup_free_ char *version = mem_printf("1.%u", minor);
    sample_archive(&archive, minor);
    Outcome plain = observe(stage_observe_archive_new(), &archive, 0);
    ck_assert_ptr_nonnull(strstr(plain.inventory, "\"rows\":2"));

    for (size_t c = 0; c < (minor < 15 ? 2 : ELEMENTSOF(codecs)); c++) {
        StageArchiveSpec spec = { .compression = codecs[c], .threads = 1 };
        _cleanup_buf_ Buf compressed = through(stage_archive_new(&spec), &archive);
        for (size_t i = 0; i < ELEMENTSOF(pieces); i++) {
            Outcome o = observe(stage_observe_archive_new(), &compressed, pieces[i]);
            ck_assert_msg(o.r == 0, "%s", o.err.message);
            ck_assert_str_eq(o.inventory, plain.inventory);
            ck_assert_str_eq(o.version, version);
            outcome_done(&o);
        }
    }
    outcome_done(&plain);
}
END_TEST

START_TEST(an_archive_that_ends_too_early_passes_and_has_no_inventory)
{
    _cleanup_buf_ Buf archive = { 0 };
    sample_archive(&archive, 16);
    while (archive.size-- > 0) {
        Outcome o = observe(stage_observe_archive_new(), &archive, 0);
        ck_assert_int_lt(o.r, 0);
        ck_assert_int_eq(o.err.kind, ERR_DAMAGED);
        outcome_done(&o);
    }
}
END_TEST

START_TEST(an_unknown_version_passes_and_says_so)
{
    _cleanup_buf_ Buf archive = { 0 };
    sample_archive(&archive, 16);
    archive.data[6] = 17;
    Outcome o = observe(stage_observe_archive_new(), &archive, 1);
    ck_assert_int_eq(o.err.kind, ERR_ARCHIVE_VERSION);
    ck_assert_ptr_null(o.version);
    outcome_done(&o);
}
END_TEST

#define DUMP_END "\n--\n-- PostgreSQL database dump complete\n--\n\n"

/* Much more than the queue holds, before and after a failure. */
START_TEST(much_data_passes_while_it_is_observed_and_after_the_observer_has_given_up)
{
    _cleanup_buf_ Buf sql = { 0 };
    buf_adds(&sql, "COPY public.t (a) FROM stdin;\n");
    for (unsigned i = 0; sql.size < (size_t)6 << 20; i++)
        buf_addf(&sql, "row number %u\n", i);
    buf_adds(&sql, "\\.\n" DUMP_END);

    Outcome well = observe(stage_observe_sql_new(CODEC_NONE), &sql, 100000);
    ck_assert_msg(well.r == 0, "%s", well.err.message);
    Outcome badly = observe(stage_observe_sql_new(CODEC_GZIP), &sql, 100000);
    ck_assert_int_eq(badly.err.kind, ERR_DAMAGED);
    outcome_done(&well);
    outcome_done(&badly);
}
END_TEST

START_TEST(sql_has_the_same_inventory_whatever_its_compression)
{
    static const CodecSpec codecs[] = { { CODEC_GZIP, 6 }, { CODEC_LZ4, 0 }, { CODEC_ZSTD, 1 } };
    _cleanup_buf_ Buf sql = { 0 };
    buf_adds(&sql, "--\n-- PostgreSQL database dump\n--\n\n"
                   "COPY public.orders (id, note) FROM stdin;\n"
                   "1\tone\n2\t\\N\n3\tCOPY x FROM stdin;\n\\.\n\n"
                   "SELECT pg_catalog.setval('public.orders_id_seq', 3, true);\n" DUMP_END);
    Outcome plain = observe(stage_observe_sql_new(CODEC_NONE), &sql, 3);
    ck_assert_msg(plain.r == 0, "%s", plain.err.message);
    ck_assert_ptr_nonnull(strstr(plain.inventory, "\"rows\":3"));
    ck_assert_ptr_null(plain.version);

    for (size_t c = 0; c < ELEMENTSOF(codecs); c++) {
        StageCompressSpec spec = { .compression = codecs[c], .threads = 1, .piece_size = 50 };
        _cleanup_buf_ Buf compressed = through(stage_compress_new(&spec), &sql);
        Outcome o = observe(stage_observe_sql_new(codecs[c].codec), &compressed, 5);
        ck_assert_msg(o.r == 0, "%s", o.err.message);
        ck_assert_str_eq(o.inventory, plain.inventory);
        outcome_done(&o);

        compressed.size--;
        o = observe(stage_observe_sql_new(codecs[c].codec), &compressed, 5);
        ck_assert_int_eq(o.err.kind, ERR_DAMAGED);
        outcome_done(&o);
    }
    outcome_done(&plain);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(any_data_in_any_pieces_passes_unchanged, SUITE_ROUND_TRIPS),
    UNIT_LOOP(a_failure_behind_it_latches_and_publishes_nothing, SUITE_FAILURES),
    UNIT_LOOP(an_archive_has_the_same_inventory_whatever_its_compression, VERSIONS),
    UNIT_TEST(an_archive_that_ends_too_early_passes_and_has_no_inventory),
    UNIT_TEST(an_unknown_version_passes_and_says_so),
    UNIT_TEST(much_data_passes_while_it_is_observed_and_after_the_observer_has_given_up),
    UNIT_TEST(sql_has_the_same_inventory_whatever_its_compression),
};
UNIT_MAIN("stage-observe", tests)
