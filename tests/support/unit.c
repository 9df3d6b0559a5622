#include "unit.h"

#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/buf.h"
#include "sys/mem.h"

int unit_run(const char *suite, const UnitTest *tests, size_t count)
{
    Suite *s = suite_create(suite);
    for (size_t i = 0; i < count; i++) {
        const TTest *test = *tests[i].test;
        TCase *tcase = tcase_create(test->name);
        tcase_set_timeout(tcase, 200);
        if (tests[i].loops > 0)
            tcase_add_loop_test(tcase, test, 0, tests[i].loops);
        else
            tcase_add_test(tcase, test);
        suite_add_tcase(s, tcase);
    }

    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

char *unit_mkdir(void)
{
    const char *base = getenv("TMPDIR");
    char *path = mem_printf("%s/pg-backup-unit-XXXXXX", base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(path));
    return path;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void unit_rmdir(char *path)
{
    ck_assert_int_eq(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(path);
}

char *unit_read_file(const char *dir, const char *name, size_t *ret_size)
{
    _cleanup_free_ char *path = mem_printf("%s/%s", dir, name);
    FILE *f = fopen(path, "rbe");
    ck_assert_msg(f != NULL, "could not open \"%s\"", path);

    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    long size = ftell(f);
    ck_assert_int_ge(size, 0);
    rewind(f);

    char *text = mem_zero((size_t)size + 1, 1);
    ck_assert_uint_eq(fread(text, 1, (size_t)size, f), (size_t)size);
    ck_assert_int_eq(fclose(f), 0);
    if (ret_size)
        *ret_size = (size_t)size;
    return text;
}

void unit_write_file(const char *dir, const char *name, const void *data, size_t size)
{
    _cleanup_free_ char *path = mem_printf("%s/%s", dir, name);
    FILE *f = fopen(path, "wbe");
    ck_assert_msg(f != NULL, "could not create \"%s\"", path);
    ck_assert_uint_eq(fwrite(data, 1, size, f), size);
    ck_assert_int_eq(fclose(f), 0);
}

int unit_sha256sum(const char *dir, const char *name)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (chdir(dir) == 0)
            execlp("sha256sum", "sha256sum", "--check", "--strict", "--status", name, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

char *unit_read_terminal(int master, int slave)
{
    struct pollfd ready = { .fd = master, .events = POLLIN };
    _cleanup_buf_ Buf text = { 0 };
    char data[4096];

    /* The kernel hands over in the background; once a bell has come through, all before it has. */
    ck_assert_int_eq(write(slave, "\a", 1), 1);
    while (text.size == 0 || text.data[text.size - 1] != '\a') {
        ck_assert_int_eq(poll(&ready, 1, 10000), 1);
        ssize_t n = read(master, data, sizeof(data));
        ck_assert_int_gt(n, 0);
        buf_add(&text, data, (size_t)n);
    }
    text.data[text.size - 1] = '\0';
    return buf_take(&text);
}
