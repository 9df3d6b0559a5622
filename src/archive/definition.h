#pragma once

/* Which definitions an inventory has, and under which names: docs/INVENTORY.md, "Definitions". */

#include "archive/archive.h"
#include "archive/digest.h"

/* The name under which an entry of this type and tag counts as a definition: the tag mostly, one
 * for all large objects; NULL when it is none: contents, or what has the database's own name in it,
 * which a restored copy does not share. */
const char *definition_name(const char *type, const char *tag);

/* Digests the definition that an entry of an archive holds, in its normal wording. */
void definition_digest(DigestStream *stream, const ArchiveEntry *entry, Digest *ret);
