#include <assert.h>
#include <endian.h>
#include <isa-l.h>
#include <limits.h>
#include <string.h>
#define ZLIB_CONST /* input is const */
#include <zlib.h>

#include "stream/codec-ops.h"
#include "sys/mem.h"

#define ISAL_LEVEL_MAX 3          /* above that, zlib */
#define RAW_WINDOW_BITS (-15)     /* the largest window; negative: no head, no tail */
#define ZLIB_MEMORY_LEVEL 8       /* zlib's default */
#define STORED_MAX 16             /* bytes that are not worth a table of codes */
#define STEP_INPUT_MAX (1u << 30) /* ISA-L adds a few bytes to 32-bit sizes of input */

typedef struct GzipEncoder {
    Encoder encoder;
    int level;
    struct isal_zstream isal;
    z_stream zlib;
    struct inflate_state inflate; /* decodes again */
} GzipEncoder;

typedef struct GzipDecoder {
    Decoder decoder;
    struct inflate_state inflate;
} GzipDecoder;

/* ISA-L's pointers to input are not const; it writes nothing there. */
static uint8_t *unconst(const void *data)
{
    return (uint8_t *)(uintptr_t)data;
}

/* Encoding */

static void start_isal(GzipEncoder *g)
{
    static const uint32_t buffer_sizes[] = {
        [1] = ISAL_DEF_LVL1_DEFAULT,
        [2] = ISAL_DEF_LVL2_DEFAULT,
        [3] = ISAL_DEF_LVL3_DEFAULT,
    };

    isal_deflate_init(&g->isal);
    g->isal.level = (uint32_t)g->level;
    g->isal.level_buf_size = buffer_sizes[g->level];
    g->isal.level_buf = mem_alloc(g->isal.level_buf_size);
    g->isal.flush = SYNC_FLUSH;
    g->isal.end_of_stream = 0;
}

static void start_zlib(GzipEncoder *g)
{
    int z = deflateInit2(&g->zlib, g->level, Z_DEFLATED, RAW_WINDOW_BITS, ZLIB_MEMORY_LEVEL,
                         Z_DEFAULT_STRATEGY);
    if (z != Z_OK) /* with constant parameters only memory can be missing */
        mem_fail();
}

static Encoder *gzip_encoder_new(int level)
{
    GzipEncoder *g = mem_zero(1, sizeof(*g));

    g->level = level;
    if (level <= ISAL_LEVEL_MAX)
        start_isal(g);
    else
        start_zlib(g);
    isal_inflate_init(&g->inflate);
    return &g->encoder;
}

static void gzip_encoder_free(Encoder *e)
{
    GzipEncoder *g = (GzipEncoder *)e;
    if (g->level <= ISAL_LEVEL_MAX)
        free(g->isal.level_buf);
    else
        deflateEnd(&g->zlib);
    free(g);
}

/* Each piece is compressed without a look at the one before, so that none waits for another. Both
 * libraries have written all, the sync flush included, once they leave room in the output; the
 * bound makes that so at the first try. */

static int encode_by_isal(GzipEncoder *g, const void *data, size_t size, Buf *out, Err *err)
{
    size_t bound = size + size / 8 + 1024;

    isal_deflate_reset(&g->isal);
    g->isal.next_in = unconst(data);
    g->isal.avail_in = (uint32_t)size;
    do {
        g->isal.next_out = (uint8_t *)buf_room(out, bound);
        g->isal.avail_out = (uint32_t)bound;
        int r = isal_deflate(&g->isal);
        if (r != COMP_OK)
            return err_set(err, ERR_INTERNAL, "could not compress by ISA-L: error %d", r);
        buf_commit(out, bound - g->isal.avail_out);
    } while (g->isal.avail_out == 0);

    assert(g->isal.avail_in == 0);
    return 0;
}

