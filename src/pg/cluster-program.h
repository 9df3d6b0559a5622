#pragma once

/* The programs of a throwaway server: who runs them, and their command lines. */

#include "pg/client.h"
#include "pg/cluster.h"
#include "sys/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Who runs them. */
typedef struct PgAccount {
    uid_t uid;
    gid_t gid;
    bool other; /* than us */
} PgAccount;

/* PostgreSQL demands a user that is not root and has a name. We ourselves, or for root the owner of
 * `parent`, else the system's postgres or nobody. */
int pg_account_find(const char *parent, PgAccount *ret, Err *err);

/* initdb into the empty directory `data`. */
int pg_command_initdb(const PgClusterSpec *spec, const PgAccount *account, const char *data,
                      const char *superuser, PgCommand *ret, Err *err);
/* The server; it ends at once when we die. */
int pg_command_postgres(const PgClusterSpec *spec, const PgAccount *account, const char *data,
                        const char *socket_dir, PgCommand *ret, Err *err);
