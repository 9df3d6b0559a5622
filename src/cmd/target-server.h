#pragma once

/* The server that --into names: a settings file of its own, of which only the connection matters.
 */

#include "conf/settings.h"
#include "sys/err.h"

/* SERVER is an instance (/etc/pg-backup/SERVER.conf), or a path with a slash in it. The file alone
 * counts: environment, credentials and libpq's variables belong to the server that is backed up,
 * and are not looked into; of our own environment libpq's are removed. ERR_SETTINGS
 * where it does not say where the server is. */
int target_server_load(const char *server, Settings *ret, Err *err);