static int encode_by_zlib(GzipEncoder *g, const void *data, size_t size, Buf *out)
{
    size_t bound = deflateBound(&g->zlib, size) + 16; /* and the flush */

    deflateReset(&g->zlib);
    g->zlib.next_in = data;
    g->zlib.avail_in = (uInt)size;
    do {
        g->zlib.next_out = (unsigned char *)buf_room(out, bound);
        g->zlib.avail_out = (uInt)bound;
        int z = deflate(&g->zlib, Z_SYNC_FLUSH);
        assert(z != Z_STREAM_ERROR);
        buf_commit(out, bound - g->zlib.avail_out);
    } while (g->zlib.avail_out == 0);

    assert(g->zlib.avail_in == 0);
    return 0;
}

/* A stored block and an empty one behind it, as a sync flush writes (RFC 1951, 3.2.4). A table
 * without rows is such a piece, of which there may be tens of thousands: for each the libraries
 * would make tables of codes for 5 bytes, and again to decode them. */
static void store(const void *data, size_t size, Buf *out)
{
    const unsigned char head[] = { 0, (unsigned char)size, 0, (unsigned char)~size, 0xFF };

    buf_add(out, head, sizeof(head));
    buf_add(out, data, size);
    buf_add(out, "\x00\x00\x00\xFF\xFF", 5);
}

static int gzip_encode(Encoder *e, const void *data, size_t size, Buf *out, Err *err)
{
    GzipEncoder *g = (GzipEncoder *)e;
    if (size == 0)
        return 0;
    if (size <= STORED_MAX) {
        store(data, size, out);
        return 0;
    }
    if (g->level <= ISAL_LEVEL_MAX)
        return encode_by_isal(g, data, size, out, err);
    return encode_by_zlib(g, data, size, out);
}

/* Whether the piece ends as a sync flush does, in an empty stored block (RFC 1951, 3.2.4): the next
 * one then starts on a byte boundary. */
static bool is_flushed(const char *piece, size_t size)
{
    return size >= 4 && memcmp(piece + size - 4, "\x00\x00\xFF\xFF", 4) == 0;
}

/* All of the piece, and then it must want more: its last block is not the stream's. */
static bool gzip_decode(Encoder *e, const void *piece, size_t piece_size, void *ret, size_t size)
{
    GzipEncoder *g = (GzipEncoder *)e;
    if (size == 0)
        return piece_size == 0;
    if (!is_flushed(piece, piece_size))
        return false;

    isal_inflate_reset(&g->inflate);
    g->inflate.crc_flag = ISAL_DEFLATE;
    g->inflate.next_in = unconst(piece);
    g->inflate.avail_in = (uint32_t)piece_size;
    g->inflate.next_out = ret;
    g->inflate.avail_out = (uint32_t)size;
    int r = isal_inflate_stateless(&g->inflate);
    return r == ISAL_END_INPUT && g->inflate.avail_in == 0 && g->inflate.avail_out == 0;
}

/* Around the pieces */

static uint32_t gzip_sum(CodecForm form, const void *data, size_t size)
{
    return form == CODEC_BLOCK ? isal_adler32(/* init= */ 1, data, size)
                               : crc32_gzip_refl(/* init= */ 0, data, size);
}

static uint32_t gzip_sum_join(CodecForm form, uint32_t sum, uint32_t next, uint64_t next_size)
{
    return (uint32_t)(form == CODEC_BLOCK ? adler32_combine(sum, next, (z_off_t)next_size)
                                          : crc32_combine(sum, next, (z_off_t)next_size));
}

static void gzip_head(CodecForm form, Buf *out)
{
    /* RFC 1950: deflate with a window of 32 KiB, the fastest level. RFC 1952: no name, no time, no
     * word on the level, Unix: the same input makes the same head. */
    if (form == CODEC_BLOCK)
        buf_add(out, "\x78\x01", 2);
    else
        buf_add(out, "\x1F\x8B\x08\x00\x00\x00\x00\x00\x00\x03", 10);
}

