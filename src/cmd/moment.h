#pragma once

/* The moment of a run, in the stem of each of its backups. Stems have whole seconds, so a run right
 * behind another one waits for the next. */

#include "backup/catalog.h"
#include "sys/clock.h"
#include "sys/err.h"

/* The first moment from now on that no backup of the catalog has. ERR_CANCELLED. */
int moment_choose(const Catalog *catalog, usec_t *ret, Err *err);
