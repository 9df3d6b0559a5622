#include "unit.h"

#include <string.h>

#include "backup/coverage.h"
#include "sys/buf.h"
#include "sys/mem.h"

/* The verdict as one text: the error, or what is missing, a line each; "!" before a warning. Caller
 * frees. */
static char *verdict(const PgSurvey *survey, Inventory *inventory, bool plain)
{
    _cleanup_err_ Err err = { 0 };
    _cleanup_coverage_ Coverage c = { 0 };
    Buf text = { 0 };

    if (inventory)
        inventory_sort(inventory);
    if (coverage_judge(survey, inventory, plain, &c, &err) < 0)
        return mem_printf("%s: %s", err_kind_info(err.kind)->name, err.message);
    for (size_t i = 0; i < c.count; i++) {
        ck_assert_str_ne(c.items[i].why, "");
        buf_addf(&text, "%s%s%s", i > 0 ? "\n" : "", c.items[i].warning ? "!" : "",
                 c.items[i].what);
    }
    return buf_take(&text);
}

static void assert_verdict(const PgSurvey *survey, Inventory *inventory, const char *expected)
{
    _cleanup_free_ char *text = verdict(survey, inventory, /* plain= */ false);
    ck_assert_str_eq(text, expected);
}

static void add_table(Inventory *i, const char *schema, const char *name)
{
    inventory_add_table(i, schema, name, 1, 2, &(Digest){ 0 });
}

static void add_definition(Inventory *i, const char *type, const char *schema, const char *name)
{
    inventory_add_definition(i, type, schema, name, &(Digest){ 0 });
}

/* One relation, public.x, and what the dump has of it */

enum { CONTENTS = 1, DEFINITION = 2, BOTH = 3 };

typedef struct RelationCase {
    const char *about;
    PgRelationKind kind;
    unsigned traits;
    bool in_recovery;
    unsigned has; /* in the archive */
    const char *expected;
    bool plain;
} RelationCase;

#define HOLE(what) "dump-incomplete: the catalogue has " what " \"public.x\", the dump does not"
#define MADE_UP                                                                                    \
    "permission: the role may not read sequence \"public.x\", whose value pg_dump made up"

static const RelationCase relation_cases[] = {
    { "a table", PG_TABLE, 0, false, BOTH, "" },
    { "a table without rows", PG_TABLE, 0, false, DEFINITION, HOLE("table") },
    { "no trace of a table", PG_TABLE, 0, false, 0, HOLE("table") },
    { "rows alone", PG_TABLE, 0, false, CONTENTS, HOLE("the definition of table") },
    { "a sequence", PG_SEQUENCE, 0, false, BOTH, "" },
    { "a sequence without value", PG_SEQUENCE, 0, false, DEFINITION, HOLE("sequence") },
    { "a made-up value", PG_SEQUENCE, PG_UNREADABLE, false, BOTH, MADE_UP },
    { "a partitioned table", PG_PARTITIONED_TABLE, 0, false, DEFINITION, "" },
    { "no partitioned table", PG_PARTITIONED_TABLE, 0, false, 0, HOLE("the definition of table") },
    { "a view", PG_VIEW, 0, false, DEFINITION, "" },
    { "no view", PG_VIEW, 0, false, 0, HOLE("the definition of view") },
    { "a materialized view", PG_MATERIALIZED_VIEW, 0, false, DEFINITION, "" },
    { "no materialized view", PG_MATERIALIZED_VIEW, 0, false, 0,
      HOLE("the definition of materialized view") },
    { "a foreign table", PG_FOREIGN_TABLE, 0, false, DEFINITION,
      "the rows of foreign table \"public.x\"" },
    { "no foreign table", PG_FOREIGN_TABLE, 0, false, 0, HOLE("the definition of table") },
    { "an unlogged table", PG_TABLE, PG_UNLOGGED, false, BOTH, "" },
    { "an unlogged table without rows", PG_TABLE, PG_UNLOGGED, false, DEFINITION, HOLE("table") },
    { "an unlogged table on a standby", PG_TABLE, PG_UNLOGGED, true, DEFINITION,
      "!the contents of unlogged table \"public.x\"" },
    { "an unlogged sequence on a standby", PG_SEQUENCE, PG_UNLOGGED, true, DEFINITION,
      "!the contents of unlogged sequence \"public.x\"" },
    { "a standby that was promoted meanwhile", PG_TABLE, PG_UNLOGGED, true, BOTH, "" },
    { "a logged table on a standby", PG_TABLE, 0, true, DEFINITION, HOLE("table") },
    { "an extension's own table", PG_TABLE, PG_OF_EXTENSION, false, 0,
      "the contents of an extension's own table \"public.x\"" },
    { "an extension's view", PG_VIEW, PG_OF_EXTENSION, false, 0, "" },
    { "an extension's configuration", PG_TABLE, PG_OF_EXTENSION | PG_REGISTERED, false, CONTENTS,
      "" },
    { "no configuration", PG_TABLE, PG_OF_EXTENSION | PG_REGISTERED, false, 0, HOLE("table") },
    { "configuration in pg_catalog", PG_TABLE,
      PG_OF_EXTENSION | PG_REGISTERED | PG_IN_SYSTEM_SCHEMA, false, 0, HOLE("table") },
    { "unlogged configuration on a standby", PG_TABLE,
      PG_OF_EXTENSION | PG_REGISTERED | PG_UNLOGGED, true, 0,
      "!the contents of unlogged table \"public.x\"" },
    { "a system schema", PG_TABLE, PG_IN_SYSTEM_SCHEMA, false, 0,
      "!the whole of table \"public.x\"" },
    { "a rerouted partition in an archive", PG_TABLE, PG_REROUTED, false, DEFINITION, "" },
    { "a rerouted partition in SQL text", PG_TABLE, PG_REROUTED, false, 0, "", .plain = true },
    { "SQL text has no definitions", PG_TABLE, 0, false, CONTENTS, "", .plain = true },
    { "SQL text without rows", PG_TABLE, 0, false, 0, HOLE("table"), .plain = true },
};

