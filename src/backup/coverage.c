#include "backup/coverage.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sys/buf.h"
#include "sys/mem.h"
#include "sys/text.h"

#define NAMED_MAX 3 /* so many objects of a kind are named, the others are counted */

/* What can be missing for a reason. Each becomes one omission, however many objects it is about. */
typedef enum Class {
    CLASS_UNLOGGED,
    CLASS_FOREIGN,
    CLASS_EXTENSION,
    CLASS_SYSTEM_SCHEMA,
    CLASS_SUBSCRIPTION,
    CLASS_SUBSCRIPTIONS_UNKNOWN,
    CLASS_OPTIONS,
    CLASS_OPTIONS_UNKNOWN,
    CLASS_MAPPING,
    CLASS_UNCONFIRMED,
    CLASS_NOT_COMPARED,
    _CLASS_MAX,
} Class;

static const struct {
    const char *what; /* the names follow */
    const char *why;
    bool warning;
} classes[] = {
    [CLASS_UNLOGGED] = { "the contents of unlogged", "a standby has none", true },
    [CLASS_FOREIGN] = { "the rows of foreign", "they are kept by another server", false },
    [CLASS_EXTENSION] = { "the contents of an extension's own",
                          "it is not registered as configuration, so pg_dump leaves it for CREATE"
                          " EXTENSION to fill",
                          false },
    [CLASS_SYSTEM_SCHEMA] = { "the whole of", "pg_dump leaves out what is in a system schema",
                              true },
    [CLASS_SUBSCRIPTION] = { "", "only a superuser can dump subscriptions", true },
    [CLASS_SUBSCRIPTIONS_UNKNOWN] = { "subscriptions, if there are any",
                                      "only a superuser can dump them, and the role may not read"
                                      " pg_subscription",
                                      true },
    [CLASS_OPTIONS] = { "the options of",
                        "pg_user_mappings, where pg_dump reads them, hides them from the role",
                        true },
    [CLASS_OPTIONS_UNKNOWN] = { "the options, if there are any, of",
                                "pg_user_mappings, where pg_dump reads them, shows none to the"
                                " role",
                                true },
    [CLASS_MAPPING] = { "", "the server belongs to an extension: pg_dump leaves out its mappings",
                        true },
    [CLASS_UNCONFIRMED] = { "a confirmation by the catalogue of",
                            "the dump has it, the catalogue at the snapshot does not", true },
    /* Why there is no inventory is a warning of its own. */
    [CLASS_NOT_COMPARED] = { "a comparison with the catalogue", "the dump has no inventory",
                             false },
};
_Static_assert(ELEMENTSOF(classes) == _CLASS_MAX, "one row for each class");

typedef struct Group {
    size_t count;
    Buf names; /* table "public.a", table "public.b" */
} Group;

typedef struct Judge {
    const PgSurvey *survey;
    const Inventory *inventory;
    bool plain;
    Group groups[_CLASS_MAX];
    Group holes, made_up;
} Judge;

static void group_add(Group *g, const char *kind, const char *schema, const char *name)
{
    if (g->count++ >= NAMED_MAX)
        return;
    _cleanup_free_ char *full_name = inventory_full_name(schema, name);
    buf_addf(&g->names, "%s%s \"%s\"", g->names.size > 0 ? ", " : "", kind, full_name);
}

/* Ends the list; the text stays the group's. */
static const char *group_names(Group *g)
{
    if (g->count > NAMED_MAX)
        buf_addf(&g->names, " and %zu more", g->count - NAMED_MAX);
    return g->names.data;
}

static void judge_done(Judge *j)
{
    for (size_t i = 0; i < _CLASS_MAX; i++)
        buf_done(&j->groups[i].names);
    buf_done(&j->holes.names);
    buf_done(&j->made_up.names);
}

/* Looking up; all lists are sorted by their names, byte by byte. Keys are items without contents,
 * whose names nobody frees. */

static int order_of_relations(const void *key, const void *item)
{
    const PgRelation *a = key, *b = item;
    return inventory_name_order(a->schema, a->name, b->schema, b->name);
}

static bool is_among(const void *key, const void *items, size_t count, size_t size,
                     int (*order)(const void *, const void *))
{
    return count > 0 && bsearch(key, items, count, size, order) != NULL;
}

static bool has_contents(const Inventory *i, const PgRelation *r)
{
    const InventorySequence sequence = { .schema = r->schema, .name = r->name };
    const InventoryTable table = { .schema = r->schema, .name = r->name };

    if (r->kind == PG_SEQUENCE)
        return is_among(&sequence, i->sequences, i->sequence_count, sizeof(sequence),
                        inventory_sequence_order);
    return is_among(&table, i->tables, i->table_count, sizeof(table), inventory_table_order);
}

