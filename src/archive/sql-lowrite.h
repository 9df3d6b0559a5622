#pragma once

/* Decodes the data of a large object while a statement
 *
 *     SELECT pg_catalog.lowrite(0, '\x68656c6c6f');
 *
 * streams by. What comes here begins behind the first quote; it is -EINVAL where it is not exactly
 * as pg_dump writes it. */

#include "archive/digest.h"

typedef enum LowriteState {
    LOWRITE_MARK,       /* in front of \x */
    LOWRITE_HIGH_DIGIT, /* of a byte; or the quote that ends them */
    LOWRITE_LOW_DIGIT,
    LOWRITE_TAIL, /* in front of ); */
} LowriteState;

typedef struct Lowrite {
    LowriteState state;
    const char *expected; /* what is left of the mark or the tail */
    unsigned char high;   /* digit */
} Lowrite;

/* `backslash_escapes`: pg_dump doubles the backslash. */
void lowrite_begin(Lowrite *w, bool backslash_escapes);
/* Writes the bytes to the stream and adds their number to *bytes. */
int lowrite_take(Lowrite *w, const char *data, size_t size, DigestStream *stream, uint64_t *bytes);
/* Whether the statement was there to its end. */
bool lowrite_ended(const Lowrite *w);
