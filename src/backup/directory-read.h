#pragma once

/* Reads a directory of pg_dump --format=directory back, a thread for each file: sizes and SHA-256,
 * and, where the contents are asked for, every file decoded and the inventory taken. That is the
 * same inventory as an archive of the same snapshot has.
 *
 * With contents, the directory is complete: each entry of its TOC that has data has its file, each
 * large object on its lists, too, and there is no other file. */

#include "archive/inventory.h"
#include "backup/stored-files.h"
#include "sys/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct DirectoryRead {
    int fd;           /* of the directory, borrowed */
    const char *path; /* for messages */
    unsigned threads;
    bool contents;
    bool by_name;                /* rows: with their fields in the order of the columns' names */
    bool adopt;                  /* make each file private (0600) and durable once it was read */
    const StoredFiles *expected; /* what must be there; NULL: whatever is */
} DirectoryRead;

typedef struct DirectoryContents {
    StoredFiles files;
    uint64_t raw_bytes; /* uncompressed; without contents, as they are */
    /* Only with contents: */
    char *archive_version;
    Inventory inventory;
} DirectoryContents;

#define _cleanup_directory_contents_ _cleanup_(directory_contents_done)

/* ERR_DAMAGED where something is missing, surplus, cannot be decoded or is not what was expected;
 * ERR_ARCHIVE_VERSION, for contents alone, where the TOC is of a version that is not known. */
int directory_read(const DirectoryRead *how, DirectoryContents *ret, Err *err);
void directory_contents_done(DirectoryContents *c);
