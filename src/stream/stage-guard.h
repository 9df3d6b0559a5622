#pragma once

/* Stands before psql. SQL text passes as far as it was found to be what pg_dump writes
 * (archive/sql-scanner.h), without psql's commands; the rest fails: psql has then seen no end of
 * it. The text is a stored one, so that anything wrong with it is ERR_DAMAGED. */

#include "stream/stage.h"

Stage *stage_guard_new(void);
