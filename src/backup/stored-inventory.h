#pragma once

/* The inventory as a file beside its backup. It is written in pieces, and the SHA-256 of the whole
 * stands in the manifest; the same contents make the same bytes, so that equal inventories need not
 * be read to be known as such. */

#include "archive/inventory.h"
#include "backup/manifest.h"
#include "stream/stage.h"
#include "sys/err.h"

#include <stdbool.h>

/* Into the sink, which it takes over and finishes. *ret_sha256 of all of it; caller frees. */
int stored_inventory_write(const Inventory *i, Stage *sink, char **ret_sha256, Err *err);

/* Whether the manifest vouches for just this inventory. */
int stored_inventory_is(const Manifest *m, const Inventory *i, bool *ret, Err *err);
