#include "unit.h"

#include <stdlib.h>

#include "backup/compression.h"
#include "sys/mem.h"

#define CUSTOM BACKUP_FORMAT_CUSTOM
#define PLAIN BACKUP_FORMAT_PLAIN
#define DIRECTORY BACKUP_FORMAT_DIRECTORY

/* What is asked for, of which pg_dump, and what is done. */
static const struct {
    BackupFormat format;
    int major;
    CompressionWish wish;
    bool rewrite;
    CodecSpec codec;
    const char *client_option, *text, *by;
} cases[] = {
    /* An archive: the best that it can hold. */
    { CUSTOM,
      15,
      { false, COMPRESSION_AUTO, 0 },
      true,
      { CODEC_GZIP, 1 },
      "0",
      "gzip:1",
      "pg-backup" },
    { CUSTOM,
      16,
      { false, COMPRESSION_AUTO, 0 },
      true,
      { CODEC_ZSTD, 1 },
      "0",
      "zstd:1",
      "pg-backup" },
    { CUSTOM,
      17,
      { false, COMPRESSION_GZIP, 9 },
      true,
      { CODEC_GZIP, 9 },
      "0",
      "gzip:9",
      "pg-backup" },
    { CUSTOM, 17, { false, COMPRESSION_LZ4, 0 }, true, { CODEC_LZ4, 0 }, "0", "lz4", "pg-backup" },
    { CUSTOM, 15, { false, COMPRESSION_NONE, 0 }, true, { CODEC_NONE, 0 }, "0", "none", NULL },
    /* By pg_dump: a level is its own; up to 15 it takes no method. */
    { CUSTOM,
      15,
      { true, COMPRESSION_AUTO, 0 },
      false,
      { CODEC_NONE, 0 },
      NULL,
      "gzip",
      "pg_dump" },
    { CUSTOM,
      15,
      { true, COMPRESSION_GZIP, 6 },
      false,
      { CODEC_NONE, 0 },
      "6",
      "gzip:6",
      "pg_dump" },
    { CUSTOM,
      17,
      { true, COMPRESSION_AUTO, 0 },
      false,
      { CODEC_NONE, 0 },
      "gzip",
      "gzip",
      "pg_dump" },
    { CUSTOM,
      17,
      { true, COMPRESSION_ZSTD, 3 },
      false,
      { CODEC_NONE, 0 },
      "zstd:3",
      "zstd:3",
      "pg_dump" },
    /* Text can have any, whatever the version. */
    { PLAIN,
      15,
      { false, COMPRESSION_AUTO, 0 },
      false,
      { CODEC_GZIP, 1 },
      "0",
      "gzip:1",
      "pg-backup" },
    { PLAIN,
      15,
      { false, COMPRESSION_ZSTD, 7 },
      false,
      { CODEC_ZSTD, 7 },
      "0",
      "zstd:7",
      "pg-backup" },
    { PLAIN, 18, { false, COMPRESSION_NONE, 0 }, false, { CODEC_NONE, 0 }, "0", "none", NULL },
    /* A directory: always by pg_dump. */
    { DIRECTORY,
      15,
      { false, COMPRESSION_AUTO, 0 },
      false,
      { CODEC_NONE, 0 },
      "1",
      "gzip:1",
      "pg_dump" },
    { DIRECTORY,
      17,
      { false, COMPRESSION_AUTO, 0 },
      false,
      { CODEC_NONE, 0 },
      "zstd:1",
      "zstd:1",
      "pg_dump" },
    { DIRECTORY, 17, { false, COMPRESSION_NONE, 0 }, false, { CODEC_NONE, 0 }, "0", "none", NULL },
    { DIRECTORY,
      15,
      { false, COMPRESSION_GZIP, 0 },
      false,
      { CODEC_NONE, 0 },
      NULL,
      "gzip",
      "pg_dump" },
};

START_TEST(each_wish_has_its_plan)
{
    const CompressionRequest request = {
        .wish = cases[_i].wish,
        .format = cases[_i].format,
        .client_major = cases[_i].major,
        .archive_known = true,
    };
    _cleanup_compression_plan_ CompressionPlan plan = { 0 };

    ck_assert_int_eq(compression_plan(&request, &plan, NULL), 0);
    ck_assert_int_eq(plan.rewrite, cases[_i].rewrite);
    ck_assert_int_eq(plan.codec.codec, cases[_i].codec.codec);
    ck_assert_int_eq(plan.codec.level, cases[_i].codec.level);
    ck_assert_pstr_eq(plan.client_option, cases[_i].client_option);
    ck_assert_str_eq(plan.text, cases[_i].text);
    ck_assert_pstr_eq(plan.by, cases[_i].by);
}
END_TEST

START_TEST(an_archive_that_is_not_known_is_left_to_pg_dump)
{
    const CompressionRequest request = {
        .wish = { false, COMPRESSION_AUTO, 0 },
        .format = CUSTOM,
        .client_major = 99,
        .archive_known = false,
    };
    _cleanup_compression_plan_ CompressionPlan plan = { 0 };

    ck_assert_int_eq(compression_plan(&request, &plan, NULL), 0);
    ck_assert(!plan.rewrite);
    ck_assert_str_eq(plan.client_option, "zstd:1");
    ck_assert_str_eq(plan.by, "pg_dump");
}
END_TEST

START_TEST(auto_takes_what_the_clients_pg_restore_reads)
{
    const CompressionRequest request = {
        .wish = { false, COMPRESSION_AUTO, 0 },
        .format = CUSTOM,
        .client_major = 17,
        .archive_known = true,
        .zstd_unreadable = true,
    };
    _cleanup_compression_plan_ CompressionPlan plan = { 0 };

    ck_assert_int_eq(compression_plan(&request, &plan, NULL), 0);
    ck_assert_str_eq(plan.text, "gzip:1");
}
END_TEST

static const CompressionRequest impossible[] = {
    { { false, COMPRESSION_ZSTD, 0 }, CUSTOM, 15, true },
    { { false, COMPRESSION_LZ4, 0 }, CUSTOM, 15, true },
    { { true, COMPRESSION_ZSTD, 3 }, CUSTOM, 15, true },
    { { false, COMPRESSION_ZSTD, 0 }, DIRECTORY, 15, true },
    { { true, COMPRESSION_AUTO, 0 }, PLAIN, 17, true },
    { { false, COMPRESSION_ZSTD, 0 }, CUSTOM, 17, true, .zstd_unreadable = true },
    { { false, COMPRESSION_LZ4, 0 }, CUSTOM, 17, true, .lz4_unreadable = true },
};

START_TEST(what_cannot_be_had_is_refused_with_a_remedy)
{
    _cleanup_compression_plan_ CompressionPlan plan = { 0 };
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_lt(compression_plan(&impossible[_i], &plan, &err), 0);
    ck_assert_int_eq(err.kind, ERR_SETTINGS);
    ck_assert_ptr_nonnull(err.hint);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(each_wish_has_its_plan, ELEMENTSOF(cases)),
    UNIT_TEST(an_archive_that_is_not_known_is_left_to_pg_dump),
    UNIT_TEST(auto_takes_what_the_clients_pg_restore_reads),
    UNIT_LOOP(what_cannot_be_had_is_refused_with_a_remedy, ELEMENTSOF(impossible)),
};
UNIT_MAIN("compression", tests)
