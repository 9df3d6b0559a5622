#pragma once

/* Roles and tablespaces from a backup of the globals, into a server: never through psql, which does
 * what a line with a backslash says. The statements go to the server one by one, and only those
 * that make roles and tablespaces: none of them can change the server's settings.
 *
 * A role that is there already stays as it is: password, rights, settings, and its membership in
 * others that were there, too. What the server refuses is noted: if it matters, the restore that
 * follows fails. */

#include "backup/catalog.h"
#include "pg/server.h"
#include "sys/err.h"
#include "sys/strv.h"

#include <stdbool.h>

/* Those of the same run as a backup of that moment; else the nearest before it, else the nearest
 * after it; NULL: there are none. *ret_series is theirs. */
const Backup *globals_choose(const Catalog *catalog, usec_t when, const Series **ret_series);

typedef struct GlobalsTarget {
    PgSession *session;        /* in the maintenance database */
    bool in_place_tablespaces; /* make them inside the server's own directory */
} GlobalsTarget;

/* Checks the stored digest first: ERR_DAMAGED. */
int globals_restore(const Catalog *catalog, const Series *series, const Backup *globals,
                    const GlobalsTarget *target, Strv *notes, Err *err);
