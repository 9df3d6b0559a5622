#pragma once

/* A pool of texts, each kept once. For the names in a database: a schema is that of thousands of
 * tables, and a table's own name is that of its definition and of its rows. A text costs its bytes
 * and about 12 more; all of them are freed together.
 *
 *     Names n = {0};
 *     const char *name = names_keep(&n, "orders");     the same pointer for the same text
 *     names_done(&n) */

#include <stddef.h>
#include <stdint.h>

typedef struct Names {
    const char **slots; /* a hash table with open addressing; NULL where it is empty */
    size_t slot_count;  /* a power of two */
    size_t count;
    uint64_t seed; /* of the hashes */
    char *block;   /* the newest; it begins with a pointer to the one before it */
    char *end;     /* of the block */
    size_t left;   /* so many bytes before its end */
} Names;

/* Valid until names_done(). */
const char *names_keep(Names *n, const char *text);
void names_done(Names *n);
