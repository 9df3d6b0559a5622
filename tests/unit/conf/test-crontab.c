#include "unit.h"

#include "conf/crontab.h"
#include "sys/mem.h"

/* tests/container asks supercronic itself about these: it must take every good one. */
static const char *const good[] = {
    "0 2 * * *",        "* * * * *",        "*/15 * * * *", "0-30/10 * * * *", "5,35 0,12 1 * *",
    "0 2 * * mon-fri",  "0 2 1 jan,Jul *",  "0 2 * * SUN",  "0 2 * * 7",       "59 23 31 12 *",
    "  0\t2  *  *  * ", "0 2 */2 1-12/3 *", "0 2 * * 0-6",  "0 2 * * */6",     "0 2 1 * mon",
    "0 2 31 2,3 *",     "0 2 31 2 fri",     "0 2 29 2 *",   "0 2 * 2 1-5/2,7", "0 2 1,15 * 1,3,5",
    "@hourly",          "@daily",           "@weekly",      "@monthly",        "@yearly",
    "@annually",
};

static const char *const bad[] = {
    "",
    " ",
    "0 2 * *",
    "0 2 * * * *",
    "0 0 2 * * * 2027",
    "60 2 * * *",
    "0 24 * * *",
    "0 2 0 * *",
    "0 2 32 * *",
    "0 2 * 0 *",
    "0 2 * 13 *",
    "0 2 * * 8",
    "0 2 * * mond",
    "0 2 * * L",
    "0 2 * * 5#2",
    "5/15 * * * *",
    "*/0 * * * *",
    "*/60 * * * *",
    "30-10 * * * *",
    "0 2 * * fri-mon",
    "0 2 * * 0-7",
    "0 2 * * 5-7",
    "0 2 * * 1-7/2",
    "0 2 * * */7",
    "0 2 */2 * 1,3,5",
    "0 2 1 * */2",
    "0 2 5,* * 1",
    "0 0 31 2 *",
    "0 0 30-31 feb *",
    "0 0 31 4,6,9,11 *",
    "1, * * * *",
    ",1 * * * *",
    "1- * * * *",
    "1-2- * * * *",
    "** * * * *",
    "-1 * * * *",
    "+1 * * * *",
    "001 * * * *",
    "mon * * * *",
    "0 2 * * * rm",
    "0 2 * * *\n* * * * * reboot",
    "@reboot",
    "@midnight",
    "@Daily",
    "@daily ",
    "@every 1h",
    "every night",
    "TZ=UTC 0 2 * * *",
};

START_TEST(a_schedule_is_recognised)
{
    ck_assert_msg(crontab_is_schedule(good[_i]), "\"%s\" was refused", good[_i]);
}
END_TEST

START_TEST(what_is_none_or_not_to_every_cron_is_refused)
{
    ck_assert_msg(!crontab_is_schedule(bad[_i]), "\"%s\" was taken", bad[_i]);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(a_schedule_is_recognised, ELEMENTSOF(good)),
    UNIT_LOOP(what_is_none_or_not_to_every_cron_is_refused, ELEMENTSOF(bad)),
};
UNIT_MAIN("crontab", tests)
