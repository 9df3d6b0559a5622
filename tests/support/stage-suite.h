#pragma once

/* What every stage must do, whatever it is for. A stage's test program describes it once and runs
 * the parts that apply to it, as loops over SUITE_SAMPLES × SUITE_CHUNKS or over a sample's faults:
 *
 *     static const char *const gunzip[] = { "gzip", "-dc", NULL };
 *     static const StageSuite suite = { .make = make_gzip, .decode = gunzip };
 *
 *     START_TEST(any_data_in_any_pieces_is_what_gunzip_gives_back)
 *     {
 *         suite_round_trip(&suite, _i);
 *     }
 *
 * What comes out is compared by the stock tools that `encode` and `decode` name, never by our own
 * stages. */

#include <stdbool.h>
#include <stddef.h>

#include "stream/stage.h"
#include "sys/buf.h"

/* empty, one byte, text, random, 10 MiB of zeroes */
#define SUITE_SAMPLES 5
/* pieces of 1, 7, 4096 bytes and 1 MiB, and all at once */
#define SUITE_CHUNKS 5
#define SUITE_ROUND_TRIPS (SUITE_SAMPLES * SUITE_CHUNKS)
/* each sample with a failure downstream at its first, a middle and its last byte, and in finish */
#define SUITE_FAILURES (SUITE_SAMPLES * 4)

typedef struct StageSuite {
    Stage *(*make)(void);
    const char *const *encode; /* argv of the tool that makes the stage's input; NULL: it is the
                                  sample */
    const char *const *decode; /* argv of the tool that turns the output into the sample again */
    /* For a sink: what it has published, instead of what a stage has forwarded. */
    char *(*read_back)(size_t *ret_size);
    /* How much is written in pieces, the rest at once; 0: all. For sinks, to which a piece is a
     * system call. */
    size_t pieces_max;
} StageSuite;

/* For i from 0 to SUITE_ROUND_TRIPS - 1. */
void suite_round_trip(const StageSuite *suite, int i);

/* For i from 0 to SUITE_FAILURES - 1: the failure comes back, latches, and nothing is published. */
void suite_failure_downstream(const StageSuite *suite, int i);

/* For decoders of a format with checksums; each on a small input. */
void suite_truncations(const StageSuite *suite);      /* at every offset: ERR_DAMAGED */
void suite_flipped_bits(const StageSuite *suite);     /* each: ERR_DAMAGED, or no byte differs */
void suite_trailing_garbage(const StageSuite *suite); /* ERR_DAMAGED */

/* What the parts are made of, for a stage's own tests. */

/* A sink that remembers. Its outcome outlives the pipeline: it belongs to the test. */
typedef struct SuiteSink {
    Buf data;       /* what was written */
    bool finished;  /* published */
    bool freed;     /* */
    size_t calls;   /* of write and finish, the failing one included */
    size_t fail_at; /* the write that brings the byte of this number (from 1) fails; 0: none */
    bool fail_finish;
} SuiteSink;
Stage *suite_sink_new(SuiteSink *sink);
#define SUITE_SINK_ERROR "the sink was told to fail"

/* Writes the data in pieces of `chunk` bytes (0: whole) and finishes; stops at the first error. */
int suite_feed(Pipeline *p, const void *data, size_t size, size_t chunk, Err *err);

/* Runs a stock tool with `input` on stdin; fails the test unless it exits with 0. Returns its
 * stdout, NUL-terminated; the caller frees. */
char *suite_tool(const char *const *argv, const void *input, size_t size, size_t *ret_size);
