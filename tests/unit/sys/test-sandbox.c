#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/child.h"
#include "sys/mem.h"
#include "sys/sandbox.h"

static char *const no_env[] = { NULL };

/* What a shell in a sandbox says; NULL where it was not started or has failed. */
static char *say(const Sandbox *sandbox, const char *script, const char *cwd)
{
    char *argv[] = { mem_strdup("sh"), mem_strdup("-c"), mem_strdup(script), NULL };
    char *said = NULL;
    const ChildSpec spec = {
        .path = "/bin/sh",
        .argv = argv,
        .env = no_env,
        .pipe = CHILD_STDOUT,
        .cwd = cwd,
        .sandbox = sandbox,
    };

    (void)child_output(&spec, 4096, &said, NULL);
    for (size_t i = 0; argv[i]; i++)
        free(argv[i]);
    return said;
}

static Sandbox make_sandbox(const char *writable_dir)
{
    const char *const writable[] = { writable_dir, NULL };
    const LandlockSpec spec = { .writable = writable };
    Sandbox s = { 0 };

    ck_assert_int_eq(landlock_new(&spec, &s.landlock), 0);
    return s;
}

START_TEST(what_a_program_in_it_starts_is_in_it)
{
    char *top = unit_mkdir();
    _cleanup_free_ char *inside = mem_printf("%s/in", top), *said = NULL, *again = NULL;
    const char script[] = "sh -c 'setsid sh -c \"touch ../file\"' 2>/dev/null; echo $?; ls ..";

    ck_assert_int_eq(mkdir(inside, 0700), 0);
    Sandbox s = make_sandbox(inside);
    said = say(&s, script, inside);
    ck_assert_str_eq(said, landlock_gaps(s.landlock).files ? "0\nfile\nin\n" : "1\nin\n");
    again = say(/* sandbox= */ NULL, script, inside);
    ck_assert_str_eq(again, "0\nfile\nin\n");
    sandbox_done(&s);
    unit_rmdir(top);
}
END_TEST

START_TEST(it_begins_as_any_child_does)
{
    /* Of the signals, all but the last two, which are the C library's; not of the shell, which
     * blocks them while it waits. */
    static const char script[] =
        "pwd; ls /proc/self/fd | tr '\\n' ' '; [ $(cut -d' ' -f5 /proc/$$/stat) = $$ ] && echo "
        "leads; exec sed -n 's/^\\(Sig[BIC]..:\\).*\\(.......\\)$/\\1 \\2/p' /proc/self/status";
    char *top = unit_mkdir();
    Sandbox s = { 0 };
    _cleanup_free_ char *in = say(&s, script, top), *out = say(/* sandbox= */ NULL, script, top);

    ck_assert_ptr_nonnull(strstr(in, "leads"));
    ck_assert_str_eq(in, out);
    unit_rmdir(top);
}
END_TEST

START_TEST(no_privilege_is_to_be_had_in_it)
{
    Sandbox s = { 0 };
    _cleanup_free_ char *said = say(&s, "grep NoNewPrivs /proc/self/status", NULL);
    ck_assert_str_eq(said, "NoNewPrivs:\t1\n");
}
END_TEST

START_TEST(its_network_is_taken_away_where_that_can_be)
{
    static const char script[] = "sed 1,2d /proc/net/dev | cut -d: -f1 | tr -d ' \\n'";
    Sandbox s = { 0 };

    sandbox_take_network(&s);
    _cleanup_free_ char *in = say(&s, script, NULL), *out = say(/* sandbox= */ NULL, script, NULL);
    if (s.no_network)
        ck_assert_str_eq(in, "lo");
    else
        ck_assert_str_eq(in, out);
    ck_assert(s.no_network || geteuid() != 0);
}
END_TEST

START_TEST(its_input_and_its_errors_reach_it_as_they_reach_any_child)
{
    char *argv[] = { mem_strdup("sh"), mem_strdup("-c"),
                     mem_strdup("read x; echo \"error: $x\" >&2; exit 3"), NULL };
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_err_ Err err = { 0 };
    const Sandbox s = { 0 };
    const ChildSpec spec = {
        .path = "/bin/sh",
        .argv = argv,
        .env = no_env,
        .pipe = CHILD_STDIN,
        .sandbox = &s,
    };

    ck_assert_int_eq(child_spawn(&c, &spec, NULL), 0);
    ck_assert_int_eq(child_write(&c, "word\n", 5, NULL), 0);
    child_close_stdin(&c);
    ck_assert_int_lt(child_wait(&c, &err), 0);
    ck_assert_str_eq(err.message, "sh exited with status 3: error: word");
    for (size_t i = 0; argv[i]; i++)
        free(argv[i]);
}
END_TEST

static int start(const char *path, const Sandbox *sandbox)
{
    char name[] = "program", *const argv[] = { name, NULL };
    _cleanup_child_ Child c = CHILD_INIT;
    const ChildSpec spec = {
        .path = path,
        .argv = argv,
        .env = no_env,
        .pipe = CHILD_NEITHER,
        .sandbox = sandbox,
    };
    return child_spawn(&c, &spec, NULL);
}

START_TEST(a_program_that_is_not_there_is_told)
{
    const Sandbox s = { 0 };
    ck_assert_int_eq(start("/nonexistent", &s), -ENOENT);
    ck_assert_int_eq(start("/etc/passwd", &s), -EACCES);
}
END_TEST

/* The kernel takes sixteen sets of rules, one below the other. */
START_TEST(what_cannot_enter_it_is_not_started)
{
    Sandbox s = make_sandbox("/tmp");
    int entered = 0;

    ck_assert_int_eq(start("/bin/true", &s), 0);
    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    while (s.landlock && landlock_enter(s.landlock) == 0 && entered < 1000)
        entered++;
    ck_assert_int_eq(start("/bin/true", &s), s.landlock ? -E2BIG : 0);
    sandbox_done(&s);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(what_a_program_in_it_starts_is_in_it),
    UNIT_TEST(it_begins_as_any_child_does),
    UNIT_TEST(no_privilege_is_to_be_had_in_it),
    UNIT_TEST(its_network_is_taken_away_where_that_can_be),
    UNIT_TEST(its_input_and_its_errors_reach_it_as_they_reach_any_child),
    UNIT_TEST(a_program_that_is_not_there_is_told),
    UNIT_TEST(what_cannot_enter_it_is_not_started),
};

UNIT_MAIN("sandbox", tests)
