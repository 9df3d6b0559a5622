#pragma once

/* What pg_dump --format=directory has put into a directory, by its own account:
 *
 *     toc.dat                     the TOC of an archive; each entry with data names its file
 *     3012.dat[.gz|.lz4|.zst]     a table
 *     blobs.toc                   a list of large objects: lines "OID FILE" (blobs_3013.toc and
 *                                 so on from archive version 1.16 on)
 *     blob_16385.dat[.gz|…]       a large object
 *
 * The TOC and the lists are never compressed, and name the others without their suffixes. */

#include "archive/archive.h"
#include "archive/inventory.h"
#include "sys/err.h"
#include "sys/strv.h"

#include <stddef.h>
#include <stdint.h>

#define DIRECTORY_TOC "toc.dat"

/* A file with data. */
typedef struct DirectoryPart {
    char *file; /* without a suffix */
    ArchiveBlockKind kind;
    uint32_t oid;              /* of a large object */
    char *schema, *tag, *copy; /* of a table's entry; NULL where the TOC has a null */
} DirectoryPart;

typedef struct DirectoryToc {
    char *archive_version; /* "1.14" */
    DirectoryPart *parts;  /* by file */
    size_t count, capacity;
    Strv lists;          /* files with the names of large objects */
    Inventory inventory; /* what the TOC alone tells: sequences and definitions */
} DirectoryToc;

#define _cleanup_directory_toc_ _cleanup_(directory_toc_done)

/* Reads toc.dat and the lists. ERR_DAMAGED, ERR_ARCHIVE_VERSION; `path` is for messages. `by_name`:
 * definitions by the columns' names. */
int directory_toc_read(int fd, const char *path, bool by_name, DirectoryToc *ret, Err *err);
void directory_toc_done(DirectoryToc *toc);

/* Index of the part that a file of this name, with a suffix or without, holds; `count` if none. */
size_t directory_toc_find(const DirectoryToc *toc, const char *name);
