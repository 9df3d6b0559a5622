#pragma once

/* Writes a file that appears under its name only when all is well: a temporary file beside it, and
 * at finish the caller's acceptance check (which may read the temporary file by its path), fsync,
 * rename, fsync of the directory. Freed without that, the temporary file is unlinked. */

#include "stream/stage.h"

#include <stdint.h>

typedef struct SinkFileSpec {
    int dir_fd;           /* borrowed; stays open until pipeline_free() */
    const char *dir_path; /* for messages and for the check's path */
    const char *name;     /* the final name; ERR_REFUSED when it exists */
    /* Called once all bytes are written, before anything is published; 0 to accept. May be NULL. */
    int (*accept)(void *userdata, const char *path, Err *err);
    void *userdata;
} SinkFileSpec;

/* The file is created at the first write or at finish. */
Stage *sink_file_new(const SinkFileSpec *spec);
