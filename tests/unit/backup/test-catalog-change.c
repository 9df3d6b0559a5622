#include "backups.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/artifact.h"
#include "backup/catalog.h"
#include "sys/mem.h"

/* -- Committing -- */

static const char *const hostile[] = {
    "we\"ird",
    "a/b",
    "-rf",
    ".hidden",
    "na\xc3\xafve caf\xc3\xa9",
    "x'; DROP",
    "line\nbreak",
    "globals",
    "%",
    "_",
    "a_20261122T020000Z",
    "x_latest",
    "caf\xe9",
    "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
    "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
    "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac",
};

START_TEST(a_hostile_name_goes_all_the_way)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT, after = CATALOG_INIT;
    const char *database = hostile[_i];

    place_commit(&p, database, DAY(1));
    place_commit(&p, database, DAY(2));
    place_load(&p, &c);
    const Series *s = catalog_series(&c, database);
    ck_assert_str_eq(s->database, database);
    ck_assert_uint_eq(series_good_count(s), 2);
    ck_assert_str_eq(s->backups[0].manifest.database, database);

    ck_assert_int_eq(catalog_remove(&c, s, &s->backups[0], NULL, NULL), 0);
    place_load(&p, &after);
    ck_assert_uint_eq(catalog_series(&after, database)->count, 1);
    ck_assert_uint_eq(catalog_series(&after, database)->backups[0].when, DAY(2));
}
END_TEST

START_TEST(sha256sum_checks_dump_and_manifest)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_free_ char *encoded = artifact_encode(hostile[_i]);
    _cleanup_free_ char *directory = mem_printf("%s/%s", p.path, encoded);
    _cleanup_free_ char *stem = artifact_stem(encoded, DAY(1));
    _cleanup_free_ char *data = mem_printf("%s.dump", stem);
    _cleanup_free_ char *checksum = mem_printf("%s.sha256", data);
    _cleanup_free_ char *manifest = mem_printf("%s.json", stem);

    place_commit(&p, hostile[_i], DAY(1));
    ck_assert_int_eq(unit_sha256sum(directory, checksum), 0);
    unit_write_file(directory, data, "abd", 3);
    ck_assert_int_eq(unit_sha256sum(directory, checksum), 1);
    unit_write_file(directory, data, "abc", 3);
    ck_assert_int_eq(unit_sha256sum(directory, checksum), 0);
    unit_write_file(directory, manifest, "{}", 2);
    ck_assert_int_eq(unit_sha256sum(directory, checksum), 1);
}
END_TEST

START_TEST(the_latest_link_names_the_newest_commit)
{
    _cleanup_place_ Place p = place_new();

    place_commit(&p, "appdb", DAY(1));
    place_commit(&p, "appdb", DAY(2));
    _cleanup_free_ char *target = place_link(&p, "appdb/appdb_latest.dump");
    ck_assert_str_eq(target, "appdb_19700103T020000Z.dump");
}
END_TEST

START_TEST(a_change_of_format_leaves_no_link_to_an_old_backup)
{
    _cleanup_place_ Place p = place_new();
    Attempt plain = { .database = "appdb", .when = DAY(2), .extension = ".sql.gz" };

    place_commit(&p, "appdb", DAY(1));
    ck_assert_int_eq(place_attempt(&p, &plain, NULL, NULL), 0);
    ck_assert(!place_has(&p, "appdb/appdb_latest.dump"));
    _cleanup_free_ char *target = place_link(&p, "appdb/appdb_latest.sql.gz");
    ck_assert_str_eq(target, "appdb_19700103T020000Z.sql.gz");
}
END_TEST

