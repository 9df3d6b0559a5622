#include "unit.h"

#include "sys/text.h"

START_TEST(null_equals_null_alone)
{
    ck_assert(text_equal(NULL, NULL));
    ck_assert(!text_equal(NULL, ""));
    ck_assert(!text_equal("", NULL));
    ck_assert(text_equal("a", "a"));
    ck_assert(!text_equal("a", "ab"));
}
END_TEST

START_TEST(a_text_starts_with_all_of_what_it_starts_with)
{
    ck_assert(text_starts_with("week/3", "week/"));
    ck_assert(text_starts_with("week/", "week/"));
    ck_assert(text_starts_with("week/", ""));
    ck_assert(!text_starts_with("week", "week/"));
}
END_TEST

START_TEST(a_text_is_one_of_a_list_as_a_whole)
{
    static const char *const list[] = { "TABLE", "TABLE DATA" };

    ck_assert(text_is_one_of("TABLE DATA", list, 2));
    ck_assert(!text_is_one_of("TABLE DATA", list, 1));
    ck_assert(!text_is_one_of("TAB", list, 2));
    ck_assert(!text_is_one_of("TABLE", NULL, 0));
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(null_equals_null_alone),
    UNIT_TEST(a_text_starts_with_all_of_what_it_starts_with),
    UNIT_TEST(a_text_is_one_of_a_list_as_a_whole),
};

UNIT_MAIN("text", tests)
