#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sample-directory.h"

#include "backup/catalog.h"
#include "backup/directory-copy.h"
#include "backup/verify-directory.h"
#include "backup/verify.h"
#include "sys/mem.h"

#define WHEN ((usec_t)1795312800 * USEC_PER_SEC)

static const char *const files[] = {
    "toc.dat",
    "blobs.toc",
    "3381.dat.gz",
    "3382.dat.gz",
    "blob_16431.dat.gz",
    "blob_2147483648.dat.gz",
    "blob_4294967295.dat.gz",
};

typedef struct Sample {
    char *root, *stem;
    char *series; /* path of the series' directory */
    char *path;   /* of the backup's */
    Catalog catalog;
    const Series *s;
    const Backup *b;
} Sample;

static void load(Sample *x)
{
    catalog_done(&x->catalog);
    ck_assert_int_eq(catalog_load(x->root, &x->catalog, NULL), 0);
    ck_assert_int_eq(catalog_find(&x->catalog, x->stem, &x->s, &x->b, NULL), 0);
}

static Sample make_sample(void)
{
    Sample x = { .root = unit_mkdir(), .catalog = CATALOG_INIT };

    x.stem = sample_directory(x.root, "appdb", WHEN);
    x.series = mem_printf("%s/appdb", x.root);
    x.path = mem_printf("%s/%s.dir", x.series, x.stem);
    load(&x);
    return x;
}

static void sample_done(Sample *x)
{
    catalog_done(&x->catalog);
    free(x->stem);
    free(x->series);
    free(x->path);
    unit_rmdir(x->root);
}

static int stored(const Sample *x, Err *err)
{
    return verify_stored(&x->catalog, x->s, x->b, err);
}

static int decoded(const Sample *x, Err *err)
{
    return verify_decoded(&x->catalog, x->s, x->b, /* client= */ NULL, /* stall_timeout= */ 0, err);
}

static void must_be(const char *words, int r, const Err *err)
{
    ck_assert_msg(r < 0, "not found: %s", words);
    ck_assert_int_eq(err->kind, ERR_DAMAGED);
    ck_assert_msg(strstr(err->message, words) != NULL, "\"%s\": no \"%s\"", err->message, words);
}

/* By either level. */
static void must_be_damaged(const Sample *x, const char *words)
{
    _cleanup_err_ Err first = { 0 }, second = { 0 };

    must_be(words, stored(x, &first), &first);
    must_be("", decoded(x, &second), &second);
}

START_TEST(a_sound_directory_holds)
{
    Sample x = make_sample();

    ck_assert_int_eq(stored(&x, NULL), 0);
    ck_assert_int_eq(decoded(&x, NULL), 0);
    sample_done(&x);
}
END_TEST

/* One in each byte, each of the eight in turn, by each level in turn. */
static void flip_bits(Sample *x, const char *dir, const char *name, const char *words)
{
    size_t size;
    _cleanup_free_ char *bytes = unit_read_file(dir, name, &size);

    for (size_t i = 0; i < size; i++) {
        _cleanup_err_ Err err = { 0 };

        bytes[i] ^= (char)(1 << i % 8);
        unit_write_file(dir, name, bytes, size);
        load(x);
        must_be(words, i % 2 == 0 ? stored(x, &err) : decoded(x, &err), &err);
        bytes[i] ^= (char)(1 << i % 8);
    }
}

START_TEST(a_flipped_bit_in_any_file_is_found)
{
    Sample x = make_sample();

    flip_bits(&x, x.path, files[_i], files[_i]);
    sample_done(&x);
}
END_TEST

START_TEST(a_flipped_bit_beside_the_directory_is_found)
{
    static const char *const suffixes[] = { ".dir.sha256", ".json", ".inventory.jsonl" };
    Sample x = make_sample();
    _cleanup_free_ char *name = mem_printf("%s%s", x.stem, suffixes[_i]);

    flip_bits(&x, x.series, name, "");
    sample_done(&x);
}
END_TEST

START_TEST(a_missing_file_is_damage)
{
    Sample x = make_sample();
    _cleanup_free_ char *path = mem_printf("%s/%s", x.path, files[_i]);

    ck_assert_int_eq(unlink(path), 0);
    must_be_damaged(&x, files[_i]);
    must_be_damaged(&x, "is missing");
    sample_done(&x);
}
END_TEST

START_TEST(a_surplus_file_is_damage)
{
    Sample x = make_sample();

    unit_write_file(x.path, "3383.dat.gz", "", 0);
    must_be_damaged(&x, "3383.dat.gz\" does not belong there");
    sample_done(&x);
}
END_TEST

START_TEST(what_is_no_directory_is_damage)
{
    Sample x = make_sample();
    _cleanup_free_ char *moved = mem_printf("%s/moved", x.root);

    ck_assert_int_eq(rename(x.path, moved), 0);
    must_be_damaged(&x, "is missing");
    ck_assert_int_eq(symlink(moved, x.path), 0);
    must_be_damaged(&x, "is not a directory");
    ck_assert_int_eq(unlink(x.path), 0);
    ck_assert_int_eq(mkfifo(x.path, 0600), 0);
    must_be_damaged(&x, "is not a directory");
    ck_assert_int_eq(unlink(x.path), 0);
    ck_assert_int_eq(rename(moved, x.path), 0);
    ck_assert_int_eq(decoded(&x, NULL), 0);
    sample_done(&x);
}
END_TEST

