#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "conf/setting-table.h"
#include "sys/mem.h"

typedef struct NameCase {
    const char *key, *nearest;
} NameCase;

static const NameCase names[] = {
    { "BACKUP_KEEP_DAY", "BACKUP_KEEP_DAYS" },
    { "PGHOST", "PG_HOST" },
    { "PG_HSOT", "PG_HOST" },
    { "pg_host", "PG_HOST" },
    { "PG_PASWORD_FILE", "PG_PASSWORD_FILE" },
    { "PG_PASSWORDFILE", "PG_PASSWORD_FILE" },
    { "PG_DATABASE", "PG_DATABASES" },
    { "PUSHGATEWAY_URI", "PUSHGATEWAY_URL" },
    { "X", NULL },
    { "TOTALLY_DIFFERENT_NAME", NULL },
    { "PG_HOST_FILE_FILE_FILE", NULL },
};

START_TEST(the_nearest_known_key_is_found_if_it_is_near)
{
    _cleanup_free_ char *nearest = setting_table_nearest(names[_i].key);
    if (names[_i].nearest) {
        ck_assert_ptr_nonnull(nearest);
        ck_assert_str_eq(nearest, names[_i].nearest);
    } else
        ck_assert_ptr_null(nearest);
}
END_TEST

START_TEST(no_key_is_near_to_one_of_any_length)
{
    _cleanup_free_ char *key = mem_zero(1000001, 1);
    memset(key, 'A', 1000000);
    ck_assert_ptr_null(setting_table_nearest(key));
}
END_TEST

START_TEST(a_key_is_found_with_and_without_its_suffix)
{
    bool is_file;
    ck_assert_str_eq(setting_table_find("PG_HOST", &is_file)->info.key, "PG_HOST");
    ck_assert(!is_file);
    ck_assert_str_eq(setting_table_find("PG_HOST_FILE", &is_file)->info.key, "PG_HOST");
    ck_assert(is_file);
    ck_assert_ptr_null(setting_table_find("PG_HOST_FIL", &is_file));
    ck_assert_ptr_null(setting_table_find("PG_HOST_FILE_FILE", &is_file));
    ck_assert_ptr_null(setting_table_find("PG_HOS", &is_file));
    ck_assert_ptr_null(setting_table_find("", &is_file));
}
END_TEST

/* What the row of KEY makes of VALUE; the member is thrown away. */
static int parse_assignment(const char *assignment)
{
    size_t size = strcspn(assignment, "=");
    _cleanup_free_ char *key = mem_strndup(assignment, size);
    bool is_file;
    const SettingRow *row = setting_table_find(key, &is_file);
    ck_assert_ptr_nonnull(row);

    _cleanup_settings_ Settings s = { 0 };
    return row->parse(assignment + size + 1, &row->range, (char *)&s + row->offset);
}

