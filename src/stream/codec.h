#pragma once

/* Compression of pieces, for threads that share nothing, and decompression of streams. The only
 * users of the compression libraries: codec-gzip.c (ISA-L, zlib), codec-lz4.c, codec-zstd.c.
 *
 * A compressed piece is
 *   gzip   raw deflate blocks that end on a byte boundary (a sync flush), none of them the last:
 *          pieces are put behind one another, and a head and a tail around all make a zlib stream
 *          (RFC 1950, in archives) or a gzip member (RFC 1952, elsewhere)
 *   zstd   one frame with its content's checksum
 *   lz4    one frame with its content's checksum */

#include "sys/buf.h"
#include "sys/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum Codec {
    CODEC_NONE,
    CODEC_GZIP,
    CODEC_LZ4,
    CODEC_ZSTD,
    _CODEC_MAX,
} Codec;

typedef struct CodecSpec {
    Codec codec;
    int level; /* gzip: 1 to 3 by ISA-L, 4 to 9 by zlib; zstd: 1 to 19; lz4: none */
} CodecSpec;

const char *codec_to_string(Codec codec); /* "none", "gzip", "lz4", "zstd" */

/* Encoding: one Encoder for each thread. */
typedef struct Encoder Encoder;
Encoder *encoder_new(const CodecSpec *spec);
void encoder_free(Encoder *e);
/* Appends the compressed piece to `out`. */
int encoder_piece(Encoder *e, const void *data, size_t size, Buf *out, Err *err);
/* Decodes a piece again and compares: ERR_INTERNAL when it does not come back the same, which only
 * broken memory or a broken library can lead to. */
int encoder_check(Encoder *e, const void *data, size_t size, const void *piece, size_t piece_size,
                  Err *err);

/* Decoding a stream: zlib streams (archives), gzip members, zstd or lz4 frames, any number of them,
 * as their tools read it. */
typedef struct Decoder Decoder;
typedef int (*DecoderSink)(void *userdata, const void *data, size_t size, Err *err);

typedef enum DecoderInput {
    DECODER_FILE,  /* gzip members, or frames, one behind the other to the end of a file */
    DECODER_BLOCK, /* of an archive: exactly one zlib stream; or frames, each ending with a chunk */
} DecoderInput;

Decoder *decoder_new(Codec codec, DecoderInput input);
void decoder_free(Decoder *d);
/* Starts the next stream. */
void decoder_begin(Decoder *d);
/* ERR_DAMAGED for what does not decode, and for what pg_restore would silently lose: a frame that
 * ends inside a chunk. */
int decoder_write(Decoder *d, const void *data, size_t size, bool ends_chunk, DecoderSink sink,
                  void *userdata, Err *err);
/* ERR_DAMAGED when the input has ended before its format did. */
int decoder_finish(Decoder *d, Err *err);
