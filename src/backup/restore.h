#pragma once

/* A backup back into the world: into a database, or decoded into a file or a descriptor. The stored
 * digest is checked before the target is touched: the file is read twice. SQL text for a database
 * is decoded and searched for commands in the first of these passes: psql would run them. */

#include "backup/catalog.h"
#include "pg/client.h"
#include "pg/server.h"
#include "sys/clock.h"
#include "sys/err.h"
#include "sys/strv.h"

#include <stdbool.h>

/* Only psql restores the globals by hand, and psql does what a line with a backslash says: a name
 * on a hostile server may have put one there (CVE-2025-8714, CVE-2026-18408). */
#define RESTORE_GLOBALS_HINT                                                                       \
    "Roles and tablespaces come with the globals: \"pg-backup restore DATABASE --to NAME "         \
    "--globals\" makes those "                                                                     \
    "that are missing. By hand: \"pg-backup restore globals --output globals.sql\"; make sure "    \
    "that no line of it but one \\restrict and one \\unrestrict, each with a word of letters and " \
    "digits, begins with a backslash (psql would obey "                                            \
    "it), then \"psql -X -d postgres -f globals.sql\", where a role that exists already is no "    \
    "harm."

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
    bool superuser; /* whether our role is one */
    bool globals;   /* roles and tablespaces first, see globals.h: ERR_NOT_FOUND without any */
    bool force;     /* into a database, or tables, where there is something already */
    bool clean;     /* drop the objects of an archive first where they are */
    bool schema_only, data_only; /* of an archive */
    const Strv *tables;          /* likewise: patterns, see restore-select.h; none: all */
    uint64_t jobs;               /* connections to restore an archive over; 0: nobody asked */
    uint64_t directory_jobs;     /* for a directory, where nobody asked */
} RestoreTarget;

/* What is to be told, whether the restore succeeds or not. */
typedef struct RestoreOutcome {
    bool created;          /* the database was made */
    const Backup *globals; /* that were restored first; NULL: none */
    Strv notes;            /* what somebody may miss, a sentence each */
} RestoreOutcome;

#define _cleanup_restore_outcome_ _cleanup_(restore_outcome_done)
void restore_outcome_done(RestoreOutcome *o);

/* Makes the database where it is missing, with the original's encoding and locale, under a name of
 * its own that it loses when it is complete (pg/target.h); when the restore fails or is cancelled
 * before, it is dropped again. An existing database is restored into in one transaction, so that a
 * failure leaves it as it was (SQL text with large objects, which would end that transaction in its
 * middle, fails).
 *
 * ERR_REFUSED, unless forced: for an existing database that is not empty; where tables were chosen,
 * only when one of them is there; with data_only, only when one of them has rows, or a sequence
 * would be set back that others have taken numbers from. */
int restore_to_database(const RestoreSource *source, const RestoreTarget *target,
                        RestoreOutcome *ret, Err *err);
