#pragma once

/* What pg_dump --format=directory makes of the database of sample-archive.h, and a backup of it. */

#include "archive/inventory.h"
#include "stream/codec.h"
#include "sys/clock.h"

/* The files, their data compressed by the codec, into an existing directory. */
void sample_directory_files(const char *path, unsigned minor, Codec codec);

/* The inventory, as its text, of the custom archive of the same database. Caller frees. */
char *sample_directory_inventory(unsigned minor);

/* Publishes a backup of `database` by the product's own path; returns its stem, caller frees. */
char *sample_directory(const char *backup_dir, const char *database, usec_t when);
