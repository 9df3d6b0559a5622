#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "sys/child.h"
#include "sys/fs.h"
#include "sys/mem.h"
#include "sys/process.h"

#define TIMEOUT (10 * USEC_PER_SEC)

static const char *const sleeps[] = { "sleep", NULL };
static const char *const others[] = { "postgres", NULL };

/* posix_spawn(3) returns while exec(2) is under way; the arguments appear at its end. */
static void wait_for_exec(const Child *c)
{
    _cleanup_free_ char *path = mem_printf("/proc/%d/cmdline", (int)c->pid);

    for (;;) {
        _cleanup_free_ char *cmdline = NULL;
        ck_assert_int_eq(fs_read_file(AT_FDCWD, path, 4096, &cmdline, NULL), 0);
        if (strcmp(cmdline, "sleep") == 0)
            return;
        ck_assert_int_eq(child_pause(NULL), 0);
    }
}

/* What only our own child is told: others may run these tests at the same time. */
static char *own_word(void)
{
    return mem_printf("60.%06d", (int)getpid());
}

/* A program that runs for a minute in a directory; back once it is that program. */
static Child start_sleep(const char *dir)
{
    char *argv[] = { mem_strdup("sleep"), own_word(), NULL };
    char *const env[] = { NULL };
    ChildSpec spec = {
        .path = "/bin/sleep",
        .argv = argv,
        .env = env,
        .pipe = CHILD_NEITHER,
        .cwd = dir,
    };
    Child c = CHILD_INIT;

    ck_assert_int_eq(child_spawn(&c, &spec, NULL), 0);
    free(argv[0]);
    free(argv[1]);
    wait_for_exec(&c);
    return c;
}

static ProcessFilter filter_for(const char *dir)
{
    return (ProcessFilter){
        .uid = geteuid(),
        .programs = sleeps,
        .dir = dir,
        .word = "no such word",
    };
}

static bool was_killed(Child *c)
{
    return child_ended(c) && WIFSIGNALED(c->wait_status) && WTERMSIG(c->wait_status) == SIGKILL;
}

START_TEST(a_process_that_works_in_the_directory_is_killed)
{
    char *dir = unit_mkdir();
    _cleanup_child_ Child c = start_sleep(dir);
    ProcessFilter filter = filter_for(dir);

    ck_assert_int_eq(process_kill(&filter, TIMEOUT), 0);
    ck_assert(was_killed(&c));
    unit_rmdir(dir);
}
END_TEST

START_TEST(a_process_that_was_told_the_word_is_killed)
{
    char *dir = unit_mkdir();
    _cleanup_child_ Child c = start_sleep("/");
    _cleanup_free_ char *word = own_word();
    ProcessFilter filter = filter_for(dir);

    filter.word = word;
    ck_assert_int_eq(process_kill(&filter, TIMEOUT), 0);
    ck_assert(was_killed(&c));
    unit_rmdir(dir);
}
END_TEST

START_TEST(whoever_differs_in_one_thing_lives)
{
    char *dir = unit_mkdir();
    _cleanup_child_ Child c = start_sleep(dir);
    _cleanup_free_ char *longer = mem_printf("%s-and-more", dir), *shorter = mem_strdup(dir),
                        *word = own_word();
    ProcessFilter filter = filter_for(dir);

    filter.uid = geteuid() + 1;
    ck_assert_int_eq(process_kill(&filter, TIMEOUT), 0);
    filter = filter_for(dir);
    filter = filter_for(longer);
    ck_assert_int_eq(process_kill(&filter, TIMEOUT), 0);
    filter.programs = others;
    filter.word = word;
    ck_assert_int_eq(process_kill(&filter, TIMEOUT), 0);
    shorter[strlen(shorter) - 1] = '\0';
    filter = filter_for(shorter);
    ck_assert_int_eq(process_kill(&filter, TIMEOUT), 0);
    ck_assert(!child_ended(&c));
    unit_rmdir(dir);
}
END_TEST

/* Until the work of our children with that word is, or is no longer, what it was. */
static uint64_t wait_for_work(const char *word, uint64_t before)
{
    uint64_t work;

    while ((work = process_work(getpid(), word)) == before)
        ck_assert_int_eq(child_pause(NULL), 0);
    return work;
}

START_TEST(the_work_of_a_child_that_was_told_the_word_is_seen)
{
    char shell[] = "sh", option[] = "-c", loop[] = "while :; do :; done", word[] = "busy.0043";
    char *argv[] = { shell, option, loop, word, NULL }, *const env[] = { NULL };
    const ChildSpec spec = { .path = "/bin/sh", .argv = argv, .env = env, .pipe = CHILD_NEITHER };
    _cleanup_child_ Child c = CHILD_INIT;

    ck_assert_int_eq(child_spawn(&c, &spec, NULL), 0);
    uint64_t work = wait_for_work(word, 0);
    wait_for_work(word, work);
    ck_assert_uint_eq(process_work(getpid(), "idle.0043"), 0);
    ck_assert_uint_eq(process_work(c.pid, word), 0);

    ck_assert_int_eq(kill(c.pid, SIGKILL), 0);
    while (!child_ended(&c))
        ck_assert_int_eq(child_pause(NULL), 0);
    ck_assert_uint_eq(process_work(getpid(), word), 0);
}
END_TEST

static bool is_child(pid_t parent, pid_t pid)
{
    _cleanup_free_ pid_t *children = NULL;
    size_t count = 0;
    bool found = false;

    ck_assert_int_eq(process_children(parent, &children, &count), 0);
    for (size_t i = 0; i < count; i++)
        found |= children[i] == pid;
    return found;
}

START_TEST(a_child_is_that_of_its_parent_alone_and_until_it_is_reaped)
{
    char *dir = unit_mkdir();
    _cleanup_child_ Child c = start_sleep(dir);
    pid_t pid = c.pid;

    ck_assert(is_child(getpid(), pid));
    ck_assert(!is_child(getppid(), pid));
    ck_assert(!is_child(pid, pid));
    child_done(&c);
    ck_assert(!is_child(getpid(), pid));
    unit_rmdir(dir);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_child_is_that_of_its_parent_alone_and_until_it_is_reaped),
    UNIT_TEST(the_work_of_a_child_that_was_told_the_word_is_seen),
    UNIT_TEST(a_process_that_works_in_the_directory_is_killed),
    UNIT_TEST(a_process_that_was_told_the_word_is_killed),
    UNIT_TEST(whoever_differs_in_one_thing_lives),
};

UNIT_MAIN("process", tests)