static const char *type_of(PgRelationKind kind)
{
    return kind == PG_SEQUENCE            ? "SEQUENCE"
           : kind == PG_VIEW              ? "VIEW"
           : kind == PG_MATERIALIZED_VIEW ? "MATERIALIZED VIEW"
           : kind == PG_FOREIGN_TABLE     ? "FOREIGN TABLE"
                                          : "TABLE";
}

START_TEST(a_relation_is_judged_by_its_kind_and_traits)
{
    const RelationCase *c = &relation_cases[_i];
    PgRelation relation = {
        .schema = "public",
        .name = "x",
        .kind = (char)c->kind,
        .traits = (unsigned char)c->traits,
    };
    PgSurvey survey = { .relations = &relation,
                        .relation_count = 1,
                        .in_recovery = c->in_recovery };
    _cleanup_(inventory_done) Inventory inventory = { 0 };

    if (c->has & CONTENTS && c->kind == PG_SEQUENCE)
        inventory_add_sequence(&inventory, "public", "x", 1, true);
    else if (c->has & CONTENTS)
        add_table(&inventory, "public", "x");
    if (c->has & DEFINITION)
        add_definition(&inventory, type_of(c->kind), "public", "x");

    _cleanup_free_ char *text = verdict(&survey, &inventory, c->plain);
    ck_assert_msg(strcmp(text, c->expected) == 0, "%s: %s", c->about, text);
}
END_TEST

/* Several */

/* In byte order, as the survey is: case, digits, UTF-8, and names that only differ in the schema.
 */
static const char *const names[][2] = {
    { "Public", "a" },        { "a", "b" },         { "a", "b.c" },    { "a.b", "c" },
    { "public", "" },         { "public", "A" },    { "public", "a" }, { "public", "a b" },
    { "public", "\xC3\xA9" }, { "public", "\xFF" },
};

typedef struct Several {
    PgRelation relations[ELEMENTSOF(names)];
    PgSurvey survey;
    Inventory inventory;
} Several;

/* All of them in the catalogue, and in the dump all but those whose bit is set. */
static void several_init(Several *s, unsigned lacking)
{
    *s = (Several){ .survey = { .relations = s->relations, .relation_count = ELEMENTSOF(names) } };
    for (size_t i = 0; i < ELEMENTSOF(names); i++) {
        s->relations[i] = (PgRelation){
            .schema = names[i][0],
            .name = names[i][1],
            .kind = PG_TABLE,
        };
        if (lacking & 1U << i)
            continue;
        add_table(&s->inventory, names[i][0], names[i][1]);
        add_definition(&s->inventory, "TABLE", names[i][0], names[i][1]);
    }
}

