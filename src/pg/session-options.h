#pragma once

/* Settings of a client program's sessions, by libpq's PGOPTIONS. */

#include "sys/strv.h"

/* Adds "name=value" of each to the PGOPTIONS in the environment that a child is given: they win
 * over what stood there. */
void pg_session_options(Strv *env, const Strv *settings);
