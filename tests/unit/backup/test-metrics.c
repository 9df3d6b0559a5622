#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "backup/metrics.h"
#include "sys/mem.h"
#include "sys/utf8.h"

#define AT(seconds) (USEC_PER_SEC * (seconds))

/* Two series: the globals, and a database whose newest backup is damaged. */
static Backup globals[] = {
    { .when = AT(900), .good = true, .manifest = { .stored_bytes = 7, .raw_bytes = 70 } },
};
static Backup app[] = {
    { .when = AT(1000), .good = true, .manifest = { .stored_bytes = 10 } },
    { .when = AT(2000),
      .good = true,
      .manifest = { .stored_bytes = 20,
                    .raw_bytes = 200,
                    .inventory_file = (char[]){ "appdb.inventory.jsonl" },
                    .rows = 42,
                    .duration_msec = 61005,
                    .warnings_dropped = 3 } },
    { .when = AT(3000), .good = false, .manifest = { .stored_bytes = 30 } },
};

typedef struct World {
    Report report;
    Catalog catalog;
    Series series[3];
} World;

static void world_done(World *world)
{
    report_done(&world->report);
}
#define _cleanup_world_ _cleanup_(world_done)

static World world_new(void)
{
    static char name[] = "app";
    World world = {
        .report = { .started = AT(5000) - 1500000, .finished = AT(5000) },
        .catalog = { .count = 2 },
        .series = {
            { .backups = globals, .count = 1 },
            { .encoded = name, .database = name, .backups = app, .count = 3 },
        },
    };
    strv_add(&world.report.databases, "app");
    return world;
}

static char *render(World *world)
{
    world->catalog.series = world->series;
    return metrics_render(&(MetricsInput){
        .report = &world->report,
        .catalog = &world->catalog,
        .version = "1.2.3",
        .repository_free_bytes = 12345,
    });
}

/* A whole line of the text, and the only sample with its name and labels: promtool lets duplicates
 * pass, a Pushgateway refuses all for the sake of one. */
static void assert_line(const char *text, const char *line)
{
    int name_size = (int)(strrchr(line, ' ') + 1 - line);
    _cleanup_free_ char *whole = mem_printf("\n%s\n", line);
    _cleanup_free_ char *sample = mem_printf("\n%.*s", name_size, line);

    ck_assert_msg(strstr(text, whole) != NULL, "no line\n%s\nin\n%s", line, text);
    ck_assert_msg(strstr(strstr(text, sample) + 1, sample) == NULL, "twice\n%s\nin\n%s", line,
                  text);
}

static void assert_promtool_is_content(const char *text)
{
    char *dir = unit_mkdir(), said[4096];

    unit_write_file(dir, "metrics", text, strlen(text));
    _cleanup_free_ char *command = mem_printf("promtool check metrics <%s/metrics 2>&1", dir);
    FILE *f = popen(command, "re");
    ck_assert_ptr_nonnull(f);
    size_t n = fread(said, 1, sizeof(said) - 1, f);
    said[n] = '\0';
    ck_assert_msg(pclose(f) == 0 && n == 0, "%s\nabout\n%s", said, text);
    unit_rmdir(dir);
}

START_TEST(promtool_is_content_with_a_run_that_succeeded)
{
    _cleanup_world_ World world = world_new();
    report_add(&world.report, "app")->stored_bytes = 20;

    _cleanup_free_ char *text = render(&world);
    assert_promtool_is_content(text);
}
END_TEST

START_TEST(promtool_is_content_before_there_is_anything)
{
    _cleanup_world_ World world = {};
    _cleanup_free_ char *text = render(&world);

    assert_promtool_is_content(text);
    assert_line(text, "pg_backup_last_success_timestamp_seconds 0");
}
END_TEST

START_TEST(the_run_is_told_by_its_fixed_names)
{
    _cleanup_world_ World world = world_new();
    world.report.exit_code = 75;
    world.report.missed_slots = 3;
    report_add(&world.report, NULL)->stored_bytes = 7;
    report_add(&world.report, "app")->stored_bytes = 20;

    _cleanup_free_ char *text = render(&world);
    assert_line(text, "pg_backup_last_run_timestamp 5000");
    assert_line(text, "pg_backup_last_duration_seconds 1.500");
    assert_line(text, "pg_backup_last_exit_code 75");
    assert_line(text, "pg_backup_last_bytes 27");
    assert_line(text, "pg_backup_last_run_missed_slots 3");
    assert_line(text, "pg_backup_info{version=\"1.2.3\"} 1");
    assert_line(text, "pg_backup_repository_free_bytes 12345");
}
END_TEST

