#pragma once

/* Reads the few statements of a dump that carry contents, each exactly as pg_dump writes it;
 * anything else is -EINVAL. `text` is the whole statement with its semicolon. Outputs are the
 * caller's to free. `plain_backslash`: a backslash in a literal is a character as any other, as
 * with standard_conforming_strings = on; otherwise pg_dump doubles it. */

#include <stdbool.h>
#include <stdint.h>

#include "sys/strv.h"

/* "COPY s.t (a, b) FROM stdin;", in an archive with a line feed behind it; *ret_schema is NULL
 * where there is none. */
int sql_read_copy(const char *text, char **ret_schema, char **ret_name);
/* The columns of it, which are none where there is no list. */
int sql_read_copy_columns(const char *text, Strv *ret);

/* "SELECT pg_catalog.setval('s.q', 42, true);" */
int sql_read_setval(const char *text, bool plain_backslash, char **ret_schema, char **ret_name,
                    int64_t *ret_value, bool *ret_called);
/* Only what follows the name, which an entry of an archive says better. */
int sql_read_setval_value(const char *text, int64_t *ret_value, bool *ret_called);

/* "SELECT pg_catalog.lo_open('1234', 131072);" */
int sql_read_lo_open(const char *text, uint32_t *ret_oid);

/* "\restrict KEY" or "\unrestrict KEY" with its line feed. The key is of letters and digits: psql
 * would run what stands in backticks, and put the values of its variables in their place. */
int sql_read_restrict(const char *text, bool *ret_begins, char **ret_key);
