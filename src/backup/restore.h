#pragma once

/* A backup back into the world: into a database, or decoded into a file or a descriptor. The stored
 * digest is checked before the target is touched: the file is read twice. */

#include "backup/catalog.h"
#include "pg/client.h"
#include "pg/server.h"
#include "sys/clock.h"
#include "sys/err.h"

#include <stdbool.h>

/* Only psql restores the globals, and psql does what a line with a backslash says: a name on a
 * hostile server may have put one there (CVE-2025-8714, CVE-2026-18408). */
#define RESTORE_GLOBALS_HINT                                                                       \
    "Roles come with the globals: \"pg-backup restore globals --output globals.sql\"; make "       \
    "sure that no line of it but \\restrict and \\unrestrict begins with a backslash (psql "       \
    "would obey it), then \"psql -X -d postgres -f globals.sql\", where a role that exists "       \
    "already "                                                                                     \
    "is no harm."

typedef struct RestoreSource {
    const Catalog *catalog;
    const Series *series;
    const Backup *backup;
} RestoreSource;

/* The decoded dump (a custom archive, or SQL text; of a directory, a copy of that). Nothing must
 * have that name; it appears complete. */
int restore_to_file(const RestoreSource *source, const char *path, Err *err);
/* ERR_USAGE for a directory, which is no stream. */
int restore_to_fd(const RestoreSource *source, int fd, const char *name, Err *err);

typedef struct RestoreTarget {
    const PgTarget *server;
    const PgClient *client;
    PgSession *session; /* in the maintenance database */
    const char *database;
    bool force;    /* into a database that is not empty */
    uint64_t jobs; /* connections that a directory is restored over into a new database */
    usec_t stall_timeout;
} RestoreTarget;

/* Makes the database where it is missing, with the original's encoding and locale; when the restore
 * then fails or is cancelled it is dropped again. An existing database is restored into in one
 * transaction, so that a failure leaves it as it was (SQL text with large objects, which would end
 * that transaction in its middle, fails); ERR_REFUSED when it is not empty, unless forced.
 * *ret_created says which of the two it was. */
int restore_to_database(const RestoreSource *source, const RestoreTarget *target, bool *ret_created,
                        Err *err);
