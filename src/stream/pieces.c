#include "stream/pieces.h"

#include <assert.h>
#include <string.h>

#include "sys/mem.h"
#include "sys/pool.h"

/* Bounds what a job of tiny streams takes beside its bytes. */
#define SEGMENTS_MAX ((size_t)1024)

typedef enum SegmentKind {
    SEGMENT_LITERAL,
    SEGMENT_STREAM,
} SegmentKind;

/* A run of a job's bytes: literal, or of one stream. */
typedef struct Segment {
    size_t size;
    SegmentKind kind;
    bool begins, ends; /* the stream does, with this segment */
    CodecSum sum;
} Segment;

/* The writing thread fills `raw` and `segments`; a worker makes `out` and the sums of them. A
 * stream that goes on from one job to another does so from a last segment to a first one. The tail
 * of such a stream is what no worker knows; it belongs at `tail_at`. */
typedef struct Job {
    PoolJob job;
    Pieces *pieces;
    char *raw;
    size_t size;
    Segment segments[SEGMENTS_MAX];
    size_t count;
    Buf out;
    size_t tail_at;
    int r;
    Err err;
} Job;

typedef struct Worker {
    Encoder *encoder;
    Buf stream; /* a stream's bytes before they are a chunk */
} Worker;

struct Pieces {
    PiecesSpec spec;
    Stage *stage;
    Pool *pool;
    Worker *workers;
    Job *jobs; /* a ring: `current` is being filled, those before it are under way */
    size_t job_count, current;
    CodecSum sum; /* of the stream that goes on behind the last job that was taken */
    Buf tail;
};

static bool goes_on(const Segment *s)
{
    return s->kind == SEGMENT_STREAM && !s->ends;
}

static bool came_from_before(const Segment *s)
{
    return s->kind == SEGMENT_STREAM && !s->begins;
}

/* In a worker */

static void add_chunk(const PiecesSpec *spec, const Buf *bytes, Buf *out)
{
    if (bytes->size == 0)
        return;
    if (spec->chunk_begin)
        spec->chunk_begin(out, bytes->size);
    buf_add(out, bytes->data, bytes->size);
}

static int compress_segment(const PiecesSpec *spec, Worker *w, Segment *s, const char *raw,
                            Buf *out, Err *err)
{
    Codec codec = spec->compression.codec;
    Buf *stream = &w->stream;

    stream->size = 0;
    if (s->begins)
        codec_head(codec, spec->form, stream);
    size_t head = stream->size;
    int r = encoder_piece(w->encoder, raw, s->size, stream, err);
    if (r == 0 && spec->check)
        r = encoder_check(w->encoder, raw, s->size, stream->data + head, stream->size - head, err);
    if (r < 0)
        return r;

    s->sum = codec_sum(codec, spec->form, raw, s->size);
    if (s->begins && s->ends)
        codec_tail(codec, spec->form, &s->sum, stream);
    add_chunk(spec, stream, out);
    return 0;
}

static void run_job(PoolJob *job, unsigned thread)
{
    Job *j = (Job *)job;
    Worker *w = &j->pieces->workers[thread];
    const char *raw = j->raw;

    for (size_t i = 0; i < j->count && j->r == 0; i++) {
        Segment *s = &j->segments[i];
        if (s->kind == SEGMENT_LITERAL)
            buf_add(&j->out, raw, s->size);
        else
            j->r = compress_segment(&j->pieces->spec, w, s, raw, &j->out, &j->err);
        raw += s->size;
        if (i == 0)
            j->tail_at = j->out.size;
    }
}

/* Back in the writing thread, in order */

static int forward_tail(Pieces *p, Err *err)
{
    _cleanup_buf_ Buf chunk = { 0 };

    p->tail.size = 0;
    codec_tail(p->spec.compression.codec, p->spec.form, &p->sum, &p->tail);
    add_chunk(&p->spec, &p->tail, &chunk);
    return stage_forward(p->stage, chunk.data, chunk.size, err);
}

static int forward_job(Pieces *p, const Job *j, Err *err)
{
    const Segment *first = &j->segments[0], *last = &j->segments[j->count - 1];
    Codec codec = p->spec.compression.codec;
    size_t done = 0;

    if (came_from_before(first)) {
        codec_sum_join(codec, p->spec.form, &p->sum, &first->sum);
        if (first->ends) {
            int r = stage_forward(p->stage, j->out.data, j->tail_at, err);
            if (r == 0)
                r = forward_tail(p, err);
            if (r < 0)
                return r;
            done = j->tail_at;
        }
    }
    if (goes_on(last) && last->begins)
        p->sum = last->sum;
    return stage_forward(p->stage, j->out.data + done, j->out.size - done, err);
}

static void empty_job(Job *j)
{
    j->size = j->count = 0;
    j->out.size = 0;
}

