#include "unit.h"

#include <stdio.h>

#include "backup/subset.h"
#include "sys/mem.h"

#define WEEK (7 * 24 * 3600 * USEC_PER_SEC)

START_TEST(a_share_is_read)
{
    Subset s;

    ck_assert_int_eq(subset_parse("2/7", /* now= */ 0, &s, NULL), 0);
    ck_assert_uint_eq(s.number, 2);
    ck_assert_uint_eq(s.total, 7);
    ck_assert_int_eq(subset_parse("1000/1000", /* now= */ 0, &s, NULL), 0);
}
END_TEST

static const char *const refused[] = { "",      "/",      "1",
                                       "0/7",   "8/7",    "1/0",
                                       "-1/7",  "1/7x",   "1/1001",
                                       "week/", "week/0", "month/4",
                                       "1 /7",  "+1/7",   "99999999999999999999/7" };

START_TEST(anything_else_is_refused_with_a_remedy)
{
    _cleanup_err_ Err err = { 0 };
    Subset s;

    ck_assert_int_lt(subset_parse(refused[_i], /* now= */ 0, &s, &err), 0);
    ck_assert_int_eq(err.kind, ERR_USAGE);
    ck_assert_ptr_nonnull(err.hint);
}
END_TEST

START_TEST(each_backup_is_in_exactly_one_share)
{
    for (unsigned i = 0; i < 1000; i++) {
        char stem[64];
        unsigned shares = 0;

        snprintf(stem, sizeof(stem), "appdb_20261122T%06uZ", i);
        for (uint64_t n = 1; n <= 7; n++)
            shares += subset_has(&(Subset){ n, 7 }, stem);
        ck_assert_uint_eq(shares, 1);
    }
}
END_TEST

START_TEST(shares_are_of_about_the_same_size)
{
    unsigned counts[4] = { 0 };

    for (unsigned i = 0; i < 4000; i++) {
        char stem[64];

        snprintf(stem, sizeof(stem), "appdb_20261122T%06uZ", i);
        for (uint64_t n = 1; n <= 4; n++)
            counts[n - 1] += subset_has(&(Subset){ n, 4 }, stem);
    }
    for (size_t n = 0; n < 4; n++)
        ck_assert(counts[n] > 850 && counts[n] < 1150);
}
END_TEST

START_TEST(four_weeks_in_a_row_have_four_shares)
{
    unsigned seen = 0;

    for (usec_t week = 0; week < 4; week++) {
        Subset s;
        ck_assert_int_eq(subset_parse("week/4", 2900 * WEEK + week * WEEK, &s, NULL), 0);
        seen |= 1U << s.number;
    }
    ck_assert_uint_eq(seen, 0x1e);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_share_is_read),
    UNIT_LOOP(anything_else_is_refused_with_a_remedy, ELEMENTSOF(refused)),
    UNIT_TEST(each_backup_is_in_exactly_one_share),
    UNIT_TEST(shares_are_of_about_the_same_size),
    UNIT_TEST(four_weeks_in_a_row_have_four_shares),
};
UNIT_MAIN("subset", tests)
