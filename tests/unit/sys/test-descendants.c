#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/child.h"
#include "sys/descendants.h"
#include "sys/mem.h"

#define TIMEOUT (10 * USEC_PER_SEC)

/* What a shell said, by its end: numbers of processes that it has left. */
static pid_t leave(char *script)
{
    char *argv[] = { mem_strdup("sh"), mem_strdup("-c"), script, NULL };
    char *const env[] = { NULL };
    _cleanup_free_ char *said = NULL;
    const ChildSpec spec = { .path = "/bin/sh", .argv = argv, .env = env, .pipe = CHILD_STDOUT };

    ck_assert_int_eq(child_output(&spec, 64, &said, NULL), 0);
    free(argv[0]);
    free(argv[1]);
    return (pid_t)strtol(said, NULL, 10);
}

static bool lives(pid_t pid)
{
    return kill(pid, 0) == 0;
}

START_TEST(what_has_hidden_in_a_session_of_its_own_is_ended)
{
    char script[] = "exec 2>/dev/null; setsid sh -c 'sleep 60.0043 >/dev/null & echo $!'";
    Descendants d = { 0 };

    descendants_begin(&d);
    pid_t pid = leave(script);
    ck_assert(lives(pid));
    ck_assert_int_eq(descendants_end(&d, TIMEOUT), 0);
    ck_assert(!lives(pid));
}
END_TEST

START_TEST(so_are_its_own_children)
{
    char script[] = "exec 2>/dev/null; (sh -c 'sleep 60.0044 >/dev/null & echo $!; exec >&-; "
                    "wait' &)";
    Descendants d = { 0 };

    descendants_begin(&d);
    pid_t pid = leave(script);
    ck_assert(lives(pid));
    ck_assert_int_eq(descendants_end(&d, TIMEOUT), 0);
    ck_assert(!lives(pid));
}
END_TEST

START_TEST(whoever_was_there_before_is_spared)
{
    Descendants d = { 0 };
    pid_t before = fork();

    if (before == 0) {
        (void)pause();
        _exit(0);
    }
    descendants_begin(&d);
    ck_assert_int_eq(descendants_end(&d, TIMEOUT), 0);
    ck_assert_int_eq(waitpid(before, NULL, WNOHANG), 0);
    (void)kill(before, SIGKILL);
    ck_assert_int_eq(waitpid(before, NULL, 0), before);
}
END_TEST

START_TEST(afterwards_nobody_is_adopted_any_more)
{
    Descendants d = { 0 };
    int adopts = 1;

    descendants_begin(&d);
    ck_assert_int_eq(descendants_end(&d, TIMEOUT), 0);
    ck_assert_int_eq(descendants_end(&d, TIMEOUT), 0);
    ck_assert_int_eq(prctl(PR_GET_CHILD_SUBREAPER, &adopts), 0);
    ck_assert_int_eq(adopts, 0);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(what_has_hidden_in_a_session_of_its_own_is_ended),
    UNIT_TEST(so_are_its_own_children),
    UNIT_TEST(whoever_was_there_before_is_spared),
    UNIT_TEST(afterwards_nobody_is_adopted_any_more),
};

UNIT_MAIN("descendants", tests)
