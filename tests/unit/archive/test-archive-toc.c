#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/archive-toc.h"
#include "sample-archive.h"
#include "sys/mem.h"

/* Reads the first `size` bytes of a sample. */
static int read_sample(void (*sample)(Buf *b, unsigned minor), unsigned minor, size_t size,
                       ArchiveToc *ret, Err *err)
{
    char *dir = unit_mkdir();
    _cleanup_free_ char *path = mem_printf("%s/archive", dir);
    _cleanup_buf_ Buf archive = { 0 };

    sample(&archive, minor);
    unit_write_file(dir, "archive", archive.data, size < archive.size ? size : archive.size);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    int r = archive_toc_read(fd, "archive", ret, err);
    close(fd);
    unit_rmdir(dir);
    return r;
}

static const ArchiveTocEntry *find(const ArchiveToc *toc, const char *desc)
{
    for (size_t i = 0; i < toc->count; i++)
        if (strcmp(toc->entries[i].desc, desc) == 0)
            return &toc->entries[i];
    return NULL;
}

START_TEST(each_version_tells_its_entries)
{
    for (unsigned minor = ARCHIVE_MINOR_MIN; minor <= ARCHIVE_MINOR_MAX; minor++) {
        _cleanup_archive_toc_ ArchiveToc toc = { 0 }, directory = { 0 };

        ck_assert_int_eq(read_sample(sample_archive, minor, SIZE_MAX, &toc, NULL), 0);
        ck_assert_ptr_nonnull(find(&toc, "TABLE DATA"));
        ck_assert_ptr_nonnull(find(&toc, "TABLE DATA")->schema);
        ck_assert_int_eq(read_sample(sample_archive_toc, minor, SIZE_MAX, &directory, NULL), 0);
        ck_assert_uint_eq(directory.count, toc.count);
    }
}
END_TEST

START_TEST(one_that_ends_within_its_table_of_contents_is_damaged)
{
    for (size_t size = 0; size < 300; size += 37) {
        _cleanup_archive_toc_ ArchiveToc toc = { 0 };
        _cleanup_err_ Err err = { 0 };

        ck_assert_int_lt(read_sample(sample_archive, 14, size, &toc, &err), 0);
        ck_assert_int_eq(err.kind, ERR_DAMAGED);
        ck_assert_uint_eq(toc.count, 0);
    }
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(each_version_tells_its_entries),
    UNIT_TEST(one_that_ends_within_its_table_of_contents_is_damaged),
};

UNIT_MAIN("archive-toc", tests)
