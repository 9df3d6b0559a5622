#include "stream/stage-compress.h"

#include "stream/pieces.h"
#include "sys/mem.h"

typedef struct StageCompress {
    Stage stage;
    Pieces *pieces;
    bool begun;
} StageCompress;

typedef struct StageDecompress {
    Stage stage;
    Decoder *decoder;
} StageDecompress;

/* The way there */

static int begin_once(StageCompress *c, Err *err)
{
    if (c->begun)
        return 0;
    c->begun = true;
    return pieces_begin(c->pieces, err);
}

static int compress_write(Stage *s, const void *data, size_t size, Err *err)
{
    StageCompress *c = (StageCompress *)s;
    int r = begin_once(c, err);
    if (r < 0)
        return r;
    return pieces_write(c->pieces, data, size, err);
}

static int compress_finish(Stage *s, Err *err)
{
    StageCompress *c = (StageCompress *)s;
    int r = begin_once(c, err);
    if (r < 0)
        return r;
    pieces_end(c->pieces);
    return pieces_finish(c->pieces, err);
}

static void compress_free(Stage *s)
{
    StageCompress *c = (StageCompress *)s;
    pieces_free(c->pieces);
    free(c);
}

static const StageOps compress_ops = {
    .name = "compress",
    .write = compress_write,
    .finish = compress_finish,
    .free = compress_free,
};

Stage *stage_compress_new(const StageCompressSpec *spec)
{
    StageCompress *c = mem_zero(1, sizeof(*c));
    const PiecesSpec pieces = {
        .compression = spec->compression,
        .form = CODEC_FILE,
        .threads = spec->threads,
        .check = spec->check,
        .piece_size = spec->piece_size,
    };

    c->stage.ops = &compress_ops;
    c->pieces = pieces_new(&pieces, &c->stage);
    return &c->stage;
}

/* The way back */

static int forward_decoded(void *userdata, const void *data, size_t size, Err *err)
{
    return stage_forward(userdata, data, size, err);
}

static int decompress_write(Stage *s, const void *data, size_t size, Err *err)
{
    const StageDecompress *d = (const StageDecompress *)s;
    return decoder_write(d->decoder, data, size, /* ends_chunk= */ false, forward_decoded, s, err);
}

static int decompress_finish(Stage *s, Err *err)
{
    const StageDecompress *d = (const StageDecompress *)s;
    return decoder_finish(d->decoder, err);
}

static void decompress_free(Stage *s)
{
    StageDecompress *d = (StageDecompress *)s;
    decoder_free(d->decoder);
    free(d);
}

static const StageOps decompress_ops = {
    .name = "decompress",
    .write = decompress_write,
    .finish = decompress_finish,
    .free = decompress_free,
};

Stage *stage_decompress_new(Codec codec)
{
    StageDecompress *d = mem_zero(1, sizeof(*d));

    d->stage.ops = &decompress_ops;
    d->decoder = decoder_new(codec, CODEC_FILE);
    decoder_begin(d->decoder);
    return &d->stage;
}
