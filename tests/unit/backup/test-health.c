#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "backup/health.h"
#include "sys/mem.h"

#define HOUR (3600 * USEC_PER_SEC)
#define NOW (1000 * HOUR)

/* Catalogs without files, two backups in each series. 900 h from now is, by
 * `date -u -d @$((1900 * 3600))`, 1970-03-21T04:00:00Z. */
static char stem[] = "x_1", problem[] = "why";
static Backup backups[][2] = {
    { { .when = NOW - 50 * HOUR, .good = true }, { .when = NOW - 3 * HOUR, .good = true } },
    { { .when = NOW - 50 * HOUR, .good = true }, { .when = NOW - 27 * HOUR, .good = true } },
    { { .when = NOW - 50 * HOUR, .good = true },
      { .when = NOW - 3 * HOUR, .good = false, .stem = stem, .problem = problem } },
    { { .when = NOW - 50 * HOUR, .good = false },
      { .when = NOW - 3 * HOUR, .good = false, .stem = stem, .problem = problem } },
    { { .when = NOW - 5 * HOUR, .good = true }, { .when = NOW + 900 * HOUR, .good = true } },
    { { .when = NOW + 800 * HOUR, .good = true }, { .when = NOW + 900 * HOUR, .good = true } },
    { { .when = NOW - 50 * HOUR, .good = true }, { .when = NOW - 26 * HOUR, .good = true } },
    { { .when = NOW - 50 * HOUR, .good = true },
      { .when = NOW - 26 * HOUR - 60 * USEC_PER_SEC, .good = true } },
    { { .when = NOW - 20 * HOUR, .good = true },
      { .when = NOW - 3 * HOUR, .good = false, .stem = stem, .problem = problem } },
};

static const struct {
    const char *name;
    bool healthy;
    bool ever;
    const char *sentence;
} cases[] = {
    { "young", true, true, "newest good backup is 3 h old" },
    { "old", false, true, "newest good backup is 27 h old, allowed are 26 h" },
    { "damaged", false, true, "the newest backup, x_1, is not good: why" },
    { "hopeless", false, false, "no backup is good; the newest, x_1: why" },
    { "odd", true, true, "newest good backup is 5 h old" },
    { "future", false, true, "newest good backup is from the future (1970-03-21T04:00:00Z)" },
    { "edge", true, true, "newest good backup is 26 h old" },
    { "over", false, true, "newest good backup is older than the allowed 26 h" },
    { "spoilt", false, true, "the newest backup, x_1, is not good: why" },
    { "none", false, false, "there is no backup" },
};

static Health judge(const char *const *names, size_t count, bool globals)
{
    Series series[ELEMENTSOF(backups)];
    for (size_t i = 0; i < ELEMENTSOF(backups); i++) {
        char *name = mem_strdup(cases[i].name);
        series[i] =
            (Series){ .encoded = name, .database = name, .backups = backups[i], .count = 2 };
    }
    Catalog catalog = { .series = series, .count = ELEMENTSOF(series), .dir_fd = -1 };

    _cleanup_strv_ Strv databases = { 0 };
    for (size_t i = 0; i < count; i++)
        strv_add(&databases, names[i]);

    Health h = health_judge(&(HealthInput){
        .catalog = &catalog,
        .databases = &databases,
        .globals = globals,
        .now = NOW,
        .max_age_seconds = 93600,
    });
    for (size_t i = 0; i < ELEMENTSOF(series); i++)
        free(series[i].encoded);
    return h;
}
#define _cleanup_health_ _cleanup_(health_done)

START_TEST(the_newest_good_backup_decides)
{
    _cleanup_health_ Health h = judge(&cases[_i].name, 1, /* globals= */ false);

    ck_assert_uint_eq(h.count, 1);
    ck_assert_str_eq(h.entries[0].database, cases[_i].name);
    ck_assert_str_eq(h.entries[0].sentence, cases[_i].sentence);
    ck_assert_int_eq(h.entries[0].healthy, cases[_i].healthy);
    ck_assert_int_eq(h.entries[0].ever, cases[_i].ever);
    ck_assert_int_eq(h.healthy, cases[_i].healthy);
}
END_TEST

