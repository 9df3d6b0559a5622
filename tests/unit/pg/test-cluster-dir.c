#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pg/cluster-dir.h"
#include "sys/mem.h"

static ClusterDir make_in(const char *parent)
{
    ClusterDir dir = CLUSTER_DIR_INIT;
    ck_assert_int_eq(cluster_dir_make(parent, geteuid(), getegid(), &dir, NULL), 0);
    return dir;
}

/* A drill that was killed: what it has made stays. Returns its path. */
static char *leave_one(const char *parent)
{
    _cleanup_(cluster_dir_done) ClusterDir dir = make_in(parent);
    unit_write_file(dir.data_path, "PG_VERSION", "15\n", 3);
    return TAKE_PTR(dir.path);
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void write_in(const char *dir, const char *name)
{
    unit_write_file(dir, name, "precious", 8);
}

/* Sweeps; the counts of what it says. */
static void sweep(const char *parent, size_t removed, size_t problems)
{
    _cleanup_strv_ Strv gone = { 0 }, left = { 0 };

    ck_assert_int_eq(cluster_dir_sweep(parent, &gone, &left, NULL), 0);
    ck_assert_uint_eq(gone.count, removed);
    ck_assert_uint_eq(left.count, problems);
}

START_TEST(a_directory_is_private_and_goes_with_all_that_is_in_it)
{
    char *top = unit_mkdir();
    _cleanup_(cluster_dir_done) ClusterDir dir = make_in(top);
    _cleanup_strv_ Strv problems = { 0 };
    struct stat st;

    ck_assert_int_eq(stat(dir.path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    write_in(dir.data_path, "file");
    ck_assert_int_eq(cluster_dir_destroy(&dir, &problems), 0);
    ck_assert_uint_eq(problems.count, 0);
    ck_assert(!exists(dir.path));
    unit_rmdir(top);
}
END_TEST

START_TEST(what_a_killed_drill_left_is_swept)
{
    char *top = unit_mkdir();
    _cleanup_free_ char *one = leave_one(top), *two = leave_one(top);

    sweep(top, 2, 0);
    ck_assert(!exists(one));
    ck_assert(!exists(two));
    unit_rmdir(top);
}
END_TEST

START_TEST(a_parent_that_is_not_there_has_nothing_to_sweep)
{
    sweep("/no/such/directory", 0, 0);
}
END_TEST

START_TEST(a_cluster_beside_it_is_not_touched)
{
    char *top = unit_mkdir();
    _cleanup_free_ char *main = mem_printf("%s/main", top);
    _cleanup_free_ char *version = mem_printf("%s/PG_VERSION", main);

    ck_assert_int_eq(mkdir(main, 0700), 0);
    write_in(main, "PG_VERSION");
    write_in(top, "PG_VERSION");
    sweep(top, 0, 0);
    ck_assert(exists(version));
    unit_rmdir(top);
}
END_TEST

START_TEST(our_name_without_our_marker_is_left_alone_and_told)
{
    char *top = unit_mkdir();
    _cleanup_free_ char *dir = mem_printf("%s/pg-backup-drill-abcdefgh", top);
    _cleanup_free_ char *file = mem_printf("%s/PG_VERSION", dir);

    ck_assert_int_eq(mkdir(dir, 0700), 0);
    write_in(dir, "PG_VERSION");
    sweep(top, 0, 1);
    ck_assert(exists(file));
    unit_rmdir(top);
}
END_TEST

/* cp -a makes a copy with the marker, and so does a restore of the whole machine. */
START_TEST(a_copy_of_one_is_left_alone)
{
    char *top = unit_mkdir();
    _cleanup_free_ char *one = leave_one(top);
    _cleanup_free_ char *copy = mem_printf("%s/pg-backup-drill-abcdefgh", top);
    _cleanup_free_ char *text = unit_read_file(one, ".pg-backup-drill", NULL);

    ck_assert_int_eq(mkdir(copy, 0700), 0);
    write_in(copy, "PG_VERSION");
    unit_write_file(copy, ".pg-backup-drill", text, strlen(text));
    sweep(top, 1, 1);
    ck_assert(exists(copy));
    unit_rmdir(top);
}
END_TEST

START_TEST(a_renamed_one_is_left_alone)
{
    char *top = unit_mkdir();
    _cleanup_free_ char *one = leave_one(top);
    _cleanup_free_ char *renamed = mem_printf("%s/pg-backup-drill-abcdefgh", top);
    _cleanup_free_ char *kept = mem_printf("%s/kept", top);

    ck_assert_int_eq(rename(one, renamed), 0);
    sweep(top, 0, 1);
    ck_assert_int_eq(rename(renamed, kept), 0);
    sweep(top, 0, 0);
    ck_assert(exists(kept));
    unit_rmdir(top);
}
END_TEST

START_TEST(a_link_with_our_name_is_not_followed)
{
    char *top = unit_mkdir(), *elsewhere = unit_mkdir();
    _cleanup_free_ char *one = leave_one(elsewhere);
    _cleanup_free_ char *link = mem_printf("%s/%s", top, strrchr(one, '/') + 1);

    ck_assert_int_eq(symlink(one, link), 0);
    sweep(top, 0, 0);
    ck_assert(exists(one));
    sweep(elsewhere, 1, 0);
    unit_rmdir(top);
    unit_rmdir(elsewhere);
}
END_TEST

START_TEST(a_tablespace_that_a_link_leads_to_is_not_touched)
{
    char *top = unit_mkdir(), *tablespace = unit_mkdir();
    _cleanup_free_ char *one = leave_one(top), *link = mem_printf("%s/data/pg_tblspc", one);
    _cleanup_free_ char *file = mem_printf("%s/file", tablespace);

    write_in(tablespace, "file");
    ck_assert_int_eq(symlink(tablespace, link), 0);
    sweep(top, 1, 0);
    ck_assert(exists(file));
    unit_rmdir(top);
    unit_rmdir(tablespace);
}
END_TEST

START_TEST(one_that_was_killed_before_its_marker_stood_is_swept)
{
    char *top = unit_mkdir();
    _cleanup_free_ char *empty = mem_printf("%s/pg-backup-drill-abcdefgh", top);
    _cleanup_free_ char *half = mem_printf("%s/pg-backup-drill-abcdefgi", top);

    ck_assert_int_eq(mkdir(empty, 0700), 0);
    ck_assert_int_eq(mkdir(half, 0700), 0);
    write_in(half, "..pg-backup-drill.tmp");
    sweep(top, 2, 0);
    unit_rmdir(top);
}
END_TEST

START_TEST(a_removal_that_was_killed_is_taken_up)
{
    char *top = unit_mkdir();
    _cleanup_(cluster_dir_done) ClusterDir dir = make_in(top);

    ck_assert_int_eq(rmdir(dir.data_path), 0);
    sweep(top, 1, 0);
    unit_rmdir(top);
}
END_TEST

/* sun_path has 108 bytes; a comma would separate two hosts. */
static const char *const awkward[] = {
    "a-name-that-is-so-long-that-no-socket-below-it-could-have-a-path-of-less-than-108-bytes",
    "a,comma",
};

START_TEST(a_socket_that_cannot_lie_in_it_lies_in_a_directory_that_goes_with_it)
{
    char *top = unit_mkdir();
    _cleanup_free_ char *parent = mem_printf("%s/%s", top, awkward[_i]);
    struct stat st;

    ck_assert_int_eq(unsetenv("RUNTIME_DIRECTORY"), 0);
    ck_assert_int_eq(mkdir(parent, 0700), 0);
    _cleanup_(cluster_dir_done) ClusterDir dir = make_in(parent);
    ck_assert_int_eq(strncmp(dir.socket_path, "/tmp/pg-backup-drill-", 21), 0);
    ck_assert_int_eq(stat(dir.socket_path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);

    sweep(parent, 1, 0);
    ck_assert(!exists(dir.path));
    ck_assert(!exists(dir.socket_path));
    unit_rmdir(top);
}
END_TEST

START_TEST(systemds_runtime_directory_goes_before_tmp)
{
    char *top = unit_mkdir(), *runtime = unit_mkdir();
    _cleanup_free_ char *parent = mem_printf("%s/%s", top, awkward[1]);
    _cleanup_free_ char *list = mem_printf("%s:/run/other", runtime);

    ck_assert_int_eq(setenv("RUNTIME_DIRECTORY", list, 1), 0);
    ck_assert_int_eq(mkdir(parent, 0700), 0);
    _cleanup_(cluster_dir_done) ClusterDir dir = make_in(parent);
    ck_assert_int_eq(strncmp(dir.socket_path, runtime, strlen(runtime)), 0);
    ck_assert_int_eq(cluster_dir_destroy(&dir, NULL), 0);
    ck_assert(!exists(dir.socket_path));
    unit_rmdir(top);
    unit_rmdir(runtime);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_directory_is_private_and_goes_with_all_that_is_in_it),
    UNIT_TEST(what_a_killed_drill_left_is_swept),
    UNIT_TEST(a_parent_that_is_not_there_has_nothing_to_sweep),
    UNIT_TEST(a_cluster_beside_it_is_not_touched),
    UNIT_TEST(our_name_without_our_marker_is_left_alone_and_told),
    UNIT_TEST(a_copy_of_one_is_left_alone),
    UNIT_TEST(a_renamed_one_is_left_alone),
    UNIT_TEST(a_link_with_our_name_is_not_followed),
    UNIT_TEST(a_tablespace_that_a_link_leads_to_is_not_touched),
    UNIT_TEST(one_that_was_killed_before_its_marker_stood_is_swept),
    UNIT_TEST(a_removal_that_was_killed_is_taken_up),
    UNIT_LOOP(a_socket_that_cannot_lie_in_it_lies_in_a_directory_that_goes_with_it, 2),
    UNIT_TEST(systemds_runtime_directory_goes_before_tmp),
};

UNIT_MAIN("cluster-dir", tests)
