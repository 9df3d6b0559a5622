#include "unit.h"

#include <string.h>

#include "sys/mem.h"
#include "sys/names.h"

#define MANY 20000

START_TEST(a_text_is_kept_once_and_as_it_was)
{
    Names n = { 0 };
    char text[] = "orders";

    const char *kept = names_keep(&n, text);
    ck_assert_ptr_ne(kept, text);
    ck_assert_ptr_eq(names_keep(&n, "orders"), kept);
    ck_assert_ptr_ne(names_keep(&n, "order"), kept);
    text[0] = 'b';
    ck_assert_str_eq(kept, "orders");
    ck_assert_str_eq(names_keep(&n, ""), "");
    ck_assert_uint_eq(n.count, 3);
    names_done(&n);
}
END_TEST

START_TEST(many_texts_stay_where_they_are_and_are_found_again)
{
    _cleanup_free_ const char **kept = mem_zero(MANY, sizeof(*kept));
    Names n = { 0 };

    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < MANY; i++) {
            _cleanup_free_ char *text = mem_printf("table_%zu", i);
            const char *name = names_keep(&n, text);
            ck_assert_str_eq(name, text);
            if (round > 0)
                ck_assert_ptr_eq(name, kept[i]);
            kept[i] = name;
        }
    ck_assert_uint_eq(n.count, MANY);
    names_done(&n);
}
END_TEST

START_TEST(a_text_may_be_of_any_length)
{
    Names n = { 0 };

    for (size_t size = 1; size <= (size_t)1 << 20; size *= 3) {
        _cleanup_free_ char *text = mem_alloc(size + 1);
        memset(text, 'x', size);
        text[size] = '\0';
        ck_assert_str_eq(names_keep(&n, text), text);
        ck_assert_str_eq(names_keep(&n, "short"), "short");
    }
    names_done(&n);
}
END_TEST

START_TEST(an_empty_pool_has_nothing_to_free)
{
    Names n = { 0 };

    names_done(&n);
    ck_assert_ptr_null(n.slots);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_text_is_kept_once_and_as_it_was),
    UNIT_TEST(many_texts_stay_where_they_are_and_are_found_again),
    UNIT_TEST(a_text_may_be_of_any_length),
    UNIT_TEST(an_empty_pool_has_nothing_to_free),
};
UNIT_MAIN("names", tests)
