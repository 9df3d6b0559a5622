#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/buf.h"
#include "sys/cancel.h"
#include "sys/child.h"
#include "sys/mem.h"

static char *const no_env[] = { NULL };

/* A child that runs a few words of shell: the stand-in for programs that misbehave. */
static int spawn_shell(Child *c, const char *script, ChildPipe pipe, usec_t stall_timeout, Err *err)
{
    char *copy = mem_strdup(script);
    char *argv[] = { mem_strdup("sh"), mem_strdup("-c"), copy, NULL };
    ChildSpec spec = {
        .path = "/bin/sh",
        .argv = argv,
        .env = no_env,
        .pipe = pipe,
        .stall_timeout = stall_timeout,
    };

    int r = child_spawn(c, &spec, err);
    for (size_t i = 0; argv[i]; i++)
        free(argv[i]);
    return r;
}

static void read_all(Child *c, Buf *ret)
{
    char data[4096];
    size_t size;

    do {
        ck_assert_int_eq(child_read(c, data, sizeof(data), &size, NULL), 0);
        buf_add(ret, data, size);
    } while (size > 0);
}

START_TEST(what_a_child_writes_is_read_to_its_end)
{
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_buf_ Buf text = { 0 };

    ck_assert_int_eq(spawn_shell(&c, "printf one; printf two", CHILD_STDOUT, 0, NULL), 0);
    read_all(&c, &text);
    ck_assert_str_eq(text.data, "onetwo");
    ck_assert_int_eq(child_wait(&c, NULL), 0);
}
END_TEST

START_TEST(what_is_written_reaches_the_child)
{
    _cleanup_child_ Child c = CHILD_INIT;
    char *dir = unit_mkdir();
    _cleanup_free_ char *script = mem_printf("exec cat > '%s/got'", dir);
    _cleanup_free_ char *data = mem_zero(3 << 20, 1);

    memset(data, 'x', (3 << 20) - 1);
    ck_assert_int_eq(spawn_shell(&c, script, CHILD_STDIN, 0, NULL), 0);
    ck_assert_int_eq(child_write(&c, data, (3 << 20) - 1, NULL), 0);
    child_close_stdin(&c);
    ck_assert_int_eq(child_wait(&c, NULL), 0);

    _cleanup_free_ char *got = unit_read_file(dir, "got", NULL);
    ck_assert_str_eq(got, data);
    unit_rmdir(dir);
}
END_TEST

START_TEST(an_exit_status_is_an_error_with_the_telling_line)
{
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(
        spawn_shell(&c, "echo first >&2; echo 'x: error: broken' >&2; echo last >&2; exit 3",
                    CHILD_NEITHER, 0, NULL),
        0);
    ck_assert_int_lt(child_wait(&c, &err), 0);
    ck_assert_int_eq(err.kind, ERR_CHILD);
    ck_assert_str_eq(err.message, "sh exited with status 3: x: error: broken");
    ck_assert_uint_eq(c.stderr_lines.count, 3);
}
END_TEST

START_TEST(a_detail_behind_the_telling_line_is_told_too)
{
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(
        spawn_shell(&c, "echo 'x: error: broken.' >&2; echo 'x: detail: by a server' >&2; false",
                    CHILD_NEITHER, 0, NULL),
        0);
    ck_assert_int_lt(child_wait(&c, &err), 0);
    ck_assert_str_eq(err.message, "sh exited with status 1: x: error: broken.; by a server");
}
END_TEST

START_TEST(a_death_by_signal_is_an_error)
{
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(spawn_shell(&c, "kill -SEGV $$", CHILD_NEITHER, 0, NULL), 0);
    ck_assert_int_lt(child_wait(&c, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.message, "killed by signal 11"));
}
END_TEST

static const struct {
    const char *script;
    bool killed;
} deaths[] = {
    { "kill -KILL $$", true },  { "kill -TERM $$", true },  { "kill -XCPU $$", true },
    { "kill -SEGV $$", false }, { "kill -ABRT $$", false }, { "kill -PIPE $$", false },
    { "exit 137", false },      { "exit 0", false },
};

START_TEST(a_kill_is_told_from_a_crash)
{
    _cleanup_child_ Child c = CHILD_INIT;

    ck_assert(!child_was_killed(&c));
    ck_assert_int_eq(spawn_shell(&c, deaths[_i].script, CHILD_NEITHER, 0, NULL), 0);
    (void)child_wait(&c, NULL);
    ck_assert(child_was_killed(&c) == deaths[_i].killed);
}
END_TEST

