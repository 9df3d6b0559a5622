#include "unit.h"

#include <stdint.h>
#include <string.h>

#include "archive-trace.h"
#include "archive/archive-reader.h"
#include "archive/archive-writer.h"
#include "sample-archive.h"
#include "sys/mem.h"

#define VERSIONS (ARCHIVE_MINOR_MAX - ARCHIVE_MINOR_MIN + 1) /* loops: _i is one of them */
#define MINOR(i) ((unsigned)(ARCHIVE_MINOR_MIN + (i)))

static void write_at_once(ArchiveTrace *t, const Buf *archive)
{
    _cleanup_err_ Err err = { 0 };
    int r = archive_trace(t, archive->data, archive->size, 0, &err);
    ck_assert_msg(r == 0, "%s", err.message);
}

/* The events without the lines that repeat an entry's bytes. */
static char *events_of(const ArchiveTrace *t)
{
    Buf b = { 0 };
    const char *at = t->events.data, *end = at + t->events.size;

    while (at < end) {
        const char *raw = memmem(at, (size_t)(end - at), "\nraw ", 5);
        if (!raw) {
            buf_add(&b, at, (size_t)(end - at));
            break;
        }
        buf_add(&b, at, (size_t)(raw + 1 - at));
        /* An entry of a custom archive ends in its offset: state 1 or 3 and eight zeroes. */
        const char *offset = memmem(raw, (size_t)(end - raw), "\0\0\0\0\0\0\0\0\n", 9);
        ck_assert_ptr_nonnull(offset);
        at = offset + 9;
    }
    return buf_take(&b);
}

START_TEST(an_archive_is_told_in_its_order)
{
    static const char *const relkinds[] = { "0", "114" };
    unsigned minor = MINOR(_i);
    _cleanup_buf_ Buf archive = { 0 };
    _cleanup_archive_trace_ ArchiveTrace t = { 0 };

    sample_archive(&archive, minor);
    write_at_once(&t, &archive);
    _cleanup_free_ char *events = events_of(&t);
    _cleanup_free_ char *expected = mem_printf(
        "header 1.%u format=1 compression=0 level=0 created=59,34,20,29,10,126,-1 database=shop"
        " server=15.18\n"
        "entry 3396 ENCODING section=2 table_oid=0 oid=0 tag=ENCODING"
        " defn=SET client_encoding = 'UTF8';\n relkind=0\n"
        "entry 215 TABLE section=2 table_oid=1259 oid=4000000000 tag=orders"
        " defn=CREATE TABLE public.orders (id integer);\n drop=DROP TABLE public.orders;\n"
        " schema=public tablespace=%s relkind=%s owner=postgres needs=6 needs=212\n"
        "entry 3381 data TABLE DATA section=3 table_oid=0 oid=4000000000 tag=orders"
        " copy=COPY public.orders (id) FROM stdin;\n"
        " schema=public relkind=0 owner=postgres needs=215\n"
        "entry 3382 data TABLE DATA section=3 table_oid=0 oid=0 tag=empty relkind=0\n"
        "entry 3403 SEQUENCE SET section=3 table_oid=0 oid=0 tag=orders_id_seq"
        " defn=SELECT pg_catalog.setval('public.orders_id_seq', 7, true);\n relkind=0\n"
        "entry 3393 data BLOBS section=3 table_oid=0 oid=0 tag=BLOBS relkind=0\n"
        "entry 3234 CONSTRAINT section=4 table_oid=0 oid=0 tag=orders orders_pkey relkind=0"
        " needs=215 needs=2147483647\n"
        "toc end\n"
        "block 1 of 3381, entry 2\nchunk 1\n\nchunk 22\n\nchunk \\.\n\n\n\nblock end\n"
        "block 1 of 3382, entry 3\nblock end\n"
        "block 3 of 3393, entry 5\n"
        "object 16431\nchunk hello\nobject end\n"
        "object 2147483648\nobject end\n"
        "object 4294967295\nchunk world\nobject end\n"
        "block end\n",
        minor, minor >= 14 ? " table_am=heap" : "", relkinds[minor >= 16]);
    ck_assert_str_eq(events, expected);
}
END_TEST

START_TEST(pieces_of_any_size_tell_the_same)
{
    _cleanup_buf_ Buf archive = { 0 };
    _cleanup_archive_trace_ ArchiveTrace whole = { 0 };

    sample_archive(&archive, MINOR(_i));
    write_at_once(&whole, &archive);
    for (size_t piece = 1; piece < 70; piece++) {
        _cleanup_archive_trace_ ArchiveTrace t = { 0 };
        ck_assert_int_eq(archive_trace(&t, archive.data, archive.size, piece, NULL), 0);
        ck_assert_uint_eq(t.events.size, whole.events.size);
        ck_assert_mem_eq(t.events.data, whole.events.data, whole.events.size);
    }
}
END_TEST

