#pragma once

/* Compresses streams in pieces by a pool of threads, and puts them together in order, with what
 * stands between them:
 *
 *     { pieces_literal*  pieces_begin  pieces_write*  pieces_end }*  pieces_finish
 *
 * Bytes are gathered into jobs of piece_size, whatever the sizes of the calls: a job may be a part
 * of one large stream or thousands of tiny ones with the literals around them, and what becomes of
 * it is handed to the next stage in one call. Memory: 2 * threads + 1 jobs, each with a piece and
 * what it was compressed to. */

#include "stream/codec.h"
#include "stream/stage.h"

#define PIECE_SIZE_DEFAULT ((size_t)512 << 10)

typedef struct PiecesSpec {
    CodecSpec compression;
    CodecForm form;
    /* Writes the head of a chunk that the bytes of a stream come in; NULL for no chunks. Called by
     * the threads; an empty chunk never is. */
    void (*chunk_begin)(Buf *out, size_t size);
    unsigned threads;
    bool check;        /* decode each piece again and compare before it is written */
    size_t piece_size; /* 0: the default */
} PiecesSpec;

typedef struct Pieces Pieces;

/* `stage` is the one that the outcome is forwarded from. */
Pieces *pieces_new(const PiecesSpec *spec, Stage *stage);
void pieces_free(Pieces *p);

/* Bytes that come out as they are. Not inside a stream. */
int pieces_literal(Pieces *p, const void *data, size_t size, Err *err);

/* One stream. An empty one, too, is what its codec makes of it: an empty gzip stream, an empty
 * frame; uncompressed, nothing. */
int pieces_begin(Pieces *p, Err *err);
int pieces_write(Pieces *p, const void *data, size_t size, Err *err);
void pieces_end(Pieces *p);

/* All that is still under way. */
int pieces_finish(Pieces *p, Err *err);
