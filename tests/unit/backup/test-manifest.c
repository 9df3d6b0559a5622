#include "backups.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/manifest.h"
#include "sys/mem.h"

#define STEM "appdb_20261122T020000Z"

/* printf abc | sha256sum; printf '' | sha256sum */
#define SHA256_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA256_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* `date -u -d 2026-11-22T02:00:00Z +%s` */
#define MOMENT ((usec_t)1795312800 * USEC_PER_SEC)

/* A manifest with every member set. */
static Manifest sample(void)
{
    Manifest m = {
        .stem = mem_strdup(STEM),
        .kind = mem_strdup("database"),
        .database = mem_strdup("appdb"),
        .format = mem_strdup("custom"),
        .compression = mem_strdup("gzip:6"),
        .compressed_by = mem_strdup("pg_dump"),
        .file = mem_strdup(STEM ".dump"),
        .stored_bytes = 3,
        .stored_sha256 = mem_strdup(SHA256_ABC),
        .raw_bytes = (uint64_t)1 << 40,
        .raw_sha256 = mem_strdup(SHA256_EMPTY),
        .inventory_file = mem_strdup(STEM ".inventory.jsonl"),
        .inventory_sha256 = mem_strdup(SHA256_EMPTY),
        .tables = 12,
        .rows = (uint64_t)1 << 41,
        .contents_bytes = (uint64_t)1 << 42,
        .sequences = 13,
        .large_objects = 14,
        .definitions = 15,
        .started = MOMENT,
        .finished = MOMENT + 90 * USEC_PER_SEC,
        .duration_msec = 90125,
        .server_version = mem_strdup("15.18"),
        .client_version = mem_strdup("15.17"),
        .program_version = mem_strdup("0.1.0"),
        .archive_version = mem_strdup("1.14"),
        .bytea_output = mem_strdup("hex"),
        .lc_monetary = mem_strdup("C"),
        .quote_all_identifiers = mem_strdup("off"),
        .timezone = mem_strdup("Europe/Vienna"),
        .date_style = mem_strdup("ISO, DMY"),
        .interval_style = mem_strdup("postgres"),
        .max_locks = 128,
        .preload_libraries = mem_strdup("pg_stat_statements"),
        .system_identifier = mem_strdup("7412345678901234567"),
        .timeline = 3,
        .lsn = mem_strdup("0/16B3748"),
        .encoding = mem_strdup("UTF8"),
        .collate = mem_strdup("de_DE.UTF-8"),
        .ctype = mem_strdup("C"),
        .locale_provider = mem_strdup("icu"),
        .locale = mem_strdup("de"),
        .icu_rules = mem_strdup("&a < g"),
        .collation_version = mem_strdup("153.120"),
        .database_properties = mem_strdup("2 settings, a comment"),
        .warnings_dropped = 7,
        .policy = mem_strdup("14 days, at least 3"),
        .fall_against = mem_strdup("appdb_20261121T020000Z"),
        .fall_of = mem_strdup("rows"),
        .fall_before = (uint64_t)1 << 42,
        .fall_now = (uint64_t)1 << 41,
        .fall_baseline = mem_strdup("appdb_20261101T020000Z"),
    };
    strv_add(&m.warnings, "pg_dump: warning: there are circular \"foreign-key\" constraints");
    strv_add(&m.warnings, "");
    manifest_add_omission(&m, "role passwords", "permission denied for table pg_authid",
                          /* warning= */ false);
    return m;
}

static void drop_what_names_the_stem(Manifest *m)
{
    free(TAKE_PTR(m->inventory_file));
    free(TAKE_PTR(m->inventory_sha256));
    free(TAKE_PTR(m->fall_against));
    free(TAKE_PTR(m->fall_of));
    free(TAKE_PTR(m->fall_baseline));
}

static void save(const Place *p, const Manifest *m)
{
    _cleanup_err_ Err err = { 0 };
    int r = manifest_save(m, p->fd, p->path, &err);
    ck_assert_msg(r == 0, "%s", err.message);
}

static void save_text(const Place *p, const char *text)
{
    unit_write_file(p->path, STEM ".json", text, strlen(text));
}

static char *saved_sample(const Place *p)
{
    _cleanup_manifest_ Manifest m = sample();
    save(p, &m);
    return unit_read_file(p->path, STEM ".json", NULL);
}

