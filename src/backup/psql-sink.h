#pragma once

/* The end of a pipeline that gives SQL text to psql.
 *
 * psql runs programs where a line says so, and finds such lines by a lexer of its own, which the
 * server steers. Two things stand against that: no text gets there that was not found to be
 * pg_dump's own (stream/stage-guard.h), and a psql that knows \restrict is told to take no command,
 * with a key that nobody else has. The text's own two lines of that kind are left out, so that a
 * psql that does not know them restores it, too. */

#include "pg/client.h"
#include "stream/stage.h"
#include "sys/child.h"
#include "sys/err.h"

#include <stdbool.h>

/* In one transaction an existing database gets all of the text or, however we end, nothing: its end
 * is written only when every check on the way has held. */
int psql_sink_new(Child *psql, const PgClient *client, bool one_transaction, Stage **ret, Err *err);
