#include "backups.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/catalog.h"
#include "sys/buf.h"
#include "sys/mem.h"

/* The stem that a name on the command line finds; NULL if none. */
static const char *found(const Catalog *c, const char *name)
{
    const Series *s;
    const Backup *b;
    return catalog_find(c, name, &s, &b, NULL) < 0 ? NULL : b->stem;
}

/* -- Loading -- */

START_TEST(a_committed_backup_is_good)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_commit(&p, "appdb", DAY(1));
    place_load(&p, &c);
    const Series *s = catalog_series(&c, "appdb");
    ck_assert_uint_eq(s->count, 1);
    ck_assert(s->backups[0].good);
    ck_assert_ptr_null(s->backups[0].problem);
    ck_assert_str_eq(s->backups[0].stem, "appdb_19700102T020000Z");
    ck_assert_uint_eq(s->backups[0].when, DAY(1));
    ck_assert_str_eq(s->backups[0].manifest.database, "appdb");
}
END_TEST

START_TEST(backups_come_oldest_first_and_globals_before_databases)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_commit(&p, "appdb", DAY(9));
    place_commit(&p, "appdb", DAY(10));
    place_commit(&p, "appdb", DAY(2));
    place_commit(&p, "Aardvark", DAY(1));
    place_commit(&p, NULL, DAY(1));
    place_load(&p, &c);
    ck_assert_uint_eq(c.count, 3);
    ck_assert_ptr_null(c.series[0].database);
    ck_assert_str_eq(c.series[1].database, "Aardvark");
    ck_assert_str_eq(c.series[2].database, "appdb");
    ck_assert_uint_eq(c.series[2].backups[0].when, DAY(2));
    ck_assert_uint_eq(c.series[2].backups[1].when, DAY(9));
    ck_assert_uint_eq(c.series[2].backups[2].when, DAY(10));
}
END_TEST

/* -- Judging -- */

static void spoil_size(const Place *p)
{
    unit_write_file(p->path, "appdb/appdb_19700103T020000Z.dump", "ab", 2);
}

static void spoil_data(const Place *p)
{
    place_unlink(p, "appdb/appdb_19700103T020000Z.dump");
}

static void spoil_type(const Place *p)
{
    spoil_data(p);
    ck_assert_int_eq(symlinkat("/etc/hostname", p->fd, "appdb/appdb_19700103T020000Z.dump"), 0);
}

static void spoil_manifest(const Place *p)
{
    unit_write_file(p->path, "appdb/appdb_19700103T020000Z.json", "{", 1);
}

static void (*const spoilers[])(const Place *p) = {
    spoil_size,
    spoil_data,
    spoil_type,
    spoil_manifest,
};

START_TEST(a_damaged_backup_is_listed_but_never_counted)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_commit(&p, "appdb", DAY(1));
    place_commit(&p, "appdb", DAY(2));
    spoilers[_i](&p);
    place_load(&p, &c);
    const Series *s = catalog_series(&c, "appdb");
    ck_assert_uint_eq(s->count, 2);
    ck_assert(!s->backups[1].good);
    ck_assert(!s->backups[1].unreadable);
    ck_assert_ptr_nonnull(s->backups[1].problem);
    ck_assert_uint_eq(series_good_count(s), 1);
    ck_assert_uint_eq(series_newest_good(s)->when, DAY(1));
    ck_assert_str_eq(found(&c, "appdb"), "appdb_19700102T020000Z");
}
END_TEST

/* A directory in its place cannot be read, even by root. */
static void make_unreadable(const Place *p, const char *manifest)
{
    place_unlink(p, manifest);
    place_mkdir(p, manifest);
}

START_TEST(a_backup_that_could_not_be_read_is_not_removed)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;
    _cleanup_err_ Err err = { 0 };

    place_commit(&p, "appdb", DAY(1));
    make_unreadable(&p, "appdb/appdb_19700102T020000Z.json");
    place_load(&p, &c);
    const Series *s = catalog_series(&c, "appdb");
    ck_assert(!s->backups[0].good);
    ck_assert(s->backups[0].unreadable);
    ck_assert_int_lt(catalog_remove(&c, s, &s->backups[0], NULL, &err), 0);
    ck_assert_int_eq(err.kind, ERR_REFUSED);
    ck_assert(place_has(&p, "appdb/appdb_19700102T020000Z.dump"));
}
END_TEST

