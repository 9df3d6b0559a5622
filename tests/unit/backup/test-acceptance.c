#include "backups.h"
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/acceptance.h"

#define STEM "appdb_19700102T020000Z"
#define FILE_NAME "appdb/" STEM ".accepted.json"

/* A catalog with one backup. */
typedef struct World {
    Place place;
    Catalog catalog;
} World;

static World world_new(void)
{
    World w = { .place = place_new() };
    place_commit(&w.place, "appdb", DAY(1));
    place_load(&w.place, &w.catalog);
    return w;
}

static void world_done(World *w)
{
    catalog_done(&w->catalog);
    place_done(&w->place);
}
#define _cleanup_world_ _cleanup_(world_done)

static const Backup *reload(World *w)
{
    catalog_done(&w->catalog);
    place_load(&w->place, &w->catalog);
    return &w->catalog.series[0].backups[0];
}

static void accept(World *w, usec_t when)
{
    const Series *s = &w->catalog.series[0];
    _cleanup_err_ Err err = { 0 };

    int r = catalog_accept(&w->catalog, s, &s->backups[0], when, &err);
    ck_assert_msg(r == 0, "%s", err.message);
}

START_TEST(a_backup_is_accepted_when_somebody_has_said_so)
{
    _cleanup_world_ World w = world_new();

    ck_assert(!w.catalog.series[0].backups[0].accepted);
    accept(&w, DAY(3));
    ck_assert(reload(&w)->accepted);
    ck_assert(reload(&w)->good);
    ck_assert_ptr_null(reload(&w)->acceptance_problem);

    _cleanup_free_ char *text = unit_read_file(w.place.path, FILE_NAME, NULL);
    ck_assert_str_eq(text, "{\n  \"format_version\": 1,\n  \"stem\": \"" STEM "\",\n"
                           "  \"accepted\": \"1970-01-04T02:00:00Z\"\n}\n");
}
END_TEST

START_TEST(accepting_once_more_takes_the_place_of_what_was_there)
{
    _cleanup_world_ World w = world_new();

    unit_write_file(w.place.path, FILE_NAME, "{", 1);
    accept(&w, DAY(3));
    accept(&w, DAY(4));
    ck_assert(reload(&w)->accepted);
}
END_TEST

#define GOOD "{\"format_version\":1,\"stem\":\"" STEM "\",\"accepted\":\"1970-01-04T02:00:00Z\"}"

static const struct {
    const char *text, *problem; /* NULL: it is accepted */
} files[] = {
    { GOOD, NULL },
    { "", "acceptance \"" },
    { "{", "acceptance \"" },
    { GOOD "x", "acceptance \"" },
    { "{}", "format_version" },
    { "{\"format_version\":2,\"stem\":\"" STEM "\",\"accepted\":\"1970-01-04T02:00:00Z\"}",
      "format version 2 is not known" },
    { "{\"format_version\":1,\"stem\":\"appdb_19700103T020000Z\",\"accepted\":"
      "\"1970-01-04T02:00:00Z\"}",
      "not that of the file" },
    { "{\"format_version\":1,\"stem\":\"" STEM "\",\"accepted\":\"yes\"}", "is no time" },
    { "{\"format_version\":1,\"stem\":\"" STEM "\"}", "accepted" },
};

START_TEST(what_does_not_read_as_an_acceptance_is_none_and_is_told)
{
    _cleanup_world_ World w = world_new();

    unit_write_file(w.place.path, FILE_NAME, files[_i].text, strlen(files[_i].text));
    const Backup *b = reload(&w);
    ck_assert_int_eq(b->accepted, !files[_i].problem);
    ck_assert(b->good);
    if (files[_i].problem)
        ck_assert_msg(strstr(b->acceptance_problem, files[_i].problem) != NULL, "%s",
                      b->acceptance_problem);
}
END_TEST

START_TEST(what_is_no_file_is_no_acceptance_and_is_told)
{
    _cleanup_world_ World w = world_new();

    place_mkdir(&w.place, FILE_NAME);
    ck_assert(!reload(&w)->accepted);
    ck_assert_ptr_nonnull(reload(&w)->acceptance_problem);
}
END_TEST

START_TEST(an_acceptance_goes_with_its_backup)
{
    _cleanup_world_ World w = world_new();
    const Series *s = &w.catalog.series[0];

    accept(&w, DAY(3));
    ck_assert(place_has(&w.place, FILE_NAME));
    ck_assert_int_eq(catalog_remove(&w.catalog, s, &s->backups[0], NULL, NULL), 0);
    ck_assert(!place_has(&w.place, FILE_NAME));
}
END_TEST

START_TEST(what_cannot_be_written_is_not_accepted)
{
    _cleanup_world_ World w = world_new();
    const Series *s = &w.catalog.series[0];
    _cleanup_err_ Err err = { 0 };

    place_mkdir(&w.place, "appdb/." STEM ".accepted.json.tmp");
    ck_assert_int_lt(catalog_accept(&w.catalog, s, &s->backups[0], DAY(3), &err), 0);
    ck_assert_ptr_nonnull(strstr(err.message, STEM ".accepted.json"));
    ck_assert(!reload(&w)->accepted);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_backup_is_accepted_when_somebody_has_said_so),
    UNIT_TEST(accepting_once_more_takes_the_place_of_what_was_there),
    UNIT_LOOP(what_does_not_read_as_an_acceptance_is_none_and_is_told, ELEMENTSOF(files)),
    UNIT_TEST(what_is_no_file_is_no_acceptance_and_is_told),
    UNIT_TEST(an_acceptance_goes_with_its_backup),
    UNIT_TEST(what_cannot_be_written_is_not_accepted),
};
UNIT_MAIN("acceptance", tests)
