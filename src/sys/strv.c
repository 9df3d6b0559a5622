#include "sys/strv.h"

#include <stdarg.h>
#include <string.h>

#include "sys/mem.h"

void strv_add(Strv *v, const char *s)
{
    strv_take(v, mem_strdup(s));
}

void strv_addf(Strv *v, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strv_take(v, mem_vprintf(fmt, ap));
    va_end(ap);
}

void strv_take(Strv *v, char *s)
{
    /* Grown at powers of two, which the count alone tells: no capacity to keep. */
    if ((v->count & (v->count + 1)) == 0)
        v->items = mem_resize(v->items, (v->count + 1) * 2, sizeof(char *));
    v->items[v->count++] = s;
    v->items[v->count] = NULL;
}

void strv_copy(Strv *dst, const Strv *src)
{
    for (size_t i = 0; i < src->count; i++)
        strv_add(dst, src->items[i]);
}

bool strv_contains(const Strv *v, const char *s)
{
    for (size_t i = 0; i < v->count; i++) {
        if (strcmp(v->items[i], s) == 0)
            return true;
    }
    return false;
}

void strv_add_once(Strv *v, const char *s)
{
    if (!strv_contains(v, s))
        strv_add(v, s);
}

static int order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(Strv *v)
{
    if (v->count > 0)
        qsort(v->items, v->count, sizeof(*v->items), order);
}

void strv_done(Strv *v)
{
    for (size_t i = 0; i < v->count; i++)
        free(v->items[i]);
    free(v->items);
    *v = (Strv){ 0 };
}