START_TEST(a_database_is_told_by_its_newest_good_backup)
{
    _cleanup_world_ World world = world_new();
    _cleanup_free_ char *text = render(&world);

#define APP "{database=\"app\",kind=\"database\"}"
    assert_line(text, "pg_backup_database_last_success_timestamp_seconds" APP " 2000");
    assert_line(text, "pg_backup_database_duration_seconds" APP " 61.005");
    assert_line(text, "pg_backup_database_stored_bytes" APP " 20");
    assert_line(text, "pg_backup_database_raw_bytes" APP " 200");
    assert_line(text, "pg_backup_database_rows" APP " 42");
    assert_line(text, "pg_backup_database_warnings" APP " 3");
    assert_line(text, "pg_backup_database_good_backups" APP " 2");
}
END_TEST

START_TEST(a_fall_is_told_until_it_is_accepted)
{
    char before[] = "app_20261101T000000Z", after[] = "app_20261102T000000Z", rows[] = "rows";
    Backup backups[] = {
        { .stem = before, .when = AT(1000), .good = true },
        { .stem = after,
          .when = AT(2000),
          .good = true,
          .manifest = { .fall_against = before,
                        .fall_of = rows,
                        .fall_before = 1000,
                        .fall_now = 3 } },
    };
    _cleanup_world_ World world = world_new();
    world.series[1].backups = backups;
    world.series[1].count = ELEMENTSOF(backups);

    _cleanup_free_ char *told = render(&world);
    assert_line(told, "pg_backup_database_fall_ratio" APP " 0.997");
    ck_assert_ptr_null(strstr(told, "pg_backup_database_fall_ratio{database=\"globals\""));
    assert_promtool_is_content(told);

    backups[1].accepted = true;
    _cleanup_free_ char *accepted = render(&world);
    assert_line(accepted, "pg_backup_database_fall_ratio" APP " 0.000");
}
END_TEST

START_TEST(what_verify_has_found_is_no_drill)
{
    char stem[] = "app_20261101T000000Z";
    Proof proof = { .result = PROOF_RESULT_FAILED, .finished = AT(1500) };
    Backup backup = { .stem = stem, .when = AT(1000), .proof = &proof };
    _cleanup_world_ World world = world_new();
    world.series[1].backups = &backup;
    world.series[1].count = 1;

    _cleanup_free_ char *of_drill = render(&world);
    ck_assert_ptr_nonnull(strstr(of_drill, "last_drill_result{database=\"app\""));

    proof.made_by = PROOF_MADE_BY_VERIFY;
    _cleanup_free_ char *of_verify = render(&world);
    ck_assert_ptr_null(strstr(of_verify, "last_drill_result{database=\"app\""));
    assert_line(of_verify, "pg_backup_database_good_backups" APP " 0");
    assert_promtool_is_content(of_verify);
}
END_TEST

START_TEST(globals_have_a_kind_of_their_own)
{
    _cleanup_world_ World world = world_new();
    world.series[1].database = (char[]){ "globals" };
    _cleanup_free_ char *text = render(&world);

    assert_line(text, "pg_backup_database_good_backups"
                      "{database=\"globals\",kind=\"globals\"} 1");
    assert_line(text, "pg_backup_database_good_backups"
                      "{database=\"globals\",kind=\"database\"} 2");
    assert_promtool_is_content(text);
}
END_TEST

START_TEST(a_failed_run_does_not_hide_the_last_success)
{
    _cleanup_world_ World world = world_new();
    world.report.exit_code = 1;
    err_set(&report_add(&world.report, "app")->err, ERR_DISK_FULL, "no room");

    _cleanup_free_ char *text = render(&world);
    assert_line(text, "pg_backup_last_success_timestamp_seconds 2000");
    assert_line(text, "pg_backup_database_last_success_timestamp_seconds" APP " 2000");
    assert_line(text, "pg_backup_database_last_run_failed" APP " 1");
    assert_line(text, "pg_backup_run_failed{reason=\"disk-full\"} 1");
    assert_promtool_is_content(text);
}
END_TEST

START_TEST(each_reason_is_told_once)
{
    _cleanup_world_ World world = world_new();
    err_set(&world.report.err, ERR_CANCELLED, "stopped by SIGTERM");
    err_set(&report_add(&world.report, "app")->err, ERR_CANCELLED, "stopped by SIGTERM");
    err_set(&report_add(&world.report, "b")->err, ERR_STALLED, "stalled");

    _cleanup_free_ char *text = render(&world);
    assert_line(text, "pg_backup_run_failed{reason=\"cancelled\"} 1");
    assert_line(text, "pg_backup_run_failed{reason=\"stalled\"} 1");
}
END_TEST