START_TEST(a_flood_of_stderr_does_not_block_the_data)
{
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_buf_ Buf text = { 0 };
    static const char flood[] =
        "i=0; while [ $i -lt 20000 ]; do echo warning number $i of a great many >&2;"
        " i=$((i+1)); done; echo data";

    ck_assert_int_eq(spawn_shell(&c, flood, CHILD_STDOUT, 0, NULL), 0);
    read_all(&c, &text);
    ck_assert_int_eq(child_wait(&c, NULL), 0);
    ck_assert_str_eq(text.data, "data\n");
    ck_assert_uint_eq(c.stderr_lines.count + c.stderr_dropped, 20000);
    ck_assert_str_eq(c.stderr_lines.items[19999], "warning number 19999 of a great many");
}
END_TEST

START_TEST(stderr_beyond_its_limit_is_counted_and_not_kept)
{
    _cleanup_child_ Child c = CHILD_INIT;

    ck_assert_int_eq(spawn_shell(&c, "head -c 6000000 /dev/zero | tr '\\0' 'e' | fold -w 1000 >&2",
                                 CHILD_NEITHER, 0, NULL),
                     0);
    ck_assert_int_eq(child_wait(&c, NULL), 0);
    ck_assert_uint_le(c.stderr_bytes, CHILD_STDERR_MAX);
    ck_assert_uint_eq(c.stderr_lines.count + c.stderr_dropped, 6000);
    ck_assert_uint_gt(c.stderr_dropped, 0);
}
END_TEST

START_TEST(a_last_line_without_an_end_is_kept)
{
    _cleanup_child_ Child c = CHILD_INIT;

    ck_assert_int_eq(spawn_shell(&c, "printf 'whole\\nhalf' >&2", CHILD_NEITHER, 0, NULL), 0);
    ck_assert_int_eq(child_wait(&c, NULL), 0);
    ck_assert_uint_eq(c.stderr_lines.count, 2);
    ck_assert_str_eq(c.stderr_lines.items[1], "half");
}
END_TEST

START_TEST(a_child_that_moves_nothing_is_stalled)
{
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_err_ Err err = { 0 };
    char data[16];
    size_t size;

    ck_assert_int_eq(spawn_shell(&c, "sleep 60", CHILD_STDOUT, USEC_PER_SEC / 4, NULL), 0);
    ck_assert_int_lt(child_read(&c, data, sizeof(data), &size, &err), 0);
    ck_assert_int_eq(err.kind, ERR_STALLED);
}
END_TEST

START_TEST(a_flood_of_stderr_does_not_hold_off_the_stall_time_out)
{
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_err_ Err err = { 0 };
    char data[16];
    size_t size;
    usec_t begin = clock_monotonic();

    ck_assert_int_eq(spawn_shell(&c, "yes >&2; :", CHILD_STDOUT, USEC_PER_SEC / 4, NULL), 0);
    ck_assert_int_lt(child_read(&c, data, sizeof(data), &size, &err), 0);
    ck_assert_int_eq(err.kind, ERR_STALLED);
    ck_assert_uint_lt(clock_monotonic() - begin, 10 * USEC_PER_SEC);
}
END_TEST

START_TEST(a_grandchild_that_ignores_sigterm_is_killed)
{
    Child c = CHILD_INIT;
    char text[32] = "";
    size_t size;

    ck_assert_int_eq(
        spawn_shell(&c, "sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' & wait",
                    CHILD_STDOUT, 0, NULL),
        0);
    ck_assert_int_eq(child_read(&c, text, sizeof(text) - 1, &size, NULL), 0);
    child_done(&c);

    /* It is a zombie until its new parent has reaped it: what counts is that it runs no more. */
    _cleanup_free_ char *path = mem_printf("/proc/%d/cmdline", atoi(text));
    for (;;) {
        char byte;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, &byte, 1) <= 0)
            break;
        (void)poll(NULL, 0, 10);
    }
}
END_TEST

