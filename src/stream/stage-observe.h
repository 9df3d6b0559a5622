#pragma once

/* Passes bytes on unchanged and takes the inventory of a copy of them in a thread of its own:
 * parsing, decompressing, counting and digesting. What it meets there never fails the stream; the
 * verdict is asked for afterwards. A bounded queue keeps it from falling behind: memory does not
 * depend on what passes. After a failure of its own it lets bytes pass and does nothing else. */

#include "archive/inventory.h"
#include "stream/codec.h"
#include "stream/stage.h"

/* A custom archive with any compression that it may have inside. */
Stage *stage_observe_archive_new(void);
/* An SQL dump, compressed by `codec`. */
Stage *stage_observe_sql_new(Codec codec);

/* Before the first byte: rows are digested with their fields in the order of the columns' names. */
void stage_observe_by_name(Stage *s);

/* After finish: hands over the inventory; else the reason why there is none: ERR_DAMAGED,
 * ERR_ARCHIVE_VERSION. */
int stage_observe_take_inventory(Stage *s, Inventory *ret, Err *err);
/* After finish: "1.14" of an archive whose header was understood, else NULL. Owned by the stage. */
const char *stage_observe_archive_version(const Stage *s);
