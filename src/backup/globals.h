#pragma once

/* Roles and tablespaces from a backup of the globals, into a server: never through psql, which does
 * what a line with a backslash says. The statements go to the server one by one, and only those
 * that make roles and tablespaces: none of them can change the server's settings.
 *
 * A role that is there already stays as it is: password, rights, settings, and its membership in
 * others that were there, too; so does a tablespace with its options and privileges. What the
 * server refuses is noted: if it matters, the restore that follows fails. */

#include "backup/catalog.h"
#include "pg/server.h"
#include "sys/err.h"
#include "sys/strv.h"

#include <stdbool.h>

/* The choice after `last` (NULL: the first) for a backup of that moment: the globals of the same
 * run, then ever older ones, then those after it, the nearest first; NULL: there are no more. */
const Backup *globals_next(const Series *s, usec_t when, const Backup *last);

typedef struct GlobalsTarget {
    PgSession *session;        /* in the maintenance database */
    bool in_place_tablespaces; /* make them inside the server's own directory */
} GlobalsTarget;

/* Checks the stored digest first: ERR_DAMAGED. */
int globals_restore(const Catalog *catalog, const Series *series, const Backup *globals,
                    const GlobalsTarget *target, Strv *notes, Err *err);