START_TEST(what_was_read_is_written_byte_for_byte)
{
    _cleanup_buf_ Buf archive = { 0 };
    _cleanup_archive_trace_ ArchiveTrace t = { 0 };

    sample_archive(&archive, MINOR(_i));
    write_at_once(&t, &archive);
    ck_assert_uint_eq(t.archive.size, archive.size);
    ck_assert_mem_eq(t.archive.data, archive.data, archive.size);
}
END_TEST

static int keep_raw(void *userdata, const ArchiveEntry *entry, const void *raw, size_t raw_size,
                    Err *err)
{
    (void)entry, (void)err;
    buf_add(userdata, raw, raw_size);
    return 0;
}

START_TEST(an_entry_comes_with_its_bytes_as_they_stood)
{
    static const ArchiveReaderOps ops = { .entry = keep_raw };
    _cleanup_buf_ Buf archive = { 0 }, raw = { 0 };
    _cleanup_archive_reader_ ArchiveReader *reader = archive_reader_new(&ops, &raw);

    sample_archive(&archive, 16);
    ck_assert_int_eq(archive_reader_write(reader, archive.data, archive.size, NULL), 0);
    ck_assert_int_eq(archive_reader_finish(reader, NULL), 0);
    ck_assert_ptr_nonnull(memmem(archive.data, archive.size, raw.data, raw.size));
}
END_TEST

START_TEST(nobody_has_to_listen)
{
    static const ArchiveReaderOps ops = { 0 };
    _cleanup_buf_ Buf archive = { 0 };
    _cleanup_archive_reader_ ArchiveReader *reader = archive_reader_new(&ops, NULL);

    sample_archive(&archive, 16);
    ck_assert_int_eq(archive_reader_write(reader, archive.data, archive.size, NULL), 0);
    ck_assert_int_eq(archive_reader_finish(reader, NULL), 0);
}
END_TEST

START_TEST(a_failing_listener_ends_the_reading)
{
    _cleanup_buf_ Buf archive = { 0 };
    _cleanup_archive_trace_ ArchiveTrace all = { 0 };

    sample_archive(&archive, 16);
    write_at_once(&all, &archive);
    for (size_t i = 1; i <= all.happened; i++) {
        _cleanup_err_ Err err = { 0 };
        _cleanup_archive_trace_ ArchiveTrace t = { .fail_at = i };
        ck_assert_int_lt(archive_trace(&t, archive.data, archive.size, 0, &err), 0);
        ck_assert_str_eq(err.message, ARCHIVE_TRACE_ERROR);
        ck_assert_uint_eq(t.happened, i);
    }
}
END_TEST

START_TEST(a_reader_that_failed_or_finished_is_not_used_again)
{
    static const ArchiveReaderOps ops = { 0 };
    _cleanup_buf_ Buf archive = { 0 };
    sample_archive(&archive, 16);

    for (int broken = 0; broken <= 1; broken++) {
        _cleanup_err_ Err err = { 0 }, again = { 0 };
        _cleanup_archive_reader_ ArchiveReader *reader = archive_reader_new(&ops, NULL);
        archive.data[0] = broken ? 'X' : 'P';
        archive_reader_write(reader, archive.data, archive.size, NULL);
        ck_assert_int_eq(archive_reader_finish(reader, &err) < 0, broken);
        ck_assert_int_lt(archive_reader_write(reader, "\x01", 1, &again), 0);
        ck_assert_int_eq(again.kind, ERR_INTERNAL);
    }
}
END_TEST

START_TEST(up_to_1_14_the_level_tells_the_compression)
{
    static const int32_t levels[] = { -1, 0, 1, 9 };
    _cleanup_buf_ Buf archive = { 0 };
    sample_archive(&archive, 14);

    for (size_t i = 0; i < ELEMENTSOF(levels); i++) {
        _cleanup_archive_trace_ ArchiveTrace t = { 0 };
        archive.data[11] = levels[i] < 0;
        archive.data[12] = (char)abs(levels[i]);
        _cleanup_free_ char *expected =
            mem_printf("header 1.14 format=1 compression=%d level=%d ", levels[i] != 0, levels[i]);
        write_at_once(&t, &archive);
        ck_assert_mem_eq(t.events.data, expected, strlen(expected));
        ck_assert_mem_eq(t.archive.data, archive.data, archive.size);
    }
}
END_TEST