START_TEST(success_as_a_whole_is_that_of_the_planned_database_that_lags_most)
{
    static Backup late[] = { { .when = AT(1500), .good = true } };
    static char name[] = "late";
    _cleanup_world_ World world = world_new();
    world.catalog.count = 3;
    world.series[2] = (Series){ .database = name, .backups = late, .count = 1 };

    _cleanup_free_ char *without = render(&world);
    assert_line(without, "pg_backup_last_success_timestamp_seconds 2000");

    strv_add(&world.report.databases, "late");
    _cleanup_free_ char *with = render(&world);
    assert_line(with, "pg_backup_last_success_timestamp_seconds 1500");
}
END_TEST

START_TEST(a_planned_database_without_a_backup_counts_as_never_backed_up)
{
    _cleanup_world_ World world = world_new();
    strv_add(&world.report.databases, "new");
    report_add(&world.report, "app");

    _cleanup_free_ char *text = render(&world);
#define NEW "{database=\"new\",kind=\"database\"}"
    assert_line(text, "pg_backup_last_success_timestamp_seconds 0");
    assert_line(text, "pg_backup_database_last_success_timestamp_seconds" NEW " 0");
    assert_line(text, "pg_backup_database_good_backups" NEW " 0");
    assert_line(text, "pg_backup_database_last_run_failed" NEW " 1");
    assert_line(text, "pg_backup_database_last_run_failed" APP " 0");
    ck_assert_ptr_null(strstr(text, "pg_backup_database_stored_bytes" NEW));
}
END_TEST

START_TEST(a_narrowed_run_says_nothing_of_databases_that_it_was_not_asked_for)
{
    _cleanup_world_ World world = world_new();
    world.report.narrowed = true;
    strv_add(&world.report.databases, "new");
    report_add(&world.report, "app");

    _cleanup_free_ char *text = render(&world);
    assert_line(text, "pg_backup_database_last_run_failed" APP " 0");
    assert_line(text, "pg_backup_database_good_backups" NEW " 0");
    ck_assert_ptr_null(strstr(text, "pg_backup_database_last_run_failed" NEW));
}
END_TEST

START_TEST(globals_that_were_to_be_backed_up_count_as_a_database_does)
{
    _cleanup_world_ World world = world_new();
    world.report.globals = true;
    _cleanup_free_ char *lagging = render(&world);
#define GLOBALS "{database=\"globals\",kind=\"globals\"}"
    assert_line(lagging, "pg_backup_database_last_run_failed" GLOBALS " 1");
    assert_line(lagging, "pg_backup_last_success_timestamp_seconds 900");

    world.series[0].count = 0;
    world.catalog.count = 0;
    _cleanup_free_ char *none = render(&world);
    assert_line(none, "pg_backup_database_last_run_failed" GLOBALS " 1");
    assert_line(none, "pg_backup_last_success_timestamp_seconds 0");
}
END_TEST

START_TEST(what_cannot_be_read_is_told_only_where_it_was_to_be_backed_up)
{
    _cleanup_world_ World world = world_new();
    world.catalog.count = 3;
    world.series[2] = (Series){
        .database = (char[]){ "new" },
        .problem = (char[]){ "could not open directory" },
    };
    _cleanup_free_ char *foreign = render(&world);
    ck_assert_ptr_null(strstr(foreign, NEW));

    strv_add(&world.report.databases, "new");
    _cleanup_free_ char *planned = render(&world);
    assert_line(planned, "pg_backup_database_last_success_timestamp_seconds" NEW " 0");
}
END_TEST

START_TEST(a_backup_from_the_future_hides_no_lack_of_new_ones)
{
    static Backup odd[] = { { .when = AT(1500), .good = true },
                            { .when = AT(9000), .good = true } };
    _cleanup_world_ World world = world_new();
    world.series[1].backups = odd;
    world.series[1].count = 2;

    _cleanup_free_ char *text = render(&world);
    assert_line(text, "pg_backup_database_last_success_timestamp_seconds" APP " 1500");
    assert_line(text, "pg_backup_last_success_timestamp_seconds 1500");
}
END_TEST

static void assert_is_utf8(const char *text)
{
    for (size_t size; *text; text += size) {
        size = utf8_next(text, /* ret_code= */ NULL);
        ck_assert_msg(size > 0, "not UTF-8: \"%s\"", text);
    }
}

