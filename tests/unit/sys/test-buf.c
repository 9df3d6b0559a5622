#include "unit.h"

#include <string.h>

#include "sys/buf.h"
#include "sys/mem.h"

START_TEST(what_is_added_comes_out_in_order)
{
    Buf b = { 0 };
    buf_adds(&b, "one ");
    buf_addc(&b, '2');
    buf_addf(&b, " %s %d", "three", 4);
    buf_add(&b, " five-", 5);

    ck_assert_uint_eq(b.size, strlen("one 2 three 4 five"));
    ck_assert_str_eq(b.data, "one 2 three 4 five");
    buf_done(&b);
}
END_TEST

START_TEST(zero_bytes_are_bytes_like_others)
{
    Buf b = { 0 };
    buf_add(&b, "a\0b", 3);
    buf_addc(&b, '\0');

    ck_assert_uint_eq(b.size, 4);
    ck_assert_mem_eq(b.data, "a\0b\0", 5); /* and the NUL behind them */
    buf_done(&b);
}
END_TEST

START_TEST(a_long_buffer_keeps_every_byte)
{
    Buf b = { 0 };
    for (size_t i = 0; i < 100000; i++)
        buf_addc(&b, (char)('a' + i % 26));

    ck_assert_uint_eq(b.size, 100000);
    for (size_t i = 0; i < b.size; i++)
        ck_assert_int_eq(b.data[i], (char)('a' + i % 26));
    ck_assert_int_eq(b.data[b.size], '\0');
    buf_done(&b);
}
END_TEST

START_TEST(an_empty_buffer_is_taken_as_an_empty_string)
{
    Buf b = { 0 };
    _cleanup_free_ char *s = buf_take(&b);

    ck_assert_str_eq(s, "");
}
END_TEST

START_TEST(a_taken_string_leaves_the_buffer_empty)
{
    Buf b = { 0 };
    buf_adds(&b, "mine");
    _cleanup_free_ char *s = buf_take(&b);

    ck_assert_str_eq(s, "mine");
    ck_assert_ptr_null(b.data);
    ck_assert_uint_eq(b.size, 0);
    buf_done(&b);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(what_is_added_comes_out_in_order),
    UNIT_TEST(zero_bytes_are_bytes_like_others),
    UNIT_TEST(a_long_buffer_keeps_every_byte),
    UNIT_TEST(an_empty_buffer_is_taken_as_an_empty_string),
    UNIT_TEST(a_taken_string_leaves_the_buffer_empty),
};
UNIT_MAIN("buf", tests)
