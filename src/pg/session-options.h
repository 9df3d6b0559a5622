#pragma once

/* Settings of a client program's sessions, by libpq's PGOPTIONS. */

#include "pg/server.h"
#include "sys/err.h"
#include "sys/strv.h"

/* Adds "name=value" of each to the PGOPTIONS in the environment that a child is given: they win
 * over what stood there. */
void pg_session_options(Strv *env, const Strv *settings);

/* ERR_SETTINGS where they would not arrive: libpq does not look at PGOPTIONS when the service of a
 * connection has options. A session of the same target tells. */
int pg_session_options_check(const PgSession *s, Err *err);
