#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sample-backup.h"

#include "backup/verify.h"
#include "stream/sink-fd.h"
#include "sys/mem.h"

#define WHEN ((usec_t)1795312800 * USEC_PER_SEC)
#define TEXT                                                                                       \
    "--\n-- Name: t; Type: TABLE; Schema: public; Owner: postgres\n--\n\n"                         \
    "CREATE TABLE t (a int);\nINSERT INTO t VALUES (42);\n" SAMPLE_CLOSING

typedef struct Sample {
    char *dir;
    char *stem;
    Catalog catalog;
    const Series *series;
    const Backup *backup;
} Sample;

static void load(Sample *s)
{
    catalog_done(&s->catalog);
    ck_assert_int_eq(catalog_load(s->dir, &s->catalog, NULL), 0);
    ck_assert_int_eq(catalog_find(&s->catalog, s->stem, &s->series, &s->backup, NULL), 0);
}

static Sample make_sample(void)
{
    Sample s = { .dir = unit_mkdir(), .catalog = CATALOG_INIT };

    s.stem = sample_backup(s.dir, "appdb", WHEN, TEXT);
    load(&s);
    return s;
}

static void sample_done(Sample *s)
{
    catalog_done(&s->catalog);
    free(s->stem);
    unit_rmdir(s->dir);
}

/* Both levels, as `pg-backup verify` has them. */
static int verify(const Sample *s, Err *err)
{
    int r = verify_stored(&s->catalog, s->series, s->backup, err);
    return r < 0 ? r : verify_decoded(&s->catalog, s->series, s->backup, NULL, 0, err);
}

START_TEST(a_sound_backup_holds)
{
    Sample s = make_sample();
    ck_assert_int_eq(verify(&s, NULL), 0);
    sample_done(&s);
}
END_TEST

START_TEST(one_flipped_bit_anywhere_is_found)
{
    static const char *const suffixes[] = { ".sql.gz", ".inventory.jsonl", ".sql.gz.sha256",
                                            ".json" };
    Sample s = make_sample();
    _cleanup_free_ char *dir = mem_printf("%s/appdb", s.dir);
    _cleanup_free_ char *name = mem_printf("%s%s", s.stem, suffixes[_i]);
    size_t size;
    _cleanup_free_ char *bytes = unit_read_file(dir, name, &size);

    for (size_t bit = 0; bit < size * 8; bit++) {
        _cleanup_err_ Err err = { 0 };

        bytes[bit / 8] ^= (char)(1 << bit % 8);
        unit_write_file(dir, name, bytes, size);
        load(&s);
        ck_assert_msg(verify(&s, &err) < 0, "bit %zu of \"%s\" was flipped and not found", bit,
                      name);
        ck_assert_int_eq(err.kind, ERR_DAMAGED);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    sample_done(&s);
}
END_TEST

START_TEST(a_file_cut_at_any_length_is_found)
{
    Sample s = make_sample();
    _cleanup_free_ char *path = mem_printf("%s/appdb/%s.sql.gz", s.dir, s.stem);
    off_t size = (off_t)s.backup->manifest.stored_bytes;

    while (--size >= 0) {
        ck_assert_int_eq(truncate(path, size), 0);
        ck_assert_int_lt(verify(&s, NULL), 0);
    }
    sample_done(&s);
}
END_TEST

START_TEST(a_missing_file_is_damage)
{
    Sample s = make_sample();
    _cleanup_free_ char *path = mem_printf("%s/appdb/%s.sql.gz", s.dir, s.stem);
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_lt(verify(&s, &err), 0);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    sample_done(&s);
}
END_TEST

START_TEST(a_fifo_or_a_link_in_the_place_of_a_file_is_damage)
{
    static const char *const suffixes[] = { ".sql.gz", ".sql.gz.sha256", ".inventory.jsonl" };
    Sample s = make_sample();
    _cleanup_free_ char *path = mem_printf("%s/appdb/%s%s", s.dir, s.stem, suffixes[_i / 2]);
    _cleanup_free_ char *moved = mem_printf("%s/moved", s.dir);
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(rename(path, moved), 0);
    ck_assert_int_eq(_i % 2 == 0 ? mkfifo(path, 0600) : symlink(moved, path), 0);
    ck_assert_int_lt(verify(&s, &err), 0);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    ck_assert_ptr_nonnull(strstr(err.message, "is not a regular file"));
    sample_done(&s);
}
END_TEST

START_TEST(a_manifest_that_cannot_be_read_is_no_damage)
{
    Sample s = make_sample();
    _cleanup_free_ char *path = mem_printf("%s/appdb/%s.json", s.dir, s.stem);
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0); /* EISDIR, even for root */
    load(&s);
    ck_assert_int_lt(verify(&s, &err), 0);
    ck_assert_int_eq(err.kind, ERR_COULD_NOT_VERIFY);
    sample_done(&s);
}
END_TEST

/* As catalog_remove() does it: the manifest first, then the others. */
START_TEST(a_backup_that_is_removed_meanwhile_is_no_damage)
{
    Sample s = make_sample();
    _cleanup_free_ char *manifest = mem_printf("%s/appdb/%s.json", s.dir, s.stem);
    _cleanup_free_ char *data = mem_printf("%s/appdb/%s.sql.gz", s.dir, s.stem);
    _cleanup_err_ Err stored = { 0 }, decoded = { 0 }, streamed = { 0 };

    ck_assert_int_eq(unlink(manifest), 0);
    ck_assert_int_lt(verify_stored(&s.catalog, s.series, s.backup, &stored), 0);
    ck_assert_int_eq(stored.kind, ERR_NOT_FOUND);

    ck_assert_int_eq(unlink(data), 0);
    ck_assert_int_lt(verify_decoded(&s.catalog, s.series, s.backup, NULL, 0, &decoded), 0);
    ck_assert_int_eq(decoded.kind, ERR_NOT_FOUND);
    ck_assert_int_lt(verify_stream(&s.catalog, s.series, s.backup, sink_null_new(), &streamed), 0);
    ck_assert_int_eq(streamed.kind, ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(streamed.message, "was removed meanwhile"));
    sample_done(&s);
}
END_TEST

START_TEST(a_stream_gives_the_dump_back)
{
    Sample s = make_sample();
    _cleanup_free_ char *path = mem_printf("%s/out", s.dir);
    _cleanup_close_ int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    ck_assert_int_eq(verify_stream(&s.catalog, s.series, s.backup, sink_fd_new(fd, "out"), NULL),
                     0);
    _cleanup_free_ char *text = unit_read_file(s.dir, "out", NULL);
    ck_assert_str_eq(text, TEXT);
    sample_done(&s);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_sound_backup_holds),
    UNIT_LOOP(one_flipped_bit_anywhere_is_found, 4),
    UNIT_TEST(a_file_cut_at_any_length_is_found),
    UNIT_TEST(a_missing_file_is_damage),
    UNIT_LOOP(a_fifo_or_a_link_in_the_place_of_a_file_is_damage, 6),
    UNIT_TEST(a_manifest_that_cannot_be_read_is_no_damage),
    UNIT_TEST(a_backup_that_is_removed_meanwhile_is_no_damage),
    UNIT_TEST(a_stream_gives_the_dump_back),
};

UNIT_MAIN("verify", tests)