START_TEST(hostile_names_are_escaped_as_the_format_has_it)
{
    static const struct {
        const char *name, *label;
    } cases[] = {
        { "we\"ird", "we\\\"ird" },    { "back\\slash", "back\\\\slash" },
        { "new\nline", "new\\nline" }, { "na\xC3\xAFve caf\xC3\xA9", "na\xC3\xAFve caf\xC3\xA9" },
        { "caf\xE9", "caf\\\\xE9" },   { "x'; DROP{}=,", "x'; DROP{}=," },
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_free_ char *name = mem_strdup(cases[i].name);
        _cleanup_world_ World world = world_new();
        world.series[1].database = name;

        _cleanup_free_ char *text = render(&world);
        _cleanup_free_ char *line = mem_printf(
            "pg_backup_database_good_backups{database=\"%s\",kind=\"database\"} 2", cases[i].label);
        assert_line(text, line);
        assert_is_utf8(text);
        assert_promtool_is_content(text);
    }
}
END_TEST

START_TEST(names_that_look_alike_in_labels_do_not_make_the_text_invalid)
{
    _cleanup_world_ World world = world_new();
    world.catalog.count = 3;
    world.series[1].database = (char[]){ "caf\xE9" };
    world.series[2] = (Series){ .database = (char[]){ "caf\\xE9" } };

    _cleanup_free_ char *text = render(&world);
    assert_line(text, "pg_backup_database_good_backups"
                      "{database=\"caf\\\\xE9\",kind=\"database\"} 2");
}
END_TEST

START_TEST(a_clock_set_back_during_the_run_makes_no_huge_duration)
{
    _cleanup_world_ World world = world_new();
    world.report.started = AT(6000);

    _cleanup_free_ char *text = render(&world);
    assert_line(text, "pg_backup_last_duration_seconds 0.000");
}
END_TEST

START_TEST(every_family_has_help_and_type_once_and_together)
{
    _cleanup_world_ World world = world_new();
    _cleanup_free_ char *text = render(&world);
    size_t families = 0;

    for (const char *p = text; (p = strstr(p, "# TYPE ")) != NULL; p++) {
        char name[128];
        ck_assert_int_eq(sscanf(p, "# TYPE %127s gauge\n", name), 1);
        _cleanup_free_ char *help = mem_printf("# HELP %s ", name);
        const char *found = strstr(text, help);
        ck_assert_ptr_nonnull(found);
        ck_assert_ptr_null(strstr(found + 1, help));
        ck_assert_ptr_eq(strchr(found, '\n') + 1, p);
        families++;
    }
    ck_assert_uint_eq(families, 22);
}
END_TEST

START_TEST(without_a_catalog_the_run_is_told_and_nothing_of_databases)
{
    World world = world_new();
    _cleanup_free_ char *text = metrics_render(&(MetricsInput){
        .report = &world.report,
        .version = "1.2.3",
    });

    assert_line(text, "pg_backup_last_run_timestamp 5000");
    ck_assert_ptr_null(strstr(text, "pg_backup_database_"));
    ck_assert_ptr_null(strstr(text, "pg_backup_repository_"));
    ck_assert_ptr_null(strstr(text, "pg_backup_last_success"));
    report_done(&world.report);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(without_a_catalog_the_run_is_told_and_nothing_of_databases),
    UNIT_TEST(promtool_is_content_with_a_run_that_succeeded),
    UNIT_TEST(promtool_is_content_before_there_is_anything),
    UNIT_TEST(the_run_is_told_by_its_fixed_names),
    UNIT_TEST(a_database_is_told_by_its_newest_good_backup),
    UNIT_TEST(a_fall_is_told_until_it_is_accepted),
    UNIT_TEST(what_verify_has_found_is_no_drill),
    UNIT_TEST(globals_have_a_kind_of_their_own),
    UNIT_TEST(a_failed_run_does_not_hide_the_last_success),
    UNIT_TEST(each_reason_is_told_once),
    UNIT_TEST(success_as_a_whole_is_that_of_the_planned_database_that_lags_most),
    UNIT_TEST(a_planned_database_without_a_backup_counts_as_never_backed_up),
    UNIT_TEST(a_narrowed_run_says_nothing_of_databases_that_it_was_not_asked_for),
    UNIT_TEST(globals_that_were_to_be_backed_up_count_as_a_database_does),
    UNIT_TEST(what_cannot_be_read_is_told_only_where_it_was_to_be_backed_up),
    UNIT_TEST(a_backup_from_the_future_hides_no_lack_of_new_ones),
    UNIT_TEST(hostile_names_are_escaped_as_the_format_has_it),
    UNIT_TEST(names_that_look_alike_in_labels_do_not_make_the_text_invalid),
    UNIT_TEST(a_clock_set_back_during_the_run_makes_no_huge_duration),
    UNIT_TEST(every_family_has_help_and_type_once_and_together),
};
UNIT_MAIN("metrics", tests)