/* Opening a FIFO waits for somebody at its other end, who never comes. */
START_TEST(a_manifest_that_is_no_regular_file_is_not_waited_for)
{
    static const char name[] = "appdb/appdb_19700102T020000Z.json";
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_commit(&p, "appdb", DAY(1));
    ck_assert_int_eq(renameat(p.fd, name, p.fd, "appdb/elsewhere"), 0);
    if (_i == 0)
        ck_assert_int_eq(mkfifoat(p.fd, name, 0600), 0);
    else
        ck_assert_int_eq(symlinkat("elsewhere", p.fd, name), 0);
    place_load(&p, &c);
    const Backup *b = &catalog_series(&c, "appdb")->backups[0];
    ck_assert(!b->good);
    ck_assert(b->unreadable);
    ck_assert_ptr_nonnull(strstr(b->problem, "is not a regular file"));
}
END_TEST

START_TEST(a_noisy_backup_keeps_few_of_its_warnings_in_memory_and_the_count_of_all)
{
    static const char name[] = "appdb/appdb_19700102T020000Z.json";
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;
    _cleanup_buf_ Buf noisy = { 0 };

    place_commit(&p, "appdb", DAY(1));
    _cleanup_free_ char *text = unit_read_file(p.path, name, NULL);
    const char *list = strstr(text, "\"warnings\": [");
    ck_assert_ptr_nonnull(list);
    buf_add(&noisy, text, (size_t)(list - text));
    buf_adds(&noisy, "\"warnings\": [\"0\"");
    for (unsigned i = 1; i < 1000; i++)
        buf_addf(&noisy, ", \"%u\"", i);
    buf_adds(&noisy, strchr(list, ']'));
    unit_write_file(p.path, name, noisy.data, noisy.size);

    place_load(&p, &c);
    const Backup *b = &catalog_series(&c, "appdb")->backups[0];
    ck_assert(b->good);
    ck_assert_uint_eq(b->manifest.warnings.count, CATALOG_WARNINGS_KEPT);
    ck_assert_str_eq(b->manifest.warnings.items[0], "0");
    ck_assert_uint_eq(manifest_warning_count(&b->manifest), 1000);
}
END_TEST

START_TEST(stored_bytes_are_those_on_the_disk)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_commit(&p, "appdb", DAY(1));
    place_commit(&p, "appdb", DAY(2));
    place_commit(&p, NULL, DAY(2));
    spoil_size(&p);
    place_load(&p, &c);
    ck_assert_uint_eq(catalog_stored_bytes(&c), 3 + 2 + 3);
}
END_TEST

START_TEST(what_is_not_ours_is_not_seen)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_touch(&p, ".lock");
    place_touch(&p, "README");
    place_mkdir(&p, ".state");
    place_mkdir(&p, "lost+found");
    place_mkdir(&p, "tmp");
    place_mkdir(&p, "a b");
    place_touch(&p, "a b/a b_19700102T020000Z.json");
    place_touch(&p, "tmp/appdb_19700102T020000Z.json");
    ck_assert_int_eq(symlinkat("nowhere", p.fd, "dangling"), 0);
    place_load(&p, &c);
    ck_assert_uint_eq(c.count, 0);
}
END_TEST

START_TEST(a_directory_that_cannot_be_opened_is_a_series_with_a_problem_beside_the_others)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    /* ELOOP: what permissions forbid, root may do. */
    ck_assert_int_eq(symlinkat("appdb", p.fd, "appdb"), 0);
    place_commit(&p, "shop", DAY(1));
    place_load(&p, &c);
    ck_assert_uint_eq(c.count, 2);
    ck_assert_str_eq(c.series[0].database, "appdb");
    ck_assert_uint_eq(c.series[0].count, 0);
    ck_assert_ptr_nonnull(strstr(c.series[0].problem, "/appdb\""));
    ck_assert_ptr_null(c.series[1].problem);
    ck_assert_str_eq(found(&c, "shop"), "shop_19700102T020000Z");
}
END_TEST

START_TEST(a_backup_in_a_directory_that_cannot_be_opened_may_well_exist)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;
    _cleanup_err_ Err err = { 0 };
    const Series *s;
    const Backup *b;

    ck_assert_int_eq(symlinkat("appdb", p.fd, "appdb"), 0);
    place_load(&p, &c);
    ck_assert_int_lt(catalog_find(&c, _i == 0 ? "appdb" : "appdb_19700102T020000Z", &s, &b, &err),
                     0);
    ck_assert_int_eq(err.kind, ERR_COULD_NOT_VERIFY);
    ck_assert_ptr_nonnull(strstr(err.message, "/appdb\""));
}
END_TEST

START_TEST(a_missing_directory_is_a_matter_of_settings)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_free_ char *path = mem_printf("%s/%s", p.path, _i == 0 ? "missing" : "file");
    _cleanup_catalog_ Catalog c = CATALOG_INIT;
    _cleanup_err_ Err err = { 0 };

    place_touch(&p, "file");
    ck_assert_int_lt(catalog_load(path, &c, &err), 0);
    ck_assert_int_eq(err.kind, ERR_SETTINGS);
    ck_assert_ptr_nonnull(strstr(err.message, path));
}
END_TEST

