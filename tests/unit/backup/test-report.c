#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/report.h"
#include "sys/mem.h"

/* `date -u -d 2026-11-22T02:00:00Z +%s` */
#define MOMENT ((usec_t)1795312800 * USEC_PER_SEC)

/* Globals done, one database done, one failed. */
static Report sample(void)
{
    Report r = {
        .run_id = mem_strdup("0123456789abcdef0123456789abcdef"),
        .instance = mem_strdup("main"),
        .started = MOMENT,
        .finished = MOMENT + 61500 * USEC_PER_MSEC,
        .exit_code = 1,
        .missed_slots = 3,
    };
    strv_add(&r.databases, "appdb");
    strv_add(&r.databases, "a/b");
    strv_add(&r.swept, "appdb/.appdb_20261121T020000Z.dump.tmp");
    strv_add(&r.warnings, "metrics were not delivered");

    report_add(&r, NULL)->stored_bytes = 100;
    ReportEntry *done = report_add(&r, "appdb");
    done->stem = mem_strdup("appdb_20261122T020000Z");
    done->stored_bytes = 2000;
    done->raw_bytes = 9000;
    done->duration_msec = 1500;
    done->warnings = 2;
    ReportEntry *failed = report_add(&r, "a/b");
    err_set(&failed->err, ERR_LOCK_TIMEOUT, "could not lock table \"t\"");
    err_hint(&failed->err, "Try again.");
    return r;
}

static char *text_of(const Json *json, const char *key)
{
    char *text = NULL;
    ck_assert_int_eq(json_get_text_opt(json, key, &text, NULL), 0);
    return text;
}

static uint64_t uint_of(const Json *json, const char *key)
{
    uint64_t value = 0;
    ck_assert_int_eq(json_get_uint(json, key, &value, NULL), 0);
    return value;
}

static void expect_text(const Json *json, const char *key, const char *expected)
{
    _cleanup_free_ char *text = text_of(json, key);
    ck_assert_pstr_eq(text, expected);
}

static const Json *backup_at(const Json *json, size_t i)
{
    const Json *backups = NULL;
    ck_assert_int_eq(json_get_array(json, "backups", &backups, NULL), 0);
    return json_array_item(backups, i);
}

START_TEST(a_report_says_when_and_how_the_run_ended)
{
    _cleanup_report_ Report r = sample();
    _cleanup_json_ Json *json = report_to_json(&r);

    expect_text(json, "run_id", "0123456789abcdef0123456789abcdef");
    expect_text(json, "instance", "main");
    expect_text(json, "started", "2026-11-22T02:00:00Z");
    expect_text(json, "finished", "2026-11-22T02:01:01Z");
    ck_assert_uint_eq(uint_of(json, "duration_ms"), 61500);
    ck_assert_uint_eq(uint_of(json, "exit_code"), 1);
    ck_assert_uint_eq(uint_of(json, "missed_slots"), 3);
    expect_text(json, "reason", NULL);
    expect_text(json, "message", NULL);
}
END_TEST

START_TEST(what_ended_the_whole_run_is_its_reason)
{
    _cleanup_report_ Report r = sample();
    err_set(&r.err, ERR_CANCELLED, "stopped by SIGTERM");
    _cleanup_json_ Json *json = report_to_json(&r);

    expect_text(json, "reason", "cancelled");
    expect_text(json, "message", "stopped by SIGTERM");
    expect_text(json, "hint", NULL);
}
END_TEST

START_TEST(each_backup_has_its_own_result)
{
    _cleanup_report_ Report r = sample();
    _cleanup_json_ Json *json = report_to_json(&r);

    const Json *globals = backup_at(json, 0);
    expect_text(globals, "database", NULL);
    expect_text(globals, "kind", "globals");

    const Json *done = backup_at(json, 1);
    expect_text(done, "database", "appdb");
    expect_text(done, "kind", "database");
    expect_text(done, "stem", "appdb_20261122T020000Z");
    expect_text(done, "result", "done");
    expect_text(done, "reason", NULL);
    ck_assert_uint_eq(uint_of(done, "stored_bytes"), 2000);
    ck_assert_uint_eq(uint_of(done, "raw_bytes"), 9000);
    ck_assert_uint_eq(uint_of(done, "duration_ms"), 1500);
    ck_assert_uint_eq(uint_of(done, "warnings"), 2);

    const Json *failed = backup_at(json, 2);
    expect_text(failed, "stem", NULL);
    expect_text(failed, "result", "failed");
    expect_text(failed, "reason", err_kind_info(ERR_LOCK_TIMEOUT)->name);
    expect_text(failed, "message", "could not lock table \"t\"");
    expect_text(failed, "hint", "Try again.");
    ck_assert_ptr_null(backup_at(json, 3));
}
END_TEST