/* As catalog_remove() does it: the manifest first, then the others. */
START_TEST(a_directory_that_is_removed_meanwhile_is_no_damage)
{
    Sample x = make_sample();
    _cleanup_free_ char *manifest = mem_printf("%s/%s.json", x.series, x.stem);
    _cleanup_free_ char *toc = mem_printf("%s/toc.dat", x.path);
    _cleanup_err_ Err first = { 0 }, second = { 0 };

    ck_assert_int_eq(unlink(manifest), 0);
    ck_assert_int_lt(stored(&x, &first), 0);
    ck_assert_int_eq(first.kind, ERR_NOT_FOUND);
    ck_assert_int_eq(unlink(toc), 0);
    ck_assert_int_lt(decoded(&x, &second), 0);
    ck_assert_int_eq(second.kind, ERR_NOT_FOUND);
    sample_done(&x);
}
END_TEST

/* Copies */

static int copy(const Sample *x, int *ret_fd, Err *err)
{
    _cleanup_manifest_ Manifest m = { 0 };

    *ret_fd = open(x->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_eq(catalog_load_manifest(&x->catalog, x->s, x->b, &m, NULL), 0);
    return directory_copy(x->path, &m, *ret_fd, x->root, "copy", err);
}

START_TEST(a_copy_holds_what_the_manifest_lists)
{
    Sample x = make_sample();
    _cleanup_free_ char *path = mem_printf("%s/copy", x.root);
    _cleanup_manifest_ Manifest m = { 0 };
    _cleanup_close_ int fd = -1;

    ck_assert_int_eq(copy(&x, &fd, NULL), 0);
    ck_assert_int_eq(catalog_load_manifest(&x.catalog, x.s, x.b, &m, NULL), 0);
    ck_assert_int_eq(verify_directory(path, &m, NULL, NULL), 0);
    sample_done(&x);
}
END_TEST

START_TEST(a_copy_of_something_else_is_none)
{
    Sample x = make_sample();
    _cleanup_close_ int fd = -1;
    _cleanup_err_ Err err = { 0 };

    unit_write_file(x.path, "toc.dat", "PGDMP", 5);
    ck_assert_int_lt(copy(&x, &fd, &err), 0);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    ck_assert_int_lt(faccessat(fd, "copy", F_OK, 0), 0);
    ck_assert_int_lt(faccessat(fd, ".copy.tmp", F_OK, 0), 0);
    sample_done(&x);
}
END_TEST

START_TEST(what_a_killed_copy_has_left_is_no_obstacle)
{
    Sample x = make_sample();
    _cleanup_free_ char *left = mem_printf("%s/.copy.tmp", x.root);
    _cleanup_close_ int fd = -1;

    ck_assert_int_eq(mkdir(left, 0755), 0);
    unit_write_file(left, ".toc.dat.tmp", "PGD", 3);
    ck_assert_int_eq(copy(&x, &fd, NULL), 0);
    ck_assert_int_eq(faccessat(fd, "copy/toc.dat", F_OK, 0), 0);
    ck_assert_int_lt(faccessat(fd, "copy/.toc.dat.tmp", F_OK, 0), 0);
    ck_assert_int_lt(access(left, F_OK), 0);
    sample_done(&x);
}
END_TEST

START_TEST(a_copy_replaces_nothing)
{
    Sample x = make_sample();
    _cleanup_free_ char *path = mem_printf("%s/copy", x.root);
    _cleanup_close_ int fd = -1;
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(mkdir(path, 0700), 0);
    unit_write_file(path, "mine", "abc", 3);
    ck_assert_int_lt(copy(&x, &fd, &err), 0);
    free(unit_read_file(path, "mine", NULL));
    ck_assert_int_lt(faccessat(fd, ".copy.tmp", F_OK, 0), 0);
    sample_done(&x);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_sound_directory_holds),
    UNIT_LOOP(a_flipped_bit_in_any_file_is_found, ELEMENTSOF(files)),
    UNIT_LOOP(a_flipped_bit_beside_the_directory_is_found, 3),
    UNIT_LOOP(a_missing_file_is_damage, ELEMENTSOF(files)),
    UNIT_TEST(a_surplus_file_is_damage),
    UNIT_TEST(what_is_no_directory_is_damage),
    UNIT_TEST(a_directory_that_is_removed_meanwhile_is_no_damage),
    UNIT_TEST(a_copy_holds_what_the_manifest_lists),
    UNIT_TEST(a_copy_of_something_else_is_none),
    UNIT_TEST(what_a_killed_copy_has_left_is_no_obstacle),
    UNIT_TEST(a_copy_replaces_nothing),
};

UNIT_MAIN("verify-directory", tests)
