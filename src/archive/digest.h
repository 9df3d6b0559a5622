#pragma once

/* Digests of contents: XXH3-128 (xxHash) of each element, and sums of those as digests of
 * multisets, which do not depend on the order of the elements. They find accidents, not forgeries:
 * whoever can choose the rows can make two tables of equal digest. SHA-256 stands guard over files.
 *
 * Definition: H(x) is XXH3_128bits(x, seed 0) with its halves low64 and high64. The digest of a
 * multiset is (sum of all low64 modulo 2^64, sum of all high64 modulo 2^64), written as 32
 * lower-case hex digits, high first. The empty multiset is 32 zeroes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Digest {
    uint64_t low, high;
} Digest;

#define DIGEST_HEX_SIZE 33

/* Adds H(data) to the multiset. */
void digest_add(Digest *d, const void *data, size_t size);
/* Adds each row of COPY text, a line without its line feed, and adds their number to *count. Stops
 * in front of the line "\.", be it with a carriage return, and of a row whose line feed is not
 * there yet; returns how many bytes came before. */
size_t digest_add_rows(Digest *d, const char *data, size_t size, uint64_t *count);
/* Unites two multisets. */
void digest_unite(Digest *d, const Digest *other);
static inline bool digest_equal(const Digest *a, const Digest *b)
{
    return a->low == b->low && a->high == b->high;
}
void digest_format(const Digest *d, char ret[static DIGEST_HEX_SIZE]);
/* -EINVAL for what digest_format() does not write. */
int digest_parse(const char *text, Digest *ret);

/* One element that comes in pieces. */
typedef struct DigestStream DigestStream;
DigestStream *digest_stream_new(void);
void digest_stream_begin(DigestStream *s);
void digest_stream_write(DigestStream *s, const void *data, size_t size);
/* Adds H(all since begin) to the multiset. */
void digest_stream_end(DigestStream *s, Digest *d);
void digest_stream_free(DigestStream *s);
