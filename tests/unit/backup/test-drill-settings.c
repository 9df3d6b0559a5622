#include "unit.h"

#include <sys/stat.h>

#include "backup/drill-settings.h"
#include "sys/mem.h"

static void choose_in(char *bindir, const Manifest *m, int major, Strv *ret, Strv *notes)
{
    drill_choose_settings(m, &(PgClient){ .bindir = bindir, .major = major }, ret, notes);
}

static void choose(const Manifest *m, int major, Strv *ret)
{
    char bindir[] = "/nowhere";
    _cleanup_strv_ Strv notes = { 0 };

    choose_in(bindir, m, major, ret, &notes);
    ck_assert_uint_eq(notes.count, 0);
}

START_TEST(what_is_installed_is_preloaded_and_the_rest_is_named)
{
    char *dir = unit_mkdir(), libraries[] = "pg_cron, nothing, $libdir/pg_cron, ../outside, /x/y";
    _cleanup_free_ char *bindir = mem_printf("%s/bin", dir), *lib = mem_printf("%s/lib", dir);
    _cleanup_strv_ Strv settings = { 0 }, notes = { 0 };

    ck_assert_int_eq(mkdir(bindir, 0700), 0);
    ck_assert_int_eq(mkdir(lib, 0700), 0);
    unit_write_file(lib, "pg_cron.so", "", 0);
    unit_write_file(dir, "outside.so", "", 0);
    choose_in(bindir, &(Manifest){ .preload_libraries = libraries }, 15, &settings, &notes);
    ck_assert(strv_contains(&settings, "shared_preload_libraries=pg_cron"));
    ck_assert(strv_contains(&settings, "max_worker_processes=0"));
    ck_assert_uint_eq(notes.count, 3);
    ck_assert_str_eq(notes.items[0],
                     "the library \"nothing\", which the original preloads, is not installed");
    unit_rmdir(dir);
}
END_TEST

START_TEST(libraries_can_be_forgotten)
{
    _cleanup_strv_ Strv settings = { 0 }, notes = { 0 };

    strv_add(&settings, "shared_preload_libraries=a,b");
    strv_add(&settings, "timezone=UTC");
    ck_assert(drill_forget_libraries(&settings, &notes));
    ck_assert_uint_eq(settings.count, 1);
    ck_assert_str_eq(settings.items[0], "timezone=UTC");
    ck_assert_uint_eq(notes.count, 1);
    ck_assert(!drill_forget_libraries(&settings, &notes));
}
END_TEST

START_TEST(there_is_room_for_all_locks)
{
    _cleanup_strv_ Strv settings = { 0 };

    choose(&(Manifest){ .tables = 20000, .definitions = 80000 }, 15, &settings);
    choose(&(Manifest){ .tables = 10, .definitions = 80, .max_locks = 4096 }, 15, &settings);
    ck_assert(strv_contains(&settings, "max_locks_per_transaction=2064"));
    ck_assert(strv_contains(&settings, "max_locks_per_transaction=4096"));
}
END_TEST

START_TEST(sessions_are_those_of_the_original)
{
    char zone[] = "Europe/Berlin", dates[] = "SQL, DMY", intervals[] = "iso_8601";
    const Manifest m = { .timezone = zone, .date_style = dates, .interval_style = intervals };
    _cleanup_strv_ Strv settings = { 0 };

    choose(&m, 14, &settings);
    ck_assert(strv_contains(&settings, "timezone=Europe/Berlin"));
    ck_assert(strv_contains(&settings, "datestyle=SQL, DMY"));
    ck_assert(strv_contains(&settings, "intervalstyle=iso_8601"));
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(what_is_installed_is_preloaded_and_the_rest_is_named),
    UNIT_TEST(libraries_can_be_forgotten),
    UNIT_TEST(there_is_room_for_all_locks),
    UNIT_TEST(sessions_are_those_of_the_original),
};

UNIT_MAIN("drill-settings", tests)