static bool has_definition(const Inventory *i, const char *type, const char *schema,
                           const char *name)
{
    const InventoryDefinition definition = { .type = type, .schema = schema, .name = name };

    return is_among(&definition, i->definitions, i->definition_count, sizeof(definition),
                    inventory_definition_order);
}

/* Tables and sequences */

static const struct {
    PgRelationKind kind;
    const char *word;
    const char *type; /* in the TOC */
    bool has_contents;
} kinds[] = {
    { PG_TABLE, "table", "TABLE", true },
    { PG_PARTITIONED_TABLE, "table", "TABLE", false },
    { PG_VIEW, "view", "VIEW", false },
    { PG_MATERIALIZED_VIEW, "materialized view", "MATERIALIZED VIEW", false },
    { PG_FOREIGN_TABLE, "table", "FOREIGN TABLE", true },
    { PG_SEQUENCE, "sequence", "SEQUENCE", true },
};

/* Why pg_dump may leave out the contents of a relation; _CLASS_MAX when it may not. */
static Class class_of(const PgSurvey *survey, const PgRelation *r)
{
    if (r->kind == PG_FOREIGN_TABLE)
        return CLASS_FOREIGN;
    if (r->traits & PG_OF_EXTENSION && !(r->traits & PG_REGISTERED))
        return CLASS_EXTENSION;
    if (r->traits & PG_IN_SYSTEM_SCHEMA && !(r->traits & PG_REGISTERED))
        return CLASS_SYSTEM_SCHEMA;
    if (r->traits & PG_UNLOGGED && survey->in_recovery)
        return CLASS_UNLOGGED;
    return _CLASS_MAX;
}

/* The rows of a partition that is loaded through its root count there. */
static bool may_be_elsewhere(const PgRelation *r)
{
    return r->traits & PG_REROUTED;
}

/* False when that has opened a hole. */
static bool judge_contents(Judge *j, const PgRelation *r, const char *word)
{
    Class class = class_of(j->survey, r);
    bool contained = j->inventory && has_contents(j->inventory, r);

    if (contained && r->traits & PG_UNREADABLE)
        group_add(&j->made_up, word, r->schema, r->name);
    else if (!contained && class != _CLASS_MAX)
        group_add(&j->groups[class], word, r->schema, r->name);
    else if (!contained && j->inventory && !may_be_elsewhere(r)) {
        group_add(&j->holes, word, r->schema, r->name);
        return false;
    }
    return true;
}

static bool definitions_are_known(const Judge *j)
{
    return j->inventory && !j->plain;
}

static void judge_definition(Judge *j, const char *type, const char *word, const char *schema,
                             const char *name)
{
    if (definitions_are_known(j) && !has_definition(j->inventory, type, schema, name)) {
        _cleanup_free_ char *definition = mem_printf("the definition of %s", word);
        group_add(&j->holes, definition, schema, name);
    }
}

static void judge_relation(Judge *j, const PgRelation *r)
{
    size_t i = 0;

    while (i < ELEMENTSOF(kinds) && kinds[i].kind != (PgRelationKind)r->kind)
        i++;
    if (i == ELEMENTSOF(kinds))
        return;

    if (kinds[i].has_contents && !judge_contents(j, r, kinds[i].word))
        return;
    if (!(r->traits & (PG_OF_EXTENSION | PG_IN_SYSTEM_SCHEMA)))
        judge_definition(j, kinds[i].type, kinds[i].word, r->schema, r->name);
}

/* The other way round: whatever is there, the catalogue has to know. */
static void confirm(Judge *j, const char *word, const char *schema, const char *name)
{
    const PgRelation relation = { .schema = schema, .name = name };

    if (!is_among(&relation, j->survey->relations, j->survey->relation_count, sizeof(relation),
                  order_of_relations))
        group_add(&j->groups[CLASS_UNCONFIRMED], word, schema, name);
}

static void judge_relations(Judge *j)
{
    const Inventory *inventory = j->inventory;

    for (size_t i = 0; i < j->survey->relation_count; i++)
        judge_relation(j, &j->survey->relations[i]);
    for (size_t i = 0; inventory && i < inventory->table_count; i++)
        confirm(j, "table", inventory->tables[i].schema, inventory->tables[i].name);
    for (size_t i = 0; inventory && i < inventory->sequence_count; i++)
        confirm(j, "sequence", inventory->sequences[i].schema, inventory->sequences[i].name);
}

/* Everything else */

