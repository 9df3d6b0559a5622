#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sample-directory.h"

#include "backup/directory-read.h"
#include "sys/mem.h"
#include "sys/strv.h"

static const char *const names[] = {
    "toc.dat",        "blobs.toc",           "3381.dat",           "3382.dat",
    "blob_16431.dat", "blob_2147483648.dat", "blob_4294967295.dat"
};

static char *make_directory(unsigned minor, Codec codec)
{
    char *path = unit_mkdir();
    sample_directory_files(path, minor, codec);
    return path;
}

static int read_by(const char *path, unsigned threads, DirectoryContents *ret, Err *err)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const DirectoryRead how = { .fd = fd, .path = path, .threads = threads, .contents = true };

    return directory_read(&how, ret, err);
}

/* That it is damaged, and what is said of it. */
static void must_fail(const char *path, ErrKind kind, const char *words)
{
    _cleanup_directory_contents_ DirectoryContents c = { 0 };
    _cleanup_err_ Err err = { 0 };

    ck_assert_msg(read_by(path, 2, &c, &err) < 0, "no word of: %s", words);
    ck_assert_int_eq(err.kind, kind);
    ck_assert_msg(strstr(err.message, words) != NULL, "\"%s\" without \"%s\"", err.message, words);
}

static const struct {
    unsigned minor;
    Codec codec;
} archives[] = {
    { 12, CODEC_GZIP }, { 14, CODEC_NONE }, { 14, CODEC_GZIP },
    { 15, CODEC_ZSTD }, { 16, CODEC_LZ4 },  { 16, CODEC_ZSTD },
};

START_TEST(a_directory_has_the_inventory_of_the_archive)
{
    char *path = make_directory(archives[_i].minor, archives[_i].codec);
    _cleanup_free_ char *expected = sample_directory_inventory(archives[_i].minor);
    _cleanup_free_ char *version = mem_printf("1.%u", archives[_i].minor);
    _cleanup_directory_contents_ DirectoryContents c = { 0 };
    _cleanup_buf_ Buf text = { 0 };

    ck_assert_int_eq(read_by(path, 2, &c, NULL), 0);
    inventory_print(&c.inventory, &text);
    ck_assert_str_eq(text.data, expected);
    ck_assert_str_eq(c.archive_version, version);
    unit_rmdir(path);
}
END_TEST

START_TEST(any_number_of_threads_finds_the_same)
{
    static const unsigned threads[] = { 0, 1, 3, 64 };
    char *path = make_directory(14, CODEC_GZIP);
    _cleanup_directory_contents_ DirectoryContents one = { 0 }, many = { 0 };
    _cleanup_buf_ Buf first = { 0 }, second = { 0 };

    ck_assert_int_eq(read_by(path, 1, &one, NULL), 0);
    ck_assert_int_eq(read_by(path, threads[_i], &many, NULL), 0);
    stored_files_print(&one.files, "d", &first);
    stored_files_print(&many.files, "d", &second);
    inventory_print(&one.inventory, &first);
    inventory_print(&many.inventory, &second);
    ck_assert_str_eq(first.data, second.data);
    ck_assert_uint_eq(one.raw_bytes, many.raw_bytes);
    unit_rmdir(path);
}
END_TEST

START_TEST(a_missing_file_is_found)
{
    char *path = make_directory(14, CODEC_NONE);
    _cleanup_free_ char *file = mem_printf("%s/%s", path, names[_i]);

    ck_assert_int_eq(unlink(file), 0);
    must_fail(path, ERR_DAMAGED, names[_i]);
    must_fail(path, ERR_DAMAGED, "is missing");
    unit_rmdir(path);
}
END_TEST

START_TEST(a_surplus_file_is_found)
{
    static const char *const surplus[] = { "4000.dat",       "3381.dat.gz", "blob_1.dat",
                                           "blobs_3393.toc", "toc.dat.gz",  ".hidden",
                                           "notes.txt" };
    char *path = make_directory(14, CODEC_NONE);

    unit_write_file(path, surplus[_i], "", 0);
    must_fail(path, ERR_DAMAGED, surplus[_i]);
    must_fail(path, ERR_DAMAGED, "does not belong there");
    unit_rmdir(path);
}
END_TEST

START_TEST(what_is_no_file_is_damage)
{
    char *path = make_directory(14, CODEC_NONE);
    _cleanup_free_ char *file = mem_printf("%s/3381.dat", path);
    _cleanup_free_ char *moved = mem_printf("%s/../moved-%d", path, (int)getpid());

    ck_assert_int_eq(rename(file, moved), 0);
    ck_assert_int_eq(_i == 0   ? mkfifo(file, 0600)
                     : _i == 1 ? symlink(moved, file)
                               : mkdir(file, 0700),
                     0);
    must_fail(path, ERR_DAMAGED, "is not a regular file");
    unlink(moved);
    unit_rmdir(path);
}
END_TEST

START_TEST(a_table_cut_at_any_length_is_found)
{
    static const Codec codecs[] = { CODEC_NONE, CODEC_GZIP, CODEC_LZ4, CODEC_ZSTD };
    static const char *const suffixes[] = { "", ".gz", ".lz4", ".zst" };
    char *path = make_directory(16, codecs[_i]);
    _cleanup_free_ char *name = mem_printf("3381.dat%s", suffixes[_i]);
    _cleanup_free_ char *file = mem_printf("%s/%s", path, name);
    size_t size;
    free(unit_read_file(path, name, &size));

    while (size-- > 0) {
        ck_assert_int_eq(truncate(file, (off_t)size), 0);
        must_fail(path, ERR_DAMAGED, name);
    }
    unit_rmdir(path);
}
END_TEST

