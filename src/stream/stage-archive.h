#pragma once

/* Rewrites an uncompressed custom archive (pg_dump --format=custom --compress=0) as a compressed
 * one of the same version, as it streams by: the blocks' data is cut into pieces, the pieces are
 * compressed by a pool of threads, and put together in order by the thread that writes; the
 * inventory is taken on the way. The stock pg_restore reads what comes out.
 *
 * Without compression, the chunks alone are others: pg_dump makes one of each row, and pg_restore
 * then reads every row's length on its way to a table.
 *
 * Any surprise in the archive fails the stream: ERR_DAMAGED, or ERR_ARCHIVE_VERSION within the
 * first bytes and before a row. A compression that archives of the version cannot hold is
 * ERR_INTERNAL: whoever asks knows the client's version. With `check`, each compressed piece is
 * decoded again and compared before it is written. Memory: about four pieces for each thread,
 * whatever the archive holds. */

#include "archive/inventory.h"
#include "stream/codec.h"
#include "stream/stage.h"

typedef struct StageArchiveSpec {
    CodecSpec compression; /* none, gzip, from 1.15 on all */
    unsigned threads;
    bool check;
    size_t piece_size; /* uncompressed bytes of a piece; 0: the default, 512 KiB */
} StageArchiveSpec;

Stage *stage_archive_new(const StageArchiveSpec *spec);

/* "1.14"; NULL before the header has passed. Owned by the stage. */
const char *stage_archive_version(const Stage *s);
/* After finish: the inventory, handed over. */
void stage_archive_take_inventory(Stage *s, Inventory *ret);
