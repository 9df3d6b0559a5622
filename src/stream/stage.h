#pragma once

/* A pipeline of stages: bytes go in at the front, and what the last stage (the sink) makes of them
 * is published by pipeline_finish(), or discarded by pipeline_free().
 *
 *     Pipeline *p = pipeline_new();
 *     pipeline_add(p, stage_tap_new());            in data order
 *     pipeline_add(p, stage_compress_new(&spec));
 *     pipeline_add(p, sink_file_new(…));           the sink comes last
 *     while (…) pipeline_write(p, data, size, err)
 *     if (source ended AND its exit status was 0) pipeline_finish(p, err)
 *     pipeline_free(p)
 *
 * The contract:
 *  1. write() takes all of what it is given, or fails.
 *  2. The first failure latches: every later call returns it again without calling a stage.
 *  3. finish() flushes a stage's own tail. The core drives it front to back; a stage never finishes
 *     its neighbour.
 *  4. Only a finished sink publishes. Freeing an unfinished pipeline leaves nothing behind.
 *  5. finish is called only when the source is known to be complete: end of file and exit status 0.
 *  6. Data is borrowed for the call. Stages do not log, exit or hold globals.
 *  7. Results come from the stages' typed getters, valid after finish and until pipeline_free().
 *  8. A decoder fails (ERR_DAMAGED) when its input ends before its format does, or goes on behind.
 *  9. A finished pipeline that is used again fails (ERR_INTERNAL): nothing would come of it. */

#include "sys/err.h"

#include <stddef.h>

typedef struct Stage Stage;
typedef struct Pipeline Pipeline;

typedef struct StageOps {
    const char *name;
    int (*write)(Stage *s, const void *data, size_t size, Err *err);
    int (*finish)(Stage *s, Err *err); /* may be NULL */
    void (*free)(Stage *s);            /* frees the stage itself; an unfinished sink discards */
} StageOps;

/* The first member of every stage's own struct. */
struct Stage {
    const StageOps *ops;
    Stage *next; /* set by pipeline_add() and stage_join(); NULL for a sink */
};

/* For stages: hands data on to the next one. Empty writes are dropped. */
int stage_forward(Stage *s, const void *data, size_t size, Err *err);

/* Puts `next` behind `s`, so that both can be handed on as one; returns s. */
Stage *stage_join(Stage *s, Stage *next);

Pipeline *pipeline_new(void);
/* Takes ownership of the stage (with those that are joined to it) and returns it, so that its
 * getters can be called later. */
Stage *pipeline_add(Pipeline *p, Stage *s);
int pipeline_write(Pipeline *p, const void *data, size_t size, Err *err);
int pipeline_finish(Pipeline *p, Err *err);
void pipeline_free(Pipeline *p);

static inline void pipeline_freep(Pipeline **p)
{
    pipeline_free(*p);
}
#define _cleanup_pipeline_ _cleanup_(pipeline_freep)
