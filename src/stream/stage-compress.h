#pragma once

/* Compresses a stream by a pool of threads, in pieces that are put together in order: one gzip
 * member (RFC 1952), or a frame of zstd or lz4 for each piece, as their tools read them. And the
 * way back. */

#include "stream/codec.h"
#include "stream/stage.h"

typedef struct StageCompressSpec {
    CodecSpec compression;
    unsigned threads;
    bool check;        /* decode each piece again and compare before it is written */
    size_t piece_size; /* 0: the default, 512 KiB */
} StageCompressSpec;

Stage *stage_compress_new(const StageCompressSpec *spec);

/* Fails on what is not a whole number of members or frames. */
Stage *stage_decompress_new(Codec codec);
