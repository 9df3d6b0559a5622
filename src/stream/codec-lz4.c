#include <lz4frame.h>

#include "stream/codec-ops.h"
#include "sys/mem.h"

typedef struct Lz4Encoder {
    Encoder encoder;
    LZ4F_dctx *dctx;
} Lz4Encoder;

typedef struct Lz4Decoder {
    Decoder decoder;
    LZ4F_dctx *dctx;
} Lz4Decoder;

static LZ4F_dctx *new_dctx(void)
{
    LZ4F_dctx *dctx = NULL;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&dctx, LZ4F_VERSION)))
        mem_fail();
    return dctx;
}

static Encoder *lz4_encoder_new(int level)
{
    (void)level;
    Lz4Encoder *z = mem_zero(1, sizeof(*z));
    z->dctx = new_dctx();
    return &z->encoder;
}

static void lz4_encoder_free(Encoder *e)
{
    Lz4Encoder *z = (Lz4Encoder *)e;
    LZ4F_freeDecompressionContext(z->dctx);
    free(z);
}

static int lz4_encode(Encoder *e, const void *data, size_t size, Buf *out, Err *err)
{
    (void)e; /* compressing keeps its state on the stack */
    const LZ4F_preferences_t preferences = {
        .frameInfo = {
            .blockSizeID = LZ4F_max1MB, /* or what is enough */
            .contentChecksumFlag = LZ4F_contentChecksumEnabled,
            .contentSize = size,
        },
    };
    size_t bound = LZ4F_compressFrameBound(size, &preferences);

    size_t n = LZ4F_compressFrame(buf_room(out, bound), bound, data, size, &preferences);
    if (LZ4F_isError(n))
        return err_set(err, ERR_INTERNAL, "could not compress by lz4: %s", LZ4F_getErrorName(n));
    buf_commit(out, n);
    return 0;
}

/* Moves both on; lz4 says how much it would like to have next, 0 at a frame's end. */
static size_t decompress(LZ4F_dctx *dctx, DecoderInput *in, DecoderRoom *out)
{
    size_t consumed = in->size, produced = out->size;
    size_t wanted = LZ4F_decompress(dctx, out->data, &produced, in->data, &consumed, NULL);

    if (!LZ4F_isError(wanted)) {
        in->data += consumed;
        in->size -= consumed;
        out->data += produced;
        out->size -= produced;
    }
    return wanted;
}

static bool lz4_decode(Encoder *e, const void *piece, size_t piece_size, void *ret, size_t size)
{
    const Lz4Encoder *z = (const Lz4Encoder *)e;
    DecoderInput in = { .data = piece, .size = piece_size };
    DecoderRoom out = { .data = ret, .size = size };
    size_t before, wanted;

    LZ4F_resetDecompressionContext(z->dctx);
    do {
        before = in.size + out.size;
        wanted = decompress(z->dctx, &in, &out);
    } while (wanted > 0 && !LZ4F_isError(wanted) && in.size + out.size < before);
    return wanted == 0 && in.size == 0 && out.size == 0;
}

static Decoder *lz4_decoder_new(CodecForm form)
{
    (void)form;
    Lz4Decoder *z = mem_zero(1, sizeof(*z));
    z->dctx = new_dctx();
    return &z->decoder;
}

static void lz4_decoder_free(Decoder *d)
{
    Lz4Decoder *z = (Lz4Decoder *)d;
    LZ4F_freeDecompressionContext(z->dctx);
    free(z);
}

static void lz4_frame_begin(Decoder *d)
{
    const Lz4Decoder *z = (const Lz4Decoder *)d;
    LZ4F_resetDecompressionContext(z->dctx);
}

static int lz4_step(Decoder *d, DecoderInput *in, DecoderRoom *out, Err *err)
{
    const Lz4Decoder *z = (const Lz4Decoder *)d;
    size_t wanted = decompress(z->dctx, in, out);
    if (LZ4F_isError(wanted))
        return err_set(err, ERR_DAMAGED, "the lz4 data is damaged: %s", LZ4F_getErrorName(wanted));
    return wanted == 0;
}

const CodecOps codec_lz4_ops = {
    .name = "lz4",
    .encoder_new = lz4_encoder_new,
    .encoder_free = lz4_encoder_free,
    .encode = lz4_encode,
    .decode = lz4_decode,
    .decoder_new = lz4_decoder_new,
    .decoder_free = lz4_decoder_free,
    .frame_begin = lz4_frame_begin,
    .step = lz4_step,
};
