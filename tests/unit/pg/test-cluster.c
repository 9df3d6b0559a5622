#include "unit.h"

#include <string.h>
#include <sys/stat.h>

#include "pg/cluster.h"
#include "sys/mem.h"

static void add_program(const char *dir, const char *name)
{
    _cleanup_free_ char *path = mem_printf("%s/%s", dir, name);
    unit_write_file(dir, name, "", 0);
    ck_assert_int_eq(chmod(path, 0700), 0);
}

START_TEST(a_program_that_lacks_is_named_with_its_package)
{
    char *dir = unit_mkdir();
    PgClient client = { .bindir = dir, .major = 15 };
    _cleanup_err_ Err first = { 0 }, second = { 0 };

    ck_assert_int_lt(pg_cluster_check_programs(&client, &first), 0);
    ck_assert_int_eq(first.kind, ERR_COULD_NOT_VERIFY);
    ck_assert_ptr_nonnull(strstr(first.message, "initdb"));
    ck_assert_ptr_nonnull(strstr(first.hint, "postgresql-15"));

    add_program(dir, "initdb");
    add_program(dir, "postgres");
    ck_assert_int_lt(pg_cluster_check_programs(&client, &second), 0);
    ck_assert_ptr_nonnull(strstr(second.message, "pg_amcheck"));
    ck_assert_ptr_nonnull(strstr(second.hint, "postgresql-client-15"));

    add_program(dir, "pg_amcheck");
    ck_assert_int_eq(pg_cluster_check_programs(&client, NULL), 0);
    unit_rmdir(dir);
}
END_TEST

START_TEST(before_14_there_is_no_pg_amcheck_to_lack)
{
    char *dir = unit_mkdir();
    PgClient client = { .bindir = dir, .major = 13 };

    add_program(dir, "initdb");
    add_program(dir, "postgres");
    ck_assert_int_eq(pg_cluster_check_programs(&client, NULL), 0);
    unit_rmdir(dir);
}
END_TEST

START_TEST(nothing_is_stopped_without_complaint)
{
    pg_cluster_stop(NULL, NULL);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_program_that_lacks_is_named_with_its_package),
    UNIT_TEST(before_14_there_is_no_pg_amcheck_to_lack),
    UNIT_TEST(nothing_is_stopped_without_complaint),
};

UNIT_MAIN("cluster", tests)
