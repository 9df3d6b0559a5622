#pragma once

/* A copy of a backup that is a directory, for whoever takes one out of the catalog. */

#include "backup/manifest.h"
#include "sys/err.h"

/* Copies the directory at `from` to `name` in `dir_fd`, where nothing may have that name: it
 * appears when all its files are in it, durable, and what the manifest says they are. Whatever
 * fails leaves nothing behind. `m` is whole, `dir_path` for messages. */
int directory_copy(const char *from, const Manifest *m, int dir_fd, const char *dir_path,
                   const char *name, Err *err);
