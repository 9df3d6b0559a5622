#pragma once

/* What every unit test program needs: a main, and a directory that goes away.
 *
 *     static const UnitTest tests[] = {
 *         UNIT_TEST(a_newer_client_is_accepted),
 *     };
 *     UNIT_MAIN("client", tests)
 *
 * A test is one claim, named as a sentence. Check runs each in a process of its own, so that a
 * crash fails one test only. */

#include <check.h>
#include <stddef.h>

/* Check would report each assertion that holds, too, by a write to a file: for the millions of some
 * tests, half a minute. It only tells where a crash was, and that the sanitizers do. */
#define _mark_point(file, line) ((void)0)

typedef struct UnitTest {
    const TTest **test; /* the variable that START_TEST() makes */
    int loops;          /* 0: once; N: with _i from 0 to N-1 */
} UnitTest;

#define UNIT_TEST(name) UNIT_LOOP(name, 0)
#define UNIT_LOOP(name, n) ((UnitTest){ .test = &(name), .loops = n })

/* Runs the tests, prints Check's summary line, returns main's exit code. */
int unit_run(const char *suite, const UnitTest *tests, size_t count);

#define UNIT_MAIN(suite, tests)                                                                    \
    int main(void)                                                                                 \
    {                                                                                              \
        return unit_run(suite, tests, sizeof(tests) / sizeof((tests)[0]));                         \
    }

/* A fresh directory (0700) for the running test; unit_rmdir() removes it with all that it holds. */
char *unit_mkdir(void);
void unit_rmdir(char *path); /* frees the path */

/* A whole file as a string, or the test fails. Caller frees. */
char *unit_read_file(const char *dir, const char *name, size_t *ret_size);
void unit_write_file(const char *dir, const char *name, const void *data, size_t size);

/* The exit status of `sha256sum --check` of a file, run in the directory. */
int unit_sha256sum(const char *dir, const char *name);

/* What has been written to a terminal (openpty(3)'s slave) since the last call. Caller frees. */
char *unit_read_terminal(int master, int slave);
