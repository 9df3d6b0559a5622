#pragma once

/* The table of contents of an archive, in memory: of a custom archive, or of a directory's toc.dat.
 * It stands at the file's beginning: no data is read. */

#include "archive/archive.h"
#include "sys/err.h"

#include <stddef.h>
#include <stdint.h>

/* What is kept of an ArchiveEntry. */
typedef struct ArchiveTocEntry {
    int32_t dump_id;
    char *desc, *schema, *tag; /* schema NULL: it is in none */
    char *defn;                /* of a TABLE ATTACH alone, else NULL */
    int32_t *dependencies;     /* dump ids, some of which the archive may not have */
    size_t dependency_count;
} ArchiveTocEntry;

typedef struct ArchiveToc {
    ArchiveTocEntry *entries; /* in the archive's order */
    size_t count, capacity;
} ArchiveToc;

#define _cleanup_archive_toc_ _cleanup_(archive_toc_done)

/* ERR_DAMAGED, ERR_ARCHIVE_VERSION; `name` is the file's, for messages. */
int archive_toc_read(int fd, const char *name, ArchiveToc *ret, Err *err);
/* Adds a copy of an entry. */
void archive_toc_add(ArchiveToc *toc, const ArchiveEntry *entry);
void archive_toc_done(ArchiveToc *toc);