START_TEST(a_failure_before_the_commit_leaves_no_file_of_the_backup)
{
    static const Obstacle obstacles[] = { OBSTACLE_INVENTORY, OBSTACLE_CHECKSUM,
                                          OBSTACLE_MANIFEST };
    _cleanup_place_ Place p = place_new();
    _cleanup_err_ Err err = { 0 };
    Attempt a = { .database = "appdb", .when = DAY(2), .obstacle = obstacles[_i] };

    place_commit(&p, "appdb", DAY(1));
    ck_assert_int_lt(place_attempt(&p, &a, NULL, &err), 0);
    ck_assert(err_is_set(&err));
    ck_assert(!place_has(&p, "appdb/appdb_19700103T020000Z.dump"));
    ck_assert(!place_has(&p, "appdb/appdb_19700103T020000Z.dump.sha256"));
    ck_assert(!place_has(&p, "appdb/appdb_19700103T020000Z.json"));
    ck_assert(!place_has(&p, "appdb/appdb_19700103T020000Z.inventory.jsonl"));
    _cleanup_free_ char *target = place_link(&p, "appdb/appdb_latest.dump");
    ck_assert_str_eq(target, "appdb_19700102T020000Z.dump");
}
END_TEST

START_TEST(a_failure_after_the_commit_is_a_warning)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;
    _cleanup_err_ Err err = { 0 };
    _cleanup_err_ Err warning = { 0 };
    Attempt a = { .database = "appdb", .when = DAY(1), .obstacle = OBSTACLE_LATEST };

    ck_assert_int_eq(place_attempt(&p, &a, &warning, &err), 0);
    ck_assert(!err_is_set(&err));
    ck_assert(err_is_set(&warning));
    place_load(&p, &c);
    ck_assert(catalog_series(&c, "appdb")->backups[0].good);
}
END_TEST

START_TEST(a_commit_does_not_touch_the_manifest_of_another_backup)
{
    _cleanup_place_ Place p = place_new();
    Attempt again = { .database = "appdb", .when = DAY(1) };

    place_commit(&p, "appdb", DAY(1));
    _cleanup_free_ char *before = unit_read_file(p.path, "appdb/appdb_19700102T020000Z.json", NULL);
    place_unlink(&p, "appdb/appdb_19700102T020000Z.dump.sha256");
    place_unlink(&p, "appdb/appdb_19700102T020000Z.inventory.jsonl");
    ck_assert_int_eq(place_attempt(&p, &again, NULL, NULL), -EEXIST);
    _cleanup_free_ char *after = unit_read_file(p.path, "appdb/appdb_19700102T020000Z.json", NULL);
    ck_assert_str_eq(after, before);
    ck_assert(!place_has(&p, "appdb/appdb_19700102T020000Z.dump.sha256"));
}
END_TEST

/* -- Removing -- */

START_TEST(all_files_of_a_removed_backup_go_and_no_others)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_commit(&p, "appdb", DAY(1));
    place_commit(&p, "appdb", DAY(2));
    place_touch(&p, "appdb/appdb_19700102T020000Z.proof.json");
    place_touch(&p, "appdb/appdb_19700102T020000Z.txt");
    place_touch(&p, "appdb/appdb_19700103T020000Z.proof.json");
    place_load(&p, &c);
    const Series *s = catalog_series(&c, "appdb");
    ck_assert_int_eq(catalog_remove(&c, s, &s->backups[0], NULL, NULL), 0);

    ck_assert(!place_has(&p, "appdb/appdb_19700102T020000Z.json"));
    ck_assert(!place_has(&p, "appdb/appdb_19700102T020000Z.dump"));
    ck_assert(!place_has(&p, "appdb/appdb_19700102T020000Z.dump.sha256"));
    ck_assert(!place_has(&p, "appdb/appdb_19700102T020000Z.proof.json"));
    ck_assert(place_has(&p, "appdb/appdb_19700102T020000Z.txt"));
    ck_assert(place_has(&p, "appdb/appdb_19700103T020000Z.json"));
    ck_assert(place_has(&p, "appdb/appdb_19700103T020000Z.dump"));
    ck_assert(place_has(&p, "appdb/appdb_19700103T020000Z.dump.sha256"));
    ck_assert(place_has(&p, "appdb/appdb_19700103T020000Z.proof.json"));
    _cleanup_free_ char *target = place_link(&p, "appdb/appdb_latest.dump");
    ck_assert_str_eq(target, "appdb_19700103T020000Z.dump");
}
END_TEST

