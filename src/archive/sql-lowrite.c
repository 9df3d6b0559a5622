#include "archive/sql-lowrite.h"

#include <errno.h>

#define PIECE_SIZE 4096
#define NO_DIGIT 0xFF

static unsigned char digit_value(char c)
{
    /* Each value plus one, so that what is no digit has 0. */
    static const unsigned char values[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
        ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
        ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    };
    return (unsigned char)(values[(unsigned char)c] - 1); /* 0 becomes NO_DIGIT */
}

void lowrite_begin(Lowrite *w, bool backslash_escapes)
{
    *w = (Lowrite){ .state = LOWRITE_MARK, .expected = backslash_escapes ? "\\\\x" : "\\x" };
}

static int take_expected(Lowrite *w, char c)
{
    if (*w->expected == '\0' || c != *w->expected)
        return -EINVAL;
    w->expected++;
    if (w->state == LOWRITE_MARK && *w->expected == '\0')
        w->state = LOWRITE_HIGH_DIGIT;
    return 0;
}

/* Whole bytes: decodes as many as there are, and fit, from data[*at] on. */
static size_t decode_bytes(const char *data, size_t size, size_t *at, unsigned char *ret)
{
    size_t count = 0;

    while (count < PIECE_SIZE && *at + 1 < size) {
        unsigned char high = digit_value(data[*at]), low = digit_value(data[*at + 1]);
        if (high == NO_DIGIT || low == NO_DIGIT)
            break;
        ret[count++] = (unsigned char)(high << 4 | low);
        *at += 2;
    }
    return count;
}

static int take_high_digit(Lowrite *w, char c)
{
    if (c == '\'') {
        w->state = LOWRITE_TAIL;
        w->expected = ");";
        return 0;
    }
    w->high = digit_value(c);
    w->state = LOWRITE_LOW_DIGIT;
    return w->high == NO_DIGIT ? -EINVAL : 0;
}

/* Of a byte that the end of a piece has cut in two. */
static int take_low_digit(Lowrite *w, char c, DigestStream *stream, uint64_t *bytes)
{
    unsigned char low = digit_value(c), byte = (unsigned char)(w->high << 4 | low);
    if (low == NO_DIGIT)
        return -EINVAL;

    digest_stream_write(stream, &byte, 1);
    (*bytes)++;
    w->state = LOWRITE_HIGH_DIGIT;
    return 0;
}

int lowrite_take(Lowrite *w, const char *data, size_t size, DigestStream *stream, uint64_t *bytes)
{
    unsigned char piece[PIECE_SIZE];

    for (size_t i = 0; i < size;) {
        size_t count = w->state == LOWRITE_HIGH_DIGIT ? decode_bytes(data, size, &i, piece) : 0;
        if (count > 0) {
            digest_stream_write(stream, piece, count);
            *bytes += count;
            continue;
        }

        char c = data[i++];
        int r = w->state == LOWRITE_HIGH_DIGIT  ? take_high_digit(w, c)
                : w->state == LOWRITE_LOW_DIGIT ? take_low_digit(w, c, stream, bytes)
                                                : take_expected(w, c);
        if (r < 0)
            return r;
    }
    return 0;
}

bool lowrite_ended(const Lowrite *w)
{
    return w->state == LOWRITE_TAIL && *w->expected == '\0';
}
