#pragma once

/* What is in a dump: tables with rows and digests, sequences with values, large objects, and a
 * digest of each definition. Two dumps of one snapshot have equal inventories, whatever their
 * format, compression, number of threads and (but for definitions) client version; a dump of a
 * restored copy has that of the original. docs/INVENTORY.md defines each digest and the file's
 * format, so that a second implementation can be written from it.
 *
 *     Inventory i = {0};
 *     inventory_add_table(…) …          in any order; equal names are united
 *     inventory_sort(&i)                then it can be printed and compared
 *     inventory_done(&i)
 *
 * Definitions are comparable between dumps of the same format by a client of the same major. */

#include "archive/digest.h"
#include "sys/buf.h"
#include "sys/err.h"
#include "sys/names.h"

/* Names are those of the inventory's pool, or anybody's in an item that is only looked for. */

typedef struct InventoryTable {
    const char *schema, *name;
    uint64_t rows;  /* 0 where contents are INSERT statements, which are not counted */
    uint64_t bytes; /* of COPY text, uncompressed */
    Digest digest;
} InventoryTable;

typedef struct InventorySequence {
    const char *schema, *name;
    int64_t value;
    bool called; /* whether the value was given out already: setval()'s third argument */
} InventorySequence;

typedef struct InventoryDefinition {
    const char *type, *schema, *name; /* as in the TOC: "TABLE", "public", "orders"; "" for none */
    uint64_t count;                   /* of entries by this name; 1 mostly */
    Digest digest;
} InventoryDefinition;

typedef struct Inventory {
    InventoryTable *tables;
    size_t table_count, table_capacity;
    InventorySequence *sequences;
    size_t sequence_count, sequence_capacity;
    InventoryDefinition *definitions;
    size_t definition_count, definition_capacity;
    uint64_t large_objects, large_object_bytes;
    Digest large_object_digest;
    Names names;
} Inventory;

void inventory_done(Inventory *i);
#define _cleanup_inventory_ _cleanup_(inventory_done)

void inventory_add_table(Inventory *i, const char *schema, const char *name, uint64_t rows,
                         uint64_t bytes, const Digest *digest);
void inventory_add_sequence(Inventory *i, const char *schema, const char *name, int64_t value,
                            bool called);
void inventory_add_definition(Inventory *i, const char *type, const char *schema, const char *name,
                              const Digest *digest);
/* One large object: that of H(oid as 4 bytes, little-endian, and the contents behind it). */
void inventory_add_large_object(Inventory *i, uint64_t bytes, const Digest *digest);
void inventory_sort(Inventory *i);

/* The order of a sorted inventory: by the bytes of schema and name, of definitions by type first.
 * Items are passed as qsort() and bsearch() have them: an InventoryTable and so on. */
int inventory_table_order(const void *a, const void *b);
int inventory_sequence_order(const void *a, const void *b);
int inventory_definition_order(const void *a, const void *b);
int inventory_name_order(const char *schema, const char *name, const char *other_schema,
                         const char *other_name);
/* For people: "public.orders"; "orders" of what is in no schema, which is "" or NULL. Caller frees.
 */
char *inventory_full_name(const char *schema, const char *name);

uint64_t inventory_rows(const Inventory *i);  /* of all tables */
uint64_t inventory_bytes(const Inventory *i); /* likewise, without large objects */

/* The file: JSON lines, one object each, sorted; the same text each time. It is written in pieces
 * of some lines, so that it takes no memory; what `write` says comes back. */
int inventory_write(const Inventory *i,
                    int (*write)(void *userdata, const void *data, size_t size, Err *err),
                    void *userdata, Err *err);
void inventory_print(const Inventory *i, Buf *ret); /* all of it; for tests */
/* Reads it as it comes, in pieces of any size. ERR_DAMAGED, with the line's number, for anything
 * that inventory_write() does not write. */
typedef struct InventoryReader InventoryReader;
InventoryReader *inventory_reader_new(void);
int inventory_reader_write(InventoryReader *r, const void *data, size_t size, Err *err);
int inventory_reader_finish(InventoryReader *r, Inventory *ret, Err *err);
void inventory_reader_free(InventoryReader *r);
static inline void inventory_reader_freep(InventoryReader **r)
{
    inventory_reader_free(*r);
}
#define _cleanup_inventory_reader_ _cleanup_(inventory_reader_freep)

int inventory_parse(const char *text, size_t size, Inventory *ret, Err *err); /* all of it */

typedef enum InventoryChange {
    INVENTORY_MISSING, /* in the first, not in the second */
    INVENTORY_ADDED,
    INVENTORY_CHANGED,
} InventoryChange;

/* One difference; pointers borrow from the two inventories. */
typedef struct InventoryDifference {
    InventoryChange change;
    const InventoryTable *table[2]; /* before, after; NULL where it is not */
    const InventorySequence *sequence[2];
    const InventoryDefinition *definition[2];
    bool large_objects; /* the large objects differ: there is no more to say of them */
} InventoryDifference;

/* Both sorted. Calls `tell` for each difference, tables first, then sequences, large objects,
 * definitions, each by name; returns their number. `tell` may be NULL. */
size_t inventory_compare(const Inventory *before, const Inventory *after,
                         void (*tell)(void *userdata, const InventoryDifference *d),
                         void *userdata);
/* "table public.orders: 100 rows became 99". The inventories are those that were compared. Caller
 * frees. */
char *inventory_describe(const InventoryDifference *d, const Inventory *before,
                         const Inventory *after);
