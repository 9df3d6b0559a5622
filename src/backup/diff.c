#include "backup/diff.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "sys/buf.h"
#include "sys/mem.h"
#include "sys/text.h"

const char *diff_verdict_name(DiffVerdict verdict)
{
    static const char *const names[] = {
        [DIFF_VANISHED] = "vanished", [DIFF_APPEARED] = "appeared", [DIFF_SHRANK] = "shrank",
        [DIFF_GREW] = "grew",         [DIFF_CHANGED] = "changed",   [DIFF_UNDECIDED] = "undecided",
    };
    _Static_assert(ELEMENTSOF(names) == _DIFF_VERDICT_MAX, "each verdict has its name");
    return names[verdict];
}

/* -- What can be compared: docs/INVENTORY.md -- */

/* Each is NULL where the manifest does not say. Caller frees. */

static char *text_form(const Manifest *m)
{
    if (!m->format)
        return NULL;
    return mem_strdup(manifest_is_text(m) ? "SQL text" : "archive");
}

static char *major_of(const char *version)
{
    return version ? mem_printf("%d", manifest_major(version)) : NULL;
}

static char *server_major(const Manifest *m)
{
    return major_of(m->server_version);
}

static char *client_major(const Manifest *m)
{
    return major_of(m->client_version);
}

static char *encoding(const Manifest *m)
{
    return mem_strdup(m->encoding);
}

static char *bytea_output(const Manifest *m)
{
    return mem_strdup(m->bytea_output);
}

static char *lc_monetary(const Manifest *m)
{
    return mem_strdup(m->lc_monetary);
}

static char *quote_all_identifiers(const Manifest *m)
{
    return mem_strdup(m->quote_all_identifiers);
}

/* What shapes the text that is digested. All of it shapes definitions, which hold constants. */
static const struct Condition {
    const char *name;
    char *(*of)(const Manifest *m);
    bool shapes_contents;
} conditions[] = {
    { "format", text_form, false },
    { "server's major version", server_major, false },
    { "pg_dump's major version", client_major, false },
    { "encoding", encoding, true },
    { "bytea_output", bytea_output, true },
    { "lc_monetary", lc_monetary, true },
    { "quote_all_identifiers", quote_all_identifiers, false },
};

static void add_value(Buf *text, const char *value)
{
    if (value)
        buf_addf(text, "\"%s\"", value);
    else
        buf_adds(text, "unknown");
}

static void add_reason(Buf *text, const char *name, const char *a, const char *b)
{
    buf_addf(text, "%s%s is ", text->size > 0 ? "; " : "", name);
    add_value(text, a);
    buf_adds(text, " in A and ");
    add_value(text, b);
    buf_adds(text, " in B");
}

DiffBasis diff_basis(const Manifest *a, const Manifest *b)
{
    Buf contents = { 0 }, definitions = { 0 };

    for (size_t i = 0; i < ELEMENTSOF(conditions); i++) {
        const struct Condition *c = &conditions[i];
        _cleanup_free_ char *in_a = c->of(a), *in_b = c->of(b);

        if (text_equal(in_a, in_b))
            continue;
        add_reason(&definitions, c->name, in_a, in_b);
        if (c->shapes_contents)
            add_reason(&contents, c->name, in_a, in_b);
    }
    return (DiffBasis){ .contents = contents.size > 0 ? buf_take(&contents) : NULL,
                        .definitions = definitions.size > 0 ? buf_take(&definitions) : NULL };
}

void diff_basis_done(DiffBasis *b)
{
    free(b->contents);
    free(b->definitions);
    *b = (DiffBasis){ 0 };
}

/* -- What differs -- */

uint64_t diff_rows(const DiffChange *c, int side)
{
    return c->what.table[side] ? c->what.table[side]->rows : 0;
}

uint64_t diff_bytes(const DiffChange *c, int side)
{
    return c->what.table[side] ? c->what.table[side]->bytes : 0;
}

static void add_change(DiffList *list, DiffVerdict verdict, const InventoryDifference *what)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? 2 * list->capacity : 16;
        list->items = mem_resize(list->items, list->capacity, sizeof(*list->items));
    }
    list->items[list->count++] = (DiffChange){ verdict, *what };
}

