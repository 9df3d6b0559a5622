#pragma once

/* The command lines of a throwaway server's programs. */

#include "pg/account.h"
#include "pg/client.h"
#include "pg/cluster.h"
#include "sys/err.h"

/* initdb into the empty directory `data`. */
int pg_command_initdb(const PgClusterSpec *spec, const PgAccount *account, const char *data,
                      const char *superuser, PgCommand *ret, Err *err);
/* The server; it ends at once when we die. `name` is in the title of each of its processes. */
int pg_command_postgres(const PgClusterSpec *spec, const PgAccount *account, const char *data,
                        const char *socket_dir, const char *name, PgCommand *ret, Err *err);
