#include "stream/codec.h"

#include <assert.h>
#include <string.h>

#include "stream/codec-ops.h"
#include "sys/mem.h"

#define PIECE_SIZE_MAX ((size_t)1 << 30) /* what fits into any library's int */

/* No compression */

static Encoder *copy_encoder_new(int level)
{
    (void)level;
    return mem_zero(1, sizeof(Encoder));
}

static void copy_encoder_free(Encoder *e)
{
    free(e);
}

static int copy_encode(Encoder *e, const void *data, size_t size, Buf *out, Err *err)
{
    (void)e;
    (void)err;
    buf_add(out, data, size);
    return 0;
}

static bool copy_decode(Encoder *e, const void *piece, size_t piece_size, void *ret, size_t size)
{
    (void)e;
    if (piece_size != size)
        return false;
    memcpy(ret, piece, size);
    return true;
}

static Decoder *copy_decoder_new(CodecForm form)
{
    (void)form;
    return mem_zero(1, sizeof(Decoder));
}

static void copy_decoder_free(Decoder *d)
{
    free(d);
}

static const CodecOps none_ops = {
    .name = "none",
    .encoder_new = copy_encoder_new,
    .encoder_free = copy_encoder_free,
    .encode = copy_encode,
    .decode = copy_decode,
    .decoder_new = copy_decoder_new,
    .decoder_free = copy_decoder_free,
};

static const CodecOps *const codecs[_CODEC_MAX] = {
    [CODEC_NONE] = &none_ops,
    [CODEC_GZIP] = &codec_gzip_ops,
    [CODEC_LZ4] = &codec_lz4_ops,
    [CODEC_ZSTD] = &codec_zstd_ops,
};

static const CodecOps *ops_of(Codec codec)
{
    assert(codec >= 0 && codec < _CODEC_MAX);
    return codecs[codec];
}

const char *codec_to_string(Codec codec)
{
    return ops_of(codec)->name;
}

/* Encoding */

Encoder *encoder_new(const CodecSpec *spec)
{
    const CodecOps *ops = ops_of(spec->codec);
    assert(ops->level_max == 0 || (spec->level >= ops->level_min && spec->level <= ops->level_max));

    Encoder *e = ops->encoder_new(spec->level);
    e->ops = ops;
    return e;
}

void encoder_free(Encoder *e)
{
    if (!e)
        return;
    buf_done(&e->again);
    e->ops->encoder_free(e);
}

int encoder_piece(Encoder *e, const void *data, size_t size, Buf *out, Err *err)
{
    assert(size <= PIECE_SIZE_MAX);
    return e->ops->encode(e, data, size, out, err);
}

int encoder_check(Encoder *e, const void *data, size_t size, const void *piece, size_t piece_size,
                  Err *err)
{
    e->again.size = 0;
    char *again = buf_room(&e->again, size);
    if (e->ops->decode(e, piece, piece_size, again, size) && memcmp(again, data, size) == 0)
        return 0;

    err_set(err, ERR_INTERNAL,
            "what was compressed by %s does not come back the same when it is decompressed",
            e->ops->name);
    err_hint(err, "Have this machine's memory tested; nothing that it writes can be relied on.");
    return -1;
}

/* Around the pieces */

CodecSum codec_sum(Codec codec, CodecForm form, const void *data, size_t size)
{
    const CodecOps *ops = ops_of(codec);
    return (CodecSum){ .size = size, .check = ops->sum ? ops->sum(form, data, size) : 0 };
}

void codec_sum_join(Codec codec, CodecForm form, CodecSum *sum, const CodecSum *next)
{
    const CodecOps *ops = ops_of(codec);
    if (next->size == 0)
        return;

    if (sum->size == 0)
        sum->check = next->check;
    else if (ops->sum_join)
        sum->check = ops->sum_join(form, sum->check, next->check, next->size);
    sum->size += next->size;
}

void codec_head(Codec codec, CodecForm form, Buf *out)
{
    const CodecOps *ops = ops_of(codec);
    if (ops->head)
        ops->head(form, out);
}

void codec_tail(Codec codec, CodecForm form, const CodecSum *sum, Buf *out)
{
    const CodecOps *ops = ops_of(codec);
    if (ops->tail)
        ops->tail(form, sum, out);
}

/* Decoding */

Decoder *decoder_new(Codec codec, CodecForm form)
{
    const CodecOps *ops = ops_of(codec);
    Decoder *d = ops->decoder_new(form);
    d->ops = ops;
    d->form = form;
    return d;
}

void decoder_free(Decoder *d)
{
    if (d)
        d->ops->decoder_free(d);
}

void decoder_begin(Decoder *d)
{
    d->inside = d->any = d->ended_early = false;
}

/* Something stands where no frame is open: the next one, if there may be one. */
static int begin_frame(Decoder *d, Err *err)
{
    if (d->form == CODEC_BLOCK && d->any && d->ops->one_in_block)
        return err_set(err, ERR_DAMAGED, "the %s data of a block goes on behind its end",
                       d->ops->name);
    if (d->form == CODEC_BLOCK && d->ended_early && d->ops->ends_with_chunk)
        return err_set(err, ERR_DAMAGED, "a %s frame ends inside a chunk", d->ops->name);

    d->ops->frame_begin(d);
    d->inside = true;
    return 0;
}

/* One step: decodes what there is of a frame into the output and hands that on. */
static int decode_some(Decoder *d, DecoderInput *in, bool *ret_full, DecoderSink sink,
                       void *userdata, Err *err)
{
    DecoderRoom room = { .data = d->output, .size = sizeof(d->output) };
    size_t before = in->size;

    int r = d->ops->step(d, in, &room, err);
    if (r < 0)
        return r;
    size_t decoded = sizeof(d->output) - room.size;
    if (r > 0) {
        d->inside = false;
        d->any = true;
    } else if (decoded == 0 && in->size > 0 && in->size == before)
        return err_set(err, ERR_DAMAGED, "the %s data is damaged: it does not go on",
                       d->ops->name); /* or else this would never end */

    *ret_full = room.size == 0;
    return decoded > 0 ? sink(userdata, d->output, decoded, err) : 0;
}

int decoder_write(Decoder *d, const void *data, size_t size, bool ends_chunk, DecoderSink sink,
                  void *userdata, Err *err)
{
    DecoderInput in = { .data = data, .size = size };
    bool full = false;

    if (!d->ops->step)
        return size > 0 ? sink(userdata, data, size, err) : 0;

    while (in.size > 0 || (d->inside && full)) {
        int r = d->inside ? 0 : begin_frame(d, err);
        if (r == 0)
            r = decode_some(d, &in, &full, sink, userdata, err);
        if (r < 0)
            return r;

        d->ended_early = !d->inside;
    }
    if (ends_chunk)
        d->ended_early = false;
    return 0;
}

int decoder_finish(Decoder *d, Err *err)
{
    /* A block of zstd or lz4 may have no chunk at all. */
    bool needs_one = d->ops->step && (d->form == CODEC_FILE || d->ops->one_in_block);
    if (d->inside || (needs_one && !d->any))
        return err_set(err, ERR_DAMAGED, "the %s data ends too early", d->ops->name);
    return 0;
}