static void several_done(Several *s)
{
    inventory_done(&s->inventory);
}

START_TEST(every_name_is_found)
{
    _cleanup_(several_done) Several s;
    several_init(&s, 0);
    assert_verdict(&s.survey, &s.inventory, "");
}
END_TEST

START_TEST(each_single_one_that_is_lacking_is_missed)
{
    _cleanup_(several_done) Several s;
    several_init(&s, 1U << _i);
    _cleanup_free_ char *expected =
        mem_printf("dump-incomplete: the catalogue has table \"%s.%s\", the dump does not",
                   names[_i][0], names[_i][1]);
    assert_verdict(&s.survey, &s.inventory, expected);
}
END_TEST

START_TEST(three_are_named_and_the_others_counted)
{
    _cleanup_(several_done) Several s;
    several_init(&s, 0x1F);
    assert_verdict(&s.survey, &s.inventory,
                   "dump-incomplete: the catalogue has table \"Public.a\", table \"a.b\", table"
                   " \"a.b.c\" and 2 more, the dump does not");
}
END_TEST

START_TEST(omissions_of_a_class_are_one_omission)
{
    _cleanup_(several_done) Several s;
    several_init(&s, 0xF);
    s.survey.in_recovery = true;
    for (size_t i = 0; i < 4; i++) {
        s.relations[i].traits = PG_UNLOGGED;
        add_definition(&s.inventory, "TABLE", names[i][0], names[i][1]);
    }
    assert_verdict(&s.survey, &s.inventory,
                   "!the contents of unlogged table \"Public.a\", table \"a.b\", table \"a.b.c\""
                   " and 1 more");
}
END_TEST

START_TEST(what_the_catalogue_does_not_know_is_told)
{
    _cleanup_(several_done) Several s;
    several_init(&s, 0);
    add_table(&s.inventory, "public", "b");
    inventory_add_sequence(&s.inventory, "public", "b_seq", 1, false);
    assert_verdict(&s.survey, &s.inventory,
                   "!a confirmation by the catalogue of table \"public.b\", sequence"
                   " \"public.b_seq\"");
}
END_TEST

