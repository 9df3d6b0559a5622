#include "sys/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "sys/mem.h"

/* Makes room for `size` more bytes and the NUL behind them. */
static void reserve(Buf *b, size_t size)
{
    size_t needed;
    if (__builtin_add_overflow(b->size, size, &needed) ||
        __builtin_add_overflow(needed, 1, &needed))
        mem_fail();
    if (needed <= b->capacity)
        return;

    size_t doubled;
    if (__builtin_mul_overflow(b->capacity, 2, &doubled))
        mem_fail();
    b->capacity = needed > doubled ? needed : doubled;
    b->data = mem_resize(b->data, b->capacity, 1);
}

char *buf_room(Buf *b, size_t size)
{
    reserve(b, size);
    return b->data + b->size;
}

void buf_commit(Buf *b, size_t size)
{
    assert(b->capacity - b->size > size);
    b->size += size;
    b->data[b->size] = '\0';
}

void buf_add(Buf *b, const void *data, size_t size)
{
    char *room = buf_room(b, size);
    if (size > 0)
        memcpy(room, data, size);
    buf_commit(b, size);
}

void buf_adds(Buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_addc(Buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_addf(Buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    _cleanup_free_ char *text = mem_vprintf(fmt, ap);
    va_end(ap);
    buf_adds(b, text);
}

char *buf_take(Buf *b)
{
    char *data = b->data ? b->data : mem_strdup("");
    *b = (Buf){ 0 };
    return data;
}

void buf_done(Buf *b)
{
    free(b->data);
    *b = (Buf){ 0 };
}
