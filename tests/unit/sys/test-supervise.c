#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/cancel.h"
#include "sys/mem.h"
#include "sys/supervise.h"

static int supervise_shell(const char *script, int *ret_status)
{
    char shell[] = "sh", option[] = "-c";
    _cleanup_free_ char *copy = mem_strdup(script);
    char *argv[] = { shell, option, copy, NULL };

    return supervise(argv, ret_status, NULL);
}

START_TEST(how_it_ended_is_told)
{
    int status;

    ck_assert_int_eq(supervise_shell("exit 3", &status), 0);
    _cleanup_free_ char *exited = supervise_describe("sh", status);
    ck_assert_str_eq(exited, "sh exited with status 3");

    ck_assert_int_eq(supervise_shell("kill -9 $$", &status), 0);
    _cleanup_free_ char *killed = supervise_describe("sh", status);
    ck_assert_str_eq(killed, "sh was killed by signal 9 (Killed)");
}
END_TEST

START_TEST(it_has_our_environment_and_nothing_to_read)
{
    int status;

    ck_assert_int_eq(setenv("PG_BACKUP_TEST_WORD", "inherited", 1), 0);
    ck_assert_int_eq(
        supervise_shell("test \"$PG_BACKUP_TEST_WORD\" = inherited && ! read x", &status), 0);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_program_that_is_not_there_is_named)
{
    char name[] = "no-such-program";
    char *argv[] = { name, NULL };
    _cleanup_err_ Err err = { 0 };
    int status;

    ck_assert_int_lt(supervise(argv, &status, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.message, "could not start \"no-such-program\""));
}
END_TEST

/* The shell, like supercronic, has its child in a group of its own, and waits for it. */
START_TEST(a_stop_reaches_what_it_has_started)
{
    char *dir = unit_mkdir();
    _cleanup_free_ char *script =
        mem_printf("trap 'echo parent >> %s/told' TERM\n"
                   "setsid sh -c 'trap \"echo child >> %s/told; exit\" TERM; kill -TERM %d; "
                   "while :; do sleep 0.05; done' &\n"
                   "wait; wait",
                   dir, dir, (int)getpid());
    int status;

    ck_assert_int_eq(cancel_init(), 0);
    ck_assert_int_eq(supervise_shell(script, &status), 0);
    _cleanup_free_ char *told = unit_read_file(dir, "told", NULL);
    ck_assert_ptr_nonnull(strstr(told, "parent"));
    ck_assert_ptr_nonnull(strstr(told, "child"));
    unit_rmdir(dir);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(how_it_ended_is_told),
    UNIT_TEST(it_has_our_environment_and_nothing_to_read),
    UNIT_TEST(a_program_that_is_not_there_is_named),
    UNIT_TEST(a_stop_reaches_what_it_has_started),
};
UNIT_MAIN("supervise", tests)
