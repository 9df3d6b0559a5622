#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sample-backup.h"

#include "backup/prune.h"
#include "sys/mem.h"

#define NOW ((usec_t)1795312800 * USEC_PER_SEC)

static usec_t days_ago(unsigned days)
{
    return NOW - (usec_t)days * 86400 * USEC_PER_SEC;
}

static void add(const char *dir, const char *database, usec_t when)
{
    free(sample_backup(dir, database, when, "SET a = 1;\n" SAMPLE_CLOSING));
}

static size_t count_of(const char *dir, const char *database)
{
    _cleanup_catalog_ Catalog catalog = CATALOG_INIT;

    ck_assert_int_eq(catalog_load(dir, &catalog, NULL), 0);
    const Series *s = catalog_series(&catalog, database);
    return s ? s->count : 0;
}

static void prune(const char *dir, const RetentionPolicy *policy, Strv *removed)
{
    _cleanup_catalog_ Catalog catalog = CATALOG_INIT;
    _cleanup_strv_ Strv warnings = { 0 };

    ck_assert_int_eq(catalog_load(dir, &catalog, NULL), 0);
    _cleanup_(prune_plan_done) PrunePlan plan = prune_plan(&catalog, policy, NOW);
    ck_assert_int_eq(prune_apply(&catalog, &plan, removed, &warnings, NULL), 0);
    ck_assert_uint_eq(warnings.count, 0);
}

START_TEST(each_series_is_pruned_by_itself)
{
    char *dir = unit_mkdir();
    const RetentionPolicy policy = { .keep_days = 7, .keep_min_count = 1 };
    _cleanup_strv_ Strv removed = { 0 };

    for (unsigned day = 1; day <= 20; day++)
        add(dir, "daily", days_ago(day));
    add(dir, "rare", days_ago(400));
    add(dir, NULL, days_ago(400));
    add(dir, NULL, days_ago(1));

    prune(dir, &policy, &removed);
    ck_assert_uint_eq(count_of(dir, "daily"), 7);
    ck_assert_uint_eq(count_of(dir, "rare"), 1);
    ck_assert_uint_eq(count_of(dir, NULL), 1);
    ck_assert_uint_eq(removed.count, 13 + 1);
    unit_rmdir(dir);
}
END_TEST

START_TEST(what_is_kept_is_left_alone_the_second_time)
{
    char *dir = unit_mkdir();
    const RetentionPolicy policy = { .keep_days = 2, .keep_weekly = 3 };
    _cleanup_strv_ Strv first = { 0 }, second = { 0 };

    for (unsigned day = 1; day <= 40; day++)
        add(dir, "appdb", days_ago(day));
    prune(dir, &policy, &first);
    prune(dir, &policy, &second);
    ck_assert_uint_gt(first.count, 0);
    ck_assert_uint_eq(second.count, 0);
    unit_rmdir(dir);
}
END_TEST

START_TEST(a_clock_behind_is_told_and_removes_nothing)
{
    char *dir = unit_mkdir();
    const RetentionPolicy policy = { .keep_days = 0 };
    _cleanup_err_ Err err = { 0 };
    _cleanup_catalog_ Catalog catalog = CATALOG_INIT;

    add(dir, "appdb", days_ago(30));
    add(dir, "appdb", NOW + USEC_PER_SEC);
    ck_assert_int_eq(catalog_load(dir, &catalog, NULL), 0);
    _cleanup_(prune_plan_done) PrunePlan plan = prune_plan(&catalog, &policy, NOW);
    ck_assert_ptr_nonnull(plan.behind);
    ck_assert_int_lt(prune_clock_error(&plan, &err), 0);
    ck_assert_int_eq(err.kind, ERR_CLOCK);
    ck_assert_ptr_nonnull(strstr(err.message, "appdb"));
    for (size_t i = 0; i < plan.count; i++)
        ck_assert(retention_keeps(plan.verdicts[i].rule));
    unit_rmdir(dir);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(each_series_is_pruned_by_itself),
    UNIT_TEST(what_is_kept_is_left_alone_the_second_time),
    UNIT_TEST(a_clock_behind_is_told_and_removes_nothing),
};

UNIT_MAIN("prune", tests)
