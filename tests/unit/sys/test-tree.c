#include "unit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/mem.h"
#include "sys/tree.h"

/* TOP/tree/a/b/file, TOP/tree/link -> TOP/beside, TOP/tree/a/file-link -> TOP/beside/file */
typedef struct Site {
    char *top;
    char *beside;
    int top_fd;
} Site;

static Site make_site(void)
{
    Site s = { .top = unit_mkdir() };
    static const char *const dirs[] = { "tree", "tree/a", "tree/a/b", "beside" };
    static char data[1 << 20];

    s.top_fd = open(s.top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < ELEMENTSOF(dirs); i++)
        ck_assert_int_eq(mkdirat(s.top_fd, dirs[i], 0700), 0);
    s.beside = mem_printf("%s/beside", s.top);
    unit_write_file(s.beside, "file", data, sizeof(data));
    _cleanup_free_ char *deep = mem_printf("%s/tree/a/b", s.top);
    _cleanup_free_ char *file = mem_printf("%s/file", s.beside);
    unit_write_file(deep, "file", data, sizeof(data));
    ck_assert_int_eq(symlinkat(s.beside, s.top_fd, "tree/link"), 0);
    ck_assert_int_eq(symlinkat(file, s.top_fd, "tree/a/file-link"), 0);
    return s;
}

static void remove_site(Site *s)
{
    close(s->top_fd);
    free(s->beside);
    unit_rmdir(s->top);
}

static bool is_there(const Site *s, const char *name)
{
    return faccessat(s->top_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

START_TEST(all_of_a_tree_goes_and_nothing_that_its_links_lead_to)
{
    Site s = make_site();

    ck_assert_int_eq(tree_remove(s.top_fd, "tree"), 0);
    ck_assert(!is_there(&s, "tree"));
    ck_assert(is_there(&s, "beside/file"));
    remove_site(&s);
}
END_TEST

START_TEST(a_link_goes_alone)
{
    Site s = make_site();

    ck_assert_int_eq(symlinkat(s.beside, s.top_fd, "link"), 0);
    ck_assert_int_eq(tree_remove(s.top_fd, "link"), 0);
    ck_assert(!is_there(&s, "link"));
    ck_assert(is_there(&s, "beside/file"));
    remove_site(&s);
}
END_TEST

START_TEST(what_is_not_there_is_as_good_as_removed)
{
    Site s = make_site();

    ck_assert_int_eq(tree_remove(s.top_fd, "nothing"), 0);
    remove_site(&s);
}
END_TEST

/* In the way of anybody's `while mkdir x && cd x`. */
START_TEST(a_tree_deeper_than_descriptors_reach_goes_as_well)
{
    enum { DEPTH = 1000, DESCRIPTORS = 200 };
    Site s = make_site();
    struct rlimit limit, lower = { .rlim_cur = DESCRIPTORS };
    int fd = openat(s.top_fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    for (size_t i = 0; i < DEPTH; i++) {
        ck_assert_int_eq(mkdirat(fd, "deep-1", 0700) | mkdirat(fd, "other", 0700), 0);
        int next = openat(fd, "deep-1", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = next;
    }
    close(fd);

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    lower.rlim_max = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &lower), 0);
    int r = tree_remove(s.top_fd, "tree");
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(r, 0);
    ck_assert(!is_there(&s, "tree"));
    remove_site(&s);
}
END_TEST

START_TEST(a_tree_whose_owner_has_locked_himself_out_goes_as_well)
{
    Site s = make_site();

    ck_assert_int_eq(fchmodat(s.top_fd, "tree/a/b", 0, 0), 0);
    ck_assert_int_eq(fchmodat(s.top_fd, "tree/a", 0500, 0), 0);
    ck_assert_int_eq(tree_remove(s.top_fd, "tree"), 0);
    ck_assert(!is_there(&s, "tree"));
    remove_site(&s);
}
END_TEST

START_TEST(bytes_are_those_of_the_tree_and_not_of_what_its_links_lead_to)
{
    Site s = make_site();
    _cleanup_close_ int fd = openat(s.top_fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    uint64_t bytes = tree_bytes(fd);
    ck_assert_uint_ge(bytes, 1 << 20);
    ck_assert_uint_lt(bytes, 2 << 20);
    remove_site(&s);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(all_of_a_tree_goes_and_nothing_that_its_links_lead_to),
    UNIT_TEST(a_link_goes_alone),
    UNIT_TEST(what_is_not_there_is_as_good_as_removed),
    UNIT_TEST(a_tree_deeper_than_descriptors_reach_goes_as_well),
    UNIT_TEST(a_tree_whose_owner_has_locked_himself_out_goes_as_well),
    UNIT_TEST(bytes_are_those_of_the_tree_and_not_of_what_its_links_lead_to),
};

UNIT_MAIN("tree", tests)
