#pragma once

/* Questions about strings that libc answers in more words. */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Both may be NULL, which equals nothing but NULL. */
static inline bool text_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static inline bool text_starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static inline bool text_is_one_of(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}
