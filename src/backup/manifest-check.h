#pragma once

/* Whether what was read as a manifest can be believed. The text may come from anywhere; names in it
 * are opened, removed and shown later. For manifest.c alone, which has read the members by type. */

#include "backup/manifest.h"
#include "sys/err.h"

/* ERR_DAMAGED where the members contradict each other, or the stem, which is the file's own name.
 * A database's name that JSON could not hold is replaced by that in the stem. */
int manifest_check(Manifest *m, const char *stem, Err *err);
