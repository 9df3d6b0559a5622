#pragma once

/* A growing byte buffer. `data` is NUL-terminated behind `size` once anything was appended, so that
 * it serves as a string. Start from `Buf b = {0}`, end with buf_done() or take the string. */

#include <stddef.h>

typedef struct Buf {
    char *data;
    size_t size;     /* bytes used, without the NUL */
    size_t capacity; /* bytes allocated */
} Buf;

#define _cleanup_buf_ _cleanup_(buf_done)

void buf_add(Buf *b, const void *data, size_t size);
void buf_adds(Buf *b, const char *s);
void buf_addc(Buf *b, char c);
void buf_addf(Buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* For whoever fills a buffer by other means: room for at least `size` bytes behind those in use,
 * then how many of them were written. */
char *buf_room(Buf *b, size_t size);
void buf_commit(Buf *b, size_t size);

/* Hands over the string (never NULL, "" when empty) and leaves the buffer empty. */
char *buf_take(Buf *b);
void buf_done(Buf *b);
