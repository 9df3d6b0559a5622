#include "unit.h"

#include <string.h>

#include "backup/plan.h"
#include "sys/buf.h"
#include "sys/mem.h"

/* What a server has: hostile names, both templates, and one that takes no connections. */
static const struct {
    const char *name;
    bool is_template, allow_connections;
} server[] = {
    { "!odd", false, true },
    { "-rf", false, true },
    { ".hidden", false, true },
    { "a/b", false, true },
    { "app", false, true },
    { "app_restoring_0f1e2d3c", false, true },
    { "app_test", false, true },
    { "closed", false, false },
    { "na\xC3\xAFve caf\xC3\xA9", false, true },
    { "new\nline", false, true },
    { "postgres", false, true },
    { "template0", true, false },
    { "template1", true, true },
    { "we\"ird", false, true },
    { "x'; DROP", false, true },
};

/* Entries and results are written as one string, with | between them. */

static Strv split(const char *text)
{
    Strv v = { 0 };
    _cleanup_free_ char *copy = mem_strdup(text);
    char *rest = copy;
    for (char *item; (item = strsep(&rest, "|"));)
        if (*item)
            strv_add(&v, item);
    return v;
}

static char *join(const Strv *v)
{
    Buf text = { 0 };
    for (size_t i = 0; i < v->count; i++)
        buf_addf(&text, "%s%s", i > 0 ? "|" : "", v->items[i]);
    return buf_take(&text);
}

static int plan_for(const char *wanted, Plan *ret, Err *err)
{
    PgDatabase list[ELEMENTSOF(server)];
    _cleanup_strv_ Strv entries = split(wanted);

    for (size_t i = 0; i < ELEMENTSOF(server); i++)
        list[i] = (PgDatabase){
            .name = mem_strdup(server[i].name),
            .is_template = server[i].is_template,
            .allow_connections = server[i].allow_connections,
        };
    int r = plan_make(&entries, list, ELEMENTSOF(server), ret, err);
    for (size_t i = 0; i < ELEMENTSOF(server); i++)
        free(list[i].name);
    return r;
}

typedef struct PlanCase {
    const char *wanted, *databases, *missing;
} PlanCase;

static void assert_plan(const PlanCase *c)
{
    _cleanup_err_ Err err = { 0 };
    _cleanup_(plan_done) Plan plan = { 0 };
    ck_assert_msg(plan_for(c->wanted, &plan, &err) == 0, "%s: %s", c->wanted, err.message);

    _cleanup_free_ char *databases = join(&plan.databases);
    _cleanup_free_ char *missing = join(&plan.missing);
    ck_assert_str_eq(databases, c->databases);
    ck_assert_str_eq(missing, c->missing);
}

#define ALL_BY_PATTERN                                                                             \
    "!odd|-rf|.hidden|a/b|app|app_test|na\xC3\xAFve caf\xC3\xA9|new\nline|postgres|we\"ird|x'; "   \
    "DROP"

static const PlanCase patterns[] = {
    { "*", ALL_BY_PATTERN, "" },   { "app*", "app|app_test", "" },
    { "?pp", "app", "" },          { "[ap]*", "a/b|app|app_test|postgres", "" },
    { "a*b", "a/b", "" },         /* a slash is a character like any other */
    { "*hidden", ".hidden", "" }, /* and so is a leading dot */
    { "app|nothing*", "app", "" },
};

START_TEST(patterns_take_what_exists_and_can_be_dumped)
{
    assert_plan(&patterns[_i]);
}
END_TEST

START_TEST(a_pattern_that_matches_nothing_is_told)
{
    static const struct {
        const char *wanted, *unmatched;
    } cases[] = {
        { "app|nothing*", "nothing*" },
        { "app|no*[x]|nothing?|no*[x]", "no*[x]|nothing?" }, /* each once */
        { "app*|templat*|close[d]", "templat*|close[d]" },   /* a pattern takes none of these */
        { "app|*_test|!*_test", "" },                        /* excluded, but there */
        { "app|!nothing*", "" },
        { "app|gone", "" },
        { "*", "" },
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_(plan_done) Plan plan = { 0 };
        ck_assert_int_eq(plan_for(cases[i].wanted, &plan, NULL), 0);
        _cleanup_free_ char *unmatched = join(&plan.unmatched);
        ck_assert_str_eq(unmatched, cases[i].unmatched);
    }
}
END_TEST