START_TEST(the_whole_is_healthy_when_each_is)
{
    static const char *const names[] = { "young", "odd", "edge" };
    _cleanup_health_ Health h = judge(names, 3, /* globals= */ false);

    ck_assert(h.healthy);
    ck_assert_str_eq(h.sentence, "3 of 3 have a good backup that is not older than 26 h");
}
END_TEST

START_TEST(one_that_is_too_old_is_enough)
{
    static const char *const names[] = { "young", "old", "odd" };
    _cleanup_health_ Health h = judge(names, 3, /* globals= */ false);

    ck_assert(!h.healthy);
    ck_assert_str_eq(
        h.sentence, "\"old\": newest good backup is 27 h old, allowed are 26 h (1 of 3 unhealthy)");
}
END_TEST

START_TEST(the_older_one_is_the_worst)
{
    static const char *const names[] = { "old", "damaged", "over" };
    _cleanup_health_ Health h = judge(names, 3, /* globals= */ false);
    ck_assert_ptr_eq(strstr(h.sentence, "\"damaged\""), h.sentence);
}
END_TEST

START_TEST(never_is_worse_than_old)
{
    static const char *const names[] = { "damaged", "none", "old" };
    _cleanup_health_ Health h = judge(names, 3, /* globals= */ false);
    ck_assert_str_eq(h.sentence, "\"none\": there is no backup (3 of 3 unhealthy)");
}
END_TEST

START_TEST(a_hostile_name_stays_on_the_line_and_says_nothing_to_the_terminal)
{
    static const char *const names[] = { "evil\033[31mX\nOK: all healthy" };
    _cleanup_health_ Health h = judge(names, 1, /* globals= */ false);
    ck_assert_str_eq(h.sentence,
                     "\"evil\\x1B[31mX\\nOK: all healthy\": there is no backup (1 of 1 unhealthy)");
}
END_TEST

START_TEST(globals_are_asked_for_when_they_are_wanted)
{
    static const char *const names[] = { "young" };
    _cleanup_health_ Health h = judge(names, 1, /* globals= */ true);

    ck_assert(!h.healthy);
    ck_assert_uint_eq(h.count, 2);
    ck_assert_ptr_null(h.entries[0].database);
    ck_assert_str_eq(h.sentence, "globals: there is no backup (1 of 2 unhealthy)");
}
END_TEST

START_TEST(backups_that_cannot_be_read_are_no_good_ones)
{
    char name[] = "locked", locked[] = "could not open directory";
    Series series = { .encoded = name, .database = name, .problem = locked };
    Catalog catalog = { .series = &series, .count = 1, .dir_fd = -1 };
    _cleanup_strv_ Strv databases = { 0 };
    strv_add(&databases, name);

    _cleanup_health_ Health h = health_judge(&(HealthInput){
        .catalog = &catalog,
        .databases = &databases,
        .now = NOW,
        .max_age_seconds = 93600,
    });
    ck_assert(!h.healthy);
    ck_assert_str_eq(h.sentence, "\"locked\": could not open directory (1 of 1 unhealthy)");
}
END_TEST

START_TEST(as_long_as_some_may_be_unknown_nothing_is_healthy)
{
    char name[] = "young";
    Series series = { .encoded = name, .database = name, .backups = backups[0], .count = 2 };
    Catalog catalog = { .series = &series, .count = 1, .dir_fd = -1 };
    _cleanup_strv_ Strv databases = { 0 };
    strv_add(&databases, name);

    _cleanup_health_ Health h = health_judge(&(HealthInput){
        .catalog = &catalog,
        .databases = &databases,
        .now = NOW,
        .max_age_seconds = 93600,
        .doubt = "nobody\nknows",
    });
    ck_assert(!h.healthy);
    ck_assert_str_eq(h.sentence, "nobody\\nknows");
    ck_assert(h.entries[0].healthy);
}
END_TEST

START_TEST(no_database_at_all_is_unhealthy)
{
    _cleanup_health_ Health h = judge(NULL, 0, /* globals= */ false);

    ck_assert(!h.healthy);
    ck_assert_str_eq(h.sentence, "no database is known that should have a backup");
}
END_TEST