START_TEST(a_clock_set_back_in_mid_run_makes_no_negative_duration)
{
    _cleanup_report_ Report r = sample();
    r.finished = r.started - USEC_PER_SEC;
    _cleanup_json_ Json *json = report_to_json(&r);
    ck_assert_uint_eq(uint_of(json, "duration_ms"), 0);
}
END_TEST

START_TEST(stored_bytes_are_those_of_all_backups)
{
    _cleanup_report_ Report r = sample();
    ck_assert_uint_eq(report_stored_bytes(&r), 2100);
}
END_TEST

START_TEST(a_saved_report_is_the_printed_one)
{
    char *dir = unit_mkdir();
    _cleanup_report_ Report r = sample();
    _cleanup_json_ Json *json = report_to_json(&r);
    _cleanup_free_ char *expected = json_print(json);

    ck_assert_int_eq(report_save(&r, dir, NULL), 0);
    _cleanup_free_ char *text = unit_read_file(dir, "last-run.json", NULL);
    ck_assert_str_eq(text, expected);
    unit_rmdir(dir);
}
END_TEST

START_TEST(saving_makes_the_state_directory)
{
    char *dir = unit_mkdir();
    _cleanup_free_ char *state = mem_printf("%s/.state", dir);
    _cleanup_report_ Report r = sample();
    struct stat st;

    ck_assert_int_eq(report_save(&r, state, NULL), 0);
    ck_assert_int_eq(stat(state, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0700);
    unit_rmdir(dir);
}
END_TEST

START_TEST(saving_replaces_the_last_report_and_what_a_crash_has_left)
{
    char *dir = unit_mkdir();
    _cleanup_free_ char *tmp = mem_printf("%s/.last-run.json.tmp", dir);
    _cleanup_report_ Report r = sample();

    unit_write_file(dir, "last-run.json", "old", 3);
    unit_write_file(dir, ".last-run.json.tmp", "half", 4);
    ck_assert_int_eq(report_save(&r, dir, NULL), 0);
    _cleanup_free_ char *text = unit_read_file(dir, "last-run.json", NULL);
    ck_assert_int_eq(text[0], '{');
    ck_assert_int_lt(access(tmp, F_OK), 0);
    unit_rmdir(dir);
}
END_TEST

START_TEST(saving_where_no_directory_can_be_names_it)
{
    char *dir = unit_mkdir();
    _cleanup_free_ char *state = mem_printf("%s/file/state", dir);
    _cleanup_report_ Report r = sample();
    _cleanup_err_ Err err = { 0 };

    unit_write_file(dir, "file", "", 0);
    ck_assert_int_lt(report_save(&r, state, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.message, state));
    unit_rmdir(dir);
}
END_TEST

START_TEST(the_planned_databases_are_read_back_byte_for_byte)
{
    char *dir = unit_mkdir();
    _cleanup_report_ Report r = sample();
    _cleanup_strv_ Strv got = { 0 };

    strv_add(&r.databases, "caf\xe9");
    strv_add(&r.databases, "line\nbreak");
    ck_assert_int_eq(report_save(&r, dir, NULL), 0);
    ck_assert_int_eq(report_load_databases(dir, &got, NULL), 0);
    ck_assert_uint_eq(got.count, 4);
    for (size_t i = 0; i < got.count; i++)
        ck_assert_str_eq(got.items[i], r.databases.items[i]);
    unit_rmdir(dir);
}
END_TEST

START_TEST(when_the_last_run_began_is_read_back)
{
    char *dir = unit_mkdir();
    _cleanup_report_ Report r = sample();
    usec_t started = 1;

    ck_assert_int_eq(report_load_started(dir, &started, NULL), 0);
    ck_assert_uint_eq(started, 0);
    ck_assert_int_eq(report_save(&r, dir, NULL), 0);
    ck_assert_int_eq(report_load_started(dir, &started, NULL), 0);
    ck_assert_uint_eq(started, MOMENT);
    unit_rmdir(dir);
}
END_TEST

START_TEST(a_report_without_a_time_is_damaged)
{
    static const char text[] = "{\"started\": \"yesterday\"}";
    char *dir = unit_mkdir();
    usec_t started;
    _cleanup_err_ Err err = { 0 };

    unit_write_file(dir, "last-run.json", text, strlen(text));
    ck_assert_int_lt(report_load_started(dir, &started, &err), 0);
    ck_assert_int_eq(err.kind, ERR_COULD_NOT_VERIFY);
    unit_rmdir(dir);
}
END_TEST

START_TEST(without_a_report_no_database_was_planned)
{
    char *dir = unit_mkdir();
    _cleanup_free_ char *state = mem_printf("%s/missing", dir);
    _cleanup_strv_ Strv got = { 0 };

    ck_assert_int_eq(report_load_databases(dir, &got, NULL), 0);
    ck_assert_int_eq(report_load_databases(state, &got, NULL), 0);
    ck_assert_uint_eq(got.count, 0);
    unit_rmdir(dir);
}
END_TEST

static const char *const damaged[] = {
    "",
    "{",
    "[]",
    "{}",
    "{\"series\": \"appdb\"}",
    "{\"series\": [\"appdb\", 5]}",
    "{\"series\": [\"../etc\"]}",
    "{\"series\": [null]}",
};

START_TEST(a_damaged_report_is_no_empty_plan)
{
    char *dir = unit_mkdir();
    _cleanup_free_ char *path = mem_printf("%s/last-run.json", dir);
    _cleanup_strv_ Strv got = { 0 };
    _cleanup_err_ Err err = { 0 };

    unit_write_file(dir, "last-run.json", damaged[_i], strlen(damaged[_i]));
    ck_assert_int_lt(report_load_databases(dir, &got, &err), 0);
    ck_assert_int_eq(err.kind, ERR_COULD_NOT_VERIFY);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    ck_assert_uint_eq(got.count, 0);
    unit_rmdir(dir);
}
END_TEST

START_TEST(a_report_that_is_far_too_large_is_damaged)
{
    char *dir = unit_mkdir();
    _cleanup_free_ char *path = mem_printf("%s/last-run.json", dir);
    _cleanup_strv_ Strv got = { 0 };

    unit_write_file(dir, "last-run.json", "{}", 2);
    ck_assert_int_eq(truncate(path, (off_t)100 << 20), 0);
    ck_assert_int_lt(report_load_databases(dir, &got, NULL), 0);
    unit_rmdir(dir);
}
END_TEST

START_TEST(a_report_that_cannot_be_read_is_an_error)
{
    char *dir = unit_mkdir();
    _cleanup_free_ char *path = mem_printf("%s/last-run.json", dir);
    _cleanup_strv_ Strv got = { 0 };
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(mkdir(path, 0700), 0); /* EISDIR, even for root */
    ck_assert_int_lt(report_load_databases(dir, &got, &err), 0);
    ck_assert_int_eq(err.kind, ERR_COULD_NOT_VERIFY);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    unit_rmdir(dir);
}
END_TEST

START_TEST(a_fifo_in_the_place_of_a_report_is_not_waited_for)
{
    char *dir = unit_mkdir();
    _cleanup_free_ char *path = mem_printf("%s/last-run.json", dir);
    _cleanup_strv_ Strv got = { 0 };

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_lt(report_load_databases(dir, &got, NULL), 0);
    unit_rmdir(dir);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_report_says_when_and_how_the_run_ended),
    UNIT_TEST(what_ended_the_whole_run_is_its_reason),
    UNIT_TEST(each_backup_has_its_own_result),
    UNIT_TEST(a_clock_set_back_in_mid_run_makes_no_negative_duration),
    UNIT_TEST(stored_bytes_are_those_of_all_backups),
    UNIT_TEST(a_saved_report_is_the_printed_one),
    UNIT_TEST(saving_makes_the_state_directory),
    UNIT_TEST(saving_replaces_the_last_report_and_what_a_crash_has_left),
    UNIT_TEST(saving_where_no_directory_can_be_names_it),
    UNIT_TEST(the_planned_databases_are_read_back_byte_for_byte),
    UNIT_TEST(when_the_last_run_began_is_read_back),
    UNIT_TEST(a_report_without_a_time_is_damaged),
    UNIT_TEST(without_a_report_no_database_was_planned),
    UNIT_LOOP(a_damaged_report_is_no_empty_plan, ELEMENTSOF(damaged)),
    UNIT_TEST(a_report_that_is_far_too_large_is_damaged),
    UNIT_TEST(a_report_that_cannot_be_read_is_an_error),
    UNIT_TEST(a_fifo_in_the_place_of_a_report_is_not_waited_for),
};
UNIT_MAIN("report", tests)