static void judge_objects(Judge *j)
{
    for (size_t i = 0; i < j->survey->object_count; i++) {
        const PgObject *o = &j->survey->objects[i];
        judge_definition(j, o->type, o->type, "", o->name);
    }
}

static void judge_subscriptions(Judge *j)
{
    const Strv *names = &j->survey->subscriptions;

    if (j->survey->subscriptions_unknown)
        j->groups[CLASS_SUBSCRIPTIONS_UNKNOWN].count++;
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->items[i];
        if (j->survey->superuser)
            judge_definition(j, "SUBSCRIPTION", "subscription", "", name);
        else if (!definitions_are_known(j) ||
                 !has_definition(j->inventory, "SUBSCRIPTION", "", name))
            group_add(&j->groups[CLASS_SUBSCRIPTION], "subscription", "", name);
    }
}

static void judge_mappings(Judge *j)
{
    static const Class without[] = {
        [PG_OPTIONS_HIDDEN] = CLASS_OPTIONS,
        [PG_OPTIONS_UNKNOWN] = CLASS_OPTIONS_UNKNOWN,
    };

    for (size_t i = 0; i < j->survey->mapping_count; i++) {
        const PgUserMapping *m = &j->survey->mappings[i];
        _cleanup_free_ char *name = mem_printf("%s on %s", m->user, m->server);
        _cleanup_free_ char *tag = mem_printf("USER MAPPING %s SERVER %s", m->user, m->server);

        if (m->server_of_extension) {
            group_add(&j->groups[CLASS_MAPPING], "user mapping", "", name);
            continue;
        }
        judge_definition(j, "USER MAPPING", "user mapping", "", tag);
        if (m->options != PG_OPTIONS_SHOWN)
            group_add(&j->groups[without[m->options]], "user mapping", "", name);
    }
}

/* The verdict */

static int say_large_objects(const Judge *j, Err *err)
{
    uint64_t here = j->survey->large_objects, there = j->inventory->large_objects;

    if (here == there)
        return 0;
    return err_set(err, ERR_DUMP_INCOMPLETE,
                   "of %" PRIu64 " large objects in the catalogue, the dump has %" PRIu64, here,
                   there);
}

static int say_holes(Judge *j, Err *err)
{
    int r = 0;

    if (j->made_up.count > 0) {
        r = err_set(err, ERR_PERMISSION, "the role may not read %s, whose value pg_dump made up",
                    group_names(&j->made_up));
        err_hint(err, "GRANT SELECT on it to the role, or pg_read_all_data; newer minor releases"
                      " of pg_dump fail here.");
    } else if (j->holes.count > 0) {
        r = err_set(err, ERR_DUMP_INCOMPLETE, "the catalogue has %s, the dump does not",
                    group_names(&j->holes));
        err_hint(err, "Dump that object by hand (\"pg_dump --table\"): where pg_dump leaves it out "
                      "there, too, that is a defect of pg_dump, or of this check.");
    } else if (j->inventory) {
        r = say_large_objects(j, err);
    }
    return r;
}

static void tell_omissions(Judge *j, Coverage *ret)
{
    ret->items = mem_zero(_CLASS_MAX, sizeof(*ret->items));
    for (size_t i = 0; i < _CLASS_MAX; i++) {
        Group *g = &j->groups[i];
        if (g->count == 0)
            continue;

        const char *what = classes[i].what, *names = g->names.data ? group_names(g) : "";
        ret->items[ret->count++] = (CoverageOmission){
            .what = mem_printf("%s%s%s", what, what[0] && names[0] ? " " : "", names),
            .why = mem_strdup(classes[i].why),
            .warning = classes[i].warning,
        };
    }
}

int coverage_judge(const PgSurvey *survey, const Inventory *inventory, bool plain, Coverage *ret,
                   Err *err)
{
    _cleanup_(judge_done) Judge j = { .survey = survey, .inventory = inventory, .plain = plain };

    judge_relations(&j);
    judge_objects(&j);
    judge_subscriptions(&j);
    judge_mappings(&j);
    if (!inventory)
        j.groups[CLASS_NOT_COMPARED].count++;

    int r = say_holes(&j, err);
    if (r < 0)
        return r;
    tell_omissions(&j, ret);
    return 0;
}

bool coverage_is_of_unlogged(const char *what)
{
    const char *start = classes[CLASS_UNLOGGED].what;
    return text_starts_with(what, start);
}

bool coverage_names(const char *what, const char *line)
{
    return text_starts_with(what, "subscription \"") && strstr(line, "subscriptions not dumped");
}

void coverage_done(Coverage *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->items[i].what);
        free(c->items[i].why);
    }
    free(c->items);
    *c = (Coverage){ 0 };
}
