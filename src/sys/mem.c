#include "sys/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sys/err.h"

_Noreturn void mem_fail(void)
{
    static const char text[] =
        "pg-backup: out of memory; what was not committed is swept by the next run\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)ignored;
    _exit(EXIT_CODE_FAILED);
}

static void *checked(void *p)
{
    if (!p)
        mem_fail();
    return p;
}

void *mem_alloc(size_t size)
{
    return checked(malloc(size > 0 ? size : 1));
}

void *mem_zero(size_t count, size_t size)
{
    return checked(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *mem_resize(void *p, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        mem_fail();
    return checked(realloc(p, total > 0 ? total : 1));
}

char *mem_strdup(const char *s)
{
    return s ? checked(strdup(s)) : NULL;
}

char *mem_strndup(const char *s, size_t n)
{
    return checked(strndup(s, n));
}

char *mem_printf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *s = mem_vprintf(fmt, ap);
    va_end(ap);
    return s;
}

char *mem_vprintf(const char *fmt, va_list ap)
{
    char *s = NULL;
    if (vasprintf(&s, fmt, ap) < 0)
        mem_fail();
    return s;
}

void mem_wipe_free(char *secret)
{
    if (!secret)
        return;
    explicit_bzero(secret, strlen(secret));
    free(secret);
}

void mem_forbid_core(void)
{
    /* The limit is inherited by children, the flag also keeps a piped core_pattern from seeing us.
     */
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    (void)prctl(PR_SET_DUMPABLE, 0);
}