/* Its end of the pipe is open as long as it lives. */
START_TEST(the_others_of_its_group_are_dead_when_a_child_is_done)
{
    _cleanup_close_ int ours = -1, theirs = -1;
    int ends[2];
    Child c = CHILD_INIT;
    char byte;

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    ours = ends[0];
    theirs = ends[1];
    char *argv[] = { mem_strdup("sh"), mem_strdup("-c"),
                     mem_strdup("sh -c 'trap \"\" TERM; while :; do sleep 1; done' & echo; wait"),
                     NULL };
    ChildSpec spec = {
        .path = "/bin/sh",
        .argv = argv,
        .env = no_env,
        .keep_fds = &theirs,
        .keep_fds_count = 1,
        .pipe = CHILD_STDOUT,
    };
    size_t size;

    ck_assert_int_eq(child_spawn(&c, &spec, NULL), 0);
    ck_assert_int_eq(child_read(&c, &byte, 1, &size, NULL), 0);
    close(TAKE_FD(theirs));
    child_done(&c);
    ck_assert_int_eq(read(ours, &byte, 1), 0);
    for (size_t i = 0; argv[i]; i++)
        free(argv[i]);
}
END_TEST

/* What a watched child has done: it is let go at the second look. */
typedef struct Watched {
    char *path; /* a file that the child waits for */
    uint64_t looks;
} Watched;

static uint64_t let_go(void *userdata)
{
    Watched *w = userdata;

    if (++w->looks == 2)
        unit_write_file(w->path, "go", "", 0);
    return w->looks;
}

START_TEST(a_watched_child_that_gets_on_is_not_stalled)
{
    _cleanup_child_ Child c = CHILD_INIT;
    Watched w = { .path = unit_mkdir() };
    _cleanup_free_ char *script =
        mem_printf("while [ ! -e '%s/go' ]; do sleep 0.05; done; sleep 0.7", w.path);

    /* Without the look after a second, which finds more, it would be stalled before it ends. */
    ck_assert_int_eq(spawn_shell(&c, script, CHILD_NEITHER, 1500 * USEC_PER_MSEC, NULL), 0);
    child_watch(&c, let_go, &w);
    ck_assert_int_eq(child_wait(&c, NULL), 0);
    ck_assert_uint_ge(w.looks, 2);
    unit_rmdir(w.path);
}
END_TEST

static uint64_t always_the_same(void *userdata)
{
    (void)userdata;
    return 4711;
}

START_TEST(a_watched_child_that_gets_nowhere_is_stalled)
{
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(spawn_shell(&c, "sleep 60", CHILD_NEITHER, 50 * USEC_PER_MSEC, NULL), 0);
    child_watch(&c, always_the_same, NULL);
    ck_assert_int_lt(child_wait(&c, &err), 0);
    ck_assert_int_eq(err.kind, ERR_STALLED);
}
END_TEST

START_TEST(a_child_for_which_others_work_is_not_stalled)
{
    _cleanup_child_ Child c = CHILD_INIT;
    Watched w = { .path = unit_mkdir() };
    _cleanup_free_ char *script =
        mem_printf("while [ ! -e '%s/go' ]; do sleep 0.05; done; sleep 0.7", w.path);

    ck_assert_int_eq(spawn_shell(&c, script, CHILD_NEITHER, 1500 * USEC_PER_MSEC, NULL), 0);
    child_watch_work(&c, let_go, &w);
    ck_assert_int_eq(child_wait(&c, NULL), 0);
    unit_rmdir(w.path);
}
END_TEST

START_TEST(a_child_for_which_nobody_works_is_stalled)
{
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(spawn_shell(&c, "sleep 60", CHILD_NEITHER, 50 * USEC_PER_MSEC, NULL), 0);
    child_watch_work(&c, always_the_same, NULL);
    ck_assert_int_lt(child_wait(&c, &err), 0);
    ck_assert_int_eq(err.kind, ERR_STALLED);
}
END_TEST

START_TEST(what_a_child_has_read_is_known)
{
    _cleanup_child_ Child c = CHILD_INIT;
    char byte;
    size_t size;

    ck_assert_int_eq(spawn_shell(&c, "read -r line < /proc/self/status; echo; exec sleep 60",
                                 CHILD_STDOUT, 0, NULL),
                     0);
    ck_assert_int_eq(child_read(&c, &byte, 1, &size, NULL), 0);
    ck_assert_uint_gt(child_bytes_read(&c), 0);
    child_done(&c);
    ck_assert_uint_eq(child_bytes_read(&c), 0);
}
END_TEST

