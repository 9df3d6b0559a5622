#pragma once

/* Which definitions an inventory has, and under which names: docs/INVENTORY.md, "Definitions". */

#include "archive/archive.h"
#include "archive/digest.h"

/* The name under which an entry of this type and tag counts as a definition: the tag mostly, one
 * for all large objects; NULL when it is none: contents, or what has the database's own name in it,
 * which a restored copy does not share. */
const char *definition_name(const char *type, const char *tag);

/* The text of a definition as it is digested: in its normal wording, or in its loose one with the
 * columns by their names. NULL where that is the text itself. Caller frees. */
char *definition_wording(const char *text, size_t size, bool by_name);

/* Digests the definition that an entry of an archive holds. */
void definition_digest(DigestStream *stream, const ArchiveEntry *entry, bool by_name, Digest *ret);
