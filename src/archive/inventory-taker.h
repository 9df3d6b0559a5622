#pragma once

/* Takes the inventory of an archive from the events of its reader, with data already decoded:
 *
 *     entry*  { block_begin  data*  block_end
 *             | block_begin  { object_begin data* object_end }*  block_end } *  take
 *
 * Of each entry it keeps what the inventory needs, and no more. */

#include "archive/archive-reader.h"
#include "archive/inventory.h"
#include "sys/mem.h"

typedef struct InventoryTaker InventoryTaker;

InventoryTaker *inventory_taker_new(void);
/* Before the first entry: rows are digested with their fields in the order of the columns' names.
 */
void inventory_taker_by_name(InventoryTaker *t);
void inventory_taker_free(InventoryTaker *t);
static inline void inventory_taker_freep(InventoryTaker **t)
{
    inventory_taker_free(*t);
}
#define _cleanup_inventory_taker_ _cleanup_(inventory_taker_freep)

/* ERR_DAMAGED for a SEQUENCE SET that does not say a value. */
int inventory_taker_entry(InventoryTaker *t, const ArchiveEntry *entry, Err *err);
void inventory_taker_block_begin(InventoryTaker *t, const ArchiveBlock *block);
void inventory_taker_object_begin(InventoryTaker *t, uint32_t oid);
/* ERR_DAMAGED for rows that are not COPY text as pg_dump writes it. */
int inventory_taker_data(InventoryTaker *t, const void *data, size_t size, Err *err);
void inventory_taker_object_end(InventoryTaker *t);
int inventory_taker_block_end(InventoryTaker *t, Err *err);

/* Hands over the inventory, sorted. */
void inventory_taker_take(InventoryTaker *t, Inventory *ret);
