#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "backup/fall.h"
#include "sys/mem.h"

/* Series of backups in memory, a day apart: "app_2026110NT000000Z", oldest first. A row with no
 * inventory has neither rows nor bytes, but the size of its dump. */

enum { BACKUPS_MAX = 12 };

typedef struct Row {
    uint64_t rows, bytes, raw;
    const char *against;  /* stem: its manifest has a fall against that one */
    const char *baseline; /* likewise, what had been accepted */
    const char *format;   /* NULL: custom */
    const char *compression;
    bool damaged, accepted, no_inventory;
} Row;

static char *stem_of(size_t i)
{
    return mem_printf("app_202611%02zuT000000Z", i + 1);
}

#define STEM(n) "app_202611" #n "T000000Z"

static Manifest manifest_of(const Row *row, size_t i)
{
    Manifest m = {
        .stem = stem_of(i),
        .database = mem_strdup("app"),
        .format = mem_strdup(row->format ? row->format : "custom"),
        .compression = mem_strdup(row->compression ? row->compression : "gzip:1"),
        .compressed_by = mem_strdup("pg-backup"),
        .rows = row->rows,
        .contents_bytes = row->bytes,
        .raw_bytes = row->raw,
        .fall_against = mem_strdup(row->against),
        .fall_of = mem_strdup(row->against ? "rows" : NULL),
        .fall_before = row->against ? 100 : 0,
        .fall_baseline = mem_strdup(row->baseline),
    };
    m.inventory_file = row->no_inventory ? NULL : mem_strdup("inventory");
    return m;
}

typedef struct World {
    Backup backups[BACKUPS_MAX];
    Series series;
} World;

/* All rows that are not empty. */
static void world_fill(World *w, const Row *rows)
{
    static const Row none;

    *w = (World){ .series = { .backups = w->backups } };
    for (size_t i = 0; i < BACKUPS_MAX && memcmp(&rows[i], &none, sizeof(none)) != 0; i++) {
        w->backups[i] = (Backup){
            .stem = stem_of(i),
            .good = !rows[i].damaged,
            .accepted = rows[i].accepted,
            .manifest = manifest_of(&rows[i], i),
        };
        w->series.count++;
    }
}

static void world_done(World *w)
{
    for (size_t i = 0; i < w->series.count; i++) {
        free(w->backups[i].stem);
        manifest_done(&w->backups[i].manifest);
    }
}
#define _cleanup_world_ _cleanup_(world_done)

/* -- What is a fall -- */

typedef struct Case {
    Row before[BACKUPS_MAX], now;
    size_t day;           /* of `now`, 0: behind all; others are then from the future */
    uint64_t max_percent; /* 0: 50 */
    const char *against;  /* NULL: it is none */
    const char *of;
    const char *baseline;
} Case;

