#pragma once

/* Reads a stored backup back. Levels, each of which either holds, or fails for one of three
 * reasons: ERR_DAMAGED (it is not what its manifest says), ERR_NOT_FOUND (it has been removed since
 * the catalog was loaded), or any other, mostly ERR_COULD_NOT_VERIFY (it could not be judged, for
 * example because no client program reads this archive). */

#include "archive/inventory.h"
#include "backup/catalog.h"
#include "pg/client.h"
#include "stream/stage.h"
#include "sys/clock.h"
#include "sys/err.h"

/* Size and SHA-256 of the data file, and SHA-256 of the inventory, against the manifest; all of
 * them against the .sha256 beside them. */
int verify_stored(const Catalog *catalog, const Series *series, const Backup *backup, Err *err);

/* All of that, and everything decoded in the same pass: the inventory is taken again and compared,
 * text has the digest of what pg_dump had written, and an archive is read to nowhere by pg_restore,
 * for which alone `client` is needed (NULL: not by it). */
int verify_decoded(const Catalog *catalog, const Series *series, const Backup *backup,
                   const PgClient *client, usec_t stall_timeout, Err *err);

/* The inventory that was taken while the backup was made; ERR_DAMAGED where it is not what the
 * manifest says, ERR_COULD_NOT_VERIFY where there is none. */
int verify_load_inventory(const Catalog *catalog, const Series *series, const Backup *backup,
                          Inventory *ret, Err *err);

/* The inventory of what is stored, taken anew of rows with their fields in the order of the
 * columns' names. */
int verify_take_by_name(const Catalog *catalog, const Series *series, const Backup *backup,
                        Inventory *ret, Err *err);

/* The stored file through its decoders into `sink` (taken over), with the stored digest checked on
 * the way: a mismatch fails before the sink is finished. */
int verify_stream(const Catalog *catalog, const Series *series, const Backup *backup, Stage *sink,
                  Err *err);

/* BACKUP_DIR/<series>/<file>. Caller frees. */
char *verify_data_path(const Catalog *catalog, const Series *series, const Backup *backup);
