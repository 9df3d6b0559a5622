#pragma once

/* A growing list of strings that owns its members; `items` is always NULL-terminated once something
 * was added, so that it serves as an argv. Start from `Strv v = {0}`, end with strv_done(). */

#include <stdbool.h>
#include <stddef.h>

typedef struct Strv {
    char **items; /* NULL-terminated; NULL while empty */
    size_t count;
} Strv;

#define _cleanup_strv_ _cleanup_(strv_done)

void strv_add(Strv *v, const char *s); /* copies */
void strv_addf(Strv *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strv_take(Strv *v, char *s);           /* takes ownership */
void strv_copy(Strv *dst, const Strv *src); /* appends copies of all */
bool strv_contains(const Strv *v, const char *s);
void strv_add_once(Strv *v, const char *s); /* copies, unless it is in it already */
void strv_sort(Strv *v);                    /* by bytes */
void strv_done(Strv *v);