/* 1 when a job was taken, 0 when there is none (that is done, unless `wait`). */
static int take_job(Pieces *p, bool wait, Err *err)
{
    Job *j = (Job *)pool_take(p->pool, wait);
    if (!j)
        return 0;

    if (j->r < 0) {
        err_move(err, &j->err);
        return j->r;
    }
    int r = forward_job(p, j, err);
    empty_job(j);
    return r < 0 ? r : 1;
}

/* Submits what was gathered, writes what is done, and makes room to go on. */
static int next_job(Pieces *p, Err *err)
{
    int r;

    pool_submit(p->pool, &p->jobs[p->current].job);
    p->current = (p->current + 1) % p->job_count;
    do
        r = take_job(p, /* wait= */ pool_pending(p->pool) == p->job_count, err);
    while (r > 0);
    return r;
}

static Segment *last_segment(Job *j)
{
    return j->count > 0 ? &j->segments[j->count - 1] : NULL;
}

static void add_segment(Pieces *p, SegmentKind kind, bool begins)
{
    Job *j = &p->jobs[p->current];
    j->segments[j->count++] = (Segment){ .kind = kind, .begins = begins };
}

static int open_segment(Pieces *p, SegmentKind kind, Err *err)
{
    const Job *j = &p->jobs[p->current];
    int r = j->count == SEGMENTS_MAX || j->size == p->spec.piece_size ? next_job(p, err) : 0;
    if (r == 0)
        add_segment(p, kind, /* begins= */ true);
    return r;
}

/* More bytes of the last segment. */
int pieces_write(Pieces *p, const void *data, size_t size, Err *err)
{
    while (size > 0) {
        Job *j = &p->jobs[p->current];
        Segment *s = last_segment(j);
        size_t room = p->spec.piece_size - j->size;
        if (room == 0) {
            SegmentKind kind = s->kind;
            int r = next_job(p, err);
            if (r < 0)
                return r;
            add_segment(p, kind, /* begins= */ false);
            continue;
        }

        size_t n = size < room ? size : room;
        memcpy(j->raw + j->size, data, n);
        j->size += n;
        s->size += n;
        data = (const char *)data + n;
        size -= n;
    }
    return 0;
}

int pieces_literal(Pieces *p, const void *data, size_t size, Err *err)
{
    const Segment *s = last_segment(&p->jobs[p->current]);
    if (!s || s->kind != SEGMENT_LITERAL) {
        int r = open_segment(p, SEGMENT_LITERAL, err);
        if (r < 0)
            return r;
    }
    return pieces_write(p, data, size, err);
}

int pieces_begin(Pieces *p, Err *err)
{
    return open_segment(p, SEGMENT_STREAM, err);
}

void pieces_end(Pieces *p)
{
    Segment *s = last_segment(&p->jobs[p->current]);
    assert(s && s->kind == SEGMENT_STREAM);
    s->ends = true;
}

int pieces_finish(Pieces *p, Err *err)
{
    int r;

    if (p->jobs[p->current].count > 0)
        pool_submit(p->pool, &p->jobs[p->current].job);
    do
        r = take_job(p, /* wait= */ true, err);
    while (r > 0);
    return r;
}

Pieces *pieces_new(const PiecesSpec *spec, Stage *stage)
{
    Pieces *p = mem_zero(1, sizeof(*p));

    p->spec = *spec;
    p->stage = stage;
    if (p->spec.piece_size == 0)
        p->spec.piece_size = PIECE_SIZE_DEFAULT;
    if (spec->compression.codec == CODEC_NONE)
        p->spec.check = false; /* a copy is a copy */

    p->workers = mem_zero(spec->threads, sizeof(p->workers[0]));
    for (unsigned i = 0; i < spec->threads; i++)
        p->workers[i].encoder = encoder_new(&spec->compression);

    p->job_count = 2 * (size_t)spec->threads + 1;
    p->jobs = mem_zero(p->job_count, sizeof(p->jobs[0]));
    for (size_t i = 0; i < p->job_count; i++) {
        p->jobs[i].job.work = run_job;
        p->jobs[i].pieces = p;
        p->jobs[i].raw = mem_alloc(p->spec.piece_size);
    }
    p->pool = pool_new(spec->threads);
    return p;
}

void pieces_free(Pieces *p)
{
    if (!p)
        return;

    pool_free(p->pool);
    for (size_t i = 0; i < p->job_count; i++) {
        free(p->jobs[i].raw);
        buf_done(&p->jobs[i].out);
        err_done(&p->jobs[i].err);
    }
    for (unsigned i = 0; i < p->spec.threads; i++) {
        encoder_free(p->workers[i].encoder);
        buf_done(&p->workers[i].stream);
    }
    free(p->jobs);
    free(p->workers);
    buf_done(&p->tail);
    free(p);
}