START_TEST(a_toc_cut_at_any_length_is_found)
{
    char *path = make_directory(14, CODEC_NONE);
    _cleanup_free_ char *file = mem_printf("%s/toc.dat", path);
    size_t size;
    free(unit_read_file(path, "toc.dat", &size));

    while (size-- > 0) {
        ck_assert_int_eq(truncate(file, (off_t)size), 0);
        must_fail(path, ERR_DAMAGED, "toc.dat");
    }
    unit_rmdir(path);
}
END_TEST

START_TEST(the_toc_of_another_format_is_damage)
{
    char *path = make_directory(14, CODEC_NONE);
    size_t size;
    _cleanup_free_ char *toc = unit_read_file(path, "toc.dat", &size);

    toc[10] = 1; /* custom */
    unit_write_file(path, "toc.dat", toc, size);
    must_fail(path, ERR_DAMAGED, "toc.dat");
    unit_rmdir(path);
}
END_TEST

START_TEST(a_version_that_is_not_known_costs_the_contents_alone)
{
    char *path = make_directory(14, CODEC_NONE);
    _cleanup_directory_contents_ DirectoryContents c = { 0 };
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const DirectoryRead how = { .fd = fd, .path = path, .threads = 1 };
    size_t size;
    _cleanup_free_ char *toc = unit_read_file(path, "toc.dat", &size);

    toc[6] = 99;
    unit_write_file(path, "toc.dat", toc, size);
    must_fail(path, ERR_ARCHIVE_VERSION, "99");
    ck_assert_int_eq(directory_read(&how, &c, NULL), 0);
    ck_assert_uint_eq(c.files.count, ELEMENTSOF(names));
    ck_assert_uint_eq(c.raw_bytes, stored_files_bytes(&c.files));
    unit_rmdir(path);
}
END_TEST

START_TEST(a_list_of_large_objects_that_is_none_is_damage)
{
    static const char *const lists[] = {
        "16431 blob_16431.dat",
        "16431  blob_16431.dat\n",
        "16431 ../blob_16431.dat\n",
        "16431 .blob\n",
        "16431\n",
        "\n",
        " 16431 blob_16431.dat\n",
        "-1 blob_16431.dat\n",
        "0 blob_16431.dat\n",
        "4294967296 blob_16431.dat\n",
        "16431 blob_16431.dat\n16431 blob_16431.dat\n",
        "16431 blob_16431.dat\n16432 3381.dat\n",
    };
    char *path = make_directory(14, CODEC_NONE);

    unit_write_file(path, "blobs.toc", lists[_i], strlen(lists[_i]));
    must_fail(path, ERR_DAMAGED, path);
    unit_rmdir(path);
}
END_TEST

START_TEST(an_empty_file_is_an_empty_large_object_whatever_its_suffix_says)
{
    char *path = make_directory(16, CODEC_LZ4);
    _cleanup_free_ char *expected = sample_directory_inventory(16);
    _cleanup_directory_contents_ DirectoryContents c = { 0 };
    _cleanup_buf_ Buf text = { 0 };

    unit_write_file(path, "blob_2147483648.dat.lz4", "", 0);
    ck_assert_int_eq(read_by(path, 2, &c, NULL), 0);
    inventory_print(&c.inventory, &text);
    ck_assert_str_eq(text.data, expected);
    unit_rmdir(path);
}
END_TEST

START_TEST(adopted_files_are_private)
{
    char *path = make_directory(14, CODEC_NONE);
    _cleanup_directory_contents_ DirectoryContents c = { 0 };
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const DirectoryRead how = {
        .fd = fd, .path = path, .threads = 2, .contents = true, .adopt = true
    };
    struct stat st;

    for (size_t i = 0; i < ELEMENTSOF(names); i++)
        ck_assert_int_eq(fchmodat(fd, names[i], 0644, 0), 0);
    ck_assert_int_eq(directory_read(&how, &c, NULL), 0);
    for (size_t i = 0; i < ELEMENTSOF(names); i++) {
        ck_assert_int_eq(fstatat(fd, names[i], &st, 0), 0);
        ck_assert_uint_eq(st.st_mode & 0777, 0600);
    }
    unit_rmdir(path);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(a_directory_has_the_inventory_of_the_archive, ELEMENTSOF(archives)),
    UNIT_LOOP(any_number_of_threads_finds_the_same, 4),
    UNIT_LOOP(a_missing_file_is_found, ELEMENTSOF(names)),
    UNIT_LOOP(a_surplus_file_is_found, 7),
    UNIT_LOOP(what_is_no_file_is_damage, 3),
    UNIT_LOOP(a_table_cut_at_any_length_is_found, 4),
    UNIT_TEST(a_toc_cut_at_any_length_is_found),
    UNIT_TEST(the_toc_of_another_format_is_damage),
    UNIT_TEST(a_version_that_is_not_known_costs_the_contents_alone),
    UNIT_LOOP(a_list_of_large_objects_that_is_none_is_damage, 12),
    UNIT_TEST(an_empty_file_is_an_empty_large_object_whatever_its_suffix_says),
    UNIT_TEST(adopted_files_are_private),
};

UNIT_MAIN("directory-read", tests)
