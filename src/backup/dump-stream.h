#pragma once

/* One client program's output, as it streams by, to a published file:
 *
 *     custom   tap(raw) · checks · rewrite                · tap(stored) · file      by pg-backup
 *              tap(raw) · checks · observe · witness                    · file      by pg_dump
 *     plain    tap(raw) · checks · observe · compress     · tap(stored) · file
 *
 * Before the file is published: the client's exit status was 0, the dump is not empty, and it can
 * be read. A rewritten archive has been parsed to its end, and each of its compressed pieces
 * decoded again; one that is stored as pg_dump wrote it is decoded by pg_restore as it streams by
 * (the witness); SQL text has its closing comment. */

#include "archive/inventory.h"
#include "backup/compression.h"
#include "backup/manifest.h"
#include "pg/client.h"
#include "sys/clock.h"
#include "sys/err.h"

#include <stdbool.h>

typedef struct DumpStream {
    const PgClient *client;
    const CompressionPlan *compression;
    const char *closing; /* the line that ends SQL text; NULL for an archive */
    bool contents;       /* it has tables: an inventory is taken, and judged */
    unsigned threads;
    bool decode_check;
    usec_t stall_timeout;
    int series_fd; /* of the directory in which manifest.file is to appear */
    const char *series_path;

    /* Called once where there are contents, when all has been read and nothing is published yet:
     * whether it may be. `inventory` is NULL where there is none, and `why_none` then says why. */
    int (*judge)(void *userdata, Inventory *inventory, const Err *why_none, Err *err);
    void *userdata;
} DumpStream;

/* Spawns the command and sees it through. Of `m` it needs the file's name, and fills what the
 * stream tells: sizes, digests, times, warnings, archive version. ERR_ARCHIVE_VERSION: this pg_dump
 * writes archives that we cannot rewrite; nothing was dumped yet. */
int dump_stream(const DumpStream *d, PgCommand *command, Manifest *m, Err *err);
