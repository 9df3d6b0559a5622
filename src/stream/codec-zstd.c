#include <assert.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "stream/codec-ops.h"
#include "sys/mem.h"

/* 128 MiB: the largest window that zstd's levels use, and pg_dump's "long". */
#define WINDOW_LOG_MAX 27

typedef struct ZstdEncoder {
    Encoder encoder;
    ZSTD_CCtx *cctx;
    ZSTD_DCtx *dctx;
} ZstdEncoder;

typedef struct ZstdDecoder {
    Decoder decoder;
    ZSTD_DCtx *dctx;
} ZstdDecoder;

static ZSTD_DCtx *new_dctx(void)
{
    ZSTD_DCtx *dctx = ZSTD_createDCtx();
    if (!dctx)
        mem_fail();
    return dctx;
}

static Encoder *zstd_encoder_new(int level)
{
    ZstdEncoder *z = mem_zero(1, sizeof(*z));

    z->cctx = ZSTD_createCCtx();
    z->dctx = new_dctx();
    if (!z->cctx)
        mem_fail();
    size_t l = ZSTD_CCtx_setParameter(z->cctx, ZSTD_c_compressionLevel, level);
    size_t c = ZSTD_CCtx_setParameter(z->cctx, ZSTD_c_checksumFlag, 1);
    assert(!ZSTD_isError(l) && !ZSTD_isError(c));
    return &z->encoder;
}

static void zstd_encoder_free(Encoder *e)
{
    ZstdEncoder *z = (ZstdEncoder *)e;
    ZSTD_freeCCtx(z->cctx);
    ZSTD_freeDCtx(z->dctx);
    free(z);
}

/* zstd answers with a size or with an error's number. */
static int zstd_error(ErrKind kind, const char *what, size_t z, Err *err)
{
    if (ZSTD_getErrorCode(z) == ZSTD_error_memory_allocation)
        mem_fail();
    return err_set(err, kind, "%s: %s", what, ZSTD_getErrorName(z));
}

static int zstd_encode(Encoder *e, const void *data, size_t size, Buf *out, Err *err)
{
    const ZstdEncoder *z = (const ZstdEncoder *)e;
    size_t bound = ZSTD_compressBound(size);

    size_t n = ZSTD_compress2(z->cctx, buf_room(out, bound), bound, data, size);
    if (ZSTD_isError(n))
        return zstd_error(ERR_INTERNAL, "could not compress by zstd", n, err);
    buf_commit(out, n);
    return 0;
}

static bool zstd_decode(Encoder *e, const void *piece, size_t piece_size, void *ret, size_t size)
{
    const ZstdEncoder *z = (const ZstdEncoder *)e;
    return ZSTD_decompressDCtx(z->dctx, ret, size, piece, piece_size) == size;
}

static Decoder *zstd_decoder_new(CodecForm form)
{
    (void)form;
    ZstdDecoder *z = mem_zero(1, sizeof(*z));
    z->dctx = new_dctx();
    size_t r = ZSTD_DCtx_setParameter(z->dctx, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    assert(!ZSTD_isError(r));
    return &z->decoder;
}

static void zstd_decoder_free(Decoder *d)
{
    ZstdDecoder *z = (ZstdDecoder *)d;
    ZSTD_freeDCtx(z->dctx);
    free(z);
}

static void zstd_frame_begin(Decoder *d)
{
    const ZstdDecoder *z = (const ZstdDecoder *)d;
    ZSTD_DCtx_reset(z->dctx, ZSTD_reset_session_only);
}

static int zstd_step(Decoder *d, DecoderInput *in, DecoderRoom *out, Err *err)
{
    const ZstdDecoder *z = (const ZstdDecoder *)d;
    ZSTD_inBuffer input = { .src = in->data, .size = in->size };
    ZSTD_outBuffer output = { .dst = out->data, .size = out->size };

    size_t left = ZSTD_decompressStream(z->dctx, &output, &input);
    if (ZSTD_isError(left))
        return zstd_error(ERR_DAMAGED, "the zstd data is damaged", left, err);

    in->data += input.pos;
    in->size -= input.pos;
    out->data += output.pos;
    out->size -= output.pos;
    return left == 0;
}

const CodecOps codec_zstd_ops = {
    .name = "zstd",
    .level_min = 1,
    .level_max = 19,
    .encoder_new = zstd_encoder_new,
    .encoder_free = zstd_encoder_free,
    .encode = zstd_encode,
    .decode = zstd_decode,
    .decoder_new = zstd_decoder_new,
    .decoder_free = zstd_decoder_free,
    .frame_begin = zstd_frame_begin,
    .step = zstd_step,
    .ends_with_chunk = true,
};
