#pragma once

/* What the throwaway server takes from the original's: settings by which a restore, or the text of
 * a dump, comes out otherwise. */

#include "backup/manifest.h"
#include "pg/client.h"
#include "sys/strv.h"

/* "name=value" for pg_cluster_start(). Of the libraries that the original preloads, those that are
 * installed here are preloaded, without leave to start a process of their own; the others are named
 * in `notes`. */
void drill_choose_settings(const Manifest *m, const PgClient *programs, Strv *ret, Strv *notes);
/* Takes the libraries out again, where the server does not start with them; false if there are
 * none. */
bool drill_forget_libraries(Strv *settings, Strv *notes);
