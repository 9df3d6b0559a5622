#include "backups.h"
#include "sample-directory.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/catalog.h"

#define STEM "appdb_19700102T020000Z"
#define DIRECTORY "appdb/" STEM ".dir"

static Place make_place(void)
{
    Place p = place_new();
    _cleanup_free_ char *stem = sample_directory(p.path, "appdb", DAY(1));

    ck_assert_str_eq(stem, STEM);
    return p;
}

static const Backup *only_backup(const Catalog *c)
{
    ck_assert_uint_eq(c->count, 1);
    ck_assert_uint_eq(c->series[0].count, 1);
    return &c->series[0].backups[0];
}

static uint64_t size_of(const Place *p, const char *name)
{
    struct stat st;
    ck_assert_int_eq(fstatat(p->fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
    return (uint64_t)st.st_size;
}

/* Judging */

START_TEST(a_directory_with_all_its_files_is_good)
{
    _cleanup_place_ Place p = make_place();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_load(&p, &c);
    const Backup *b = only_backup(&c);
    ck_assert_msg(b->good, "%s", b->problem);
    ck_assert_uint_eq(b->file_bytes, b->manifest.stored_bytes);
    ck_assert_uint_eq(catalog_stored_bytes(&c), b->manifest.stored_bytes);
    ck_assert_uint_eq(b->manifest.files.count, 0); /* not kept */
}
END_TEST

START_TEST(a_directory_without_one_of_its_files_is_damaged)
{
    _cleanup_place_ Place p = make_place();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    uint64_t missing = size_of(&p, DIRECTORY "/toc.dat");
    place_unlink(&p, DIRECTORY "/toc.dat");
    place_load(&p, &c);
    const Backup *b = only_backup(&c);
    ck_assert(!b->good);
    ck_assert(!b->unreadable);
    ck_assert_ptr_nonnull(strstr(b->problem, STEM ".dir/toc.dat\": No such file"));
    ck_assert_uint_eq(b->file_bytes, b->manifest.stored_bytes - missing);
}
END_TEST

START_TEST(a_directory_with_files_of_other_sizes_is_damaged)
{
    _cleanup_place_ Place p = make_place();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_touch(&p, DIRECTORY "/toc.dat");
    place_touch(&p, DIRECTORY "/blobs.toc");
    place_load(&p, &c);
    const Backup *b = only_backup(&c);
    ck_assert(!b->good);
    ck_assert_ptr_nonnull(strstr(b->problem, "blobs.toc\" has 3 bytes, not "));
    ck_assert_ptr_nonnull(strstr(b->problem, "and 1 more"));
}
END_TEST

START_TEST(a_link_in_the_place_of_the_directory_is_damage)
{
    _cleanup_place_ Place p = make_place();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    ck_assert_int_eq(renameat(p.fd, DIRECTORY, p.fd, "elsewhere"), 0);
    ck_assert_int_eq(symlinkat("../elsewhere", p.fd, DIRECTORY), 0);
    place_load(&p, &c);
    ck_assert(!only_backup(&c)->good);
    ck_assert(!only_backup(&c)->unreadable);
}
END_TEST

START_TEST(sha256sum_checks_every_file)
{
    static const char *const files[] = { STEM ".json", STEM ".inventory.jsonl", STEM ".dir/toc.dat",
                                         STEM ".dir/blobs.toc", STEM ".dir/3381.dat.gz" };
    _cleanup_place_ Place p = make_place();
    _cleanup_free_ char *series = mem_printf("%s/appdb", p.path);

    ck_assert_int_eq(unit_sha256sum(series, STEM ".dir.sha256"), 0);
    unit_write_file(series, files[_i], "abc", 3);
    ck_assert_int_eq(unit_sha256sum(series, STEM ".dir.sha256"), 1);
}
END_TEST

/* Committing */

START_TEST(the_latest_link_names_the_directory)
{
    _cleanup_place_ Place p = make_place();

    _cleanup_free_ char *target = place_link(&p, "appdb/appdb_latest.dir");
    ck_assert_str_eq(target, STEM ".dir");
    place_commit(&p, "appdb", DAY(2));
    ck_assert(!place_has(&p, "appdb/appdb_latest.dir"));
}
END_TEST

START_TEST(a_failed_commit_removes_the_directory)
{
    _cleanup_place_ Place p = place_new();
    const Attempt a = {
        .database = "appdb",
        .when = DAY(1),
        .extension = ".dir",
        .obstacle = OBSTACLE_MANIFEST,
    };

    ck_assert_int_lt(place_attempt(&p, &a, NULL, NULL), 0);
    ck_assert(!place_has(&p, DIRECTORY));
    ck_assert(!place_has(&p, DIRECTORY ".sha256"));
}
END_TEST

/* Removing */

static int remove_it(const Place *p, Err *err)
{
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_load(p, &c);
    return catalog_remove(&c, &c.series[0], only_backup(&c), NULL, err);
}

START_TEST(removing_leaves_nothing)
{
    _cleanup_place_ Place p = make_place();

    ck_assert_int_eq(remove_it(&p, NULL), 0);
    ck_assert_int_eq(unlinkat(p.fd, "appdb", AT_REMOVEDIR), 0); /* it is empty */
}
END_TEST

START_TEST(removing_follows_no_link)
{
    _cleanup_place_ Place p = make_place();

    place_mkdir(&p, "theirs");
    place_touch(&p, "theirs/file");
    ck_assert_int_eq(symlinkat("../../theirs", p.fd, DIRECTORY "/link"), 0);
    ck_assert_int_eq(remove_it(&p, NULL), 0);
    ck_assert(place_has(&p, "theirs/file"));
    ck_assert(!place_has(&p, DIRECTORY));
}
END_TEST

/* It is nothing that pg_dump makes, so it is not ours to remove. */
START_TEST(a_directory_inside_stays_and_is_told_of)
{
    _cleanup_place_ Place p = make_place();
    _cleanup_err_ Err err = { 0 };

    place_mkdir(&p, DIRECTORY "/theirs");
    place_touch(&p, DIRECTORY "/theirs/file");
    ck_assert_int_lt(remove_it(&p, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.message, DIRECTORY "\": Directory not empty"));
    ck_assert(place_has(&p, DIRECTORY "/theirs/file"));
    ck_assert(!place_has(&p, "appdb/" STEM ".json"));
}
END_TEST

/* Sweeping */

static void sweep(const Place *p, Strv *removed)
{
    _cleanup_strv_ Strv problems = { 0 };

    ck_assert_int_eq(catalog_sweep(p->path, removed, &problems, NULL), 0);
    ck_assert_uint_eq(problems.count, 0);
}

START_TEST(a_directory_that_was_never_committed_is_swept)
{
    static const char *const names[] = { "appdb/appdb_19700103T020000Z.dir",
                                         "appdb/.appdb_19700103T020000Z.dir.tmp" };
    _cleanup_place_ Place p = make_place();
    _cleanup_free_ char *inside = mem_printf("%s/toc.dat", names[_i]);
    _cleanup_strv_ Strv removed = { 0 };

    place_mkdir(&p, names[_i]);
    place_touch(&p, inside);
    sweep(&p, &removed);
    ck_assert_uint_eq(removed.count, 1);
    ck_assert_str_eq(removed.items[0], names[_i]);
    ck_assert(!place_has(&p, names[_i]));
    ck_assert(place_has(&p, DIRECTORY "/toc.dat"));
}
END_TEST

START_TEST(a_directory_of_another_name_is_not_swept)
{
    static const char *const names[] = { "appdb/appdb_19700103T020000Z.dump",
                                         "appdb/.appdb_19700103T020000Z.dump.tmp",
                                         "appdb/appdb_19700103T020000Z.dir.sha256",
                                         "appdb/.appdb_19700103T020000Z.json.tmp",
                                         "appdb/appdb_latest.dir",
                                         "appdb/appdb_old.dir",
                                         "appdb/other_19700103T020000Z.dir",
                                         "appdb/.appdb_19700103T020000Z.dir" };
    _cleanup_place_ Place p = place_new();
    _cleanup_free_ char *inside = mem_printf("%s/toc.dat", names[_i]);
    _cleanup_strv_ Strv removed = { 0 };

    place_mkdir(&p, "appdb");
    place_mkdir(&p, names[_i]);
    place_touch(&p, inside);
    sweep(&p, &removed);
    ck_assert_uint_eq(removed.count, 0);
    ck_assert(place_has(&p, inside));
}
END_TEST

START_TEST(what_a_half_done_removal_left_is_swept)
{
    _cleanup_place_ Place p = make_place();
    _cleanup_strv_ Strv removed = { 0 };

    place_unlink(&p, "appdb/" STEM ".json");
    place_unlink(&p, DIRECTORY "/toc.dat");
    sweep(&p, &removed);
    ck_assert_int_eq(unlinkat(p.fd, "appdb", AT_REMOVEDIR), 0);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_directory_with_all_its_files_is_good),
    UNIT_TEST(a_directory_without_one_of_its_files_is_damaged),
    UNIT_TEST(a_directory_with_files_of_other_sizes_is_damaged),
    UNIT_TEST(a_link_in_the_place_of_the_directory_is_damage),
    UNIT_LOOP(sha256sum_checks_every_file, 5),
    UNIT_TEST(the_latest_link_names_the_directory),
    UNIT_TEST(a_failed_commit_removes_the_directory),
    UNIT_TEST(removing_leaves_nothing),
    UNIT_TEST(removing_follows_no_link),
    UNIT_TEST(a_directory_inside_stays_and_is_told_of),
    UNIT_LOOP(a_directory_that_was_never_committed_is_swept, 2),
    UNIT_LOOP(a_directory_of_another_name_is_not_swept, 8),
    UNIT_TEST(what_a_half_done_removal_left_is_swept),
};

UNIT_MAIN("catalog-directory", tests)