START_TEST(every_member_is_read_back_as_it_was_written)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_manifest_ Manifest m = sample();
    _cleanup_manifest_ Manifest got = { 0 };

    save(&p, &m);
    ck_assert_int_eq(manifest_load(p.fd, p.path, STEM, &got, NULL), 0);
    ck_assert_str_eq(got.stem, m.stem);
    ck_assert_str_eq(got.kind, m.kind);
    ck_assert_str_eq(got.database, m.database);
    ck_assert_str_eq(got.format, m.format);
    ck_assert_str_eq(got.compression, m.compression);
    ck_assert_str_eq(got.file, m.file);
    ck_assert_uint_eq(got.stored_bytes, m.stored_bytes);
    ck_assert_str_eq(got.stored_sha256, m.stored_sha256);
    ck_assert_uint_eq(got.raw_bytes, m.raw_bytes);
    ck_assert_str_eq(got.raw_sha256, m.raw_sha256);
    ck_assert_str_eq(got.compressed_by, m.compressed_by);
    ck_assert_str_eq(got.inventory_file, m.inventory_file);
    ck_assert_str_eq(got.inventory_sha256, m.inventory_sha256);
    ck_assert_uint_eq(got.tables, m.tables);
    ck_assert_uint_eq(got.rows, m.rows);
    ck_assert_uint_eq(got.contents_bytes, m.contents_bytes);
    ck_assert_uint_eq(got.sequences, m.sequences);
    ck_assert_uint_eq(got.large_objects, m.large_objects);
    ck_assert_uint_eq(got.definitions, m.definitions);
    ck_assert_uint_eq(got.started, m.started);
    ck_assert_uint_eq(got.finished, m.finished);
    ck_assert_uint_eq(got.duration_msec, m.duration_msec);
    ck_assert_str_eq(got.server_version, m.server_version);
    ck_assert_str_eq(got.client_version, m.client_version);
    ck_assert_str_eq(got.program_version, m.program_version);
    ck_assert_str_eq(got.archive_version, m.archive_version);
    ck_assert_str_eq(got.system_identifier, m.system_identifier);
    ck_assert_uint_eq(got.timeline, m.timeline);
    ck_assert_str_eq(got.lsn, m.lsn);
    ck_assert_str_eq(got.encoding, m.encoding);
    ck_assert_str_eq(got.collate, m.collate);
    ck_assert_str_eq(got.ctype, m.ctype);
    ck_assert_str_eq(got.locale_provider, m.locale_provider);
    ck_assert_str_eq(got.locale, m.locale);
    ck_assert_str_eq(got.icu_rules, m.icu_rules);
    ck_assert_str_eq(got.collation_version, m.collation_version);
    ck_assert_str_eq(got.database_properties, m.database_properties);
    ck_assert_uint_eq(got.warnings.count, 2);
    ck_assert_str_eq(got.warnings.items[0], m.warnings.items[0]);
    ck_assert_str_eq(got.warnings.items[1], "");
    ck_assert_uint_eq(got.warnings_dropped, m.warnings_dropped);
    ck_assert_uint_eq(got.omissions_count, 1);
    ck_assert_str_eq(got.omissions[0].what, "role passwords");
    ck_assert_str_eq(got.omissions[0].why, "permission denied for table pg_authid");
    ck_assert(!got.omissions[0].warning);
    ck_assert_str_eq(got.policy, m.policy);
    ck_assert_str_eq(got.fall_against, m.fall_against);
    ck_assert_str_eq(got.fall_of, m.fall_of);
    ck_assert_uint_eq(got.fall_before, m.fall_before);
    ck_assert_uint_eq(got.fall_now, m.fall_now);
    ck_assert_str_eq(got.fall_baseline, m.fall_baseline);
}
END_TEST

START_TEST(globals_have_no_database)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_manifest_ Manifest m = sample();
    _cleanup_manifest_ Manifest got = { 0 };

    free(m.stem);
    free(m.kind);
    free(m.file);
    free(TAKE_PTR(m.database));
    m.stem = mem_strdup("globals_20261122T020000Z");
    m.kind = mem_strdup("globals");
    m.file = mem_strdup("globals_20261122T020000Z.sql.gz");
    drop_what_names_the_stem(&m);
    save(&p, &m);

    ck_assert_int_eq(manifest_load(p.fd, p.path, m.stem, &got, NULL), 0);
    ck_assert_ptr_null(got.database);
}
END_TEST

/* JSON cannot hold the name; the stem can. */
START_TEST(a_name_that_is_not_utf8_comes_back_byte_for_byte)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_manifest_ Manifest m = sample();
    _cleanup_manifest_ Manifest got = { 0 };

    free(m.stem);
    free(m.file);
    free(m.database);
    m.stem = mem_strdup("caf%E9_20261122T020000Z");
    m.file = mem_strdup("caf%E9_20261122T020000Z.dump");
    drop_what_names_the_stem(&m);
    m.database = mem_strdup("caf\xe9");
    save(&p, &m);

    ck_assert_int_eq(manifest_load(p.fd, p.path, m.stem, &got, NULL), 0);
    ck_assert_str_eq(got.database, "caf\xe9");
}
END_TEST

