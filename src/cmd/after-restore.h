#pragma once

/* What is left to do when a database has been restored: told, not done. */

#include "backup/restore.h"
#include "sys/err.h"

/* Asks the restored database; what cannot be asked is not told. */
void after_restore_tell(const RestoreSource *source, const RestoreTarget *target);