START_TEST(the_latest_link_goes_back_to_the_newest_good_one_that_is_left)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    for (unsigned i = 1; i <= 4; i++)
        place_commit(&p, "appdb", DAY(i));
    place_unlink(&p, "appdb/appdb_19700103T020000Z.dump");
    place_load(&p, &c);
    const Series *s = catalog_series(&c, "appdb");

    /* The catalog is the one that was loaded before both. */
    ck_assert_int_eq(catalog_remove(&c, s, &s->backups[2], NULL, NULL), 0);
    ck_assert_int_eq(catalog_remove(&c, s, &s->backups[3], NULL, NULL), 0);
    _cleanup_free_ char *target = place_link(&p, "appdb/appdb_latest.dump");
    ck_assert_str_eq(target, "appdb_19700102T020000Z.dump");
}
END_TEST

START_TEST(a_latest_link_that_cannot_be_made_is_a_warning_of_the_removal)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;
    _cleanup_err_ Err warning = { 0 }, err = { 0 };

    place_commit(&p, "appdb", DAY(1));
    place_commit(&p, "appdb", DAY(2));
    place_load(&p, &c);
    place_unlink(&p, "appdb/appdb_latest.dump");
    place_mkdir(&p, "appdb/appdb_latest.dump");
    const Series *s = catalog_series(&c, "appdb");
    ck_assert_int_eq(catalog_remove(&c, s, &s->backups[0], &warning, &err), 0);
    ck_assert(!err_is_set(&err));
    ck_assert_ptr_nonnull(strstr(warning.message, "appdb_latest.dump"));
    ck_assert(!place_has(&p, "appdb/appdb_19700102T020000Z.dump"));
}
END_TEST

START_TEST(a_backup_whose_directory_is_none_any_more_is_gone)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;
    _cleanup_err_ Err err = { 0 };

    place_commit(&p, "appdb", DAY(1));
    place_load(&p, &c);
    ck_assert_int_eq(renameat(p.fd, "appdb", p.fd, "moved away"), 0);
    place_touch(&p, "appdb");
    ck_assert_int_eq(catalog_remove(&c, &c.series[0], &c.series[0].backups[0], NULL, &err), 0);
    ck_assert(!err_is_set(&err));
}
END_TEST

START_TEST(the_last_backup_takes_the_latest_link_with_it)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_commit(&p, "appdb", DAY(1));
    place_load(&p, &c);
    ck_assert_int_eq(catalog_remove(&c, &c.series[0], &c.series[0].backups[0], NULL, NULL), 0);
    ck_assert(!place_has(&p, "appdb/appdb_latest.dump"));
}
END_TEST

/* -- Sweeping -- */

static void sweep(const Place *p, Strv *removed)
{
    _cleanup_err_ Err err = { 0 };
    _cleanup_strv_ Strv problems = { 0 };
    int r = catalog_sweep(p->path, removed, &problems, &err);
    ck_assert_msg(r == 0, "%s", err.message);
    ck_assert_uint_eq(problems.count, 0);
}

static const char *const leftovers[] = {
    "appdb/.appdb_19700109T020000Z.dump.tmp",  "appdb/.appdb_19700109T020000Z.dump.sha256.tmp",
    "appdb/.appdb_19700109T020000Z.json.tmp",  "appdb/.appdb_latest.dump.tmp",
    "appdb/.appdb_19700102T020000Z.json.tmp", /* of a backup that exists */
    "appdb/appdb_19700109T020000Z.dump",       "appdb/appdb_19700109T020000Z.dump.sha256",
    "appdb/appdb_19700109T020000Z.proof.json", "globals/globals_19700109T020000Z.sql.gz",
};