static const char *const bad_values[] = {
    "BACKUP_KEEP_DAYS=36501",
    "BACKUP_KEEP_DAYS=-1",
    "BACKUP_KEEP_DAYS=+1",
    "BACKUP_KEEP_DAYS=1.5",
    "BACKUP_KEEP_DAYS=1e3",
    "BACKUP_KEEP_DAYS=0x10",
    "BACKUP_KEEP_DAYS=14d",
    "BACKUP_KEEP_DAYS= 14",
    "BACKUP_KEEP_DAYS=14 ",
    "BACKUP_KEEP_DAYS=18446744073709551617", /* 2^64 + 1 */
    "BACKUP_KEEP_MIN_COUNT=36501",
    "BACKUP_KEEP_DAILY=x",
    "MAX_BACKUP_AGE_SECONDS=0",
    "MAX_BACKUP_AGE_SECONDS=26h",
    "MAX_BACKUP_AGE_SECONDS=3153600001",
    "STALL_TIMEOUT_SECONDS=86401",
    "LOCK_WAIT_TIMEOUT_SECONDS=5s",
    "PG_PORT=65536",
    "PG_PORT=5432,5433",
    "PG_HOST=a\nb",
    "PG_HOST=a\x7f",
    "PG_SSLMODE=Require",
    "BACKUP_GLOBALS=YES",
    "BACKUP_GLOBALS=2",
    "BACKUP_FORMAT=tar",
    "BACKUP_FORMAT=custom ",
    "BACKUP_COMPRESSION=bzip2",
    "BACKUP_COMPRESSION=none:1",
    "BACKUP_COMPRESSION=lz4:1",
    "BACKUP_COMPRESSION=zstd:20",
    "BACKUP_COMPRESSION=zstd:3:3",
    "BACKUP_COMPRESSION=zst",
    "BACKUP_COMPRESSION=nativegzip",
    "BACKUP_COMPRESSION=native:",
    "BACKUP_COMPRESSION=native:none",
    "BACKUP_COMPRESSION=native:auto",
    "BACKUP_JOBS=0",
    "BACKUP_JOBS=65",
    "BACKUP_DECODE_CHECK=maybe",
    "BACKUP_COMPRESSION=gzip:0",
    "BACKUP_COMPRESSION=gzip:10",
    "BACKUP_COMPRESSION=gzip:",
    "BACKUP_COMPRESSION=6",
    "BACKUP_DIR=backups",
    "BACKUP_DIR=~/backups",
    "STATE_DIR=./state",
    "METRICS_TEXTFILE=m.prom",
    "PG_BINDIR=bin",
    "BACKUP_DIR=/a\nb",
    "PUSHGATEWAY_URL=gateway:9091",
    "PUSHGATEWAY_URL=ftp://gateway",
    "PUSHGATEWAY_URL=file:///etc/passwd",
    "PUSHGATEWAY_URL=http://",
    "PUSHGATEWAY_URL=http:///metrics",
    "PUSHGATEWAY_URL=http://a b",
    "LOG_FORMAT=xml",
    "LOG_LEVEL=INFO",
    "PG_PASSWORD=a\nb",
    "PG_PASSWORD=a\rb",
};

START_TEST(a_bad_value_is_refused)
{
    ck_assert_int_lt(parse_assignment(bad_values[_i]), 0);
}
END_TEST

static const char *const good_values[] = {
    "BACKUP_KEEP_DAYS=0",
    "BACKUP_KEEP_DAYS=36500",
    "BACKUP_KEEP_DAYS=007",
    "MAX_BACKUP_AGE_SECONDS=1",
    "MAX_BACKUP_AGE_SECONDS=3153600000",
    "STALL_TIMEOUT_SECONDS=0",
    "PG_PORT=65535",
    "PG_HOST=/run/postgresql",
    "PG_HOST=2001:db8::1",
    "PG_USER=na\xc3\xafve caf\xc3\xa9",
    "PUSHGATEWAY_URL=HTTPS://gateway/base/",
    "METRICS_INSTANCE=a b/c",
};

START_TEST(a_good_value_is_accepted)
{
    ck_assert_int_eq(parse_assignment(good_values[_i]), 0);
}
END_TEST

START_TEST(every_row_of_the_table_is_documented)
{
    const SettingInfo *info;
    for (size_t i = 0; (info = settings_info(i)); i++) {
        ck_assert_str_ne(info->group, "");
        ck_assert_str_ne(info->values, "");
        ck_assert_ptr_nonnull(info->default_text);
        size_t size = strlen(info->description);
        ck_assert_msg(size > 0 && info->description[size - 1] == '.', "%s", info->key);
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(info->key, settings_info(j)->key);
    }
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(the_nearest_known_key_is_found_if_it_is_near, ELEMENTSOF(names)),
    UNIT_TEST(no_key_is_near_to_one_of_any_length),
    UNIT_TEST(a_key_is_found_with_and_without_its_suffix),
    UNIT_LOOP(a_bad_value_is_refused, ELEMENTSOF(bad_values)),
    UNIT_LOOP(a_good_value_is_accepted, ELEMENTSOF(good_values)),
    UNIT_TEST(every_row_of_the_table_is_documented),
};
UNIT_MAIN("setting-table", tests)
