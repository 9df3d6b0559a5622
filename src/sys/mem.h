#pragma once

/* Ownership in this program, in a few macros and allocators.
 *
 * The variable of whoever creates a thing carries a _cleanup_ attribute; handing it over is
 * TAKE_PTR() or TAKE_FD(). Destructors accept NULL and half-built objects.
 *
 * Memory that cannot be had ends the process (mem_fail()): what a run has committed is durable,
 * what it has not is swept by the next run, so there is nothing that an unwinding could save. None
 * of the allocators here returns NULL. */

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(mem_freep)
#define _cleanup_close_ _cleanup_(mem_closep)

#define TAKE_PTR(p)                                                                                \
    ({                                                                                             \
        typeof(p) *_pp = &(p);                                                                     \
        typeof(p) _p = *_pp;                                                                       \
        *_pp = NULL;                                                                               \
        _p;                                                                                        \
    })

#define TAKE_FD(fd)                                                                                \
    ({                                                                                             \
        int *_fdp = &(fd);                                                                         \
        int _fd = *_fdp;                                                                           \
        *_fdp = -1;                                                                                \
        _fd;                                                                                       \
    })

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))

static inline void mem_freep(void *p)
{
    free(*(void **)p);
}

static inline void mem_closep(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Says "out of memory" on stderr and ends the process with EXIT_CODE_FAILED. */
_Noreturn void mem_fail(void);

/* malloc, calloc, realloc (of an array), strdup, strndup, asprintf and vasprintf that do not fail.
 * mem_strdup(NULL) is NULL. */
void *mem_alloc(size_t size);
void *mem_zero(size_t count, size_t size);
void *mem_resize(void *p, size_t count, size_t size);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *mem_vprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* No core file of this process, nor of its children: they would hold secrets. */
void mem_forbid_core(void);

/* Frees a secret after overwriting it; NULL is fine. */
void mem_wipe_free(char *secret);
