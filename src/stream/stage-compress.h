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

/* Any number of members or frames, as the tools read them, but at least one. Fails on bad headers,
 * checksums and lengths, on an input that ends inside one, and on anything behind the last that is
 * not another one. CODEC_NONE: passes on what comes. */
Stage *stage_decompress_new(Codec codec);
