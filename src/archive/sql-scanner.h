#pragma once

/* Takes the inventory of an SQL dump (pg_dump --format=plain) as it streams by, in pieces of any
 * size: tables from COPY blocks, sequences from setval(), large objects from lo_open() and
 * lowrite(), definitions from the comments that pg_dump puts before each object. It reads SQL as
 * psql does, so that nothing inside a literal, a quoted name, a dollar quote or a comment is taken
 * for any of them. Bounded memory: one statement's beginning, never a row. */

#include "archive/inventory.h"

typedef struct SqlScanner SqlScanner;

SqlScanner *sql_scanner_new(void);
void sql_scanner_free(SqlScanner *s);
int sql_scanner_write(SqlScanner *s, const void *data, size_t size, Err *err);
/* ERR_DAMAGED when the text ends inside a COPY block, a literal or a comment. */
int sql_scanner_finish(SqlScanner *s, Err *err);
/* Hands over the inventory, sorted; after finish. */
void sql_scanner_take(SqlScanner *s, Inventory *ret);
