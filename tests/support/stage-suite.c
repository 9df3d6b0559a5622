#include "stage-suite.h"

#include <check.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/mem.h"
#include "unit.h"

/* Samples */

static void sample_text(Buf *b)
{
    for (unsigned i = 0; b->size < 100000; i++)
        buf_addf(b, "%u\tcustomer %u\t%u.%02u\tna\xC3\xAFve caf\xC3\xA9\t\\N\n", i, i * 7919,
                 i % 977, i % 100);
}

/* xorshift32: noise that is the same in every run, so that a failure can be repeated. */
static void sample_random(Buf *b)
{
    uint32_t x = 2463534242;
    for (size_t i = 0; i < 300000; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        buf_addc(b, (char)(x >> 24));
    }
}

static void sample_zeroes(Buf *b)
{
    _cleanup_free_ char *zeroes = mem_zero(10, 1 << 20);
    buf_add(b, zeroes, (size_t)10 << 20);
}

static Buf sample(int i)
{
    Buf b = { 0 };
    switch (i) {
    case 0:
        break;
    case 1:
        buf_addc(&b, 'x');
        break;
    case 2:
        sample_text(&b);
        break;
    case 3:
        sample_random(&b);
        break;
    case 4:
        sample_zeroes(&b);
        break;
    default:
        ck_abort_msg("there is no sample %d", i);
    }
    return b;
}

static const size_t chunks[SUITE_CHUNKS] = { 1, 7, 4096, 1 << 20, 0 };

/* The sink that remembers */

typedef struct RememberingStage {
    Stage stage;
    SuiteSink *sink;
} RememberingStage;

static int remember_write(Stage *s, const void *data, size_t size, Err *err)
{
    SuiteSink *sink = ((RememberingStage *)s)->sink;

    /* No ck_assert(): it reports each success, too, which ten million times takes a minute. */
    if (size == 0 || sink->finished)
        ck_abort_msg("an empty or a late write reached the sink");
    sink->calls++;
    if (sink->fail_at > 0 && sink->data.size + size >= sink->fail_at)
        return err_set(err, ERR_IO, SUITE_SINK_ERROR);

    buf_add(&sink->data, data, size);
    return 0;
}

static int remember_finish(Stage *s, Err *err)
{
    SuiteSink *sink = ((RememberingStage *)s)->sink;

    sink->calls++;
    if (sink->fail_finish)
        return err_set(err, ERR_IO, SUITE_SINK_ERROR);

    sink->finished = true;
    return 0;
}

static void remember_free(Stage *s)
{
    ((RememberingStage *)s)->sink->freed = true;
    free(s);
}

static const StageOps remember_ops = {
    .name = "remember",
    .write = remember_write,
    .finish = remember_finish,
    .free = remember_free,
};

Stage *suite_sink_new(SuiteSink *sink)
{
    RememberingStage *s = mem_zero(1, sizeof(*s));
    s->stage.ops = &remember_ops;
    s->sink = sink;
    return &s->stage;
}

/* Feeding */

static int write_pieces(Pipeline *p, const char *data, size_t size, size_t chunk, Err *err)
{
    while (size > 0) {
        /* A piece of its own, of just its size, so that the address sanitizer sees who reads or
         * keeps more than was lent. */
        size_t n = chunk > 0 && chunk < size ? chunk : size;
        _cleanup_free_ char *piece = mem_alloc(n);
        memcpy(piece, data, n);

        int r = pipeline_write(p, piece, n, err);
        if (r < 0)
            return r;
        data += n;
        size -= n;
    }
    return 0;
}

int suite_feed(Pipeline *p, const void *data, size_t size, size_t chunk, Err *err)
{
    int r = write_pieces(p, data, size, chunk, err);
    if (r < 0)
        return r;
    return pipeline_finish(p, err);
}

/* Stock tools */

static pid_t spawn_tool(const char *const *argv, int in, int out)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;

    ck_assert_int_eq(posix_spawn_file_actions_init(&actions), 0);
    ck_assert_int_eq(posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO), 0);
    ck_assert_int_eq(posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO), 0);
    int r = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    ck_assert_msg(r == 0, "could not start %s: %s", argv[0], strerror(r));
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

