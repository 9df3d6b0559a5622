#include "archive/inventory.h"

#include <stdlib.h>
#include <string.h>

#include "sys/mem.h"

/* The three lists are kept by the same code. A full list is sorted and its equal names are united
 * before it grows: a million large objects, whose definitions share a name, take no more room than
 * one, and adding stays cheap, since a list has at least half of its capacity to fill each time. */

typedef struct ListKind {
    size_t size; /* of an item */
    int (*order)(const void *, const void *);
    void (*unite)(void *into, const void *from);
} ListKind;

typedef struct List {
    const ListKind *kind;
    void *items;
    size_t *count;
} List;

int inventory_name_order(const char *schema, const char *name, const char *other_schema,
                         const char *other_name)
{
    int order = schema == other_schema ? 0 : strcmp(schema, other_schema);
    return order != 0 ? order : strcmp(name, other_name);
}

char *inventory_full_name(const char *schema, const char *name)
{
    return schema && *schema ? mem_printf("%s.%s", schema, name) : mem_strdup(name);
}

int inventory_table_order(const void *a, const void *b)
{
    const InventoryTable *x = a, *y = b;
    return inventory_name_order(x->schema, x->name, y->schema, y->name);
}

int inventory_sequence_order(const void *a, const void *b)
{
    const InventorySequence *x = a, *y = b;
    return inventory_name_order(x->schema, x->name, y->schema, y->name);
}

int inventory_definition_order(const void *a, const void *b)
{
    const InventoryDefinition *x = a, *y = b;

    int order = x->type == y->type ? 0 : strcmp(x->type, y->type);
    return order != 0 ? order : inventory_name_order(x->schema, x->name, y->schema, y->name);
}

static void table_unite(void *into, const void *from)
{
    InventoryTable *t = into;
    const InventoryTable *other = from;
    t->rows += other->rows;
    t->bytes += other->bytes;
    digest_unite(&t->digest, &other->digest);
}

/* No dump has a sequence twice: this only has to be the same whatever the order was. */
static void sequence_unite(void *into, const void *from)
{
    InventorySequence *s = into;
    const InventorySequence *other = from;
    if (other->value > s->value)
        s->value = other->value;
    s->called |= other->called;
}

static void definition_unite(void *into, const void *from)
{
    InventoryDefinition *d = into;
    const InventoryDefinition *other = from;
    d->count += other->count;
    digest_unite(&d->digest, &other->digest);
}

static const ListKind table_list = { sizeof(InventoryTable), inventory_table_order, table_unite };
static const ListKind sequence_list = { sizeof(InventorySequence), inventory_sequence_order,
                                        sequence_unite };
static const ListKind definition_list = { sizeof(InventoryDefinition), inventory_definition_order,
                                          definition_unite };

static void *item(const List *l, size_t i)
{
    return (char *)l->items + i * l->kind->size;
}

static void list_sort(const List *l)
{
    size_t kept = 0;

    if (*l->count == 0)
        return;

    qsort(l->items, *l->count, l->kind->size, l->kind->order);
    for (size_t i = 1; i < *l->count; i++) {
        if (l->kind->order(item(l, kept), item(l, i)) == 0)
            l->kind->unite(item(l, kept), item(l, i));
        else if (++kept != i)
            memcpy(item(l, kept), item(l, i), l->kind->size);
    }
    *l->count = kept + 1;
}

/* Makes room for one more; returns the items, which may have moved. */
static void *list_reserve(const List *l, size_t *capacity)
{
    if (*l->count < *capacity)
        return l->items;

    list_sort(l);
    if (*l->count > *capacity / 2 || *capacity == 0)
        *capacity = *capacity > 0 ? *capacity * 2 : 16;
    return mem_resize(l->items, *capacity, l->kind->size);
}

static List tables(Inventory *i)
{
    return (List){ &table_list, i->tables, &i->table_count };
}

static List sequences(Inventory *i)
{
    return (List){ &sequence_list, i->sequences, &i->sequence_count };
}

static List definitions(Inventory *i)
{
    return (List){ &definition_list, i->definitions, &i->definition_count };
}

void inventory_done(Inventory *i)
{
    free(i->tables);
    free(i->sequences);
    free(i->definitions);
    names_done(&i->names);
    *i = (Inventory){ 0 };
}

void inventory_add_table(Inventory *i, const char *schema, const char *name, uint64_t rows,
                         uint64_t bytes, const Digest *digest)
{
    const List l = tables(i);
    i->tables = list_reserve(&l, &i->table_capacity);
    i->tables[i->table_count++] = (InventoryTable){
        .schema = names_keep(&i->names, schema),
        .name = names_keep(&i->names, name),
        .rows = rows,
        .bytes = bytes,
        .digest = *digest,
    };
}

void inventory_add_sequence(Inventory *i, const char *schema, const char *name, int64_t value,
                            bool called)
{
    const List l = sequences(i);
    i->sequences = list_reserve(&l, &i->sequence_capacity);
    i->sequences[i->sequence_count++] = (InventorySequence){
        .schema = names_keep(&i->names, schema),
        .name = names_keep(&i->names, name),
        .value = value,
        .called = called,
    };
}

void inventory_add_definition(Inventory *i, const char *type, const char *schema, const char *name,
                              const Digest *digest)
{
    const List l = definitions(i);
    i->definitions = list_reserve(&l, &i->definition_capacity);
    i->definitions[i->definition_count++] = (InventoryDefinition){
        .type = names_keep(&i->names, type),
        .schema = names_keep(&i->names, schema),
        .name = names_keep(&i->names, name),
        .count = 1,
        .digest = *digest,
    };
}

void inventory_add_large_object(Inventory *i, uint64_t bytes, const Digest *digest)
{
    i->large_objects++;
    i->large_object_bytes += bytes;
    digest_unite(&i->large_object_digest, digest);
}

void inventory_sort(Inventory *i)
{
    const List lists[] = { tables(i), sequences(i), definitions(i) };
    for (size_t l = 0; l < ELEMENTSOF(lists); l++)
        list_sort(&lists[l]);
}

uint64_t inventory_rows(const Inventory *i)
{
    uint64_t rows = 0;
    for (size_t t = 0; t < i->table_count; t++)
        rows += i->tables[t].rows;
    return rows;
}

uint64_t inventory_bytes(const Inventory *i)
{
    uint64_t bytes = 0;
    for (size_t t = 0; t < i->table_count; t++)
        bytes += i->tables[t].bytes;
    return bytes;
}