static const Case cases[] = {
    /* Half is the limit, and not beyond it. */
    { { { 100, 1000, 0 } }, { 50, 500, 0 } },
    { { { 100, 1000, 0 } }, { 49, 1000, 0 }, .against = STEM(01), .of = "rows" },
    { { { 100, 1000, 0 } }, { 100, 499, 0 }, .against = STEM(01), .of = "contents_bytes" },
    { { { 100, 1000, 0 } }, { 0, 0, 0 }, .against = STEM(01), .of = "rows" },
    /* Rows say more than bytes. */
    { { { 100, 1000, 0 } }, { 40, 100, 0 }, .against = STEM(01), .of = "rows" },
    { { { 100, 1000, 0 } }, { 10, 400, 0 }, .against = STEM(01), .of = "rows" },
    /* Growth, and little of everything. */
    { { { 100, 1000, 0 } }, { 100, 1000, 0 } },
    { { { 100, 1000, 0 } }, { 900, 9000, 0 } },
    { { { 0, 0, 77 } }, { 0, 0, 1 } },
    /* Another share. */
    { { { 100, 1000, 0 } }, { 98, 980, 0 }, .max_percent = 1, .against = STEM(01), .of = "rows" },
    { { { 100, 1000, 0 } }, { 99, 990, 0 }, .max_percent = 1 },
    { { { 100, 1000, 0 } }, { 1, 10, 0 }, .max_percent = 99 },
    { { { 1000, 1000, 0 } }, { 9, 1000, 0 }, .max_percent = 99, .against = STEM(01), .of = "rows" },
    /* Numbers whose hundredfold has no room in 64 bits. */
    { { { INT64_MAX, INT64_MAX, 0 } }, { INT64_MAX / 2 + 1, INT64_MAX / 2 + 1, 0 } },
    { { { INT64_MAX, 1, 0 } }, { INT64_MAX / 2, 1, 0 }, .against = STEM(01), .of = "rows" },
    /* A slow decline, as soon as it comes to the share; the newest that holds so much more. */
    { { { 100, 1, 0 }, { 90, 1, 0 }, { 75, 1, 0 }, { 60, 1, 0 } }, { 51, 1, 0 } },
    { { { 100, 1, 0 }, { 90, 1, 0 }, { 75, 1, 0 }, { 60, 1, 0 } },
      { 44, 1, 0 },
      .against = STEM(02),
      .of = "rows" },
    /* A damaged one is passed over. */
    { { { 100, 1, 0 }, { 100, 1, 0, .damaged = true } },
      { 4, 1, 0 },
      .against = STEM(01),
      .of = "rows" },
    { { { 100, 1, 0, .damaged = true } }, { 4, 1, 0 } },
    /* What was accepted is what is compared with, and nothing older. */
    { { { 100, 1, 0 }, { 20, 1, 0, .against = STEM(01), .accepted = true } },
      { 19, 1, 0 },
      .baseline = STEM(02) },
    { { { 100, 1, 0 }, { 20, 1, 0, .against = STEM(01), .accepted = true } },
      { 9, 1, 0 },
      .against = STEM(02),
      .of = "rows",
      .baseline = STEM(02) },
    { { { 100, 1, 0 },
        { 20, 1, 0, .against = STEM(01), .accepted = true },
        { 90, 1, 0 },
        { 20, 1, 0, .against = STEM(03), .accepted = true } },
      { 19, 1, 0 },
      .baseline = STEM(04) },
    /* Accepted, but damaged since. */
    { { { 100, 1, 0 }, { 20, 1, 0, .against = STEM(01), .accepted = true, .damaged = true } },
      { 19, 1, 0 },
      .baseline = STEM(02) },
    /* The accepted one was pruned; the first was not, as the newest of its month. */
    { { { 100, 1, 0 }, { 19, 1, 0, .baseline = "app_20261101T120000Z" } },
      { 18, 1, 0 },
      .baseline = "app_20261101T120000Z" },
    /* Without an inventory on either side, dumps of one kind by their size. */
    { { { 0, 0, 100, .no_inventory = true } },
      { 9, 9, 49 },
      .against = STEM(01),
      .of = "raw_bytes" },
    { { { 9, 9, 100 } },
      { 0, 0, 49, .no_inventory = true },
      .against = STEM(01),
      .of = "raw_bytes" },
    { { { 0, 0, 100, .no_inventory = true } }, { 0, 0, 50, .no_inventory = true } },
    { { { 0, 0, 100, .no_inventory = true } },
      { 0, 0, 1, .no_inventory = true, .format = "plain" } },
    { { { 0, 0, 100, .no_inventory = true } },
      { 0, 0, 1, .no_inventory = true, .compression = "zstd:1" } },
    { { { 0, 0, 100, .no_inventory = true, .format = "directory" } },
      { 1, 1, 1, .format = "directory" } },
    /* With inventories, whatever the format. */
    { { { 100, 1000, 999 } },
      { 49, 1000, 9, .format = "plain" },
      .against = STEM(01),
      .of = "rows" },
    { { { 100, 1000, 999 } }, { 100, 1000, 9, .format = "plain" } },
    /* Before bytes were recorded, rows alone. */
    { { { 100, 0, 0 } }, { 100, 5, 0 } },
    { { { 100, 0, 0 } }, { 4, 5, 0 }, .against = STEM(01), .of = "rows" },
    /* From the future, by a clock that stood wrong. */
    { { { 100, 1, 0 }, { 900, 1, 0 }, { 900, 1, 0 } }, { 60, 1, 0 }, .day = 2 },
    { { { 100, 1, 0 }, { 900, 1, 0 }, { 900, 1, 0 } },
      { 40, 1, 0 },
      .day = 2,
      .against = STEM(01),
      .of = "rows" },
    { { { 100, 1, 0 }, { 900, 1, 0, .accepted = true } }, { 80, 1, 0 }, .day = 2 },
    { { { 100, 1, 0, .accepted = true },
        { 900, 1, 0, .accepted = true },
        { 900, 1, 0, .baseline = STEM(02) } },
      { 80, 1, 0 },
      .day = 2,
      .baseline = STEM(01) },
    /* The first of all. */
    { { { 0 } }, { 4, 5, 0 } },
};

START_TEST(a_fall_is_told_by_the_newest_backup_that_holds_so_much_more)
{
    const Case *c = &cases[_i];
    _cleanup_world_ World w;
    _cleanup_manifest_ Manifest now = manifest_of(&c->now, c->day > 0 ? c->day - 1 : BACKUPS_MAX);

    world_fill(&w, c->before);
    fall_judge(&w.series, c->max_percent > 0 ? c->max_percent : 50, &now);
    ck_assert_pstr_eq(now.fall_against, c->against);
    ck_assert_pstr_eq(now.fall_of, c->of);
    ck_assert_pstr_eq(now.fall_baseline, c->baseline);
    if (c->against)
        ck_assert_uint_lt(now.fall_now, now.fall_before);
}
END_TEST

