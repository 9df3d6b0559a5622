#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/landlock.h"
#include "sys/mem.h"
#include "sys/sandbox.h"

#define NEWEST 6 /* the last version of the interface that takes something away */

/* Where things are tried: TOP/inside, which may be written, TOP/outside, and TOP/hidden with the
 * one file in it that may be read. */
static char *top;
static struct sockaddr_in listener;
static struct sockaddr_un abstract;
static int listening[2] = { -1, -1 };

static int listen_at(int family, void *address, socklen_t size)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, address, size), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    ck_assert_int_eq(getsockname(fd, address, &size), 0);
    return fd;
}

static void make_ground(void)
{
    static const char *const dirs[] = { "inside", "outside", "hidden", "outside/dir" };
    static const char *const files[] = { "inside/file", "outside/file", "hidden/file",
                                         "hidden/given" };

    top = unit_mkdir();
    for (size_t i = 0; i < ELEMENTSOF(dirs); i++) {
        _cleanup_free_ char *path = mem_printf("%s/%s", top, dirs[i]);
        ck_assert_int_eq(mkdir(path, 0755), 0);
    }
    for (size_t i = 0; i < ELEMENTSOF(files); i++)
        unit_write_file(top, files[i], "text", 4);

    listener = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    listening[0] = listen_at(AF_INET, &listener, sizeof(listener));
    abstract = (struct sockaddr_un){ .sun_family = AF_UNIX };
    strcpy(abstract.sun_path + 1, top + 1);
    listening[1] = listen_at(AF_UNIX, &abstract, sizeof(abstract));
}

static void remove_ground(void)
{
    for (size_t i = 0; i < ELEMENTSOF(listening); i++)
        close(listening[i]);
    unit_rmdir(top);
}

/* What is tried, in the directory TOP: not 0 where it is refused. */

static int end(int r)
{
    return r < 0;
}

static int write_inside(void)
{
    return end(open("inside/file", O_WRONLY | O_TRUNC)) ||
           end(rename("inside/file", "inside/moved")) || end(mkdir("inside/dir", 0700)) ||
           end(rename("inside/moved", "inside/dir/file")) || end(unlink("inside/dir/file")) ||
           end(open("inside/dir/new", O_CREAT | O_RDWR, 0600)) || end(open("/dev/null", O_RDWR));
}

static int overwrite(void)
{
    return end(open("outside/file", O_WRONLY));
}

static int append(void)
{
    return end(open("outside/file", O_WRONLY | O_APPEND));
}

static int create(void)
{
    return end(open("outside/new", O_CREAT | O_WRONLY, 0600));
}

static int remove_file(void)
{
    return end(unlink("outside/file"));
}

static int remove_dir(void)
{
    return end(rmdir("outside/dir"));
}

static int replace(void)
{
    return end(rename("inside/file", "outside/file"));
}

static int take_away(void)
{
    return end(rename("outside/file", "inside/taken"));
}

static int link_in(void)
{
    return end(link("outside/file", "inside/link"));
}

static int make_link(void)
{
    return end(symlink("file", "outside/link"));
}

static int through_a_link(void)
{
    return end(symlink("../outside/file", "inside/link")) || end(open("inside/link", O_WRONLY));
}

static int through_proc(void)
{
    return end(open("/proc/self/cwd/outside/file", O_WRONLY));
}

static int read_hidden(void)
{
    return end(open("hidden/file", O_RDONLY));
}

static int list_hidden(void)
{
    return end(open("hidden", O_RDONLY | O_DIRECTORY));
}

static int change_given(void)
{
    return end(open("hidden/given", O_WRONLY));
}

static int read_the_rest(void)
{
    return end(open("hidden/given", O_RDONLY)) || end(open("outside/file", O_RDONLY)) ||
           end(open("/bin/sh", O_RDONLY)) || end(open("/proc/self/status", O_RDONLY));
}

static int shorten(void)
{
    return end(truncate("outside/file", 0));
}

static int connect_tcp(void)
{
    return end(
        connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&listener, sizeof(listener)));
}

static int listen_tcp(void)
{
    struct sockaddr_in any = { .sin_family = AF_INET };
    return end(bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&any, sizeof(any)));
}

static int signal_parent(void)
{
    return end(kill(getppid(), SIGCONT));
}

static int signal_itself(void)
{
    return end(kill(getpid(), SIGCONT));
}

static int connect_abstract(void)
{
    return end(
        connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&abstract, sizeof(abstract)));
}

static int look_into_parent(void)
{
    _cleanup_free_ char *path = mem_printf("/proc/%d/fd/0", getppid());
    return end(open(path, O_PATH));
}