START_TEST(an_age_without_limit_never_overflows)
{
    char name[] = "young";
    Series series = { .encoded = name, .database = name, .backups = backups[0], .count = 2 };
    Catalog catalog = { .series = &series, .count = 1, .dir_fd = -1 };
    _cleanup_strv_ Strv databases = { 0 };
    strv_add(&databases, name);

    _cleanup_health_ Health h = health_judge(&(HealthInput){
        .catalog = &catalog,
        .databases = &databases,
        .now = NOW,
        .max_age_seconds = UINT64_MAX,
    });
    ck_assert(h.healthy);
}
END_TEST

/* A catalog with a good series, one whose backups are all damaged, and nothing of "none". */
static Health judge_in_grace(const char *const *names, size_t count, usec_t grace_until)
{
    char young[] = "young", hopeless[] = "hopeless";
    Series series[] = {
        { .encoded = young, .database = young, .backups = backups[0], .count = 2 },
        { .encoded = hopeless, .database = hopeless, .backups = backups[3], .count = 2 },
    };
    Catalog catalog = { .series = series, .count = ELEMENTSOF(series), .dir_fd = -1 };
    _cleanup_strv_ Strv databases = { 0 };
    for (size_t i = 0; i < count; i++)
        strv_add(&databases, names[i]);

    return health_judge(&(HealthInput){
        .catalog = &catalog,
        .databases = &databases,
        .now = NOW,
        .max_age_seconds = 93600,
        .grace_until = grace_until,
    });
}

/* 1001 h after 1970 is, by `date -u -d @$((1001 * 3600))`, 1970-02-11T17:00:00Z. */
START_TEST(in_the_time_of_grace_a_first_backup_is_waited_for)
{
    static const char *const names[] = { "young", "none" };
    _cleanup_health_ Health h = judge_in_grace(names, 2, NOW + HOUR);

    ck_assert(h.healthy);
    ck_assert(h.entries[1].waiting);
    ck_assert_str_eq(h.sentence,
                     "1 of 2 wait for the first good backup, until 1970-02-11T17:00:00Z at the "
                     "latest");
}
END_TEST

START_TEST(when_the_time_of_grace_is_over_it_is_missing)
{
    static const char *const names[] = { "young", "none" };
    _cleanup_health_ Health h = judge_in_grace(names, 2, NOW);

    ck_assert(!h.healthy);
    ck_assert_str_eq(h.sentence, "\"none\": there is no backup (1 of 2 unhealthy)");
}
END_TEST

START_TEST(grace_excuses_no_damage)
{
    static const char *const names[] = { "hopeless" };
    _cleanup_health_ Health h = judge_in_grace(names, 1, NOW + HOUR);
    ck_assert(!h.healthy);
}
END_TEST

START_TEST(before_the_first_run_no_database_need_be_known)
{
    _cleanup_health_ Health h = judge_in_grace(NULL, 0, NOW + HOUR);

    ck_assert(h.healthy);
    ck_assert_str_eq(h.sentence, "no run has ended yet; one must have by 1970-02-11T17:00:00Z");
}
END_TEST

/* Lists are written with commas; the catalog has "app", "shop" and the globals. */
static const struct {
    const char *wanted, *planned, *expected;
} selections[] = {
    { "*", "", "app,shop" },
    { "*", "app,new", "app,new" },
    { "s*", "", "shop" },
    { "*,!app", "", "shop" },
    { "*,!app", "app,shop", "shop" },
    { "app,missing", "", "app,missing" },
    { "app,missing", "app", "app,missing" },
    { "missing,missing", "missing", "missing" },
    { "gone,!gone,*", "app", "app" },
    { "x*", "", "" },
    { "!app", "", "" },
};

static Strv list(const char *text)
{
    Strv v = { 0 };
    _cleanup_free_ char *copy = mem_strdup(text);
    for (char *item = strtok(copy, ","); item; item = strtok(NULL, ","))
        strv_add(&v, item);
    return v;
}

