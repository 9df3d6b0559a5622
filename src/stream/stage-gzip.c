#include "stream/stage-gzip.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#define ZLIB_CONST /* input is const */
#include <zlib.h>

#include "sys/mem.h"

/* 15 is the largest window, + 16 asks for the gzip format instead of zlib's own. zlib's default
 * header for it has no name and a time of 0: the same input makes the same bytes. */
#define GZIP_WINDOW_BITS (15 + 16)
#define GZIP_MEMORY_LEVEL 8 /* zlib's default */
#define OUTPUT_SIZE ((size_t)128 << 10)

typedef struct StageZlib {
    Stage stage;
    z_stream z;
    bool in_member; /* gunzip: a member has begun and not ended yet */
    bool any;       /* gunzip: at least one member has ended */
    unsigned char output[OUTPUT_SIZE];
} StageZlib;

/* zlib's sizes are unsigned ints: gives it the next piece, returns how much that is. */
static size_t feed(z_stream *z, const unsigned char *data, size_t size)
{
    size_t piece = size < UINT_MAX ? size : UINT_MAX;
    z->next_in = data;
    z->avail_in = (uInt)piece;
    return piece;
}

static void offer_output(StageZlib *g)
{
    g->z.next_out = g->output;
    g->z.avail_out = OUTPUT_SIZE;
}

static int forward_output(StageZlib *g, Err *err)
{
    return stage_forward(&g->stage, g->output, OUTPUT_SIZE - g->z.avail_out, err);
}

static StageZlib *stage_zlib_new(const StageOps *ops)
{
    StageZlib *g = mem_zero(1, sizeof(*g));
    g->stage.ops = ops;
    return g;
}

/* Runs deflate() until it has taken its input and, with Z_FINISH, written its last byte: both are
 * so when it leaves room in the output. */
static int gzip_run(StageZlib *g, int flush, Err *err)
{
    do {
        offer_output(g);
        int z = deflate(&g->z, flush);
        assert(z != Z_STREAM_ERROR);

        int r = forward_output(g, err);
        if (r < 0)
            return r;
    } while (g->z.avail_out == 0);

    assert(g->z.avail_in == 0);
    return 0;
}

static int gzip_write(Stage *s, const void *data, size_t size, Err *err)
{
    StageZlib *g = (StageZlib *)s;
    const unsigned char *bytes = data;

    while (size > 0) {
        size_t piece = feed(&g->z, bytes, size);
        int r = gzip_run(g, Z_NO_FLUSH, err);
        if (r < 0)
            return r;

        bytes += piece;
        size -= piece;
    }
    return 0;
}

static int gzip_finish(Stage *s, Err *err)
{
    return gzip_run((StageZlib *)s, Z_FINISH, err);
}

static void gzip_free(Stage *s)
{
    StageZlib *g = (StageZlib *)s;
    deflateEnd(&g->z);
    free(g);
}

static const StageOps gzip_ops = {
    .name = "gzip",
    .write = gzip_write,
    .finish = gzip_finish,
    .free = gzip_free,
};

Stage *stage_gzip_new(int level)
{
    assert(level >= 1 && level <= 9);
    StageZlib *g = stage_zlib_new(&gzip_ops);
    int z = deflateInit2(&g->z, level, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY_LEVEL,
                         Z_DEFAULT_STRATEGY);
    if (z != Z_OK) /* with constant parameters only memory can be missing */
        mem_fail();
    return &g->stage;
}

static int gunzip_error(const StageZlib *g, int z, Err *err)
{
    if (z == Z_MEM_ERROR)
        mem_fail();
    if (g->any && g->z.total_out == 0) /* counted from the start of the member */
        return err_set(err, ERR_DAMAGED, "the gzip data is followed by something else");

    return err_set(err, ERR_DAMAGED, "the gzip data is damaged: %s",
                   g->z.msg ? g->z.msg : "invalid data");
}

/* Runs inflate() on the input to its end or to the end of the member, whichever comes first. */
static int gunzip_member(StageZlib *g, Err *err)
{
    if (!g->in_member) {
        inflateReset(&g->z);
        g->in_member = true;
    }

    int z;
    do {
        offer_output(g);
        z = inflate(&g->z, Z_NO_FLUSH);
        /* Z_BUF_ERROR: nothing left to do until more input comes; not an error. */
        if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
            return gunzip_error(g, z, err);

        int r = forward_output(g, err);
        if (r < 0)
            return r;
    } while (z == Z_OK && (g->z.avail_in > 0 || g->z.avail_out == 0));

    if (z == Z_STREAM_END) {
        g->in_member = false;
        g->any = true;
    }
    return 0;
}

static int gunzip_write(Stage *s, const void *data, size_t size, Err *err)
{
    StageZlib *g = (StageZlib *)s;
    const unsigned char *bytes = data;

    while (size > 0) {
        size_t piece = feed(&g->z, bytes, size);
        int r = gunzip_member(g, err);
        if (r < 0)
            return r;

        piece -= g->z.avail_in;
        bytes += piece;
        size -= piece;
    }
    return 0;
}

static int gunzip_finish(Stage *s, Err *err)
{
    const StageZlib *g = (const StageZlib *)s;
    if (g->in_member || !g->any)
        return err_set(err, ERR_DAMAGED, "the gzip data ends too early");
    return 0;
}

static void gunzip_free(Stage *s)
{
    StageZlib *g = (StageZlib *)s;
    inflateEnd(&g->z);
    free(g);
}

static const StageOps gunzip_ops = {
    .name = "gunzip",
    .write = gunzip_write,
    .finish = gunzip_finish,
    .free = gunzip_free,
};

Stage *stage_gunzip_new(void)
{
    StageZlib *g = stage_zlib_new(&gunzip_ops);
    if (inflateInit2(&g->z, GZIP_WINDOW_BITS) != Z_OK)
        mem_fail();
    return &g->stage;
}
