#pragma once

/* One writer at a time for a catalog: BACKUP_DIR/.lock, held by flock(2), so that it ends with its
 * holder however that ends. It stands in the directory that it protects: two instances that were
 * pointed at one directory by mistake exclude each other, too. The file's text says who holds it.
 */

#include "sys/err.h"

#define LOCK_NAME ".lock"

typedef struct Lock {
    int fd;
} Lock;

#define LOCK_INIT ((Lock){ .fd = -1 })
#define _cleanup_lock_ _cleanup_(lock_release)

/* Does not wait: ERR_LOCKED says who holds it; ERR_SETTINGS, which names the setting, when the
 * directory is missing. `command` is what we are about to do. */
int lock_take(const char *setting, const char *dir_path, const char *command, Lock *ret, Err *err);
void lock_release(Lock *lock);
