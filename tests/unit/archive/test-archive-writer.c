#include "unit.h"

#include <string.h>

#include "archive/archive-writer.h"
#include "sys/mem.h"

/* What is expected here is spelt out by the format's definition (pg_backup_archiver.c). */
#define INT(low) "\x00" low "\x00\x00\x00"
#define MINUS_ONE "\x01\x01\x00\x00\x00"
#define STR(low, text) INT(low) text

#define ck_assert_bytes(buf, literal)                                                              \
    do {                                                                                           \
        ck_assert_uint_eq((buf).size, sizeof(literal) - 1);                                        \
        ck_assert_mem_eq((buf).data, literal, sizeof(literal) - 1);                                \
    } while (0)

static const ArchiveHeader header = {
    .minor = 14,
    .created = { 1, 2, 3, 4, 5, 126, -1 },
    .database = "shop",
    .server_version = "15.1",
    .dump_version = NULL,
};

#define CREATED INT("\x01") INT("\x02") INT("\x03") INT("\x04") INT("\x05") INT("\x7E") MINUS_ONE
#define NAMES STR("\x04", "shop") STR("\x04", "15.1") MINUS_ONE

START_TEST(up_to_1_14_the_header_has_a_level_of_compression)
{
    _cleanup_buf_ Buf none = { 0 }, nine = { 0 }, unsaid = { 0 };
    ArchiveHeader h = header;

    h.gzip_level = 5; /* without compression it means nothing */
    archive_write_header(&none, &h);
    ck_assert_bytes(none, "PGDMP\x01\x0E\x00\x04\x08\x01" INT("\x00") CREATED NAMES);

    h.minor = 12;
    h.compression = ARCHIVE_COMPRESSION_GZIP;
    h.gzip_level = 9;
    archive_write_header(&nine, &h);
    ck_assert_bytes(nine, "PGDMP\x01\x0C\x00\x04\x08\x01" INT("\x09") CREATED NAMES);

    h.gzip_level = 0;
    archive_write_header(&unsaid, &h);
    ck_assert_bytes(unsaid, "PGDMP\x01\x0C\x00\x04\x08\x01" MINUS_ONE CREATED NAMES);
}
END_TEST

START_TEST(from_1_15_on_the_header_has_the_number_of_the_compression)
{
    _cleanup_buf_ Buf gzip = { 0 }, zstd = { 0 };
    ArchiveHeader h = header;

    h.minor = 15;
    h.compression = ARCHIVE_COMPRESSION_GZIP;
    archive_write_header(&gzip, &h);
    ck_assert_bytes(gzip, "PGDMP\x01\x0F\x00\x04\x08\x01\x01" CREATED NAMES);

    h.minor = 16;
    h.compression = ARCHIVE_COMPRESSION_ZSTD;
    archive_write_header(&zstd, &h);
    ck_assert_bytes(zstd, "PGDMP\x01\x10\x00\x04\x08\x01\x03" CREATED NAMES);
}
END_TEST

START_TEST(a_header_read_from_a_directory_is_written_as_custom)
{
    _cleanup_buf_ Buf b = { 0 };
    ArchiveHeader h = header;

    h.format = ARCHIVE_FORMAT_DIRECTORY;
    archive_write_header(&b, &h);
    ck_assert_int_eq(b.data[10], 1);
}
END_TEST

static const int32_t dependencies[] = { 7, 2147483647 };
static const ArchiveEntry table = {
    .dump_id = 9,
    .table_oid = 1259,
    .oid = 4294967295,
    .tag = "t",
    .desc = "TABLE",
    .section = ARCHIVE_SECTION_PRE_DATA,
    .defn = "D;",
    .drop = "X;",
    .schema = "s",
    .tablespace = "",
    .table_am = "heap",
    .relkind = 'r',
    .owner = "me",
    .dependencies = dependencies,
    .dependency_count = ELEMENTSOF(dependencies),
    .file_name = "9.dat", /* not of a custom archive */
};

#define TABLE_BEGIN                                                                                \
    INT("\x09")                                                                                    \
    INT("\x00")                                                                                    \
    STR("\x04", "1259")                                                                            \
    STR("\x0A", "4294967295")                                                                      \
    STR("\x01", "t")                                                                               \
    STR("\x05", "TABLE")                                                                           \
    INT("\x02")                                                                                    \
    STR("\x02", "D;")                                                                              \
    STR("\x02", "X;")                                                                              \
    MINUS_ONE                                                                                      \
    STR("\x01", "s")                                                                               \
    INT("\x00")
