#pragma once

/* BACKUP_COMPRESSION as the settings have it, with what has to be known of the client programs to
 * hold it against: shared by run, which dumps by it, and check. */

#include "backup/compression.h"
#include "conf/settings.h"
#include "pg/client.h"
#include "sys/err.h"

/* Asks pg_restore where it matters. ERR_SETTINGS for what cannot be had. */
int compress_request(const Settings *settings, const PgClient *client, CompressionRequest *ret,
                     Err *err);