static void gzip_tail(CodecForm form, const CodecSum *sum, Buf *out)
{
    buf_add(out, "\x03\x00", 2); /* an empty block, the last one (RFC 1951, 3.2.6) */
    if (form == CODEC_BLOCK) {
        uint32_t adler = htobe32(sum->size > 0 ? sum->check : 1);
        buf_add(out, &adler, sizeof(adler));
    } else {
        uint32_t trailer[] = { htole32(sum->check), htole32((uint32_t)sum->size) };
        buf_add(out, trailer, sizeof(trailer));
    }
}

/* Decoding */

static Decoder *gzip_decoder_new(CodecForm form)
{
    (void)form;
    GzipDecoder *g = mem_zero(1, sizeof(*g));
    isal_inflate_init(&g->inflate);
    return &g->decoder;
}

static void gzip_decoder_free(Decoder *d)
{
    free(d);
}

static void gzip_frame_begin(Decoder *d)
{
    GzipDecoder *g = (GzipDecoder *)d;
    isal_inflate_reset(&g->inflate);
    g->inflate.crc_flag = d->form == CODEC_BLOCK ? ISAL_ZLIB : ISAL_GZIP;
}

static int gzip_error(const GzipDecoder *g, int r, Err *err)
{
    static const struct {
        int code;
        const char *text;
    } texts[] = {
        { ISAL_INVALID_BLOCK, "invalid block" },
        { ISAL_INVALID_SYMBOL, "invalid symbol" },
        { ISAL_INVALID_LOOKBACK, "invalid distance" },
        { ISAL_INVALID_WRAPPER, "incorrect header" },
        { ISAL_UNSUPPORTED_METHOD, "unknown compression method" },
        { ISAL_INCORRECT_CHECKSUM, "incorrect checksum or length" },
        { ISAL_NEED_DICT, "it needs a dictionary" },
    };
    const char *text = "invalid data";

    if (r == ISAL_INVALID_WRAPPER && g->decoder.any)
        return err_set(err, ERR_DAMAGED, "the gzip data is followed by something else");
    for (size_t i = 0; i < ELEMENTSOF(texts); i++)
        if (texts[i].code == r)
            text = texts[i].text;
    return err_set(err, ERR_DAMAGED, "the gzip data is damaged: %s", text);
}

static int gzip_step(Decoder *d, DecoderInput *in, DecoderRoom *out, Err *err)
{
    GzipDecoder *g = (GzipDecoder *)d;
    struct inflate_state *z = &g->inflate;
    uint32_t size = in->size < STEP_INPUT_MAX ? (uint32_t)in->size : STEP_INPUT_MAX;

    z->next_in = unconst(in->data);
    z->avail_in = size;
    z->next_out = out->data;
    z->avail_out = (uint32_t)out->size;
    int r = isal_inflate(z);
    if (r != ISAL_DECOMP_OK)
        return gzip_error(g, r, err);

    /* Up to 2.31, ISA-L keeps bytes behind a stream that it has read ahead. */
    bool ended = z->block_state == ISAL_BLOCK_FINISH;
    size_t unread = ended ? (size_t)z->read_in_length / 8 : 0;
    size_t consumed = size - z->avail_in - unread;
    in->data += consumed;
    in->size -= consumed;
    out->data = z->next_out;
    out->size = z->avail_out;
    return ended;
}

const CodecOps codec_gzip_ops = {
    .name = "gzip",
    .level_min = 1,
    .level_max = 9,
    .encoder_new = gzip_encoder_new,
    .encoder_free = gzip_encoder_free,
    .encode = gzip_encode,
    .decode = gzip_decode,
    .sum = gzip_sum,
    .sum_join = gzip_sum_join,
    .head = gzip_head,
    .tail = gzip_tail,
    .decoder_new = gzip_decoder_new,
    .decoder_free = gzip_decoder_free,
    .frame_begin = gzip_frame_begin,
    .step = gzip_step,
    .one_in_block = true,
};
