#include "unit.h"

#include <string.h>

#include "pg/target.h"
#include "sys/mem.h"

START_TEST(an_unfinished_database_is_called_after_what_it_becomes)
{
    _cleanup_free_ char *name = pg_unfinished_name("appdb"), *other = pg_unfinished_name("appdb");

    ck_assert_int_eq(strncmp(name, "appdb_restoring_", 16), 0);
    ck_assert_uint_eq(strspn(name + 16, "0123456789abcdef"), 8);
    ck_assert_uint_eq(strlen(name), 24);
    ck_assert_str_ne(name, other);
    ck_assert(pg_is_unfinished_name(name));
}
END_TEST

static const char *const finished[] = {
    "appdb",
    "appdb_restoring_",
    "appdb_restoring_123",
    "appdb_restoring_1234567G",
    "restoring_12345678",
    "",
};

START_TEST(other_names_are_not_taken_for_one)
{
    ck_assert(!pg_is_unfinished_name(finished[_i]));
}
END_TEST

START_TEST(a_name_that_is_too_long_is_cut_between_characters)
{
    char database[64] = { 0 };

    memset(database, 'x', 43);
    memcpy(database + 43, "€€€€", 12);
    _cleanup_free_ char *name = pg_unfinished_name(database);
    ck_assert_uint_le(strlen(name), 63);
    ck_assert_int_eq(strncmp(name + 43, "_restoring_", 11), 0);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(an_unfinished_database_is_called_after_what_it_becomes),
    UNIT_LOOP(other_names_are_not_taken_for_one, ELEMENTSOF(finished)),
    UNIT_TEST(a_name_that_is_too_long_is_cut_between_characters),
};

UNIT_MAIN("target", tests)
