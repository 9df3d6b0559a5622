#include "backup/comparison.h"

#include <stdlib.h>

#include "sys/mem.h"

/* Unlogged tables are on a standby, but without contents, so that its dump has none of them; the
 * copy's has the contents, which are nothing. */
static bool is_unlogged_of_standby(const Comparison *c, const InventoryDifference *d)
{
    return c->no_unlogged && !d->table[0] && d->table[1] && d->table[1]->rows == 0;
}

static void note_difference(void *userdata, const InventoryDifference *difference)
{
    Comparison *c = userdata;

    if (is_unlogged_of_standby(c, difference))
        return;
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
    free(c->first);
    *c = (Comparison){ 0 };
}