/* Of something in both. */
static DiffVerdict verdict_of_sizes(bool less, bool more, DiffVerdict as_many)
{
    return less ? DIFF_SHRANK : more ? DIFF_GREW : as_many;
}

static DiffVerdict judge_table(const InventoryDifference *what, const DiffBasis *basis)
{
    const InventoryTable *a = what->table[0], *b = what->table[1];

    if (!a || !b)
        return a ? DIFF_VANISHED : DIFF_APPEARED;
    return verdict_of_sizes(b->rows<a->rows, b->rows> a->rows,
                            basis->contents ? DIFF_UNDECIDED : DIFF_CHANGED);
}

static DiffVerdict judge_sequence(const InventoryDifference *what)
{
    const InventorySequence *a = what->sequence[0], *b = what->sequence[1];

    if (!a || !b)
        return a ? DIFF_VANISHED : DIFF_APPEARED;
    return verdict_of_sizes(b->value<a->value, b->value> a->value, DIFF_CHANGED);
}

/* Binary, and by their numbers: no setting makes them others. */
static DiffVerdict judge_large_objects(const Inventory *a, const Inventory *b)
{
    return verdict_of_sizes(b->large_objects<a->large_objects, b->large_objects> a->large_objects,
                            DIFF_CHANGED);
}

static DiffVerdict judge_definition(const InventoryDifference *what)
{
    if (!what->definition[0] || !what->definition[1])
        return what->definition[0] ? DIFF_VANISHED : DIFF_APPEARED;
    return DIFF_CHANGED;
}

static void note_difference(void *userdata, const InventoryDifference *what)
{
    Diff *d = userdata;

    if (what->large_objects)
        add_change(&d->large_objects, judge_large_objects(d->a, d->b), what);
    else if (what->table[0] || what->table[1])
        add_change(&d->tables, judge_table(what, d->basis), what);
    else if (what->sequence[0] || what->sequence[1])
        add_change(&d->sequences, judge_sequence(what), what);
    else if (!d->basis->definitions)
        add_change(&d->definitions, judge_definition(what), what);
}

/* -- By weight -- */

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* The larger comes first. */
static int order_of_sizes(uint64_t a, uint64_t b)
{
    return (a < b) - (a > b);
}

static const InventoryTable *table_of(const DiffChange *c)
{
    return c->what.table[1] ? c->what.table[1] : c->what.table[0];
}

static int weight_order(const void *left, const void *right)
{
    const DiffChange *l = left, *r = right;

    int order = (l->verdict == DIFF_UNDECIDED) - (r->verdict == DIFF_UNDECIDED);
    if (order == 0)
        order = order_of_sizes(distance(diff_rows(l, 0), diff_rows(l, 1)),
                               distance(diff_rows(r, 0), diff_rows(r, 1)));
    if (order == 0)
        order = order_of_sizes(distance(diff_bytes(l, 0), diff_bytes(l, 1)),
                               distance(diff_bytes(r, 0), diff_bytes(r, 1)));
    if (order == 0)
        order = (l->verdict > r->verdict) - (l->verdict < r->verdict);
    return order != 0 ? order : inventory_table_order(table_of(l), table_of(r));
}

void diff_make(const Inventory *a, const Inventory *b, const DiffBasis *basis, Diff *ret)
{
    Diff d = { .a = a, .b = b, .basis = basis, .table_count = b->table_count };

    inventory_compare(a, b, note_difference, &d);
    if (d.tables.count > 0)
        qsort(d.tables.items, d.tables.count, sizeof(*d.tables.items), weight_order);
    for (size_t i = 0; i < d.tables.count; i++) {
        d.table_count += d.tables.items[i].verdict == DIFF_VANISHED;
        d.undecided += d.tables.items[i].verdict == DIFF_UNDECIDED;
    }
    *ret = d;
}

void diff_done(Diff *d)
{
    free(d->tables.items);
    free(d->sequences.items);
    free(d->large_objects.items);
    free(d->definitions.items);
    *d = (Diff){ 0 };
}

size_t diff_count(const Diff *d)
{
    return d->tables.count - d->undecided + d->sequences.count + d->large_objects.count +
           d->definitions.count;
}

bool diff_is_partial(const Diff *d)
{
    return d->undecided > 0 || d->basis->definitions;
}
