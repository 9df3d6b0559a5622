#include "unit.h"

#include <string.h>

#include "stage-suite.h"
#include "stream/sink-fd.h"
#include "stream/stage-tap.h"
#include "sys/mem.h"

static const StageSuite suite = { .make = stage_tap_new };

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

/* A pipeline of a tap alone. */
typedef struct Tapped {
    Pipeline *pipeline;
    Stage *tap;
} Tapped;

static Tapped tapped_new(void)
{
    Pipeline *p = pipeline_new();
    Stage *tap = pipeline_add(p, stage_tap_new());
    pipeline_add(p, sink_null_new());
    return (Tapped){ .pipeline = p, .tap = tap };
}

/* Vectors of FIPS 180-2, appendix B, and the empty message. */
START_TEST(digests_are_those_of_the_standard)
{
    static const struct {
        const char *message;
        const char *digest;
    } vectors[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };

    for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
        Tapped t = tapped_new();
        size_t size = strlen(vectors[i].message);
        ck_assert_int_eq(suite_feed(t.pipeline, vectors[i].message, size, 0, NULL), 0);
        ck_assert_str_eq(stage_tap_sha256(t.tap), vectors[i].digest);
        ck_assert_uint_eq(stage_tap_bytes(t.tap), size);
        pipeline_free(t.pipeline);
    }
}
END_TEST

static char *make_bytes(size_t size)
{
    char *data = mem_zero(size + 1, 1);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 31 % 251);
    return data;
}

START_TEST(the_digest_is_what_sha256sum_says_whatever_the_pieces)
{
    static const size_t chunks[] = { 1, 7, 4096, 0 };
    size_t size = 200001;
    _cleanup_free_ char *data = make_bytes(size);
    _cleanup_free_ char *line =
        suite_tool((const char *const[]){ "sha256sum", NULL }, data, size, NULL);
    line[64] = '\0';

    for (size_t i = 0; i < ELEMENTSOF(chunks); i++) {
        Tapped t = tapped_new();
        ck_assert_int_eq(suite_feed(t.pipeline, data, size, chunks[i], NULL), 0);
        ck_assert_str_eq(stage_tap_sha256(t.tap), line);
        ck_assert_uint_eq(stage_tap_bytes(t.tap), size);
        pipeline_free(t.pipeline);
    }
}
END_TEST

static void assert_edges(const char *data, size_t size, size_t chunk)
{
    size_t edge = size < TAP_EDGE_SIZE ? size : TAP_EDGE_SIZE, n = 0;
    Tapped t = tapped_new();
    ck_assert_int_eq(suite_feed(t.pipeline, data, size, chunk, NULL), 0);

    const char *head = stage_tap_head(t.tap, &n);
    ck_assert_uint_eq(n, edge);
    ck_assert_mem_eq(head, data, edge);
    ck_assert_int_eq(head[edge], '\0');

    const char *tail = stage_tap_tail(t.tap, &n);
    ck_assert_uint_eq(n, edge);
    ck_assert_mem_eq(tail, data + size - edge, edge);
    ck_assert_int_eq(tail[edge], '\0');
    pipeline_free(t.pipeline);
}

START_TEST(both_edges_are_remembered_at_every_size_whatever_the_pieces)
{
    static const size_t chunks[] = { 1, 7, 100, 255, 256, 257, 0 };
    _cleanup_free_ char *data = make_bytes(600);

    for (size_t size = 0; size <= 600; size++)
        for (size_t i = 0; i < ELEMENTSOF(chunks); i++)
            assert_edges(data, size, chunks[i]);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(any_data_in_any_pieces_passes_unchanged, SUITE_ROUND_TRIPS),
    UNIT_LOOP(a_failure_downstream_latches_and_publishes_nothing, SUITE_FAILURES),
    UNIT_TEST(digests_are_those_of_the_standard),
    UNIT_TEST(the_digest_is_what_sha256sum_says_whatever_the_pieces),
    UNIT_TEST(both_edges_are_remembered_at_every_size_whatever_the_pieces),
};
UNIT_MAIN("stage-tap", tests)