START_TEST(the_rows_of_rerouted_partitions_may_be_under_their_root)
{
    _cleanup_(several_done) Several s;
    several_init(&s, 1U << 6);
    s.relations[5].kind = PG_PARTITIONED_TABLE;
    s.relations[5].traits = s.relations[6].traits = PG_REROUTED;
    _cleanup_free_ char *text = verdict(&s.survey, &s.inventory, /* plain= */ true);
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(without_an_inventory_only_what_no_dump_can_hold_is_told)
{
    _cleanup_(several_done) Several s;
    several_init(&s, 0);
    s.relations[0].kind = PG_FOREIGN_TABLE;
    s.survey.large_objects = 7;
    assert_verdict(&s.survey, NULL,
                   "the rows of foreign table \"Public.a\"\na comparison with the catalogue");
}
END_TEST

START_TEST(an_empty_database_is_whole)
{
    Inventory inventory = { 0 };
    assert_verdict(&(PgSurvey){ 0 }, &inventory, "");
}
END_TEST

/* Large objects, publications, subscriptions, user mappings */

START_TEST(the_number_of_large_objects_is_compared)
{
    Inventory inventory = { .large_objects = 602 };
    assert_verdict(&(PgSurvey){ .large_objects = 602 }, &inventory, "");
    assert_verdict(&(PgSurvey){ .large_objects = 603 }, &inventory,
                   "dump-incomplete: of 603 large objects in the catalogue, the dump has 602");
}
END_TEST

START_TEST(objects_without_a_schema_are_looked_up_by_type)
{
    _cleanup_(inventory_done) Inventory inventory = { 0 };
    char type[] = "PUBLICATION", name[] = "everything";
    PgObject object = { .type = type, .name = name };
    PgSurvey survey = { .objects = &object, .object_count = 1 };

    add_definition(&inventory, "SERVER", "", "everything");
    assert_verdict(&survey, &inventory,
                   "dump-incomplete: the catalogue has the definition of PUBLICATION"
                   " \"everything\", the dump does not");
    add_definition(&inventory, "PUBLICATION", "", "everything");
    assert_verdict(&survey, &inventory, "");
}
END_TEST

START_TEST(subscriptions_are_told_unless_a_superuser_dumps_them)
{
    _cleanup_(inventory_done) Inventory inventory = { 0 };
    char name[] = "news", *items[] = { name, NULL };
    PgSurvey survey = { .subscriptions = { .items = items, .count = 1 } };

    assert_verdict(&survey, &inventory, "!subscription \"news\"");
    survey.superuser = true;
    assert_verdict(&survey, &inventory,
                   "dump-incomplete: the catalogue has the definition of subscription \"news\", the"
                   " dump does not");
    add_definition(&inventory, "SUBSCRIPTION", "", "news");
    assert_verdict(&survey, &inventory, "");
    survey.superuser = false;
    assert_verdict(&survey, &inventory, "");
}
END_TEST

START_TEST(subscriptions_that_are_named_need_no_warning_of_pg_dump)
{
    static const char line[] = "pg_dump: warning: subscriptions not dumped because current user is"
                               " not a superuser";

    ck_assert(coverage_names("subscription \"news\"", line));
    ck_assert(!coverage_names("subscriptions, if there are any", line));
    ck_assert(!coverage_names("subscription \"news\"", "pg_dump: warning: another"));
}
END_TEST

START_TEST(subscriptions_that_cannot_be_asked_for_are_told)
{
    Inventory inventory = { 0 };
    assert_verdict(&(PgSurvey){ .subscriptions_unknown = true }, &inventory,
                   "!subscriptions, if there are any");
}
END_TEST

static const struct {
    PgUserMapping mapping;
    bool defined;
    const char *expected;
} mapping_cases[] = {
    { { .options = PG_OPTIONS_SHOWN }, true, "" },
    { { .options = PG_OPTIONS_HIDDEN }, true, "!the options of user mapping \"alice on films\"" },
    { { .options = PG_OPTIONS_UNKNOWN },
      true,
      "!the options, if there are any, of user mapping \"alice on films\"" },
    { { .options = PG_OPTIONS_SHOWN },
      false,
      "dump-incomplete: the catalogue has the definition of user mapping"
      " \"USER MAPPING alice SERVER films\", the dump does not" },
    { { .options = PG_OPTIONS_SHOWN, .server_of_extension = true },
      false,
      "!user mapping \"alice on films\"" },
};

START_TEST(a_user_mapping_is_judged_by_what_the_role_may_see)
{
    _cleanup_(inventory_done) Inventory inventory = { 0 };
    PgUserMapping mapping = mapping_cases[_i].mapping;
    char user[] = "alice", server[] = "films";

    mapping.user = user;
    mapping.server = server;
    if (mapping_cases[_i].defined)
        add_definition(&inventory, "USER MAPPING", "", "USER MAPPING alice SERVER films");
    assert_verdict(&(PgSurvey){ .mappings = &mapping, .mapping_count = 1 }, &inventory,
                   mapping_cases[_i].expected);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(a_relation_is_judged_by_its_kind_and_traits, ELEMENTSOF(relation_cases)),
    UNIT_TEST(every_name_is_found),
    UNIT_LOOP(each_single_one_that_is_lacking_is_missed, ELEMENTSOF(names)),
    UNIT_TEST(three_are_named_and_the_others_counted),
    UNIT_TEST(omissions_of_a_class_are_one_omission),
    UNIT_TEST(what_the_catalogue_does_not_know_is_told),
    UNIT_TEST(the_rows_of_rerouted_partitions_may_be_under_their_root),
    UNIT_TEST(without_an_inventory_only_what_no_dump_can_hold_is_told),
    UNIT_TEST(an_empty_database_is_whole),
    UNIT_TEST(the_number_of_large_objects_is_compared),
    UNIT_TEST(objects_without_a_schema_are_looked_up_by_type),
    UNIT_TEST(subscriptions_are_told_unless_a_superuser_dumps_them),
    UNIT_TEST(subscriptions_that_are_named_need_no_warning_of_pg_dump),
    UNIT_TEST(subscriptions_that_cannot_be_asked_for_are_told),
    UNIT_LOOP(a_user_mapping_is_judged_by_what_the_role_may_see, ELEMENTSOF(mapping_cases)),
};

UNIT_MAIN("coverage", tests)