START_TEST(a_table_with_oids_is_told_and_written_again)
{
    static const ArchiveEntry entry = {
        .dump_id = 1,
        .tag = "t",
        .desc = "TABLE",
        .section = ARCHIVE_SECTION_PRE_DATA,
        .with_oids = true,
    };
    _cleanup_buf_ Buf archive = { 0 };
    _cleanup_archive_trace_ ArchiveTrace t = { 0 };

    archive_write_header(&archive, &(ArchiveHeader){ .minor = 13 });
    archive_write_entry_count(&archive, 1);
    archive_write_entry(&archive, 13, &entry);
    write_at_once(&t, &archive);
    ck_assert_ptr_nonnull(memmem(t.events.data, t.events.size, " with_oids=yes\n", 15));
    ck_assert_uint_eq(t.archive.size, archive.size);
    ck_assert_mem_eq(t.archive.data, archive.data, archive.size);
}
END_TEST

/* As pg_dump does when it can seek. */
START_TEST(offsets_that_are_set_are_read_over)
{
    static const char not_set[] = "\x01\x01\x00\x00\x00" /* no more dependencies */
                                  "\x01\x00\x00\x00\x00\x00\x00\x00\x00";
    _cleanup_buf_ Buf archive = { 0 }, set = { 0 };
    _cleanup_archive_trace_ ArchiveTrace t = { 0 };

    sample_archive(&archive, 16);
    buf_add(&set, archive.data, archive.size);
    char *offset = memmem(set.data, set.size, not_set, sizeof(not_set) - 1);
    ck_assert_ptr_nonnull(offset);
    memcpy(offset + 5, "\x02\x10\x27\x00\x00\x00\x00\x00\x00", 9);
    write_at_once(&t, &set);
    ck_assert_mem_eq(t.archive.data, archive.data, archive.size); /* as if it was not set */
}
END_TEST

