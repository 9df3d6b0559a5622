#pragma once

/* Takes the inventory of an SQL dump (pg_dump --format=plain) as it streams by, in pieces of any
 * size: tables from COPY blocks, sequences from setval(), large objects from lo_open() and
 * lowrite(), definitions from the comments that pg_dump puts before each object. It reads SQL as
 * psql does, so that nothing inside a literal, a quoted name, a dollar quote or a comment is taken
 * for any of them. Bounded memory: one statement's beginning, never a row.
 *
 * Tables, sequences and large objects are those of an archive of the same snapshot.
 *
 * A text that this accepts holds no command of psql's but \restrict and \unrestrict around all of
 * it, and none but the statements of pg_dump's, each where pg_dump has it. Others are ERR_DAMAGED;
 * what psql would read in a way of its own, or act upon, is ERR_DUMP_INCOMPLETE. Nothing is guessed
 * at. What no text can tell is what the server does: a function that a statement calls there may
 * change the settings by which psql reads what follows. */

#include "archive/inventory.h"
#include "sys/mem.h"

typedef struct SqlScanner SqlScanner;

SqlScanner *sql_scanner_new(void);
/* Before the first byte: rows are digested with their fields in the order of the columns' names. */
void sql_scanner_by_name(SqlScanner *s);
void sql_scanner_free(SqlScanner *s);
static inline void sql_scanner_freep(SqlScanner **s)
{
    sql_scanner_free(*s);
}
#define _cleanup_sql_scanner_ _cleanup_(sql_scanner_freep)

/* Gets the text as it comes, without psql's commands: a statement's end only once all of it was
 * found good. */
typedef int SqlPassOn(void *userdata, const void *data, size_t size, Err *err);
void sql_scanner_pass_on(SqlScanner *s, SqlPassOn *pass_on, void *userdata);

int sql_scanner_write(SqlScanner *s, const void *data, size_t size, Err *err);
/* ERR_DUMP_INCOMPLETE when the text ends, as psql reads it, inside a COPY block, a statement or a
 * comment, or without the comment "PostgreSQL database dump complete" that pg_dump writes last:
 * psql would not restore all of it. */
int sql_scanner_finish(SqlScanner *s, Err *err);
/* Hands over the inventory, sorted; after finish. */
void sql_scanner_take(SqlScanner *s, Inventory *ret);
