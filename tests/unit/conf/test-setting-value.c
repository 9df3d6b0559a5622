#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "conf/setting-value.h"
#include "conf/settings.h"
#include "sys/buf.h"
#include "sys/mem.h"
#include "sys/strv.h"

START_TEST(flags_are_read_in_every_spelling)
{
    static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };
    bool flag = _i % 2 == 0;
    ck_assert_int_eq(setting_value_flag(words[_i], NULL, &flag), 0);
    ck_assert_int_eq(flag, _i % 2);
}
END_TEST

static const struct {
    const char *text;
    CompressionWish wish;
} compressions[] = {
    { "auto", { false, COMPRESSION_AUTO, 0 } },
    { "none", { false, COMPRESSION_NONE, 0 } },
    { "gzip", { false, COMPRESSION_GZIP, 0 } },
    { "gzip:1", { false, COMPRESSION_GZIP, 1 } },
    { "gzip:9", { false, COMPRESSION_GZIP, 9 } },
    { "zstd", { false, COMPRESSION_ZSTD, 0 } },
    { "zstd:19", { false, COMPRESSION_ZSTD, 19 } },
    { "lz4", { false, COMPRESSION_LZ4, 0 } },
    { "native", { true, COMPRESSION_AUTO, 0 } },
    { "native:gzip", { true, COMPRESSION_GZIP, 0 } },
    { "native:zstd:3", { true, COMPRESSION_ZSTD, 3 } },
    { "native:lz4", { true, COMPRESSION_LZ4, 0 } },
};

START_TEST(a_compression_has_method_and_level)
{
    CompressionWish wish;
    ck_assert_int_eq(setting_value_compression(compressions[_i].text, NULL, &wish), 0);
    ck_assert_int_eq(wish.native, compressions[_i].wish.native);
    ck_assert_int_eq(wish.method, compressions[_i].wish.method);
    ck_assert_int_eq(wish.level, compressions[_i].wish.level);
}
END_TEST

START_TEST(a_number_is_read_up_to_the_largest)
{
    static const SettingRange any = { 0, UINT64_MAX };
    uint64_t number;
    ck_assert_int_eq(setting_value_number("18446744073709551615", &any, &number), 0);
    ck_assert_uint_eq(number, UINT64_MAX);
    ck_assert_int_lt(setting_value_number("18446744073709551616", &any, &number), 0);
    ck_assert_int_lt(setting_value_number("184467440737095516150", &any, &number), 0);
    ck_assert_int_lt(setting_value_number("", &any, &number), 0);
    ck_assert_uint_eq(number, UINT64_MAX);
}
END_TEST

START_TEST(slashes_at_the_end_of_a_path_go)
{
    static const char *const paths[][2] = {
        { "/backups//", "/backups" }, { "/a/b", "/a/b" }, { "/", "/" }, { "///", "/" }
    };
    _cleanup_free_ char *path = NULL;
    ck_assert_int_eq(setting_value_path(paths[_i][0], NULL, &path), 0);
    ck_assert_str_eq(path, paths[_i][1]);
}
END_TEST

/* Entries in brackets. */
static const struct {
    const char *text, *entries;
} lists[] = {
    { "app", "[app]" },
    { " a,b c\td\n,, e ,", "[a][b][c][d][e]" },
    { "*, !test_*, ![ab]?", "[*][!test_*][![ab]?]" },
    { "\"my db\",\"a,b\"", "[my db][a,b]" },
    { "\"we\"\"ird\" \"\"\"\"", "[we\"ird][\"]" },
    { "!\"my db\"", "[!my db]" },
    { "\"!odd\" !\"!odd\"", "[\\!odd][!!odd]" },
    { "\"a\nb\" -rf .hidden a/b x';DROP na\xc3\xafve", "[a\nb][-rf][.hidden][a/b][x';DROP]"
                                                       "[na\xc3\xafve]" },
};

START_TEST(a_list_of_databases_is_split_at_commas_and_white_space)
{
    _cleanup_strv_ Strv entries = { 0 };
    ck_assert_int_eq(setting_value_databases(lists[_i].text, NULL, &entries), 0);

    _cleanup_buf_ Buf joined = { 0 };
    for (size_t i = 0; i < entries.count; i++)
        buf_addf(&joined, "[%s]", entries.items[i]);
    ck_assert_str_eq(joined.data, lists[_i].entries);
}
END_TEST

static const char *const bad_lists[] = {
    "\"open", "a\"b",  "\"a\"b",  "\"\"",       ",",           "!",
    "a, !",   "!\"\"", "\"a\"\"", "a,\"b\" \"", "\"a\"!\"b\"",
};

START_TEST(a_list_of_databases_that_is_not_well_formed_is_refused)
{
    Strv entries = { 0 };
    ck_assert_int_lt(setting_value_databases(bad_lists[_i], NULL, &entries), 0);
    ck_assert_ptr_null(entries.items);
}
END_TEST

static const struct {
    const char *text, *entries;
} demands[] = {
    { "public.orders.at=3600", "[*][public][orders][at][3600]" },
    { "shop.public.orders.at=1, s.t.c=2", "[shop][public][orders][at][1][*][s][t][c][2]" },
    { "my.shop.public.orders.at=1", "[my.shop][public][orders][at][1]" },
};

START_TEST(a_demand_of_freshness_names_a_column_and_seconds)
{
    _cleanup_(freshness_list_done) FreshnessList list = { 0 };
    _cleanup_buf_ Buf joined = { 0 };

    ck_assert_int_eq(setting_value_freshness(demands[_i].text, NULL, &list), 0);
    for (size_t i = 0; i < list.count; i++) {
        const Freshness *f = &list.items[i];
        buf_addf(&joined, "[%s][%s][%s][%s][%llu]", f->database ? f->database : "*", f->schema,
                 f->table, f->column, (unsigned long long)f->seconds);
    }
    ck_assert_str_eq(joined.data, demands[_i].entries);
}
END_TEST

static const char *const bad_demands[] = {
    "a.b=1", "a.b.c", "a.b.c=", "a.b.c=x", "a.b.c=0", "a..c=1", "a.b.=1", "=1", ",", "a.b.c=1 d",
};

START_TEST(a_demand_of_freshness_that_is_not_well_formed_is_refused)
{
    FreshnessList list = { 0 };
    ck_assert_int_lt(setting_value_freshness(bad_demands[_i], NULL, &list), 0);
    ck_assert_ptr_null(list.items);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(a_demand_of_freshness_names_a_column_and_seconds, ELEMENTSOF(demands)),
    UNIT_LOOP(a_demand_of_freshness_that_is_not_well_formed_is_refused, ELEMENTSOF(bad_demands)),
    UNIT_LOOP(flags_are_read_in_every_spelling, 8),
    UNIT_LOOP(a_compression_has_method_and_level, ELEMENTSOF(compressions)),
    UNIT_TEST(a_number_is_read_up_to_the_largest),
    UNIT_LOOP(slashes_at_the_end_of_a_path_go, 4),
    UNIT_LOOP(a_list_of_databases_is_split_at_commas_and_white_space, ELEMENTSOF(lists)),
    UNIT_LOOP(a_list_of_databases_that_is_not_well_formed_is_refused, ELEMENTSOF(bad_lists)),
};
UNIT_MAIN("setting-value", tests)
