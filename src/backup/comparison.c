#include "backup/comparison.h"

#include <stdlib.h>
#include <string.h>

#include "sys/mem.h"

/* Unlogged tables are on a standby, but without contents, so that its dump has none of them; the
 * copy's has the contents, which are nothing. */
static bool is_unlogged_of_standby(const Comparison *c, const InventoryDifference *d)
{
    return c->no_unlogged && !d->table[0] && d->table[1] && d->table[1]->rows == 0;
}

/* Rows of moved columns are as many bytes, with their fields in another order. Any definition may
 * be worded otherwise. */
static void look_for_movable(void *userdata, const InventoryDifference *d)
{
    bool *found = userdata;

    if (d->table[0] && d->table[1])
        *found |=
            d->table[0]->rows == d->table[1]->rows && d->table[0]->bytes == d->table[1]->bytes;
    *found |= d->definition[0] && d->definition[1];
}

bool comparison_needs_names(const Comparison *c)
{
    bool movable = false;

    inventory_compare(&c->then, &c->now, look_for_movable, &movable);
    return movable;
}

static const InventoryTable *find_table(const Inventory *i, const InventoryTable *t)
{
    return !i->tables ? NULL
                      : bsearch(t, i->tables, i->table_count, sizeof(*t), inventory_table_order);
}

static const InventoryDefinition *find_definition(const Inventory *i, const InventoryDefinition *d)
{
    return !i->definitions ? NULL
                           : bsearch(d, i->definitions, i->definition_count, sizeof(*d),
                                     inventory_definition_order);
}

/* What differs, but not by name. The definition of a table that does not inherit, and so has its
 * columns where it had them, differs by name as well. */
static bool is_same_by_name(const Comparison *c, const InventoryDifference *d)
{
    if (d->table[0] && d->table[1]) {
        const InventoryTable *then = find_table(&c->then_by_name, d->table[0]),
                             *now = find_table(&c->now_by_name, d->table[1]);
        return then && now && then->rows == now->rows && digest_equal(&then->digest, &now->digest);
    }
    if (d->definition[0] && d->definition[1]) {
        const InventoryDefinition *then = find_definition(&c->then_by_name, d->definition[0]),
                                  *now = find_definition(&c->now_by_name, d->definition[1]);
        return then && now && then->count == now->count &&
               digest_equal(&then->digest, &now->digest);
    }
    return false;
}

static char *describe_same_by_name(const InventoryDifference *d)
{
    const InventoryTable *table = d->table[0];
    const InventoryDefinition *definition = d->definition[0];
    _cleanup_free_ char *name = table ? inventory_full_name(table->schema, table->name)
                                      : inventory_full_name(definition->schema, definition->name);

    if (table)
        return mem_printf("the columns of %s, which inherits, stand in another order in the copy",
                          name);
    return mem_printf("the definition of %s %s is worded otherwise in the copy", definition->type,
                      name);
}

static void note_difference(void *userdata, const InventoryDifference *difference)
{
    Comparison *c = userdata;

    if (is_unlogged_of_standby(c, difference))
        return;
    if (is_same_by_name(c, difference)) {
        if (c->notes)
            strv_take(c->notes, describe_same_by_name(difference));
        return;
    }
    c->count++;
    if (c->first && !c->tell)
        return;

    _cleanup_free_ char *text = inventory_describe(difference, &c->then, &c->now);
    if (c->tell)
        c->tell(c->userdata, text);
    if (!c->first)
        c->first = TAKE_PTR(text);
}

void comparison_make(Comparison *c)
{
    inventory_compare(&c->then, &c->now, note_difference, c);
}

int comparison_error(const Comparison *c, const char *what, Err *err)
{
    return err_set(err, ERR_DAMAGED, "%s in %zu place%s: %s", what, c->count,
                   c->count == 1 ? "" : "s", c->first);
}

void comparison_done(Comparison *c)
{
    inventory_done(&c->then);
    inventory_done(&c->now);
    inventory_done(&c->then_by_name);
    inventory_done(&c->now_by_name);
    free(c->first);
    *c = (Comparison){ 0 };
}
