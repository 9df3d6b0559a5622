#include <stdio.h>

#include "archive/inventory.h"
#include "cmd/diff-print.h"
#include "sys/clock.h"
#include "sys/json.h"
#include "sys/mem.h"

static Json *side_to_json(const Backup *b, const Inventory *i)
{
    const Manifest *m = &b->manifest;
    Json *o = json_new_object();

    json_set_text(o, "stem", b->stem);
    json_set_text(o, "database", m->database);
    json_set_time(o, "when", b->when);
    json_set_text(o, "format", m->format);
    json_set_text(o, "server_version", m->server_version);
    json_set_text(o, "client_version", m->client_version);
    json_set_text(o, "problem", b->problem);
    json_set_uint(o, "tables", i->table_count);
    json_set_uint(o, "rows", inventory_rows(i));
    json_set_uint(o, "bytes", inventory_bytes(i));
    json_set_uint(o, "sequences", i->sequence_count);
    json_set_uint(o, "large_objects", i->large_objects);
    json_set_uint(o, "large_object_bytes", i->large_object_bytes);
    json_set_uint(o, "definitions", i->definition_count);
    return o;
}

static Json *undecided_to_json(const Diff *d)
{
    Json *o = json_new_object();

    json_set_uint(o, "tables", d->undecided);
    json_set_text(o, "contents", d->basis->contents);
    json_set_text(o, "definitions", d->basis->definitions);
    return o;
}

static Json *change_to_json(const DiffChange *c, const char *schema, const char *name)
{
    Json *o = json_new_object();

    json_set_text(o, "verdict", diff_verdict_name(c->verdict));
    json_set_name(o, "schema", schema);
    json_set_name(o, "name", name);
    return o;
}

/* Sizes are at most INT64_MAX, so every difference of two is a number, too. */
static int64_t growth(uint64_t a, uint64_t b)
{
    return (int64_t)(b - a);
}

static void set_table_side(Json *o, const InventoryTable *t, const char *rows, const char *bytes)
{
    if (t) {
        json_set_uint(o, rows, t->rows);
        json_set_uint(o, bytes, t->bytes);
    } else {
        json_set_child(o, rows, NULL);
        json_set_child(o, bytes, NULL);
    }
}

static Json *table_to_json(const DiffChange *c)
{
    const InventoryTable *a = c->what.table[0], *b = c->what.table[1];
    Json *o = change_to_json(c, b ? b->schema : a->schema, b ? b->name : a->name);

    set_table_side(o, a, "rows_a", "bytes_a");
    set_table_side(o, b, "rows_b", "bytes_b");
    json_set_int(o, "rows_change", growth(diff_rows(c, 0), diff_rows(c, 1)));
    json_set_int(o, "bytes_change", growth(diff_bytes(c, 0), diff_bytes(c, 1)));
    return o;
}

static void set_sequence_side(Json *o, const InventorySequence *s, const char *value,
                              const char *called)
{
    if (s) {
        json_set_int(o, value, s->value);
        json_set_flag(o, called, s->called);
    } else {
        json_set_child(o, value, NULL);
        json_set_child(o, called, NULL);
    }
}

static Json *sequence_to_json(const DiffChange *c)
{
    const InventorySequence *a = c->what.sequence[0], *b = c->what.sequence[1];
    Json *o = change_to_json(c, b ? b->schema : a->schema, b ? b->name : a->name);

    set_sequence_side(o, a, "value_a", "called_a");
    set_sequence_side(o, b, "value_b", "called_b");
    return o;
}

static Json *large_objects_to_json(const Diff *d)
{
    if (d->large_objects.count == 0)
        return NULL;

    Json *o = json_new_object();
    json_set_text(o, "verdict", diff_verdict_name(d->large_objects.items[0].verdict));
    json_set_int(o, "count_change", growth(d->a->large_objects, d->b->large_objects));
    json_set_int(o, "bytes_change", growth(d->a->large_object_bytes, d->b->large_object_bytes));
    return o;
}

static Json *definition_to_json(const DiffChange *c)
{
    const InventoryDefinition *any =
        c->what.definition[1] ? c->what.definition[1] : c->what.definition[0];
    Json *o = change_to_json(c, any->schema, any->name);

    json_set_name(o, "type", any->type);
    return o;
}

static void set_list(Json *root, const char *key, const DiffList *list,
                     Json *(*to_json)(const DiffChange *c))
{
    Json *array = json_set_child(root, key, json_new_array());

    for (size_t i = 0; i < list->count; i++)
        json_add_child(array, to_json(&list->items[i]));
}

void diff_print_json(const DiffSides *sides, const Diff *d)
{
    _cleanup_json_ Json *root = json_new_object();

    json_set_child(root, "a", side_to_json(sides->backup[0], d->a));
    json_set_child(root, "b", side_to_json(sides->backup[1], d->b));
    json_set_uint(root, "differences", diff_count(d));
    json_set_child(root, "undecided", undecided_to_json(d));
    set_list(root, "tables", &d->tables, table_to_json);
    set_list(root, "sequences", &d->sequences, sequence_to_json);
    json_set_child(root, "large_objects", large_objects_to_json(d));
    set_list(root, "definitions", &d->definitions, definition_to_json);

    _cleanup_free_ char *text = json_print(root);
    fputs(text, stdout);
}
