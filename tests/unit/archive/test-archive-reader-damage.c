#include "unit.h"

#include <malloc.h>
#include <stdint.h>
#include <string.h>

#include "archive-trace.h"
#include "archive/archive-reader.h"
#include "archive/archive-writer.h"
#include "sample-archive.h"
#include "sys/mem.h"

/* The reader on archives that are damaged, or made to do damage. */

#define VERSIONS (ARCHIVE_MINOR_MAX - ARCHIVE_MINOR_MIN + 1) /* loops: _i is one of them */
#define MINOR(i) ((unsigned)(ARCHIVE_MINOR_MIN + (i)))

START_TEST(an_archive_that_ends_too_early_anywhere_is_refused)
{
    _cleanup_buf_ Buf archive = { 0 };

    sample_archive(&archive, MINOR(_i));
    for (size_t size = 0; size < archive.size; size++) {
        _cleanup_err_ Err err = { 0 };
        _cleanup_archive_trace_ ArchiveTrace t = { 0 };
        ck_assert_int_lt(archive_trace(&t, archive.data, size, 0, &err), 0);
        ck_assert_int_eq(err.kind, ERR_DAMAGED);
    }
}
END_TEST

/* There are no checksums: a changed byte can only make another archive. That one has to be read as
 * what it is, so that it comes out as it went in, but for an offset, which comes out as before. */
