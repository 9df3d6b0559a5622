#pragma once

/* Writes a file that appears under its name only when all is well: a temporary file beside it, and
 * at finish fsync, rename, fsync of the directory. Freed without that, the temporary file is
 * unlinked. */

#include "stream/stage.h"

#include <stdint.h>

typedef struct SinkFileSpec {
    int dir_fd;           /* borrowed; stays open until pipeline_free() */
    const char *dir_path; /* for messages */
    const char *name;     /* the final name; ERR_REFUSED when it exists */
} SinkFileSpec;

/* The file is created at the first write or at finish. */
Stage *sink_file_new(const SinkFileSpec *spec);