START_TEST(an_archive_of_nothing_is_complete)
{
    _cleanup_buf_ Buf archive = { 0 };
    _cleanup_archive_trace_ ArchiveTrace t = { 0 };

    archive_write_header(&archive, &(ArchiveHeader){ .minor = 16 });
    archive_write_entry_count(&archive, 0);
    write_at_once(&t, &archive);
    ck_assert_uint_eq(t.happened, 2); /* header and toc_end */
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

/* Blocks in another order than that of the entries are as good. Were each looked for among all, the
 * time would run out. */
START_TEST(many_entries_cost_little_in_any_order)
{
    enum { MANY = 200000 };
    static const ArchiveReaderOps ops = { 0 };
    _cleanup_buf_ Buf archive = { 0 };
    _cleanup_archive_reader_ ArchiveReader *reader = archive_reader_new(&ops, NULL);

    archive_write_header(&archive, &(ArchiveHeader){ .minor = 16 });
    archive_write_entry_count(&archive, MANY);
    for (int32_t i = 0; i < MANY; i++)
        add_entry(&archive, MANY - i / 2 * 2 + i % 2, /* has_data= */ true);
    for (int32_t i = 0; i < MANY; i++) {
        archive_write_block_begin(&archive, ARCHIVE_BLOCK_DATA, MANY - i / 2 * 2 + i % 2);
        archive_write_end(&archive);
    }
    ck_assert_int_eq(archive_reader_write(reader, archive.data, archive.size, NULL), 0);
    ck_assert_int_eq(archive_reader_finish(reader, NULL), 0);
}
END_TEST

START_TEST(the_toc_of_a_directory_names_the_files)
{
    unsigned minor = MINOR(_i);
    _cleanup_buf_ Buf toc = { 0 };
    _cleanup_archive_trace_ ArchiveTrace t = { 0 };

    sample_archive_toc(&toc, minor);
    write_at_once(&t, &toc);
    ck_assert_ptr_nonnull(memmem(t.events.data, t.events.size, " format=3 ", 10));
    ck_assert_ptr_nonnull(memmem(t.events.data, t.events.size, " file=3381.dat\n", 15));
    ck_assert_ptr_nonnull(memmem(t.events.data, t.events.size, " file=blobs.toc\n", 16));
    ck_assert_ptr_null(memmem(t.events.data, t.events.size, " file=\n", 7));
    ck_assert_str_eq(t.events.data + t.events.size - 8, "toc end\n");
}
END_TEST

START_TEST(the_toc_of_a_directory_is_an_archive_but_for_the_data)
{
    _cleanup_buf_ Buf toc = { 0 }, archive = { 0 };
    _cleanup_archive_trace_ ArchiveTrace t = { 0 };

    sample_archive(&archive, MINOR(_i));
    sample_archive_toc(&toc, MINOR(_i));
    write_at_once(&t, &toc);
    ck_assert_uint_lt(t.archive.size, archive.size);
    ck_assert_mem_eq(t.archive.data, archive.data, t.archive.size);
}
END_TEST

START_TEST(the_toc_of_a_directory_ends_with_its_last_entry)
{
    _cleanup_buf_ Buf toc = { 0 };

    sample_archive_toc(&toc, 16);
    for (size_t size = 0; size <= toc.size + 1; size++) { /* the NUL behind a Buf, too */
        _cleanup_err_ Err err = { 0 };
        _cleanup_archive_trace_ ArchiveTrace t = { 0 };
        int r = archive_trace(&t, toc.data, size, 0, &err);
        ck_assert_int_eq(r == 0, size == toc.size);
        ck_assert_int_eq(err.kind, r == 0 ? ERR_NONE : ERR_DAMAGED);
    }
}
END_TEST

typedef struct Version {
    char bytes[3];
    bool known;
} Version;

static const Version versions[] = {
    { { 1, 11, 0 }, false }, { { 1, 12, 0 }, true },    { { 1, 16, 0 }, true },
    { { 1, 17, 0 }, false }, { { 1, 16, 1 }, false },   { { 0, 14, 0 }, false },
    { { 2, 14, 0 }, false }, { { 1, -128, 0 }, false }, { { 1, 0, 0 }, false },
};

START_TEST(an_unknown_version_is_refused_by_its_first_bytes)
{
    static const ArchiveReaderOps ops = { 0 };
    const Version *v = &versions[_i];
    _cleanup_err_ Err err = { 0 };
    _cleanup_archive_reader_ ArchiveReader *reader = archive_reader_new(&ops, NULL);

    ck_assert_int_eq(archive_reader_write(reader, "PGDMP", 5, NULL), 0);
    ck_assert_int_eq(archive_reader_write(reader, v->bytes, 3, &err) == 0, v->known);
    ck_assert_int_eq(err.kind, v->known ? ERR_NONE : ERR_ARCHIVE_VERSION);
}
END_TEST

START_TEST(an_unknown_version_is_named)
{
    static const ArchiveReaderOps ops = { 0 };
    _cleanup_err_ Err err = { 0 };
    _cleanup_archive_reader_ ArchiveReader *reader = archive_reader_new(&ops, NULL);

    archive_reader_write(reader, "PGDMP\x01\x11\x00", 8, &err);
    ck_assert_str_eq(err.message, "archive version 1.17-0 is not known, only 1.12 to 1.16 are");
}
END_TEST

START_TEST(pg_dump_is_known_from_9_to_18)
{
    for (int major = -1; major < 30; major++)
        ck_assert_int_eq(archive_reader_knows_major(major), major >= 9 && major <= 18);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(an_archive_is_told_in_its_order, VERSIONS),
    UNIT_LOOP(pieces_of_any_size_tell_the_same, VERSIONS),
    UNIT_LOOP(what_was_read_is_written_byte_for_byte, VERSIONS),
    UNIT_TEST(an_entry_comes_with_its_bytes_as_they_stood),
    UNIT_TEST(nobody_has_to_listen),
    UNIT_TEST(a_failing_listener_ends_the_reading),
    UNIT_TEST(a_reader_that_failed_or_finished_is_not_used_again),
    UNIT_TEST(up_to_1_14_the_level_tells_the_compression),
    UNIT_TEST(a_table_with_oids_is_told_and_written_again),
    UNIT_TEST(offsets_that_are_set_are_read_over),
    UNIT_TEST(an_archive_of_nothing_is_complete),
    UNIT_TEST(many_entries_cost_little_in_any_order),
    UNIT_LOOP(the_toc_of_a_directory_names_the_files, VERSIONS),
    UNIT_LOOP(the_toc_of_a_directory_is_an_archive_but_for_the_data, VERSIONS),
    UNIT_TEST(the_toc_of_a_directory_ends_with_its_last_entry),
    UNIT_LOOP(an_unknown_version_is_refused_by_its_first_bytes, ELEMENTSOF(versions)),
    UNIT_TEST(an_unknown_version_is_named),
    UNIT_TEST(pg_dump_is_known_from_9_to_18),
};
UNIT_MAIN("archive-reader", tests)
