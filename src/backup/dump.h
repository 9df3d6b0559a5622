#pragma once

/* One dump: from the server to a committed backup.
 *
 *     snapshot session ─▶ pg_dump --snapshot ─▶ dump-stream.h, dump-directory.h ─▶ publish
 *         ─▶ inventory ─▶ .sha256 ─▶ manifest (commit) ─▶ latest
 *
 * Whatever fails before the manifest leaves nothing behind. */

#include "backup/catalog.h"
#include "backup/compression.h"
#include "backup/manifest.h"
#include "conf/settings.h"
#include "pg/client.h"
#include "pg/server.h"
#include "sys/clock.h"
#include "sys/err.h"

#include <stdbool.h>
#include <stdint.h>

/* What all dumps of a run have in common; borrowed. */
typedef struct DumpContext {
    const PgTarget *target;
    const PgClient *client;
    const PgServerInfo *server;
    const Catalog *catalog; /* BACKUP_DIR, with what was there before */
    uint64_t max_fall_percent;
    usec_t when; /* the run's moment, in every stem */
    BackupFormat format;
    CompressionRequest compression;
    uint64_t jobs; /* compressing threads; connections of a directory */
    bool decode_check;
    usec_t stall_timeout;
    uint64_t lock_wait_timeout_seconds;
    const char *policy;          /* for the manifest */
    const char *program_version; /* likewise */
} DumpContext;

/* On success *ret is the committed manifest, and *warning holds what went wrong after the commit
 * (the latest link), empty if nothing. */
int dump_database(const DumpContext *ctx, const char *database, Manifest *ret, Err *warning,
                  Err *err);

/* Roles and tablespaces; without passwords where our role may not read pg_authid, which the
 * manifest then says. */
int dump_globals(const DumpContext *ctx, Manifest *ret, Err *warning, Err *err);