START_TEST(warnings_dropped_warnings_and_omissions_add_up)
{
    _cleanup_manifest_ Manifest m = sample();
    ck_assert_uint_eq(manifest_warning_count(&m), 2 + 7); /* its omission is none */
    manifest_add_omission(&m, "subscriptions", "only a superuser may read them",
                          /* warning= */ true);
    ck_assert_uint_eq(manifest_warning_count(&m), 2 + 7 + 1);
}
END_TEST

START_TEST(a_manifest_is_written_once)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_free_ char *before = saved_sample(&p);
    _cleanup_manifest_ Manifest m = sample();

    m.stored_bytes = 4;
    ck_assert_int_eq(manifest_save(&m, p.fd, p.path, NULL), -EEXIST);
    _cleanup_free_ char *after = unit_read_file(p.path, STEM ".json", NULL);
    ck_assert_str_eq(after, before);
}
END_TEST

START_TEST(a_manifest_that_would_not_be_read_is_not_written)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_manifest_ Manifest m = sample();
    _cleanup_err_ Err err = { 0 };

    free(m.fall_baseline);
    m.fall_baseline = mem_strdup("appdb_20361101T020000Z");
    ck_assert_int_lt(manifest_save(&m, p.fd, p.path, &err), 0);
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
    ck_assert_ptr_nonnull(strstr(err.message, "\"fall_baseline\" is no earlier backup"));
    ck_assert_int_lt(faccessat(p.fd, STEM ".json", F_OK, 0), 0);
}
END_TEST

START_TEST(a_missing_manifest_is_told_from_a_damaged_one)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_manifest_ Manifest got = { 0 };
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(manifest_load(p.fd, p.path, STEM, &got, &err), -ENOENT);
    ck_assert_int_ne(err.kind, ERR_DAMAGED);
}
END_TEST

START_TEST(members_of_a_later_version_of_the_program_are_ignored)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_free_ char *text = saved_sample(&p);
    _cleanup_free_ char *more = mem_printf("{ \"inventory\": {\"tables\": []}, %s", text + 1);
    _cleanup_manifest_ Manifest got = { 0 };

    save_text(&p, more);
    ck_assert_int_eq(manifest_load(p.fd, p.path, STEM, &got, NULL), 0);
}
END_TEST

START_TEST(a_newer_format_asks_for_a_newer_program)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_manifest_ Manifest got = { 0 };
    _cleanup_err_ Err err = { 0 };

    save_text(&p, "{\"format_version\": 3}");
    ck_assert_int_lt(manifest_load(p.fd, p.path, STEM, &got, &err), 0);
    ck_assert_int_eq(err.kind, ERR_ARCHIVE_VERSION);
    ck_assert_ptr_nonnull(strstr(err.message, "format version 3 needs a newer pg-backup"));
}
END_TEST

/* In a good manifest, `from` (which must be there) becomes `to`. */
static const struct {
    const char *from, *to;
} attacks[] = {
    { "\"stem\": \"" STEM, "\"stem\": \"appdb_20261122T020001Z" },
    { "\"kind\": \"database\"", "\"kind\": \"globals\"" },
    { "\"kind\": \"database\"", "\"kind\": \"table\"" },
    { "\"database\": \"appdb\"", "\"database\": \"other\"" },
    { "\"database\": \"appdb\"", "\"database\": null" },
    { "\"database\": \"appdb\"", "\"database\": 5" },
    { "\"format\": \"custom\"", "\"format\": \"tar\"" },
    { STEM ".dump", "../" STEM ".dump" },
    { STEM ".dump", "/etc/passwd" },
    { STEM ".dump", "" },
    { STEM ".dump", "." },
    { STEM ".dump", STEM ".json" },
    { STEM ".dump", STEM ".dump.sha256" },
    { STEM ".dump", "appdb_20261121T020000Z.dump" },
    { STEM ".dump", "appdb_latest.dump" },
    { STEM ".dump", "other_20261122T020000Z.dump" },
    { STEM ".dump", STEM ".dump\\n" },
    { "\"stored_bytes\": 3", "\"stored_bytes\": 0" },
    { "\"stored_bytes\": 3", "\"stored_bytes\": -3" },
    { "\"stored_bytes\": 3", "\"stored_bytes\": 3.5" },
    { "\"stored_bytes\": 3", "\"stored_bytes\": \"3\"" },
    { "\"stored_bytes\": 3", "\"stored_bytes\": 99999999999999999999" },
    { "\"stored_bytes\": 3", "\"stored_bytes\": 3, \"stored_bytes\": 3" },
    { SHA256_ABC, "ba78" },
    { SHA256_ABC, "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD" },
    { SHA256_EMPTY, SHA256_EMPTY "0" },
    { "2026-11-22T02:00:00Z", "2026-02-30T02:00:00Z" },
    { "2026-11-22T02:00:00Z", "yesterday" },
    { "\"warnings\": [", "\"warnings\": [5, " },
    { "\"what\"", "\"whatever\"" },
    { "\"omissions\": [", "\"omissions\": [null, " },
    { "\"program_version\"", "\"programme_version\"" },
    { "\"fall_against\": \"appdb_", "\"fall_against\": \"other_" },
    { "\"fall_against\": \"appdb_20261121", "\"fall_against\": \"appdb_20261122" },
    { "\"fall_against\": \"appdb_20261121", "\"fall_against\": \"appdb_20271121" },
    { "\"fall_against\": \"", "\"fall_against\": \"../" },
    { "\"fall_against\": \"appdb_20261121T020000Z\"", "\"fall_against\": null" },
    { "\"fall_of\": \"rows\"", "\"fall_of\": null" },
    { "\"fall_of\": \"rows\"", "\"fall_of\": 1" },
    { "\"fall_now\": 2199023255552", "\"fall_now\": 4398046511104" },
    { "\"fall_baseline\": \"appdb_20261101", "\"fall_baseline\": \"appdb_20261122" },
    { "\"fall_baseline\": \"appdb_", "\"fall_baseline\": \"appdb" },
};