char *suite_tool(const char *const *argv, const void *input, size_t size, size_t *ret_size)
{
    char *dir = unit_mkdir();
    unit_write_file(dir, "in", input, size);
    unit_write_file(dir, "out", "", 0);
    _cleanup_free_ char *in_path = mem_printf("%s/in", dir);
    _cleanup_free_ char *out_path = mem_printf("%s/out", dir);
    _cleanup_close_ int in = open(in_path, O_RDONLY | O_CLOEXEC);
    _cleanup_close_ int out = open(out_path, O_WRONLY | O_CLOEXEC);
    ck_assert(in >= 0 && out >= 0);

    int status = -1;
    pid_t pid = spawn_tool(argv, in, out);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(status == 0, "%s failed (wait status %d)", argv[0], status);

    char *output = unit_read_file(dir, "out", ret_size);
    unit_rmdir(dir);
    return output;
}

static void through_tool(const char *const *argv, Buf *b)
{
    if (!argv)
        return;

    Buf result = { 0 };
    result.data = suite_tool(argv, b->data ? b->data : "", b->size, &result.size);
    result.capacity = result.size + 1;
    buf_done(b);
    *b = result;
}

static void assert_same(const Buf *a, const Buf *b)
{
    ck_assert_uint_eq(a->size, b->size);
    ck_assert(a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

/* The parts of the suite */

typedef struct Outcome {
    int r;
    Err err;
    SuiteSink sink;
} Outcome;

static void outcome_done(Outcome *o)
{
    err_done(&o->err);
    buf_done(&o->sink.data);
}

/* The stage between a source and the sink that remembers. */
static Outcome run_stage(const StageSuite *suite, const Buf *input, size_t chunk)
{
    Outcome o = { 0 };
    Pipeline *p = pipeline_new();
    pipeline_add(p, suite->make());
    pipeline_add(p, suite_sink_new(&o.sink));

    o.r = suite_feed(p, input->data, input->size, chunk, &o.err);
    pipeline_free(p);
    ck_assert(o.sink.freed);
    ck_assert_int_eq(o.r == 0, o.sink.finished);
    return o;
}

/* The sink under test, and what it has made of the input. */
static Buf run_sink(const StageSuite *suite, const Buf *input, size_t chunk)
{
    _cleanup_err_ Err err = { 0 };
    size_t pieces = input->size;
    if (suite->pieces_max > 0 && suite->pieces_max < pieces)
        pieces = suite->pieces_max;

    Pipeline *p = pipeline_new();
    pipeline_add(p, suite->make());
    int r = write_pieces(p, input->data, pieces, chunk, &err);
    if (r == 0 && pieces < input->size)
        r = pipeline_write(p, input->data + pieces, input->size - pieces, &err);
    if (r == 0)
        r = pipeline_finish(p, &err);
    ck_assert_msg(r == 0, "%s", err.message);
    pipeline_free(p);

    Buf output = { 0 };
    output.data = suite->read_back(&output.size);
    output.capacity = output.size + 1;
    return output;
}

void suite_round_trip(const StageSuite *suite, int i)
{
    _cleanup_buf_ Buf expected = sample(i / SUITE_CHUNKS), input = sample(i / SUITE_CHUNKS);
    size_t chunk = chunks[i % SUITE_CHUNKS];
    through_tool(suite->encode, &input);

    _cleanup_buf_ Buf output = { 0 };
    if (suite->read_back)
        output = run_sink(suite, &input, chunk);
    else {
        Outcome o = run_stage(suite, &input, chunk);
        ck_assert_msg(o.r == 0, "%s", o.err.message);
        output = o.sink.data;
    }

    through_tool(suite->decode, &output);
    assert_same(&output, &expected);
}

/* Runs into the failure that `sink` was told to have, and asserts all that must follow. */
static void run_into_failure(const StageSuite *suite, const Buf *input, SuiteSink *sink)
{
    _cleanup_err_ Err first = { 0 }, again = { 0 };
    Pipeline *p = pipeline_new();
    pipeline_add(p, suite->make());
    pipeline_add(p, suite_sink_new(sink));

    int r = suite_feed(p, input->data, input->size, 4096, &first);
    ck_assert_int_lt(r, 0);
    ck_assert_int_eq(first.kind, ERR_IO);
    ck_assert_str_eq(first.message, SUITE_SINK_ERROR);

    size_t calls = sink->calls;
    ck_assert_int_eq(pipeline_write(p, "more", 4, &again), r);
    ck_assert_str_eq(again.message, SUITE_SINK_ERROR);
    ck_assert_int_eq(pipeline_finish(p, NULL), r);
    pipeline_free(p);

    ck_assert_uint_eq(sink->calls, calls);
    ck_assert(!sink->finished);
    ck_assert(sink->freed);
}

void suite_failure_downstream(const StageSuite *suite, int i)
{
    _cleanup_buf_ Buf input = sample(i / 4);
    through_tool(suite->encode, &input);
    Outcome clean = run_stage(suite, &input, 4096);
    ck_assert_int_eq(clean.r, 0);

    size_t size = clean.sink.data.size;
    const SuiteSink failures[] = {
        { .fail_at = 1 },
        { .fail_at = (size + 1) / 2 },
        { .fail_at = size },
        { .fail_finish = true },
    };
    SuiteSink sink = failures[i % 4];
    if (sink.fail_finish || size > 0) /* no bytes, no byte that fails */
        run_into_failure(suite, &input, &sink);

    buf_done(&sink.data);
    outcome_done(&clean);
}

/* A small input for the decoder: what the stock tool makes of one line. */
static Buf small_input(const StageSuite *suite, Buf *ret_expected)
{
    Buf input = { 0 };
    buf_adds(&input,
             "COPY public.t (id, name) FROM stdin; 1 \xC3\xA9t\xC3\xA9 1 \xC3\xA9t\xC3\xA9\n");
    if (ret_expected)
        buf_add(ret_expected, input.data, input.size);
    through_tool(suite->encode, &input);
    return input;
}

static void assert_damaged(const StageSuite *suite, const Buf *input, const char *what, size_t at)
{
    Outcome o = run_stage(suite, input, 0);
    ck_assert_msg(o.r < 0 && o.err.kind == ERR_DAMAGED, "%s %zu was not seen", what, at);
    outcome_done(&o);
}

void suite_truncations(const StageSuite *suite)
{
    _cleanup_buf_ Buf input = small_input(suite, NULL);
    size_t size = input.size;
    ck_assert_uint_gt(size, 0);

    for (size_t n = 0; n < size; n++) {
        input.size = n;
        assert_damaged(suite, &input, "an end at byte", n);
    }
}

void suite_flipped_bits(const StageSuite *suite)
{
    _cleanup_buf_ Buf expected = { 0 };
    _cleanup_buf_ Buf input = small_input(suite, &expected);
    size_t refused = 0, bits = input.size * 8;

    for (size_t bit = 0; bit < bits; bit++) {
        input.data[bit / 8] ^= (char)(1 << bit % 8);
        Outcome o = run_stage(suite, &input, 0);
        if (o.r == 0)
            assert_same(&o.sink.data, &expected); /* a bit without a meaning */
        else {
            ck_assert_int_eq(o.err.kind, ERR_DAMAGED);
            refused++;
        }
        outcome_done(&o);
        input.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    ck_assert_msg(refused > bits / 2, "only %zu of %zu flipped bits were seen", refused, bits);
}

void suite_trailing_garbage(const StageSuite *suite)
{
    static const char zeroes[512];
    const struct {
        const char *data;
        size_t size;
    } garbage[] = {
        { "x", 1 }, { zeroes, 1 }, { zeroes, sizeof(zeroes) }, { "\n", 1 }, { "-- done\n", 8 },
    };

    for (size_t i = 0; i < ELEMENTSOF(garbage); i++) {
        _cleanup_buf_ Buf input = small_input(suite, NULL);
        buf_add(&input, garbage[i].data, garbage[i].size);
        assert_damaged(suite, &input, "trailing garbage number", i);
    }
}
