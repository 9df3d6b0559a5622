#pragma once

/* Compression of pieces, for threads that share nothing, and decompression of streams. The only
 * users of the compression libraries: codec-gzip.c (ISA-L, zlib), codec-lz4.c, codec-zstd.c.
 *
 * A stream is what the codec's tool reads as one: a head, compressed pieces, a tail. A piece is
 *   gzip   raw deflate blocks that end on a byte boundary (a sync flush), none of them the last:
 *          pieces are put behind one another, and head and tail around all make a zlib stream
 *          (RFC 1950, in archives) or a gzip member (RFC 1952, in files)
 *   zstd   one frame with its content's checksum; no head, no tail
 *   lz4    likewise
 *   none   the bytes themselves */

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

/* Where a stream stands. */
typedef enum CodecForm {
    CODEC_FILE,  /* gzip members, or frames, one behind the other to the end of a file */
    CODEC_BLOCK, /* of an archive: exactly one zlib stream; or frames, each ending with a chunk */
} CodecForm;

const char *codec_to_string(Codec codec); /* "none", "gzip", "lz4", "zstd" */

/* Encoding: one Encoder for each thread. */
typedef struct Encoder Encoder;
Encoder *encoder_new(const CodecSpec *spec);
void encoder_free(Encoder *e);
/* Appends the compressed piece to `out`. A piece of no bytes is an empty frame, or, of a gzip
 * stream, nothing. At most 1 GiB. */
int encoder_piece(Encoder *e, const void *data, size_t size, Buf *out, Err *err);
/* Decodes a piece again and compares: ERR_INTERNAL when it does not come back the same, which only
 * broken memory or a broken library can lead to. */
int encoder_check(Encoder *e, const void *data, size_t size, const void *piece, size_t piece_size,
                  Err *err);

/* What a stream's tail has to tell of its pieces. Threads sum pieces; whoever puts them in order
 * joins the sums. Start from {0}, the sum of nothing. */
typedef struct CodecSum {
    uint64_t size;  /* uncompressed */
    uint32_t check; /* Adler-32 or CRC-32 of that; nothing when size is 0 */
} CodecSum;

CodecSum codec_sum(Codec codec, CodecForm form, const void *data, size_t size);
/* sum becomes that of what it was of, with what `next` is of behind it. */
void codec_sum_join(Codec codec, CodecForm form, CodecSum *sum, const CodecSum *next);
/* Append what stands before the first and behind the last piece of a stream. */
void codec_head(Codec codec, CodecForm form, Buf *out);
void codec_tail(Codec codec, CodecForm form, const CodecSum *sum, Buf *out);

/* Decoding: any number of members or frames in a file, as the tools read it, but at least one; in
 * a block what the form says. Memory is bounded: windows of up to 128 MiB, which is what pg_dump's
 * and zstd's highest levels ask for. */
typedef struct Decoder Decoder;
typedef int (*DecoderSink)(void *userdata, const void *data, size_t size, Err *err);

Decoder *decoder_new(Codec codec, CodecForm form);
void decoder_free(Decoder *d);
/* Starts the next stream. */
void decoder_begin(Decoder *d);
/* ERR_DAMAGED for what does not decode, and for what pg_restore would silently lose or hang on: a
 * zstd frame that ends inside a chunk, anything behind a block's zlib stream. */
int decoder_write(Decoder *d, const void *data, size_t size, bool ends_chunk, DecoderSink sink,
                  void *userdata, Err *err);
/* ERR_DAMAGED when the input has ended before its format did. */
int decoder_finish(Decoder *d, Err *err);
