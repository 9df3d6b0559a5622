#include "unit.h"

#include "pg/session-options.h"
#include "sys/mem.h"

START_TEST(settings_become_options_behind_those_that_are_there)
{
    _cleanup_strv_ Strv env = { 0 }, settings = { 0 };

    strv_add(&env, "PGOPTIONS=-c work_mem=1MB");
    strv_add(&env, "PATH=/bin");
    strv_add(&settings, "lc_monetary=C");
    strv_add(&settings, "bytea_output=escape");
    pg_session_options(&env, &settings);
    ck_assert_uint_eq(env.count, 2);
    ck_assert_str_eq(env.items[0],
                     "PGOPTIONS=-c work_mem=1MB -c lc_monetary=C -c bytea_output=escape");
}
END_TEST

START_TEST(a_value_is_one_word_whatever_it_holds)
{
    _cleanup_strv_ Strv env = { 0 }, settings = { 0 };

    strv_add(&settings, "lc_monetary=a b\\c");
    pg_session_options(&env, &settings);
    ck_assert_uint_eq(env.count, 1);
    ck_assert_str_eq(env.items[0], "PGOPTIONS= -c lc_monetary=a\\ b\\\\c");
}
END_TEST

START_TEST(without_settings_nothing_changes)
{
    _cleanup_strv_ Strv env = { 0 };

    pg_session_options(&env, &(Strv){ 0 });
    ck_assert_uint_eq(env.count, 0);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(settings_become_options_behind_those_that_are_there),
    UNIT_TEST(a_value_is_one_word_whatever_it_holds),
    UNIT_TEST(without_settings_nothing_changes),
};

UNIT_MAIN("session-options", tests)