START_TEST(a_flipped_bit_is_refused_or_read_as_what_it_is)
{
    _cleanup_buf_ Buf archive = { 0 };
    size_t refused = 0;

    sample_archive(&archive, MINOR(_i));
    _cleanup_free_ char *before = mem_alloc(archive.size);
    memcpy(before, archive.data, archive.size);

    for (size_t bit = 0; bit < archive.size * 8; bit++) {
        _cleanup_err_ Err err = { 0 };
        _cleanup_archive_trace_ ArchiveTrace t = { 0 };
        archive.data[bit / 8] ^= (char)(1 << bit % 8);
        if (archive_trace(&t, archive.data, archive.size, 0, &err) < 0) {
            ck_assert(err.kind == ERR_DAMAGED || err.kind == ERR_ARCHIVE_VERSION);
            refused++;
        } else {
            ck_assert_uint_eq(t.archive.size, archive.size);
            ck_assert(memcmp(t.archive.data, archive.data, archive.size) == 0 ||
                      memcmp(t.archive.data, before, archive.size) == 0);
        }
        archive.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    ck_assert_uint_gt(refused, archive.size); /* most of what is there is lengths */
}
END_TEST

/* An archive of which a few bytes are replaced by others, and what is said of it. */
typedef struct Damage {
    const char *find, *put;
    size_t find_size, put_size;
    size_t at; /* where in `find` the trouble is */
    const char *what;
} Damage;

#define DAMAGE(find_, put_, at_, what_)                                                            \
    ((Damage){ .find = (find_),                                                                    \
               .put = (put_),                                                                      \
               .find_size = sizeof(find_) - 1,                                                     \
               .put_size = sizeof(put_) - 1,                                                       \
               .at = (at_),                                                                        \
               .what = (what_) })

#define INT(low) "\x00" low "\x00\x00\x00"
#define NONE "\x01\x01\x00\x00\x00" /* a NULL text */
#define STR(low, text) INT(low) text
#define OFFSET(state) state "\x00\x00\x00\x00\x00\x00\x00\x00"
#define COUNT_AND_FIRST INT("\x07") "\x00\x44\x0D\x00\x00" /* seven entries, 3396 */

static const Damage damages[] = {
    DAMAGE("PGDMP", "PGDMQ", 0, "it does not begin with \"PGDMP\""),
    DAMAGE("\x04\x08\x01", "\x08\x08\x01", 0,
           "integers of 8 and offsets of 8 bytes, instead of 4 and 8"),
    DAMAGE("\x04\x08\x01", "\x04\x04\x01", 0,
           "integers of 4 and offsets of 4 bytes, instead of 4 and 8"),
    DAMAGE("\x04\x08\x01", "\x04\x08\x05", 2, "a format of number 5"),
    DAMAGE("\x04\x08\x01\x00", "\x04\x08\x01\x04", 3, "a compression of number 4"),
    /* Int */
    DAMAGE(INT("\x3B"), "\x02\x3B\x00\x00\x00", 0, "something that is no integer"),
    DAMAGE(INT("\x3B"), "\x00\x00\x00\x00\x80", 0, "something that is no integer"),
    DAMAGE(INT("\x3B"), "\x01\x01\x00\x00\x80", 0, "something that is no integer"),
    DAMAGE(INT("\x3B"), "\x01\x00\x00\x00\x00", 0, "something that is no integer"),
    /* Str */
    DAMAGE(STR("\x04", "shop"), "\x01\x05\x00\x00\x00shop", 0, "a text of -5 bytes"),
    DAMAGE(STR("\x04", "shop"), "\x02\x04\x00\x00\x00shop", 0, "something that is no integer"),
    DAMAGE(STR("\x04", "shop"), "\x00\x01\x00\x00\x40shop", 0,
           "a text of 1073741825 bytes is too long"),
    DAMAGE(STR("\x04", "shop"), STR("\x04", "s\0op"), 0, "a text with a zero byte in it"),
    /* the TOC */
    DAMAGE(COUNT_AND_FIRST, "\x01\x07\x00\x00\x00", 0, "-7 entries"),
    DAMAGE(COUNT_AND_FIRST, INT("\x07") INT("\x00"), 5, "an entry with dump id 0"),
    DAMAGE(COUNT_AND_FIRST, INT("\x07") NONE, 5, "an entry with dump id -1"),
    DAMAGE("\x00\x44\x0D\x00\x00" INT("\x00"), "\x00\x44\x0D\x00\x00" INT("\x02"), 5,
           "a flag of value 2"),
    DAMAGE(STR("\x04", "1259"), NONE, 0, "a null where a text belongs"),
    DAMAGE(STR("\x04", "1259"), STR("\x04", "+259"), 0, "a text that is no OID"),
    DAMAGE(STR("\x04", "1259"), STR("\x04", "0259"), 0, "a text that is no OID"),
    DAMAGE(STR("\x04", "1259"), STR("\x00", ""), 0, "a text that is no OID"),
    DAMAGE(STR("\x04", "1259"), STR("\x0A", "4294967296"), 0, "a text that is no OID"),
    DAMAGE(STR("\x04", "1259"), STR("\x14", "18446744073709551617"), 0, "a text that is no OID"),
    DAMAGE(STR("\x06", "orders"), NONE, 0, "a null where a text belongs"),
    DAMAGE(STR("\x05", "TABLE"), NONE, 0, "a null where a text belongs"),
    DAMAGE(STR("\x05", "TABLE") INT("\x02"), STR("\x05", "TABLE") INT("\x00"), 10,
           "a section of number 0"),
    DAMAGE(STR("\x05", "TABLE") INT("\x02"), STR("\x05", "TABLE") INT("\x05"), 10,
           "a section of number 5"),
    DAMAGE(STR("\x05", "false"), STR("\x05", "maybe"), 0, "a text that is no truth value"),
    DAMAGE(STR("\x03", "212"), STR("\x03", "2.2"), 0, "a text that is no dump id"),
    DAMAGE(STR("\x03", "212"), STR("\x01", "0"), 0, "a text that is no dump id"),
    DAMAGE(STR("\x03", "212"), STR("\x0A", "2147483648"), 0, "a text that is no dump id"),
    DAMAGE(OFFSET("\x03"), OFFSET("\x01"), 0, "an offset of state 1 for an entry without data"),
    DAMAGE(OFFSET("\x03"), OFFSET("\x00"), 0, "an offset of state 0 for an entry without data"),
    DAMAGE(NONE OFFSET("\x01"), NONE OFFSET("\x03"), 5,
           "an offset of state 3 for an entry with data"),
    /* blocks: 0x0D35 is 3381, a table; 0x0D41 is 3393, large objects; 0x0D4B is 3403, without */
    DAMAGE("\x01\x00\x35\x0D\x00\x00", "\x02\x00\x35\x0D\x00\x00", 0, "data of type 2"),
    DAMAGE("\x01\x00\x35\x0D\x00\x00", "\x01\x00\x34\x0D\x00\x00", 0,
           "data of entry 3380, which there is not"),
    DAMAGE("\x01\x00\x35\x0D\x00\x00", "\x01\x01\x35\x0D\x00\x00", 0,
           "data of entry -3381, which there is not"),
    DAMAGE("\x01\x00\x35\x0D\x00\x00", "\x01\x03\x35\x0D\x00\x00", 1,
           "something that is no integer"),
    DAMAGE("\x01\x00\x35\x0D\x00\x00", "\x01\x00\x4B\x0D\x00\x00", 0,
           "data of entry 3403, which has none"),
    DAMAGE("\x01\x00\x35\x0D\x00\x00", "\x03\x00\x35\x0D\x00\x00", 0,
           "data of type 3 for entry 3381, not 1"),
    DAMAGE("\x01\x00\x35\x0D\x00\x00", "\x01\x00\x41\x0D\x00\x00", 0,
           "data of type 1 for entry 3393, not 3"),
    DAMAGE("\x01\x00\x36\x0D\x00\x00", "\x01\x00\x35\x0D\x00\x00", 0,
           "data of entry 3381 for the second time"),
    DAMAGE(STR("\x03", "22\n"),
           "\x01\x03\x00\x00\x00"
           "22\n",
           0, "a chunk of -3 bytes"),
    DAMAGE(STR("\x03", "22\n"),
           "\x03\x03\x00\x00\x00"
           "22\n",
           0, "something that is no integer"),
    DAMAGE("\x00\x2F\x40\x00\x00", "\x07\x2F\x40\x00\x00", 0, "something that is no integer"),
};

/* The archive with the damage; *ret_at is where the trouble is. */
static void do_damage(const Buf *archive, const Damage *d, Buf *ret, size_t *ret_at)
{
    const char *found = memmem(archive->data, archive->size, d->find, d->find_size);
    ck_assert_ptr_nonnull(found);
    size_t before = (size_t)(found - archive->data);

    buf_add(ret, archive->data, before);
    buf_add(ret, d->put, d->put_size);
    buf_add(ret, found + d->find_size, archive->size - before - d->find_size);
    *ret_at = before + d->at;
}

START_TEST(what_the_format_does_not_allow_is_refused_where_it_stands)
{
    _cleanup_buf_ Buf archive = { 0 }, damaged = { 0 };
    size_t at;

    sample_archive(&archive, 16);
    do_damage(&archive, &damages[_i], &damaged, &at);
    _cleanup_free_ char *expected =
        mem_printf("the archive is damaged at byte %zu: %s", at, damages[_i].what);
    for (size_t piece = 0; piece <= 8; piece++) {
        _cleanup_err_ Err err = { 0 };
        _cleanup_archive_trace_ ArchiveTrace t = { 0 };
        ck_assert_int_lt(archive_trace(&t, damaged.data, damaged.size, piece, &err), 0);
        ck_assert_int_eq(err.kind, ERR_DAMAGED);
        ck_assert_str_eq(err.message, expected);
    }
}
END_TEST

START_TEST(a_compression_level_is_one_of_zlibs)
{
    _cleanup_buf_ Buf archive = { 0 };
    _cleanup_err_ Err err = { 0 };
    _cleanup_archive_trace_ ArchiveTrace t = { 0 };
    sample_archive(&archive, 14);
    archive.data[12] = 10;
    ck_assert_int_lt(archive_trace(&t, archive.data, archive.size, 0, &err), 0);
    ck_assert_str_eq(err.message, "the archive is damaged at byte 11: a compression level of 10");
}
END_TEST

static void add_entry(Buf *b, int32_t dump_id, bool has_data)
{
    archive_write_entry(b, 16,
                        &(ArchiveEntry){ .dump_id = dump_id,
                                         .has_data = has_data,
                                         .tag = "t",
                                         .desc = "TABLE DATA",
                                         .section = ARCHIVE_SECTION_DATA });
}

START_TEST(two_entries_of_one_dump_id_are_refused)
{
    _cleanup_err_ Err err = { 0 };
    _cleanup_buf_ Buf archive = { 0 };
    _cleanup_archive_trace_ ArchiveTrace t = { 0 };

    archive_write_header(&archive, &(ArchiveHeader){ .minor = 16 });
    archive_write_entry_count(&archive, 3);
    add_entry(&archive, 8, /* has_data= */ true);
    add_entry(&archive, 7, /* has_data= */ false);
    add_entry(&archive, 8, /* has_data= */ true);
    ck_assert_int_lt(archive_trace(&t, archive.data, archive.size, 0, &err), 0);
    _cleanup_free_ char *expected = mem_printf(
        "the archive is damaged at byte %zu: more than one entry has dump id 8", archive.size);
    ck_assert_str_eq(err.message, expected);
}
END_TEST

START_TEST(an_entry_without_its_data_is_named)
{
    _cleanup_err_ Err err = { 0 };
    _cleanup_buf_ Buf archive = { 0 };
    _cleanup_archive_trace_ ArchiveTrace t = { 0 };

    archive_write_header(&archive, &(ArchiveHeader){ .minor = 16 });
    archive_write_entry_count(&archive, 2);
    add_entry(&archive, 1, /* has_data= */ false);
    add_entry(&archive, 3012, /* has_data= */ true);
    ck_assert_int_lt(archive_trace(&t, archive.data, archive.size, 0, &err), 0);
    _cleanup_free_ char *expected = mem_printf(
        "the archive is damaged at byte %zu: it ends without the data of entry 3012", archive.size);
    ck_assert_str_eq(err.message, expected);
}
END_TEST

static size_t memory_in_use(void)
{
    struct mallinfo2 info = mallinfo2(); /* zeroes under AddressSanitizer */
    return info.uordblks + info.hblkhd;
}

START_TEST(a_length_that_is_claimed_takes_no_memory)
{
    static const Damage claims[] = {
        DAMAGE(STR("\x04", "shop"), "\x00\x00\x00\x00\x3Fshop", 0, NULL),
        DAMAGE(STR("\x06", "orders"), "\x00\x00\x00\x00\x3Forders", 0, NULL),
        DAMAGE(COUNT_AND_FIRST, "\x00\xFF\xFF\xFF\x7F\x00\x44\x0D\x00\x00", 0, NULL),
        DAMAGE(STR("\x03", "22\n"),
               "\x00\xFF\xFF\xFF\x7F"
               "22\n",
               0, NULL),
    };
    static const ArchiveReaderOps ops = { 0 };
    _cleanup_buf_ Buf archive = { 0 }, changed = { 0 };
    _cleanup_archive_reader_ ArchiveReader *reader = archive_reader_new(&ops, NULL);
    _cleanup_err_ Err err = { 0 };
    size_t at;

    sample_archive(&archive, 16);
    do_damage(&archive, &claims[_i], &changed, &at);
    size_t before = memory_in_use();
    archive_reader_write(reader, changed.data, changed.size, &err);
    ck_assert_uint_lt(memory_in_use() - before, 100000);
    if (!err_is_set(&err))
        archive_reader_finish(reader, &err);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
}
END_TEST

static const Damage file_damages[] = {
    DAMAGE(STR("\x08", "3381.dat"), STR("\x07", "../3381"), 0, "name of a file"),
    DAMAGE(STR("\x08", "3381.dat"), STR("\x05", "/3381"), 0, "name of a file"),
    DAMAGE(STR("\x08", "3381.dat"), STR("\x02", ".."), 0, "name of a file"),
    DAMAGE(STR("\x08", "3381.dat"), STR("\x01", "."), 0, "name of a file"),
    DAMAGE(STR("\x08", "3381.dat"), NONE, 0, "a null where a text belongs"),
    DAMAGE(STR("\x08", "3381.dat"), STR("\x00", ""), 0, "an entry with data without a file"),
};

START_TEST(a_file_is_one_in_the_directory)
{
    _cleanup_buf_ Buf toc = { 0 }, damaged = { 0 };
    _cleanup_err_ Err err = { 0 };
    _cleanup_archive_trace_ ArchiveTrace t = { 0 };
    size_t at;

    sample_archive_toc(&toc, 16);
    do_damage(&toc, &file_damages[_i], &damaged, &at);
    ck_assert_int_lt(archive_trace(&t, damaged.data, damaged.size, 0, &err), 0);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    ck_assert_ptr_nonnull(strstr(err.message, file_damages[_i].what));
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(an_archive_that_ends_too_early_anywhere_is_refused, VERSIONS),
    UNIT_LOOP(a_flipped_bit_is_refused_or_read_as_what_it_is, VERSIONS),
    UNIT_LOOP(what_the_format_does_not_allow_is_refused_where_it_stands, ELEMENTSOF(damages)),
    UNIT_TEST(a_compression_level_is_one_of_zlibs),
    UNIT_TEST(two_entries_of_one_dump_id_are_refused),
    UNIT_TEST(an_entry_without_its_data_is_named),
    UNIT_LOOP(a_length_that_is_claimed_takes_no_memory, 4),
    UNIT_LOOP(a_file_is_one_in_the_directory, ELEMENTSOF(file_damages)),
};
UNIT_MAIN("archive-reader-damage", tests)