static const struct {
    const char *name;
    int (*what)(void);
    bool refused;
    int since; /* the interface's version */
} attempts[] = {
    { "write inside", write_inside, false,
      2 }, /* the first knows no renaming between directories */
    { "read the rest", read_the_rest, false, 1 },
    { "signal itself", signal_itself, false, 1 },
    { "overwrite", overwrite, true, 1 },
    { "append", append, true, 1 },
    { "create", create, true, 1 },
    { "remove a file", remove_file, true, 1 },
    { "remove a directory", remove_dir, true, 1 },
    { "replace", replace, true, 1 },
    { "take away", take_away, true, 1 },
    { "link in", link_in, true, 1 },
    { "make a link", make_link, true, 1 },
    { "through a link", through_a_link, true, 1 },
    { "through /proc", through_proc, true, 1 },
    { "read what is hidden", read_hidden, true, 1 },
    { "list what is hidden", list_hidden, true, 1 },
    { "change what is given to be read", change_given, true, 1 },
    { "look into its parent", look_into_parent, true, 1 },
    { "shorten", shorten, true, 3 },
    { "connect by TCP", connect_tcp, true, 4 },
    { "listen by TCP", listen_tcp, true, 4 },
    { "signal its parent", signal_parent, true, 6 },
    { "connect to an abstract socket", connect_abstract, true, 6 },
};

static int newest_here(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
    return abi < 0 ? 0 : abi < NEWEST ? (int)abi : NEWEST;
}

static Landlock *make_rules(int abi)
{
    _cleanup_free_ char *inside = mem_printf("%s/inside", top),
                        *hidden = mem_printf("%s/hidden", top),
                        *given = mem_printf("%s/hidden/given", top);
    const char *const writable[] = { inside, NULL };
    const LandlockSpec spec = {
        .writable = writable,
        .hidden = hidden,
        .readable = given,
        .abi = abi,
    };
    Landlock *l;

    ck_assert_int_eq(landlock_new(&spec, &l), 0);
    return l;
}

static bool is_refused(Landlock *l, int (*what)(void))
{
    const Sandbox sandbox = { .landlock = l };
    int status;

    pid_t pid = fork();
    if (pid == 0)
        _exit(chdir(top) < 0 || sandbox_enter(&sandbox) < 0 ? 2 : what());
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_ne(WEXITSTATUS(status), 2);
    return WEXITSTATUS(status) == 1;
}

/* Without any (version 0), everything is to be had: what is refused is refused by the rules. */
START_TEST(each_version_of_the_interface_keeps_what_it_can)
{
    const int abi = _i < newest_here() ? _i : newest_here();

    for (size_t i = 0; i < ELEMENTSOF(attempts); i++) {
        bool refused = attempts[i].refused && abi >= attempts[i].since;

        make_ground();
        Landlock *l = abi > 0 ? make_rules(abi) : NULL;
        if (abi == 0 || attempts[i].refused || abi >= attempts[i].since)
            ck_assert_msg(is_refused(l, attempts[i].what) == refused, "%s, version %d",
                          attempts[i].name, abi);
        landlock_free(l);
        remove_ground();
    }
}
END_TEST

START_TEST(what_a_version_does_not_keep_is_known)
{
    const int abi = _i < newest_here() ? _i : newest_here();

    make_ground();
    Landlock *l = abi > 0 ? make_rules(abi) : NULL;
    const LandlockGaps gaps = landlock_gaps(l);
    ck_assert_int_eq(gaps.files, !is_refused(l, append));
    ck_assert_int_eq(gaps.truncate, !is_refused(l, shorten));
    ck_assert_int_eq(gaps.tcp, !is_refused(l, connect_tcp));
    ck_assert_int_eq(gaps.signals, !is_refused(l, signal_parent));
    landlock_free(l);
    remove_ground();
}
END_TEST

START_TEST(without_a_hidden_directory_all_can_be_read_and_nothing_written)
{
    Landlock *l;

    make_ground();
    const LandlockSpec spec = { .writable = (const char *const[]){ NULL } };
    ck_assert_int_eq(landlock_new(&spec, &l), 0);
    ck_assert(!is_refused(l, read_hidden));
    ck_assert_int_eq(is_refused(l, write_inside), l != NULL);
    landlock_free(l);
    remove_ground();
}
END_TEST

START_TEST(rules_about_what_is_not_there_are_none)
{
    const char *const writable[] = { "/nonexistent", NULL };
    const LandlockSpec spec = { .writable = writable };
    Landlock *l;

    int r = landlock_new(&spec, &l);
    ck_assert_int_eq(r, newest_here() > 0 ? -ENOENT : 0);
    ck_assert_ptr_null(l);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(each_version_of_the_interface_keeps_what_it_can, NEWEST + 1),
    UNIT_LOOP(what_a_version_does_not_keep_is_known, NEWEST + 1),
    UNIT_TEST(without_a_hidden_directory_all_can_be_read_and_nothing_written),
    UNIT_TEST(rules_about_what_is_not_there_are_none),
};

UNIT_MAIN("landlock", tests)