START_TEST(a_manifest_that_lies_is_damaged)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_free_ char *text = saved_sample(&p);
    char *place = strstr(text, attacks[_i].from);
    ck_assert_ptr_nonnull(place);
    *place = '\0';
    _cleanup_free_ char *bad =
        mem_printf("%s%s%s", text, attacks[_i].to, place + strlen(attacks[_i].from));
    _cleanup_manifest_ Manifest got = { 0 };
    _cleanup_err_ Err err = { 0 };

    save_text(&p, bad);
    ck_assert_int_lt(manifest_load(p.fd, p.path, STEM, &got, &err), 0);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    ck_assert_ptr_nonnull(strstr(err.message, STEM ".json"));
    ck_assert_ptr_null(got.stem);
}
END_TEST

START_TEST(a_manifest_cut_short_anywhere_is_damaged)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_free_ char *text = saved_sample(&p);
    size_t size = strlen(text);
    ck_assert_int_eq(text[size - 1], '\n');

    for (size_t cut = 0; cut < size - 1; cut++) {
        _cleanup_manifest_ Manifest got = { 0 };
        _cleanup_err_ Err err = { 0 };

        unit_write_file(p.path, STEM ".json", text, cut);
        ck_assert_int_lt(manifest_load(p.fd, p.path, STEM, &got, &err), 0);
        ck_assert_int_eq(err.kind, ERR_DAMAGED);
    }
}
END_TEST

START_TEST(what_is_not_an_object_is_damaged)
{
    _cleanup_place_ Place p = place_new();
    static const char *const texts[] = { "", "[]", "null", "{} {}", "\xff\xfe", "{\"stem\"" };

    for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
        _cleanup_manifest_ Manifest got = { 0 };
        _cleanup_err_ Err err = { 0 };

        save_text(&p, texts[i]);
        ck_assert_int_lt(manifest_load(p.fd, p.path, STEM, &got, &err), 0);
        ck_assert_int_eq(err.kind, ERR_DAMAGED);
    }
}
END_TEST

START_TEST(warnings_beyond_what_is_kept_are_counted)
{
    _cleanup_manifest_ Manifest m = { .warnings_dropped = 2 };
    for (size_t i = 0; i < 5; i++)
        strv_addf(&m.warnings, "warning %zu", i);

    manifest_trim_warnings(&m, 5);
    ck_assert_uint_eq(m.warnings.count, 5);
    manifest_trim_warnings(&m, 2);
    ck_assert_uint_eq(m.warnings.count, 2);
    ck_assert_str_eq(m.warnings.items[1], "warning 1");
    ck_assert_uint_eq(manifest_warning_count(&m), 7);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(warnings_beyond_what_is_kept_are_counted),
    UNIT_TEST(every_member_is_read_back_as_it_was_written),
    UNIT_TEST(globals_have_no_database),
    UNIT_TEST(a_name_that_is_not_utf8_comes_back_byte_for_byte),
    UNIT_TEST(warnings_dropped_warnings_and_omissions_add_up),
    UNIT_TEST(a_manifest_is_written_once),
    UNIT_TEST(a_manifest_that_would_not_be_read_is_not_written),
    UNIT_TEST(a_missing_manifest_is_told_from_a_damaged_one),
    UNIT_TEST(members_of_a_later_version_of_the_program_are_ignored),
    UNIT_TEST(a_newer_format_asks_for_a_newer_program),
    UNIT_LOOP(a_manifest_that_lies_is_damaged, ELEMENTSOF(attacks)),
    UNIT_TEST(a_manifest_cut_short_anywhere_is_damaged),
    UNIT_TEST(what_is_not_an_object_is_damaged),
};
UNIT_MAIN("manifest", tests)