/* Beside the backups that exist. */
static const char *const kept[] = {
    "README",
    ".lock",
    ".appdb_19700109T020000Z.dump.tmp",
    "lost+found/appdb_19700109T020000Z.dump",
    "appdb/notes.txt",
    "appdb/appdb_19700109T020000Z.dump.bak",
    "appdb/appdb_19700109T020000Z.tar",
    "appdb/appdb.dump",
    "appdb/other_19700109T020000Z.dump",
    "appdb/.other_19700109T020000Z.dump.tmp",
    "appdb/.notes.txt.tmp",
    "appdb/appdb_19700109T020000Z.dump.tmp",
    "appdb/appdb_19700102T020000Z.dump",
    "appdb/appdb_19700102T020000Z.dump.sha256",
    "appdb/appdb_19700102T020000Z.json",
    "globals/globals_19700102T020000Z.dump",
};

START_TEST(leftovers_go_and_nothing_else)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_strv_ Strv removed = { 0 };

    place_mkdir(&p, "lost+found");
    place_commit(&p, "appdb", DAY(1));
    place_commit(&p, NULL, DAY(1));
    for (size_t i = 0; i < ELEMENTSOF(leftovers); i++)
        place_touch(&p, leftovers[i]);
    for (size_t i = 0; i < ELEMENTSOF(kept); i++)
        if (!place_has(&p, kept[i]))
            place_touch(&p, kept[i]);

    sweep(&p, &removed);
    ck_assert_uint_eq(removed.count, ELEMENTSOF(leftovers));
    for (size_t i = 0; i < ELEMENTSOF(leftovers); i++) {
        ck_assert_msg(!place_has(&p, leftovers[i]), "%s stays", leftovers[i]);
        ck_assert(strv_contains(&removed, leftovers[i]));
    }
    for (size_t i = 0; i < ELEMENTSOF(kept); i++)
        ck_assert_msg(place_has(&p, kept[i]), "%s went", kept[i]);
    _cleanup_free_ char *target = place_link(&p, "appdb/appdb_latest.dump");
    ck_assert_str_eq(target, "appdb_19700102T020000Z.dump");
}
END_TEST

START_TEST(sweeping_twice_finds_nothing_more)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_strv_ Strv first = { 0 }, second = { 0 };

    place_commit(&p, "appdb", DAY(1));
    place_touch(&p, leftovers[0]);
    sweep(&p, &first);
    sweep(&p, &second);
    ck_assert_uint_eq(first.count, 1);
    ck_assert_uint_eq(second.count, 0);
}
END_TEST

START_TEST(a_damaged_manifest_protects_its_files)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_strv_ Strv removed = { 0 };

    place_commit(&p, "appdb", DAY(2));
    unit_write_file(p.path, "appdb/appdb_19700103T020000Z.json", "{", 1);
    sweep(&p, &removed);
    ck_assert_uint_eq(removed.count, 0);
    ck_assert(place_has(&p, "appdb/appdb_19700103T020000Z.dump"));
}
END_TEST

START_TEST(a_link_whose_data_file_is_swept_goes_too)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_strv_ Strv removed = { 0 };

    place_commit(&p, "appdb", DAY(1));
    place_unlink(&p, "appdb/appdb_19700102T020000Z.json");
    sweep(&p, &removed);
    ck_assert_uint_eq(removed.count, 4); /* data, inventory, checksums, link */
    ck_assert(!place_has(&p, "appdb/appdb_latest.dump"));
}
END_TEST

START_TEST(a_directory_with_a_name_of_ours_stays)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_strv_ Strv removed = { 0 };

    place_mkdir(&p, "appdb");
    place_mkdir(&p, "appdb/appdb_19700102T020000Z.dump");
    sweep(&p, &removed);
    ck_assert_uint_eq(removed.count, 0);
}
END_TEST

