#pragma once

/* Names and values as SQL has them.
 *
 * In a session libpq quotes: it knows the encoding, and what would end a name or a value in it.
 * NULL: the text is not valid in that encoding. Caller frees. */

#include "pg/server.h"

char *pg_quote_identifier(PgSession *s, const char *name);
char *pg_quote_literal(PgSession *s, const char *text);

/* A name as an identifier, always quoted, for a statement that somebody is shown, where there is no
 * session to quote it. Caller frees. */
char *pg_quote_name(const char *name);
