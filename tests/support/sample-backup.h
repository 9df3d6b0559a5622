#pragma once

/* A small backup of plain text, committed through the product's own path, for tests of what comes
 * after a dump. */

#include "backup/catalog.h"
#include "sys/clock.h"

/* What pg_dump writes last: an inventory is taken only of a text that has it. */
#define SAMPLE_CLOSING "--\n-- PostgreSQL database dump complete\n--\n"

/* Publishes a backup of `database` (NULL: the globals) with `text` as the dump; fails the test when
 * it cannot. Returns its stem; caller frees. */
char *sample_backup(const char *backup_dir, const char *database, usec_t when, const char *text);