START_TEST(one_directory_that_cannot_be_swept_does_not_stop_the_others)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_strv_ Strv removed = { 0 }, problems = { 0 };

    ck_assert_int_eq(symlinkat("aaa", p.fd, "aaa"), 0);
    ck_assert_int_eq(symlinkat("zzz", p.fd, "zzz"), 0);
    place_mkdir(&p, "appdb");
    place_touch(&p, leftovers[0]);
    ck_assert_int_eq(catalog_sweep(p.path, &removed, &problems, NULL), 0);
    ck_assert_uint_eq(problems.count, 2);
    ck_assert_ptr_nonnull(strstr(problems.items[0], "/aaa\""));
    ck_assert_ptr_nonnull(strstr(problems.items[1], "/zzz\""));
    ck_assert(!place_has(&p, leftovers[0]));
}
END_TEST

/* Root may remove everything: nobody may not. */
static void become_nobody(void)
{
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(65534), 0);
}

START_TEST(one_leftover_that_cannot_be_removed_does_not_stop_the_others)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_strv_ Strv removed = { 0 }, problems = { 0 };
    uid_t self = geteuid();

    place_mkdir(&p, "appdb");
    place_mkdir(&p, "shop");
    place_touch(&p, "appdb/appdb_19700109T020000Z.dump");
    place_touch(&p, "shop/shop_19700109T020000Z.dump");
    ck_assert_int_eq(fchmodat(p.fd, ".", 0755, 0), 0);
    ck_assert_int_eq(fchmodat(p.fd, "appdb", 0555, 0), 0);
    ck_assert_int_eq(fchmodat(p.fd, "shop", 0777, 0), 0);

    become_nobody();
    ck_assert_int_eq(catalog_sweep(p.path, &removed, &problems, NULL), 0);
    ck_assert_int_eq(seteuid(self), 0);
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_ptr_nonnull(strstr(problems.items[0], "/appdb/appdb_19700109T020000Z.dump\""));
    ck_assert_uint_eq(removed.count, 1);
    ck_assert_str_eq(removed.items[0], "shop/shop_19700109T020000Z.dump");
    ck_assert_int_eq(fchmodat(p.fd, "appdb", 0755, 0), 0);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(a_hostile_name_goes_all_the_way, ELEMENTSOF(hostile)),
    UNIT_LOOP(sha256sum_checks_dump_and_manifest, ELEMENTSOF(hostile)),
    UNIT_TEST(the_latest_link_names_the_newest_commit),
    UNIT_TEST(a_change_of_format_leaves_no_link_to_an_old_backup),
    UNIT_LOOP(a_failure_before_the_commit_leaves_no_file_of_the_backup, 3),
    UNIT_TEST(a_failure_after_the_commit_is_a_warning),
    UNIT_TEST(a_commit_does_not_touch_the_manifest_of_another_backup),
    UNIT_TEST(all_files_of_a_removed_backup_go_and_no_others),
    UNIT_TEST(the_latest_link_goes_back_to_the_newest_good_one_that_is_left),
    UNIT_TEST(a_latest_link_that_cannot_be_made_is_a_warning_of_the_removal),
    UNIT_TEST(a_backup_whose_directory_is_none_any_more_is_gone),
    UNIT_TEST(the_last_backup_takes_the_latest_link_with_it),
    UNIT_TEST(leftovers_go_and_nothing_else),
    UNIT_TEST(sweeping_twice_finds_nothing_more),
    UNIT_TEST(a_damaged_manifest_protects_its_files),
    UNIT_TEST(a_link_whose_data_file_is_swept_goes_too),
    UNIT_TEST(a_directory_with_a_name_of_ours_stays),
    UNIT_TEST(one_directory_that_cannot_be_swept_does_not_stop_the_others),
    UNIT_TEST(one_leftover_that_cannot_be_removed_does_not_stop_the_others),
};
UNIT_MAIN("catalog-change", tests)
