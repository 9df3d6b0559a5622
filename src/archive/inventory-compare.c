#include "archive/inventory.h"

#include <inttypes.h>
#include <string.h>

#include "sys/mem.h"

/* Both lists are sorted: one walk down both, always past the smaller name. */

typedef void TellFunction(void *userdata, const InventoryDifference *d);

typedef struct ListKind {
    size_t size; /* of an item */
    int (*order)(const void *, const void *);
    bool (*same)(const void *, const void *);
    void (*fill)(InventoryDifference *d, const void *before, const void *after);
} ListKind;

static bool table_same(const void *a, const void *b)
{
    const InventoryTable *before = a, *after = b;
    return before->rows == after->rows && before->bytes == after->bytes &&
           digest_equal(&before->digest, &after->digest);
}

static void table_fill(InventoryDifference *d, const void *before, const void *after)
{
    d->table[0] = before;
    d->table[1] = after;
}

static bool sequence_same(const void *a, const void *b)
{
    const InventorySequence *before = a, *after = b;
    return before->value == after->value && before->called == after->called;
}

static void sequence_fill(InventoryDifference *d, const void *before, const void *after)
{
    d->sequence[0] = before;
    d->sequence[1] = after;
}

static bool definition_same(const void *a, const void *b)
{
    const InventoryDefinition *before = a, *after = b;
    return before->count == after->count && digest_equal(&before->digest, &after->digest);
}

static void definition_fill(InventoryDifference *d, const void *before, const void *after)
{
    d->definition[0] = before;
    d->definition[1] = after;
}

static const ListKind table_list = { sizeof(InventoryTable), inventory_table_order, table_same,
                                     table_fill };
static const ListKind sequence_list = { sizeof(InventorySequence), inventory_sequence_order,
                                        sequence_same, sequence_fill };
static const ListKind definition_list = { sizeof(InventoryDefinition), inventory_definition_order,
                                          definition_same, definition_fill };

typedef struct List {
    const void *items;
    size_t count;
} List;

static size_t compare_lists(const ListKind *kind, List before, List after, TellFunction *tell,
                            void *userdata)
{
    size_t differences = 0;

    for (size_t b = 0, a = 0; b < before.count || a < after.count;) {
        const void *old = (const char *)before.items + b * kind->size;
        const void *new = (const char *)after.items + a * kind->size;
        int order = b == before.count ? 1 : a == after.count ? -1 : kind->order(old, new);
        b += order <= 0;
        a += order >= 0;
        if (order == 0 && kind->same(old, new))
            continue;

        InventoryDifference d = { .change = order < 0   ? INVENTORY_MISSING
                                            : order > 0 ? INVENTORY_ADDED
                                                        : INVENTORY_CHANGED };
        kind->fill(&d, order <= 0 ? old : NULL, order >= 0 ? new : NULL);
        differences++;
        if (tell)
            tell(userdata, &d);
    }
    return differences;
}

static size_t compare_large_objects(const Inventory *before, const Inventory *after,
                                    TellFunction *tell, void *userdata)
{
    if (before->large_objects == after->large_objects &&
        before->large_object_bytes == after->large_object_bytes &&
        digest_equal(&before->large_object_digest, &after->large_object_digest))
        return 0;

    if (tell)
        tell(userdata,
             &(InventoryDifference){ .change = INVENTORY_CHANGED, .large_objects = true });
    return 1;
}

size_t inventory_compare(const Inventory *before, const Inventory *after, TellFunction *tell,
                         void *userdata)
{
    size_t differences = 0;

    differences += compare_lists(&table_list, (List){ before->tables, before->table_count },
                                 (List){ after->tables, after->table_count }, tell, userdata);
    differences +=
        compare_lists(&sequence_list, (List){ before->sequences, before->sequence_count },
                      (List){ after->sequences, after->sequence_count }, tell, userdata);
    differences += compare_large_objects(before, after, tell, userdata);
    differences +=
        compare_lists(&definition_list, (List){ before->definitions, before->definition_count },
                      (List){ after->definitions, after->definition_count }, tell, userdata);
    return differences;
}

/* -- In words -- */

static const char *const change_words[] = {
    [INVENTORY_MISSING] = "is missing",
    [INVENTORY_ADDED] = "was added",
};

/* "1 row", "2 rows". Caller frees. */
static char *counted(uint64_t count, const char *noun)
{
    return mem_printf("%" PRIu64 " %s%s", count, noun, count == 1 ? "" : "s");
}

static char *describe_table(const InventoryDifference *d)
{
    const InventoryTable *before = d->table[0], *after = d->table[1], *any = after ? after : before;
    _cleanup_free_ char *name = inventory_full_name(any->schema, any->name);
    _cleanup_free_ char *rows = counted(before ? before->rows : after->rows, "row");

    if (!before || !after)
        return mem_printf("table %s %s (%s)", name, change_words[d->change], rows);
    if (before->rows != after->rows)
        return mem_printf("table %s: %s became %" PRIu64, name, rows, after->rows);
    return mem_printf("table %s: other contents in as many rows (%s)", name, rows);
}

/* "42", "42 (not called yet)" */
static char *sequence_value(const InventorySequence *s)
{
    return mem_printf("%" PRId64 "%s", s->value, s->called ? "" : " (not called yet)");
}

static char *describe_sequence(const InventoryDifference *d)
{
    const InventorySequence *before = d->sequence[0], *after = d->sequence[1];
    const InventorySequence *any = after ? after : before;
    _cleanup_free_ char *name = inventory_full_name(any->schema, any->name),
                        *value = sequence_value(any);

    if (!before || !after)
        return mem_printf("sequence %s %s: %s", name, change_words[d->change], value);
    _cleanup_free_ char *old_value = sequence_value(before);
    return mem_printf("sequence %s: %s became %s", name, old_value, value);
}

static char *describe_large_objects(const Inventory *before, const Inventory *after)
{
    if (before->large_objects != after->large_objects)
        return mem_printf("large objects: %" PRIu64 " became %" PRIu64, before->large_objects,
                          after->large_objects);
    return mem_printf("large objects: other contents or numbers, but as many (%" PRIu64 ")",
                      before->large_objects);
}

static char *describe_definition(const InventoryDifference *d)
{
    const InventoryDefinition *any = d->definition[1] ? d->definition[1] : d->definition[0];
    _cleanup_free_ char *name = inventory_full_name(any->schema, any->name);

    return mem_printf("definition of %s%s%s %s", any->type, *name ? " " : "", name,
                      d->change == INVENTORY_CHANGED ? "differs" : change_words[d->change]);
}

char *inventory_describe(const InventoryDifference *d, const Inventory *before,
                         const Inventory *after)
{
    if (d->large_objects)
        return describe_large_objects(before, after);
    if (d->table[0] || d->table[1])
        return describe_table(d);
    if (d->sequence[0] || d->sequence[1])
        return describe_sequence(d);
    return describe_definition(d);
}
