#pragma once

/* Which compressed archives the client's own pg_restore reads. zstd and lz4 are options of its
 * build; pg_dump does not miss them where it is we who compress. */

#include "pg/client.h"
#include "stream/codec.h"
#include "sys/err.h"

#include <stdbool.h>

/* Lets pg_restore read an archive of that compression with nothing in it. */
int client_reads_codec(const PgClient *client, Codec codec, bool *ret, Err *err);