START_TEST(a_child_that_closed_its_stderr_and_lingers_is_stalled)
{
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(spawn_shell(&c, "exec 2>&-; sleep 60", CHILD_NEITHER, USEC_PER_SEC / 4, NULL),
                     0);
    ck_assert_int_lt(child_wait(&c, &err), 0);
    ck_assert_int_eq(err.kind, ERR_STALLED);
}
END_TEST

START_TEST(a_child_that_ignores_sigterm_is_killed)
{
    Child c = CHILD_INIT;
    char ready[16];
    size_t size;

    ck_assert_int_eq(spawn_shell(&c, "trap '' TERM; echo ready; while :; do sleep 1; done",
                                 CHILD_STDOUT, 0, NULL),
                     0);
    ck_assert_int_eq(child_read(&c, ready, sizeof(ready), &size, NULL), 0);
    pid_t pid = c.pid;
    child_done(&c);
    ck_assert_int_eq(kill(pid, 0), -1);
    ck_assert_int_eq(errno, ESRCH);
}
END_TEST

START_TEST(a_signal_ends_the_wait)
{
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_err_ Err err = { 0 };
    char data[16];
    size_t size;

    ck_assert_int_eq(cancel_init(), 0);
    ck_assert(!cancel_requested());
    ck_assert_int_eq(spawn_shell(&c, "sleep 60", CHILD_STDOUT, 0, NULL), 0);
    ck_assert_int_eq(kill(getpid(), SIGTERM), 0);
    ck_assert_int_lt(child_read(&c, data, sizeof(data), &size, &err), 0);
    ck_assert_int_eq(err.kind, ERR_CANCELLED);
    ck_assert_str_eq(err.message, "stopped by SIGTERM");
    ck_assert(cancel_requested());
}
END_TEST

START_TEST(a_child_has_signals_at_their_defaults)
{
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(cancel_init(), 0);
    ck_assert_ptr_ne(signal(SIGPIPE, SIG_IGN), SIG_ERR);
    ck_assert_int_eq(spawn_shell(&c, "kill -TERM $$; sleep 60", CHILD_NEITHER, 0, NULL), 0);
    ck_assert_int_lt(child_wait(&c, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.message, "killed by signal 15"));
}
END_TEST

START_TEST(writing_to_a_child_that_ended_tells_so)
{
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_free_ char *data = mem_zero(4 << 20, 1);

    ck_assert_ptr_ne(signal(SIGPIPE, SIG_IGN), SIG_ERR);
    ck_assert_int_eq(spawn_shell(&c, "exec <&-; exit 1", CHILD_STDIN, 0, NULL), 0);
    ck_assert_int_eq(child_write(&c, data, 4 << 20, NULL), -EPIPE);
}
END_TEST

START_TEST(only_the_descriptors_that_are_named_are_inherited)
{
    _cleanup_close_ int kept = memfd_create("kept", MFD_CLOEXEC),
                        other = memfd_create("other", MFD_CLOEXEC);
    _cleanup_free_ char *script = mem_printf("[ -e /proc/self/fd/%d ] && [ ! -e /proc/self/fd/%d ]"
                                             " && echo right",
                                             kept, other);
    char *argv[] = { mem_strdup("sh"), mem_strdup("-c"), script, NULL };
    _cleanup_free_ char *text = NULL;
    ChildSpec spec = {
        .path = "/bin/sh",
        .argv = argv,
        .env = no_env,
        .keep_fds = &kept,
        .keep_fds_count = 1,
        .pipe = CHILD_STDOUT,
    };

    ck_assert_int_eq(child_output(&spec, 100, &text, NULL), 0);
    ck_assert_str_eq(text, "right\n");
    free(argv[0]);
    free(argv[1]);
}
END_TEST

