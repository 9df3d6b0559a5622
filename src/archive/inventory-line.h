#pragma once

/* The lines of an inventory's file, one by one: docs/INVENTORY.md, "The file". Each is appended
 * with its line feed. What reads lines compares them with these. */

#include "archive/inventory.h"
#include "sys/buf.h"

#define INVENTORY_FORMAT 1

void inventory_print_header(Buf *b, const Inventory *i);
void inventory_print_table(Buf *b, const InventoryTable *t);
void inventory_print_sequence(Buf *b, const InventorySequence *s);
void inventory_print_large_objects(Buf *b, const Inventory *i);
void inventory_print_definition(Buf *b, const InventoryDefinition *d);
