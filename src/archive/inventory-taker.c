#include "archive/inventory-taker.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "archive/copy-rows.h"
#include "archive/definition.h"
#include "archive/sql-statement.h"
#include "archive/text-digest.h"

/* An entry with data, kept until its block comes. */
typedef struct Expected {
    size_t entry;              /* which of the TOC */
    const char *schema, *name; /* of the inventory's pool */
    bool rows;                 /* COPY text; otherwise INSERT statements */
    ColumnOrder order;         /* of the rows; only by name */
} Expected;

typedef enum BlockState {
    BLOCK_NONE,
    BLOCK_ROWS,
    BLOCK_STATEMENTS,
    BLOCK_LARGE_OBJECTS,
} BlockState;

struct InventoryTaker {
    Inventory inventory;
    bool by_name;
    size_t entries; /* of the TOC, so far */
    Expected *expected;
    size_t expected_count, expected_capacity; /* in the TOC's order */

    BlockState state;
    const Expected *table; /* of the block */
    CopyRows *rows;
    TextDigest statements;
    DigestStream *stream; /* of a large object, or a definition */
    uint64_t object_bytes;
};

InventoryTaker *inventory_taker_new(void)
{
    InventoryTaker *t = mem_zero(1, sizeof(*t));
    t->rows = copy_rows_new();
    t->stream = digest_stream_new();
    text_digest_init(&t->statements);
    return t;
}

void inventory_taker_by_name(InventoryTaker *t)
{
    t->by_name = true;
}

void inventory_taker_free(InventoryTaker *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->expected_count; i++)
        column_order_done(&t->expected[i].order);
    free(t->expected);
    inventory_done(&t->inventory);
    copy_rows_free(t->rows);
    digest_stream_free(t->stream);
    text_digest_done(&t->statements);
    free(t);
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* -- The TOC -- */

/* Rows count for the table that they are loaded into. COPY names it: the entry's own, but for
 * partitions that pg_dump loads through their root, since which of them a row belongs to may be
 * another one in another database. Old archives name no schema, or have a COPY of another form. */
static void expect_data(InventoryTaker *t, const ArchiveEntry *entry)
{
    _cleanup_free_ char *schema = NULL, *name = NULL;
    Names *names = &t->inventory.names;

    if (entry->copy)
        sql_read_copy(entry->copy, &schema, &name);
    if (t->expected_count == t->expected_capacity) {
        t->expected_capacity = t->expected_capacity > 0 ? t->expected_capacity * 2 : 16;
        t->expected = mem_resize(t->expected, t->expected_capacity, sizeof(*t->expected));
    }
    Expected *e = &t->expected[t->expected_count++];
    *e = (Expected){
        .entry = t->entries,
        .schema = names_keep(names, schema ? schema : or_empty(entry->schema)),
        .name = names_keep(names, name ? name : or_empty(entry->tag)),
        .rows = entry->copy != NULL,
    };
    if (t->by_name && e->rows)
        column_order_read(entry->copy, &e->order);
}

static int add_sequence(InventoryTaker *t, const ArchiveEntry *entry, Err *err)
{
    int64_t value;
    bool called;

    if (sql_read_setval_value(or_empty(entry->defn), &value, &called) < 0)
        return err_set(err, ERR_DAMAGED, "the value of the sequence \"%s\" cannot be read",
                       or_empty(entry->tag));
    inventory_add_sequence(&t->inventory, or_empty(entry->schema), or_empty(entry->tag), value,
                           called);
    return 0;
}

static void add_definition(InventoryTaker *t, const ArchiveEntry *entry)
{
    const char *name = definition_name(or_empty(entry->desc), or_empty(entry->tag));
    Digest digest;

    if (!name)
        return;
    definition_digest(t->stream, entry, t->by_name, &digest);
    inventory_add_definition(&t->inventory, or_empty(entry->desc), or_empty(entry->schema), name,
                             &digest);
}

int inventory_taker_entry(InventoryTaker *t, const ArchiveEntry *entry, Err *err)
{
    int r = 0;

    if (entry->has_data)
        expect_data(t, entry);
    if (strcmp(or_empty(entry->desc), "SEQUENCE SET") == 0)
        r = add_sequence(t, entry, err);
    else
        add_definition(t, entry);
    t->entries++;
    return r;
}

/* -- The blocks -- */

static int order_of_entries(const void *key, const void *item)
{
    size_t entry = *(const size_t *)key, other = ((const Expected *)item)->entry;
    return entry < other ? -1 : entry > other;
}

void inventory_taker_block_begin(InventoryTaker *t, const ArchiveBlock *block)
{
    assert(t->state == BLOCK_NONE);

    if (block->kind == ARCHIVE_BLOCK_LARGE_OBJECTS) {
        t->state = BLOCK_LARGE_OBJECTS;
        return;
    }

    t->table = bsearch(&block->entry, t->expected, t->expected_count, sizeof(*t->expected),
                       order_of_entries);
    assert(t->table); /* the reader has seen the entry */
    t->state = t->table->rows ? BLOCK_ROWS : BLOCK_STATEMENTS;
    if (t->state == BLOCK_ROWS)
        copy_rows_begin_in_order(t->rows, &t->table->order);
    else
        text_digest_begin(&t->statements);
}

void inventory_taker_object_begin(InventoryTaker *t, uint32_t oid)
{
    uint32_t bytes = htole32(oid);
    assert(t->state == BLOCK_LARGE_OBJECTS);

    t->object_bytes = 0;
    digest_stream_begin(t->stream);
    digest_stream_write(t->stream, &bytes, sizeof(bytes));
}

int inventory_taker_data(InventoryTaker *t, const void *data, size_t size, Err *err)
{
    assert(t->state != BLOCK_NONE);

    switch (t->state) {
    case BLOCK_ROWS:
        return copy_rows_write(t->rows, data, size, err);
    case BLOCK_STATEMENTS:
        text_digest_write(&t->statements, data, size);
        break;
    case BLOCK_LARGE_OBJECTS:
        digest_stream_write(t->stream, data, size);
        t->object_bytes += size;
        break;
    case BLOCK_NONE:
        break;
    }
    return 0;
}

void inventory_taker_object_end(InventoryTaker *t)
{
    Digest digest = { 0 };
    digest_stream_end(t->stream, &digest);
    inventory_add_large_object(&t->inventory, t->object_bytes, &digest);
}

int inventory_taker_block_end(InventoryTaker *t, Err *err)
{
    BlockState state = t->state;
    const Expected *table = t->table;
    Digest digest = { 0 };

    t->state = BLOCK_NONE;
    t->table = NULL;
    if (state == BLOCK_ROWS) {
        int r = copy_rows_finish(t->rows, err);
        if (r < 0)
            return r;
        inventory_add_table(&t->inventory, table->schema, table->name, copy_rows_count(t->rows),
                            copy_rows_bytes(t->rows), copy_rows_digest(t->rows));
    } else if (state == BLOCK_STATEMENTS) {
        text_digest_end(&t->statements, &digest);
        inventory_add_table(&t->inventory, table->schema, table->name, /* rows= */ 0,
                            t->statements.bytes, &digest);
    }
    return 0;
}

void inventory_taker_take(InventoryTaker *t, Inventory *ret)
{
    inventory_sort(&t->inventory);
    *ret = t->inventory;
    t->inventory = (Inventory){ 0 };
}