START_TEST(a_child_works_where_it_is_told_and_logs_there)
{
    char *dir = unit_mkdir(), *argv[] = { mem_strdup("pwd"), NULL, NULL };
    _cleanup_close_ int log = memfd_create("log", MFD_CLOEXEC);
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_free_ char *text = NULL;
    char words[64] = "";
    ChildSpec spec = { .path = "/bin/pwd", .argv = argv, .env = no_env, .cwd = dir };

    ck_assert_int_eq(child_output(&spec, strlen(dir), &text, NULL), 0);
    ck_assert_str_eq(text, dir);

    argv[1] = mem_strdup("--no-such");
    spec.stderr_fd = &log;
    ck_assert_int_eq(child_spawn(&c, &spec, NULL), 0);
    ck_assert_int_lt(child_wait(&c, NULL), 0);
    ck_assert_uint_eq(c.stderr_lines.count, 0);
    ck_assert_int_gt(pread(log, words, sizeof(words) - 1, 0), 0);
    ck_assert_ptr_nonnull(strstr(words, "no-such"));
    free(argv[0]);
    free(argv[1]);
    unit_rmdir(dir);
}
END_TEST

START_TEST(a_child_is_ended_by_its_own_signal)
{
    static const char script[] = "trap 'echo told >&2; exit' USR1; echo; while :; do :; done";
    char *argv[] = { mem_strdup("sh"), mem_strdup("-c"), mem_strdup(script), NULL };
    _cleanup_close_ int log = memfd_create("log", MFD_CLOEXEC);
    ChildSpec spec = { .path = "/bin/sh", .argv = argv, .env = no_env, .pipe = CHILD_STDOUT };
    char words[8] = "";
    size_t size;
    Child c = CHILD_INIT;

    spec.stderr_fd = &log;
    spec.end_signal = SIGUSR1;
    ck_assert_int_eq(child_spawn(&c, &spec, NULL), 0);
    ck_assert_int_eq(child_read(&c, words, 1, &size, NULL), 0);
    ck_assert(!child_ended(&c));
    child_done(&c);
    ck_assert_int_eq(pread(log, words, sizeof(words) - 1, 0), 5);
    ck_assert_str_eq(words, "told\n");
    for (size_t i = 0; argv[i]; i++)
        free(argv[i]);
}
END_TEST

START_TEST(a_program_that_is_not_there_is_named)
{
    char *argv[] = { NULL };
    ChildSpec spec = { .path = "/no/such/program", .argv = argv, .env = no_env };
    _cleanup_child_ Child c = CHILD_INIT;
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_lt(child_spawn(&c, &spec, &err), 0);
    ck_assert_str_eq(err.message,
                     "could not start \"/no/such/program\": No such file or directory");
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(what_a_child_writes_is_read_to_its_end),
    UNIT_TEST(what_is_written_reaches_the_child),
    UNIT_TEST(an_exit_status_is_an_error_with_the_telling_line),
    UNIT_TEST(a_detail_behind_the_telling_line_is_told_too),
    UNIT_TEST(a_death_by_signal_is_an_error),
    UNIT_LOOP(a_kill_is_told_from_a_crash, ELEMENTSOF(deaths)),
    UNIT_TEST(a_flood_of_stderr_does_not_block_the_data),
    UNIT_TEST(stderr_beyond_its_limit_is_counted_and_not_kept),
    UNIT_TEST(a_last_line_without_an_end_is_kept),
    UNIT_TEST(a_child_that_moves_nothing_is_stalled),
    UNIT_TEST(a_flood_of_stderr_does_not_hold_off_the_stall_time_out),
    UNIT_TEST(a_grandchild_that_ignores_sigterm_is_killed),
    UNIT_TEST(the_others_of_its_group_are_dead_when_a_child_is_done),
    UNIT_TEST(a_watched_child_that_gets_on_is_not_stalled),
    UNIT_TEST(a_watched_child_that_gets_nowhere_is_stalled),
    UNIT_TEST(a_child_for_which_others_work_is_not_stalled),
    UNIT_TEST(a_child_for_which_nobody_works_is_stalled),
    UNIT_TEST(what_a_child_has_read_is_known),
    UNIT_TEST(a_child_that_closed_its_stderr_and_lingers_is_stalled),
    UNIT_TEST(a_child_that_ignores_sigterm_is_killed),
    UNIT_TEST(a_signal_ends_the_wait),
    UNIT_TEST(a_child_has_signals_at_their_defaults),
    UNIT_TEST(writing_to_a_child_that_ended_tells_so),
    UNIT_TEST(only_the_descriptors_that_are_named_are_inherited),
    UNIT_TEST(a_child_works_where_it_is_told_and_logs_there),
    UNIT_TEST(a_child_is_ended_by_its_own_signal),
    UNIT_TEST(a_program_that_is_not_there_is_named),
};

UNIT_MAIN("child", tests)
