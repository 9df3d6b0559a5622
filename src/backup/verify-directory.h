#pragma once

/* The levels of backup/verify.h for a backup that is a directory. Kinds of errors are as there. */

#include "archive/inventory.h"
#include "backup/manifest.h"
#include "pg/client.h"
#include "sys/err.h"

/* That it holds the files of the manifest, each with its size and SHA-256, and no others. With
 * `ret_inventory`, everything is decoded in the same pass, and the inventory taken again.
 * `m` is whole (catalog_load_manifest()). */
int verify_directory(const char *path, const Manifest *m, Inventory *ret_inventory, Err *err);
/* The same inventory, but of rows with their fields in the order of the columns' names. */
int verify_directory_by_name(const char *path, const Manifest *m, Inventory *ret, Err *err);

/* That pg_restore reads all of it, to nowhere: what it says is judged as in
 * pg_client_judge_archive(). */
int verify_directory_opens(const char *path, const PgClient *client, Err *err);
