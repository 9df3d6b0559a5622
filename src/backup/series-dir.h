#pragma once

/* The directories below BACKUP_DIR, and the files in them by their names: what catalog_load()
 * reads, and what committing, removing and sweeping change. Names that are not ours do not appear
 * here, so that nothing above can touch them. */

#include "backup/artifact.h"
#include "sys/err.h"
#include "sys/strv.h"

#include <stdbool.h>
#include <stddef.h>

/* Why the directory of a setting cannot be used, always negative: ERR_SETTINGS when it is missing
 * or not ours. */
int series_dir_root_error(int errnum, const char *setting, const char *path, Err *err);

/* BACKUP_DIR itself. ERR_SETTINGS when it is missing or not a directory. */
int series_dir_open_root(const char *path, int *ret_fd, Err *err);

/* The names in it that a series' directory can have, globals first, the others by bytes. */
int series_dir_names(int root_fd, const char *root_path, Strv *ret, Err *err);

/* One of them. -ENOENT or -ENOTDIR, without an Err, when it is no directory after all. */
int series_dir_open(int root_fd, const char *root_path, const char *encoded, int *ret_fd, Err *err);

typedef struct SeriesFile {
    char *name;
    bool temporary; /* ".FILE.tmp"; kind and stem are those of FILE */
    ArtifactKind kind;
    char *stem;     /* NULL for a latest link */
    bool directory; /* by its name; what it is remains to be seen */
} SeriesFile;

/* The files that are ours, by name, which for those of one kind is by time. */
typedef struct SeriesFiles {
    SeriesFile *items;
    size_t count;
} SeriesFiles;

int series_files_list(int series_fd, const char *series_path, const char *encoded, SeriesFiles *ret,
                      Err *err);
/* Removes one of them, a directory with all that is in it; a missing one is fine. Does not fsync.
 */
int series_file_remove(int series_fd, const char *name);
void series_files_done(SeriesFiles *files);
#define _cleanup_series_files_ _cleanup_(series_files_done)