START_TEST(what_must_be_healthy_follows_from_settings_plan_and_catalog)
{
    char app[] = "app", shop[] = "shop", globals[] = "globals";
    Series series[] = {
        { .encoded = globals },
        { .encoded = app, .database = app },
        { .encoded = shop, .database = shop },
    };
    Catalog catalog = { .series = series, .count = 3, .dir_fd = -1 };
    _cleanup_strv_ Strv wanted = list(selections[_i].wanted);
    _cleanup_strv_ Strv planned = list(selections[_i].planned);
    _cleanup_strv_ Strv expected = list(selections[_i].expected);
    _cleanup_strv_ Strv got = { 0 };

    health_databases(&wanted, &planned, &catalog, &got);
    ck_assert_uint_eq(got.count, expected.count);
    for (size_t i = 0; i < got.count; i++)
        ck_assert_str_eq(got.items[i], expected.items[i]);
}
END_TEST

/* A young backup, and what its last drill has come to, and when. */
static const struct {
    ProofResult result;
    usec_t age;
    uint64_t max_age_seconds; /* 0: no proof is asked for */
    bool healthy;
    const char *sentence;
} drills[] = {
    { PROOF_RESULT_PROVEN, HOUR, 7200, true, "newest good backup is 3 h old" },
    { PROOF_RESULT_PROVEN, 3 * HOUR, 7200, false, "the newest proof is 3 h old, allowed are 2 h" },
    { PROOF_RESULT_PROVEN, 3 * HOUR, 0, true, "newest good backup is 3 h old" },
    { PROOF_RESULT_FAILED, HOUR, 7200, false, "the newest drill failed, of x_1: why" },
    { PROOF_RESULT_FAILED, HOUR, 0, false, "the newest drill failed, of x_1: why" },
    { PROOF_RESULT_UNDECIDED, HOUR, 7200, false, "no backup is proven to restore" },
    { PROOF_RESULT_UNDECIDED, HOUR, 0, true, "newest good backup is 3 h old" },
};

START_TEST(a_backup_that_is_not_proven_to_restore_is_not_enough)
{
    char name[] = "x", why[] = "why";
    Proof proof = {
        .result = drills[_i].result,
        .finished = NOW - drills[_i].age,
        .reason = why,
    };
    Backup backup = { .stem = stem, .when = NOW - 3 * HOUR, .good = true, .proof = &proof };
    Series series = { .encoded = name, .database = name, .backups = &backup, .count = 1 };
    const Catalog catalog = { .series = &series, .count = 1, .dir_fd = -1 };
    _cleanup_strv_ Strv databases = { 0 };

    strv_add(&databases, name);
    _cleanup_health_ Health h = health_judge(&(HealthInput){
        .catalog = &catalog,
        .databases = &databases,
        .now = NOW,
        .max_age_seconds = 93600,
        .max_drill_age_seconds = drills[_i].max_age_seconds,
    });
    ck_assert_int_eq(h.entries[0].healthy, drills[_i].healthy);
    ck_assert_str_eq(h.entries[0].sentence, drills[_i].sentence);
}
END_TEST

/* Of two databases without a proof the first backups are 50 h old and as old as this. 1045 h after
 * 1970 is, by `date -u -d @$((1045 * 3600))`, 1970-02-13T13:00:00Z. */
static const struct {
    usec_t first;
    uint64_t max_age_hours, keep_days;
    bool healthy;
    const char *sentence;
} first_drills[] = {
    { 3 * HOUR, 95, 14, true,
      "2 of 2 have a good backup that is not older than 26 h; 2 wait for a first drill, until "
      "1970-02-13T13:00:00Z" },
    { 49 * HOUR, 50, 14, false, "\"x\": no backup is proven to restore (1 of 2 unhealthy)" },
    { 49 * HOUR, 49, 14, false, "\"x\": no backup is proven to restore (2 of 2 unhealthy)" },
    /* By then retention has taken the first one away. */
    { 3 * HOUR, 95, 4, true,
      "2 of 2 have a good backup that is not older than 26 h; 2 wait for a first drill, until "
      "1970-02-13T13:00:00Z" },
    { 3 * HOUR, 96, 4, false, "\"x\": no backup is proven to restore (2 of 2 unhealthy)" },
};

