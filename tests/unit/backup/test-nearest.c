#include "unit.h"

#include "backup/nearest.h"
#include "sys/mem.h"

static const struct {
    const char *name, *nearest;
} cases[] = {
    { "a", "\"b\", \"d\"" },
    { "c", "\"b\", \"d\", \"f\"" },
    { "e", "\"b\", \"d\", \"f\", \"h\"" },
    { "f", "\"b\", \"d\", \"f\", \"h\"" },
    { "z", "\"f\", \"h\"" },
};

START_TEST(the_two_on_either_side_are_the_nearest)
{
    _cleanup_strv_ Strv names = { 0 };

    strv_add(&names, "b");
    strv_add(&names, "d");
    strv_add(&names, "f");
    strv_add(&names, "h");
    _cleanup_free_ char *nearest = nearest_names(&names, cases[_i].name);
    ck_assert_str_eq(nearest, cases[_i].nearest);
}
END_TEST

START_TEST(of_no_names_none_is_near)
{
    _cleanup_free_ char *nearest = nearest_names(&(Strv){ 0 }, "a");
    ck_assert_str_eq(nearest, "");
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(the_two_on_either_side_are_the_nearest, ELEMENTSOF(cases)),
    UNIT_TEST(of_no_names_none_is_near),
};

UNIT_MAIN("nearest", tests)