#define TABLE_AM STR("\x04", "heap")
#define RELKIND INT("r")
#define OWNER STR("\x02", "me")
#define NO_OIDS STR("\x05", "false")
#define TABLE_END                                                                                  \
    STR("\x01", "7")                                                                               \
    STR("\x0A", "2147483647")                                                                      \
    MINUS_ONE "\x03\x00\x00\x00\x00\x00\x00\x00\x00"

START_TEST(an_entry_has_what_its_version_has)
{
    _cleanup_buf_ Buf v12 = { 0 }, v14 = { 0 }, v15 = { 0 }, v16 = { 0 };

    archive_write_entry(&v12, 12, &table);
    archive_write_entry(&v14, 14, &table);
    archive_write_entry(&v15, 15, &table);
    archive_write_entry(&v16, 16, &table);
    ck_assert_bytes(v12, TABLE_BEGIN OWNER NO_OIDS TABLE_END);
    ck_assert_bytes(v14, TABLE_BEGIN TABLE_AM OWNER NO_OIDS TABLE_END);
    ck_assert_bytes(v15, TABLE_BEGIN TABLE_AM OWNER NO_OIDS TABLE_END);
    ck_assert_bytes(v16, TABLE_BEGIN TABLE_AM RELKIND OWNER NO_OIDS TABLE_END);
}
END_TEST

START_TEST(a_table_with_oids_says_so)
{
    _cleanup_buf_ Buf b = { 0 };
    ArchiveEntry entry = table;

    entry.with_oids = true;
    archive_write_entry(&b, 13, &entry);
    ck_assert_bytes(b, TABLE_BEGIN OWNER STR("\x04", "true") TABLE_END);
}
END_TEST

START_TEST(the_offset_of_data_is_not_set)
{
    _cleanup_buf_ Buf b = { 0 };
    ArchiveEntry entry = table;

    entry.has_data = true;
    archive_write_entry(&b, 16, &entry);
    ck_assert_mem_eq(b.data + b.size - 9, "\x01\x00\x00\x00\x00\x00\x00\x00\x00", 9);
}
END_TEST

START_TEST(blocks_are_chunks_between_a_begin_and_an_end)
{
    _cleanup_buf_ Buf b = { 0 };

    archive_write_block_begin(&b, ARCHIVE_BLOCK_DATA, 0x01020304);
    archive_write_chunk_begin(&b, 2);
    buf_adds(&b, "a\n");
    archive_write_chunk_begin(&b, 0x7FFFFFFF);
    archive_write_end(&b);
    ck_assert_bytes(
        b, "\x01\x00\x04\x03\x02\x01" STR("\x02", "a\n") "\x00\xFF\xFF\xFF\x7F" INT("\x00"));
}
END_TEST

/* pg_dump writes an OID as if it was signed, so that the upper half of them is negative. */
START_TEST(an_oid_from_the_upper_half_is_negative)
{
    _cleanup_buf_ Buf b = { 0 };

    archive_write_block_begin(&b, ARCHIVE_BLOCK_LARGE_OBJECTS, 1);
    archive_write_object_begin(&b, 0x7FFFFFFF);
    archive_write_object_begin(&b, 0x80000000);
    archive_write_object_begin(&b, 4000000000);
    archive_write_object_begin(&b, 4294967295);
    ck_assert_bytes(b, "\x03" INT("\x01") "\x00\xFF\xFF\xFF\x7F"
                                          "\x01\x00\x00\x00\x80"
                                          "\x01\x00\xD8\x94\x11" MINUS_ONE);
}
END_TEST

START_TEST(the_number_of_entries_is_an_integer)
{
    _cleanup_buf_ Buf b = { 0 };

    archive_write_entry_count(&b, 258);
    ck_assert_bytes(b, "\x00\x02\x01\x00\x00");
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(up_to_1_14_the_header_has_a_level_of_compression),
    UNIT_TEST(from_1_15_on_the_header_has_the_number_of_the_compression),
    UNIT_TEST(a_header_read_from_a_directory_is_written_as_custom),
    UNIT_TEST(an_entry_has_what_its_version_has),
    UNIT_TEST(a_table_with_oids_says_so),
    UNIT_TEST(the_offset_of_data_is_not_set),
    UNIT_TEST(blocks_are_chunks_between_a_begin_and_an_end),
    UNIT_TEST(an_oid_from_the_upper_half_is_negative),
    UNIT_TEST(the_number_of_entries_is_an_integer),
};
UNIT_MAIN("archive-writer", tests)
