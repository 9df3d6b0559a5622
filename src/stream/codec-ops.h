#pragma once

/* What a codec has to bring along: the inside of codec.h. Each has its own Encoder and Decoder with
 * the structs below as first members, and fills in a table. */

#include "stream/codec.h"

#define DECODER_OUTPUT_SIZE ((size_t)128 << 10)

typedef struct CodecOps CodecOps;

struct Encoder {
    const CodecOps *ops;
    Buf again; /* a piece, decoded to be compared */
};

struct Decoder {
    const CodecOps *ops;
    CodecForm form;
    bool inside;      /* a frame (zlib stream, gzip member) has begun and not ended */
    bool any;         /* at least one has ended */
    bool ended_early; /* one has ended in a chunk that has not */
    unsigned char output[DECODER_OUTPUT_SIZE];
};

/* Bytes to read, or room to write to: a step moves `data` on and takes from `size`. */
typedef struct DecoderInput {
    const unsigned char *data;
    size_t size;
} DecoderInput;

typedef struct DecoderRoom {
    unsigned char *data;
    size_t size;
} DecoderRoom;

struct CodecOps {
    const char *name;
    int level_min, level_max;

    Encoder *(*encoder_new)(int level);
    void (*encoder_free)(Encoder *e);
    int (*encode)(Encoder *e, const void *data, size_t size, Buf *out, Err *err);
    /* Whether the piece decodes, and to `size` bytes. */
    bool (*decode)(Encoder *e, const void *piece, size_t piece_size, void *ret, size_t size);

    /* NULL where streams are pieces and nothing else. */
    uint32_t (*sum)(CodecForm form, const void *data, size_t size);
    uint32_t (*sum_join)(CodecForm form, uint32_t sum, uint32_t next, uint64_t next_size);
    void (*head)(CodecForm form, Buf *out);
    void (*tail)(CodecForm form, const CodecSum *sum, Buf *out);

    /* NULL where nothing is to be decoded. */
    Decoder *(*decoder_new)(CodecForm form);
    void (*decoder_free)(Decoder *d);
    void (*frame_begin)(Decoder *d);
    /* Decodes until the input is used up, the room is, or the frame has ended: then 1, else 0.
     * Input that a frame does not claim stays in `in`. */
    int (*step)(Decoder *d, DecoderInput *in, DecoderRoom *out, Err *err);
    bool ends_with_chunk; /* in a block: pg_restore loses what stands behind a frame in its chunk */
    bool one_in_block;    /* in a block: exactly one stream, which pg_restore insists on */
};

extern const CodecOps codec_gzip_ops, codec_lz4_ops, codec_zstd_ops;