START_TEST(nothing_is_compared_when_the_guard_is_off)
{
    static const Row before[BACKUPS_MAX] = { { 100, 1, 0 }, { 50, 1, 0, .accepted = true } };
    _cleanup_world_ World w;
    _cleanup_manifest_ Manifest now = manifest_of(&(Row){ 0, 0, 1 }, BACKUPS_MAX);

    world_fill(&w, before);
    fall_judge(&w.series, 0, &now);
    ck_assert_ptr_null(now.fall_against);
    ck_assert_str_eq(now.fall_baseline, STEM(02)); /* or else it would be lost */
}
END_TEST

START_TEST(a_database_without_a_series_has_nothing_to_fall_from)
{
    _cleanup_manifest_ Manifest now = manifest_of(&(Row){ 0, 0, 1 }, BACKUPS_MAX);

    fall_judge(NULL, 50, &now);
    ck_assert_ptr_null(now.fall_against);
    ck_assert_ptr_null(now.fall_baseline);
}
END_TEST

/* -- What is pending, and what it keeps -- */

/* By letter: "." nothing, "B" before a fall, "A" after one. */
static const struct {
    Row rows[BACKUPS_MAX];
    const char *roles;
    const char *pending; /* one for each: "p" or "." */
} series[] = {
    { { { 100, 1, 0 }, { 99, 1, 0 } }, "..", ".." },
    { { { 100, 1, 0 }, { 9, 1, 0, .against = STEM(01) } }, "BA", ".p" },
    /* The newest that names it is its record; others need not stay. */
    { { { 100, 1, 0 },
        { 9, 1, 0, .against = STEM(01) },
        { 9, 1, 0, .against = STEM(01) },
        { 100, 1, 0 },
        { 100, 1, 0 } },
      "B.A..",
      ".pp.." },
    /* Accepting one accepts those before it, and those after it against the same; it stays until
     * another backup hands that on. */
    { { { 100, 1, 0 }, { 9, 1, 0, .against = STEM(01), .accepted = true } }, ".A", ".." },
    { { { 100, 1, 0 },
        { 9, 1, 0, .against = STEM(01), .accepted = true },
        { 9, 1, 0, .baseline = STEM(02), .damaged = true } },
      ".A.",
      "..." },
    { { { 100, 1, 0 },
        { 9, 1, 0, .against = STEM(01), .accepted = true },
        { 9, 1, 0, .baseline = STEM(02) } },
      "...",
      "..." },
    { { { 100, 1, 0 },
        { 9, 1, 0, .against = STEM(01) },
        { 9, 1, 0, .against = STEM(01), .accepted = true },
        { 9, 1, 0, .against = STEM(01) } },
      "..A.",
      "...." },
    /* A further fall is another matter. */
    { { { 100, 1, 0 },
        { 20, 1, 0, .against = STEM(01), .accepted = true },
        { 2, 1, 0, .against = STEM(02), .baseline = STEM(02) } },
      ".BA",
      "..p" },
    /* Two falls: the record of the first is the last one before the second. */
    { { { 100, 1, 0 }, { 20, 1, 0, .against = STEM(01) }, { 2, 1, 0, .against = STEM(02) } },
      "BBA",
      ".pp" },
    /* Accepted by one that is gone. */
    { { { 100, 1, 0 },
        { 9, 1, 0, .against = STEM(01) },
        { 9, 1, 0, .baseline = "app_20261101T120000Z" } },
      "...",
      "..." },
    /* What was before the fall is gone. */
    { { { 9, 1, 0, .against = "app_20261031T000000Z" }, { 9, 1, 0 } }, "..", ".." },
    /* Damage changes nothing: what is left of it is all that there is. */
    { { { 100, 1, 0, .damaged = true }, { 9, 1, 0, .against = STEM(01), .damaged = true } },
      "BA",
      ".p" },
    /* Filled and emptied day by day: the first time it was full, the last, and what was fuller. */
    { { { 100, 9, 0 },
        { 9, 1, 0, .against = STEM(01) },
        { 100, 9, 0 },
        { 9, 1, 0, .against = STEM(03) },
        { 101, 9, 0 },
        { 9, 1, 0, .against = STEM(05) } },
      "BA..BA",
      ".p.p.p" },
    /* What had come back is damaged by now. */
    { { { 100, 9, 0 },
        { 9, 1, 0, .against = STEM(01) },
        { 100, 9, 0 },
        { 9, 1, 0, .against = STEM(03) },
        { 101, 9, 0, .damaged = true },
        { 9, 1, 0, .against = STEM(05) } },
      "BABABA",
      ".p.p.p" },
    /* The oldest that can be restored is the one that stays. */
    { { { 100, 9, 0, .damaged = true },
        { 9, 1, 0, .against = STEM(01) },
        { 100, 9, 0 },
        { 9, 1, 0, .against = STEM(03) },
        { 101, 9, 0 },
        { 9, 1, 0, .against = STEM(05) } },
      "BABABA",
      ".p.p.p" },
    { { { 100, 9, 0 },
        { 9, 1, 0, .against = STEM(01) },
        { 99, 10, 0 },
        { 9, 1, 0, .against = STEM(03) } },
      "BABA",
      ".p.p" },
    /* A slow decline goes on. */
    { { { 100, 9, 0 },
        { 80, 8, 0 },
        { 45, 5, 0, .against = STEM(01) },
        { 39, 4, 0, .against = STEM(02) } },
      "BBAA",
      "..pp" },
};