START_TEST(a_first_drill_has_as_long_as_a_proof_lasts)
{
    char x[] = "x", y[] = "y";
    Backup y_backups[] = {
        { .when = NOW - first_drills[_i].first, .good = true },
        { .when = NOW - 2 * HOUR, .good = true },
    };
    Series series[] = {
        { .encoded = x, .database = x, .backups = backups[0], .count = 2 },
        { .encoded = y, .database = y, .backups = y_backups, .count = 2 },
    };
    const Catalog catalog = { .series = series, .count = 2, .dir_fd = -1 };
    _cleanup_strv_ Strv databases = { 0 };

    strv_add(&databases, x);
    strv_add(&databases, y);
    _cleanup_health_ Health h = health_judge(&(HealthInput){
        .catalog = &catalog,
        .databases = &databases,
        .now = NOW,
        .max_age_seconds = 93600,
        .max_drill_age_seconds = first_drills[_i].max_age_hours * 3600,
        .keep_days = first_drills[_i].keep_days,
    });
    ck_assert_int_eq(h.healthy, first_drills[_i].healthy);
    ck_assert_str_eq(h.sentence, first_drills[_i].sentence);
}
END_TEST

/* Beside somebody who takes the backups, and whose health tells how old they are. */
START_TEST(where_only_drills_are_scheduled_the_age_of_a_backup_is_no_matter)
{
    char name[] = "x", why[] = "why";
    Proof proof = { .finished = NOW - HOUR, .reason = why };
    Backup backup = { .stem = stem, .when = NOW - 90 * HOUR, .good = true, .proof = &proof };
    Series series = { .encoded = name, .database = name, .backups = &backup, .count = 1 };
    const Catalog catalog = { .series = &series, .count = 1, .dir_fd = -1 }, empty = { 0 };
    _cleanup_strv_ Strv databases = { 0 }, none = { 0 };
    HealthInput input = {
        .catalog = &catalog,
        .databases = &databases,
        .now = NOW,
        .max_age_seconds = 93600,
        .drills_only = true,
    };

    strv_add(&databases, name);
    proof.result = PROOF_RESULT_PROVEN;
    _cleanup_health_ Health proven = health_judge(&input);
    ck_assert(proven.healthy);
    ck_assert_str_eq(proven.sentence,
                     "drills are scheduled, and none of 1 database has failed one");

    proof.result = PROOF_RESULT_FAILED;
    _cleanup_health_ Health failed = health_judge(&input);
    ck_assert(!failed.healthy);

    input.catalog = &empty;
    input.databases = &none;
    _cleanup_health_ Health fresh = health_judge(&input);
    ck_assert(fresh.healthy);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(where_only_drills_are_scheduled_the_age_of_a_backup_is_no_matter),
    UNIT_LOOP(a_backup_that_is_not_proven_to_restore_is_not_enough, ELEMENTSOF(drills)),
    UNIT_LOOP(a_first_drill_has_as_long_as_a_proof_lasts, ELEMENTSOF(first_drills)),
    UNIT_LOOP(the_newest_good_backup_decides, ELEMENTSOF(cases)),
    UNIT_TEST(the_whole_is_healthy_when_each_is),
    UNIT_TEST(one_that_is_too_old_is_enough),
    UNIT_TEST(the_older_one_is_the_worst),
    UNIT_TEST(never_is_worse_than_old),
    UNIT_TEST(a_hostile_name_stays_on_the_line_and_says_nothing_to_the_terminal),
    UNIT_TEST(globals_are_asked_for_when_they_are_wanted),
    UNIT_TEST(backups_that_cannot_be_read_are_no_good_ones),
    UNIT_TEST(as_long_as_some_may_be_unknown_nothing_is_healthy),
    UNIT_TEST(no_database_at_all_is_unhealthy),
    UNIT_TEST(an_age_without_limit_never_overflows),
    UNIT_TEST(in_the_time_of_grace_a_first_backup_is_waited_for),
    UNIT_TEST(when_the_time_of_grace_is_over_it_is_missing),
    UNIT_TEST(grace_excuses_no_damage),
    UNIT_TEST(before_the_first_run_no_database_need_be_known),
    UNIT_LOOP(what_must_be_healthy_follows_from_settings_plan_and_catalog, ELEMENTSOF(selections)),
};
UNIT_MAIN("health", tests)
