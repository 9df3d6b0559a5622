#pragma once

/* The digest of one text that comes in pieces, without the line feeds at its start and its end:
 * these are pg_dump's own, and differ between its formats. */

#include "archive/digest.h"

typedef struct TextDigest {
    DigestStream *stream;
    uint64_t bytes;      /* so far, without the line feeds at either end */
    uint64_t line_feeds; /* that belong to the text if more comes */
} TextDigest;

void text_digest_init(TextDigest *t);
void text_digest_begin(TextDigest *t);
void text_digest_write(TextDigest *t, const void *data, size_t size);
/* Adds H(text) to the multiset. */
void text_digest_end(TextDigest *t, Digest *d);
void text_digest_done(TextDigest *t);