START_TEST(the_last_one_before_a_fall_is_kept_until_that_is_accepted)
{
    static const char letters[] = {
        [FALL_ROLE_NONE] = '.', [FALL_ROLE_BEFORE] = 'B', [FALL_ROLE_AFTER] = 'A'
    };
    char roles[BACKUPS_MAX + 1] = "", pending[BACKUPS_MAX + 1] = "";
    FallRole assigned[BACKUPS_MAX];
    _cleanup_world_ World w;

    world_fill(&w, series[_i].rows);
    fall_assign_roles(&w.series, assigned);
    for (size_t i = 0; i < w.series.count; i++) {
        roles[i] = letters[assigned[i]];
        pending[i] = fall_is_pending(&w.series, &w.backups[i]) ? 'p' : '.';
    }
    ck_assert_str_eq(roles, series[_i].roles);
    ck_assert_str_eq(pending, series[_i].pending);

    const char *last = strrchr(pending, 'p');
    ck_assert_ptr_eq(fall_newest_pending(&w.series), last ? &w.backups[last - pending] : NULL);
}
END_TEST

/* -- What is said -- */

static const struct {
    const char *of;
    uint64_t before, now, permille;
    const char *text;
} descriptions[] = {
    { "rows", 1204331, 12, 999, "rows fell from 1204331 to 12 (-99 %) against " STEM(01) },
    { "rows", 3, 0, 1000, "rows fell from 3 to 0 (-100 %) against " STEM(01) },
    { "contents_bytes", 4096, 1024, 750,
      "bytes fell from 4.00 KiB to 1.00 KiB (-75 %) against " STEM(01) },
    { "raw_bytes", 4096, 1024, 750,
      "bytes of the dump fell from 4.00 KiB to 1.00 KiB (-75 %) against " STEM(01) },
    { "moons", 2, 1, 500, "moons fell from 2 to 1 (-50 %) against " STEM(01) },
    { "rows", INT64_MAX, 1, 999,
      "rows fell from 9223372036854775807 to 1 (-99 %) against " STEM(01) },
};

START_TEST(a_fall_is_described_by_what_fell_and_against_which)
{
    _cleanup_manifest_ Manifest m = {
        .stem = mem_strdup(STEM(02)),
        .database = mem_strdup("app"),
        .fall_against = mem_strdup(STEM(01)),
        .fall_of = mem_strdup(descriptions[_i].of),
        .fall_before = descriptions[_i].before,
        .fall_now = descriptions[_i].now,
    };
    _cleanup_free_ char *text = fall_describe(&m);
    _cleanup_free_ char *message = mem_printf("database \"app\": %s", descriptions[_i].text);
    _cleanup_err_ Err err = { 0 };

    ck_assert_str_eq(text, descriptions[_i].text);
    ck_assert_uint_eq(fall_permille(&m), descriptions[_i].permille);
    ck_assert_int_lt(fall_error(&m, &err), 0);
    ck_assert_int_eq(err.kind, ERR_CONTENTS_FELL);
    ck_assert_str_eq(err.message, message);
    ck_assert_ptr_nonnull(strstr(err.hint, "diff " STEM(01) " " STEM(02)));
    ck_assert_ptr_nonnull(strstr(err.hint, "prune --accept " STEM(02)));
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(a_fall_is_told_by_the_newest_backup_that_holds_so_much_more, ELEMENTSOF(cases)),
    UNIT_TEST(nothing_is_compared_when_the_guard_is_off),
    UNIT_TEST(a_database_without_a_series_has_nothing_to_fall_from),
    UNIT_LOOP(the_last_one_before_a_fall_is_kept_until_that_is_accepted, ELEMENTSOF(series)),
    UNIT_LOOP(a_fall_is_described_by_what_fell_and_against_which, ELEMENTSOF(descriptions)),
};
UNIT_MAIN("fall", tests)
