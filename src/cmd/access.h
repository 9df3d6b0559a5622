#pragma once

/* The server as the settings describe it: a session, what it is, and the client programs that fit.
 * Shared by the commands that need one. */

#include "conf/settings.h"
#include "pg/client.h"
#include "pg/server.h"
#include "sys/err.h"

typedef struct Access {
    PgTarget target;    /* borrows from the settings and from `server` */
    PgSession *session; /* in the maintenance database */
    PgServerInfo server;
    PgClient client;
} Access;

#define _cleanup_access_ _cleanup_(access_done)

int access_open(const Settings *settings, Access *ret, Err *err);
void access_done(Access *a);
