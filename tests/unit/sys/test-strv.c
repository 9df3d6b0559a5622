#include "unit.h"

#include <stdio.h>

#include "sys/mem.h"
#include "sys/strv.h"

START_TEST(a_list_is_an_argv_at_every_length)
{
    Strv v = { 0 };
    for (size_t n = 1; n <= 100; n++) {
        strv_addf(&v, "item %zu", n);

        ck_assert_uint_eq(v.count, n);
        ck_assert_ptr_null(v.items[n]);
    }
    for (size_t i = 0; i < v.count; i++) {
        char expected[32];
        snprintf(expected, sizeof(expected), "item %zu", i + 1);
        ck_assert_str_eq(v.items[i], expected);
    }
    strv_done(&v);
}
END_TEST

START_TEST(an_added_string_is_copied_and_a_taken_one_is_not)
{
    char text[] = "changes";
    char *heap = mem_strdup("stays");
    Strv v = { 0 };
    strv_add(&v, text);
    strv_take(&v, heap);
    text[0] = 'C';

    ck_assert_str_eq(v.items[0], "changes");
    ck_assert_ptr_eq(v.items[1], heap);
    strv_done(&v);
}
END_TEST

START_TEST(a_copy_is_appended_and_stands_alone)
{
    Strv from = { 0 }, to = { 0 };
    strv_add(&to, "first");
    strv_copy(&to, &from);
    ck_assert_uint_eq(to.count, 1);

    strv_add(&from, "second");
    strv_add(&from, "third");
    strv_copy(&to, &from);
    strv_done(&from);

    ck_assert_uint_eq(to.count, 3);
    ck_assert_str_eq(to.items[1], "second");
    ck_assert_str_eq(to.items[2], "third");
    ck_assert_ptr_null(to.items[3]);
    strv_done(&to);
}
END_TEST

START_TEST(only_a_whole_member_is_contained)
{
    Strv v = { 0 };
    ck_assert(!strv_contains(&v, ""));
    strv_add(&v, "appdb");

    ck_assert(strv_contains(&v, "appdb"));
    ck_assert(!strv_contains(&v, "app"));
    ck_assert(!strv_contains(&v, "APPDB"));
    ck_assert(!strv_contains(&v, ""));
    strv_done(&v);
}
END_TEST

START_TEST(what_is_added_once_is_there_once)
{
    Strv v = { 0 };
    strv_add_once(&v, "b");
    strv_add_once(&v, "a");
    strv_add_once(&v, "b");

    ck_assert_uint_eq(v.count, 2);
    ck_assert_str_eq(v.items[0], "b");
    ck_assert_str_eq(v.items[1], "a");
    strv_done(&v);
}
END_TEST

START_TEST(a_list_is_sorted_by_bytes)
{
    Strv v = { 0 };
    strv_sort(&v);
    strv_add(&v, "a");
    strv_add(&v, "B");
    strv_add(&v, "");
    strv_sort(&v);

    ck_assert_str_eq(v.items[0], "");
    ck_assert_str_eq(v.items[1], "B");
    ck_assert_str_eq(v.items[2], "a");
    ck_assert_ptr_null(v.items[3]);
    strv_done(&v);
}
END_TEST

START_TEST(a_list_that_was_ended_starts_afresh)
{
    Strv v = { 0 };
    strv_add(&v, "old");
    strv_done(&v);
    ck_assert_uint_eq(v.count, 0);
    ck_assert_ptr_null(v.items);
    strv_done(&v);

    strv_add(&v, "new");
    ck_assert_uint_eq(v.count, 1);
    ck_assert_str_eq(v.items[0], "new");
    strv_done(&v);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_list_is_an_argv_at_every_length),
    UNIT_TEST(an_added_string_is_copied_and_a_taken_one_is_not),
    UNIT_TEST(a_copy_is_appended_and_stands_alone),
    UNIT_TEST(only_a_whole_member_is_contained),
    UNIT_TEST(what_is_added_once_is_there_once),
    UNIT_TEST(a_list_is_sorted_by_bytes),
    UNIT_TEST(a_list_that_was_ended_starts_afresh),
};
UNIT_MAIN("strv", tests)
