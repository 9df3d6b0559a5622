#pragma once

/* The names of a backup's files, and back again. Pure.
 *
 *     BACKUP_DIR/appdb/appdb_20261122T020000Z.dump           .dump | .dir | .sql[.gz|.zst|.lz4]
 *                      appdb_20261122T020000Z.inventory.jsonl
 *                      appdb_20261122T020000Z.dump.sha256
 *                      appdb_20261122T020000Z.json           the manifest
 *                      appdb_latest.dump -> appdb_20261122T020000Z.dump
 *
 * A database's name is data, not a path: every byte but A-Z a-z 0-9 . _ - is written as %XX
 * (upper-case hex), and so are a leading '.' or '-', and the first letter of a database called
 * "globals", which would collide with the directory of the globals. The encoding is reversible and
 * canonical: decoding refuses what encoding does not produce. */

#include "conf/settings.h"
#include "stream/codec.h"
#include "sys/clock.h"

#include <stdbool.h>
#include <stddef.h>

#define ARTIFACT_GLOBALS "globals" /* directory and stem of roles and tablespaces */

/* The encoded form of a database's name. Caller frees. */
char *artifact_encode(const char *database);
/* The inverse; NULL for a string that artifact_encode() does not make. Caller frees. */
char *artifact_decode(const char *encoded);

/* "appdb_20261122T020000Z" from the encoded name. Caller frees. */
char *artifact_stem(const char *encoded, usec_t when);
/* Splits a stem; false if it is none. *ret_encoded is the caller's; any output may be NULL. */
bool artifact_parse_stem(const char *stem, char **ret_encoded, usec_t *ret_when);

typedef enum ArtifactKind {
    ARTIFACT_DATA,      /* the dump itself, by one of the known extensions */
    ARTIFACT_INVENTORY, /* .inventory.jsonl: what is in it */
    ARTIFACT_CHECKSUM,  /* .sha256 of it */
    ARTIFACT_MANIFEST,  /* .json */
    ARTIFACT_COMPANION, /* .WORD.json: evidence that appears later, like .proof.json */
    ARTIFACT_LATEST,    /* ENCODED_latest.EXT */
} ArtifactKind;

/* What a file name in the directory of `encoded` is: false for anything that is not ours. *ret_stem
 * (NULL for ARTIFACT_LATEST) is the caller's. */
bool artifact_parse_file(const char *encoded, const char *file, ArtifactKind *ret_kind,
                         char **ret_stem);

/* ".dump", ".dir", ".sql.zst": `codec` is that of SQL text, and counts for nothing else. */
const char *artifact_extension(BackupFormat format, Codec codec);
/* Whether the dump of this name is a directory: one that ends in ".dir". */
bool artifact_is_directory(const char *file);
/* "appdb_20261122T020000Z.inventory.jsonl". Caller frees. */
char *artifact_inventory(const char *stem);
/* "appdb_latest.dump" for encoded "appdb" and ".dump". Caller frees. */
char *artifact_latest(const char *encoded, const char *extension);