static const PlanCase names[] = {
    { "app", "app", "" },
    { "we\"ird|-rf|x'; DROP", "-rf|we\"ird|x'; DROP", "" },
    { "postgres|app", "app|postgres", "" }, /* the server's order */
    { "app|app|app*", "app|app_test", "" }, /* each once */
    { "App", "", "App" },                   /* case matters */
    { "closed", "closed", "" },
    { "template0|template1", "template0|template1", "" },
    { "app|gone|gone|lost", "app", "gone|lost" },
    { "\\!odd|\\!gone", "!odd", "!gone" }, /* no exclusions: the "!" is the name's own */
};

START_TEST(a_literal_name_asks_for_a_database_whatever_it_is)
{
    assert_plan(&names[_i]);
}
END_TEST

static const PlanCase exclusions[] = {
    { "app*|!app_test", "app", "" },
    { "!app_test|app*", "app", "" }, /* wherever it stands */
    { "app|app_test|!*_test", "app", "" },
    { "app|gone|!gone", "app", "" },
    { "*|!*a*|!.*", "!odd|-rf|new\nline|postgres|we\"ird|x'; DROP", "" },
};

START_TEST(exclusions_apply_to_names_and_patterns_wherever_they_stand)
{
    assert_plan(&exclusions[_i]);
}
END_TEST

START_TEST(nothing_to_do_is_an_error_with_a_hint)
{
    static const char *const nothing[] = { "",         "!app",       "nothing*",
                                           "app|!app", "gone|!gone", "template*|!template*",
                                           "*|!*" };
    _cleanup_err_ Err err = { 0 };
    Plan plan = { 0 };

    ck_assert_int_lt(plan_for(nothing[_i], &plan, &err), 0);
    ck_assert_int_eq(err.kind, ERR_SETTINGS);
    ck_assert_ptr_nonnull(err.hint);
}
END_TEST

START_TEST(a_list_selects_names_as_the_plan_does)
{
    static const struct {
        const char *wanted, *name;
        bool selected;
    } cases[] = {
        { "*", "app", true },
        { "*|!app", "app", false },
        { "app", "app", true },
        { "app", "app_test", false },
        { "app*", "app_test", true },
        { "!x", "app", false },
        { "app*|!*_test", "app_test", false },
        { "", "app", false },
    };
    _cleanup_strv_ Strv wanted = split(cases[_i].wanted);
    ck_assert_int_eq(plan_selects(&wanted, cases[_i].name), cases[_i].selected);
}
END_TEST

START_TEST(only_a_literal_entry_names_a_database)
{
    ck_assert_str_eq(plan_name("app"), "app");
    ck_assert_str_eq(plan_name("\\!odd"), "!odd");
    ck_assert_ptr_null(plan_name("!app"));
    ck_assert_ptr_null(plan_name("app*"));
    ck_assert_ptr_null(plan_name("[ab]"));
}
END_TEST

START_TEST(a_list_of_names_and_exclusions_has_no_pattern)
{
    _cleanup_strv_ Strv without = split("app|\\!odd|!app*"), with = split("app|a?p");
    ck_assert(!plan_has_pattern(&without));
    ck_assert(plan_has_pattern(&with));
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(patterns_take_what_exists_and_can_be_dumped, ELEMENTSOF(patterns)),
    UNIT_TEST(a_pattern_that_matches_nothing_is_told),
    UNIT_LOOP(a_literal_name_asks_for_a_database_whatever_it_is, ELEMENTSOF(names)),
    UNIT_LOOP(exclusions_apply_to_names_and_patterns_wherever_they_stand, ELEMENTSOF(exclusions)),
    UNIT_LOOP(nothing_to_do_is_an_error_with_a_hint, 7),
    UNIT_LOOP(a_list_selects_names_as_the_plan_does, 8),
    UNIT_TEST(only_a_literal_entry_names_a_database),
    UNIT_TEST(a_list_of_names_and_exclusions_has_no_pattern),
};
UNIT_MAIN("plan", tests)