/* -- Finding -- */

START_TEST(a_backup_is_found_by_stem_by_database_and_by_directory)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_commit(&p, "a/b", DAY(1));
    place_commit(&p, "a/b", DAY(2));
    place_load(&p, &c);
    ck_assert_str_eq(found(&c, "a%2Fb_19700102T020000Z"), "a%2Fb_19700102T020000Z");
    ck_assert_str_eq(found(&c, "a/b"), "a%2Fb_19700103T020000Z");
    ck_assert_str_eq(found(&c, "a%2Fb"), "a%2Fb_19700103T020000Z");
}
END_TEST

START_TEST(globals_are_not_the_database_of_that_name)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_commit(&p, NULL, DAY(1));
    place_commit(&p, "globals", DAY(2));
    place_load(&p, &c);
    ck_assert_str_eq(found(&c, "globals"), "globals_19700102T020000Z");
    ck_assert_str_eq(found(&c, "%67lobals"), "%67lobals_19700103T020000Z");
}
END_TEST

START_TEST(a_database_called_like_a_stem_is_found)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_commit(&p, "a", DAY(1));
    place_commit(&p, "a_20261122T020000Z", DAY(2));
    place_load(&p, &c);
    ck_assert_str_eq(found(&c, "a_20261122T020000Z"), "a_20261122T020000Z_19700103T020000Z");
    ck_assert_str_eq(found(&c, "a"), "a_19700102T020000Z");
}
END_TEST

START_TEST(a_damaged_backup_is_found_by_its_stem_only)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_commit(&p, "appdb", DAY(2));
    spoil_size(&p);
    place_load(&p, &c);
    ck_assert_ptr_null(found(&c, "appdb"));
    ck_assert_str_eq(found(&c, "appdb_19700103T020000Z"), "appdb_19700103T020000Z");
}
END_TEST

/* What is looked for, and what the hint must name. */
static const struct {
    const char *name, *hint;
} misses[] = {
    { "appbd", "\"appdb\"" },
    { "appdb_19700104T000000Z", "\"appdb_19700103T020000Z\"" },
    { "appdb_19600101T000000Z", "\"appdb\"" },
    { "shop_19700102T020000Z", "\"shop_19700103T020000Z\"" },
    { "zoo_19700102T020000Z", "\"shop\"" },
    { "", "\"appdb\"" },
};

START_TEST(a_miss_names_what_is_near)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;
    _cleanup_err_ Err err = { 0 };
    const Series *s;
    const Backup *b;

    place_commit(&p, "appdb", DAY(1));
    place_commit(&p, "appdb", DAY(2));
    place_commit(&p, "shop", DAY(2));
    place_unlink(&p, "shop/shop_19700103T020000Z.dump");
    place_load(&p, &c);
    ck_assert_int_lt(catalog_find(&c, misses[_i].name, &s, &b, &err), 0);
    ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
    ck_assert_msg(strstr(err.hint, misses[_i].hint) || strstr(err.message, misses[_i].hint), "%s",
                  err.hint);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_committed_backup_is_good),
    UNIT_TEST(backups_come_oldest_first_and_globals_before_databases),
    UNIT_LOOP(a_damaged_backup_is_listed_but_never_counted, ELEMENTSOF(spoilers)),
    UNIT_TEST(a_backup_that_could_not_be_read_is_not_removed),
    UNIT_LOOP(a_manifest_that_is_no_regular_file_is_not_waited_for, 2),
    UNIT_TEST(a_noisy_backup_keeps_few_of_its_warnings_in_memory_and_the_count_of_all),
    UNIT_TEST(stored_bytes_are_those_on_the_disk),
    UNIT_TEST(what_is_not_ours_is_not_seen),
    UNIT_TEST(a_directory_that_cannot_be_opened_is_a_series_with_a_problem_beside_the_others),
    UNIT_LOOP(a_backup_in_a_directory_that_cannot_be_opened_may_well_exist, 2),
    UNIT_LOOP(a_missing_directory_is_a_matter_of_settings, 2),
    UNIT_TEST(a_backup_is_found_by_stem_by_database_and_by_directory),
    UNIT_TEST(globals_are_not_the_database_of_that_name),
    UNIT_TEST(a_database_called_like_a_stem_is_found),
    UNIT_TEST(a_damaged_backup_is_found_by_its_stem_only),
    UNIT_LOOP(a_miss_names_what_is_near, ELEMENTSOF(misses)),
};
UNIT_MAIN("catalog", tests)
