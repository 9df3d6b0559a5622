#include "archive/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
/* Compiled into this file: a row is hashed without a call, which is a fifth of the time. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sys/mem.h"

#define HALF_DIGITS 16

struct DigestStream {
    XXH3_state_t *state; /* allocated by xxHash, which wants it aligned */
};

static inline void add_hash(Digest *d, XXH128_hash_t hash)
{
    d->low += hash.low64;
    d->high += hash.high64;
}

void digest_add(Digest *d, const void *data, size_t size)
{
    add_hash(d, XXH3_128bits(data, size));
}

size_t digest_add_rows(Digest *d, const char *data, size_t size, uint64_t *count)
{
    const char *row = data, *end = data + size, *line_feed;
    Digest sum = *d;
    uint64_t rows = 0;

    while (row < end && (line_feed = memchr(row, '\n', (size_t)(end - row)))) {
        size_t length = (size_t)(line_feed - row);
        bool short_enough = length == 2 || (length == 3 && row[2] == '\r');
        if (short_enough && row[0] == '\\' && row[1] == '.')
            break;
        add_hash(&sum, XXH3_128bits(row, length));
        rows++;
        row = line_feed + 1;
    }

    *d = sum;
    *count += rows;
    return (size_t)(row - data);
}

void digest_unite(Digest *d, const Digest *other)
{
    d->low += other->low;
    d->high += other->high;
}

static const char digits[] = "0123456789abcdef";

static void format_half(uint64_t value, char *ret)
{
    for (size_t i = HALF_DIGITS; i-- > 0; value >>= 4)
        ret[i] = digits[value & 15];
}

void digest_format(const Digest *d, char ret[static DIGEST_HEX_SIZE])
{
    format_half(d->high, ret);
    format_half(d->low, ret + HALF_DIGITS);
    ret[DIGEST_HEX_SIZE - 1] = '\0';
}

static int parse_half(const char *text, uint64_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < HALF_DIGITS; i++) {
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit)
            return -EINVAL;
        value = value << 4 | (uint64_t)(digit - digits);
    }
    *ret = value;
    return 0;
}

int digest_parse(const char *text, Digest *ret)
{
    Digest d;

    if (strlen(text) != DIGEST_HEX_SIZE - 1)
        return -EINVAL;
    if (parse_half(text, &d.high) < 0 || parse_half(text + HALF_DIGITS, &d.low) < 0)
        return -EINVAL;
    *ret = d;
    return 0;
}

DigestStream *digest_stream_new(void)
{
    DigestStream *s = mem_zero(1, sizeof(*s));
    s->state = XXH3_createState();
    if (!s->state)
        mem_fail();
    return s;
}

void digest_stream_begin(DigestStream *s)
{
    XXH3_128bits_reset(s->state);
}

void digest_stream_write(DigestStream *s, const void *data, size_t size)
{
    XXH3_128bits_update(s->state, data, size);
}

void digest_stream_end(DigestStream *s, Digest *d)
{
    add_hash(d, XXH3_128bits_digest(s->state));
}

void digest_stream_free(DigestStream *s)
{
    if (!s)
        return;
    XXH3_freeState(s->state);
    free(s);
}
