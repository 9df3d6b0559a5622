#pragma once

/* One file of a directory, read through in whatever thread: its size and SHA-256 and, where it
 * holds a part of the contents, that decoded, and the inventory of it. */

#include "backup/directory-toc.h"
#include "backup/stored-files.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct DirectoryFile {
    int dir_fd; /* all borrowed */
    const char *dir_path;
    const char *name;
    const DirectoryPart *part;  /* what to decode; NULL: nothing */
    const StoredFile *expected; /* what it has to be; NULL: whatever it is */
    bool by_name;               /* rows: with their fields in the order of the columns' names */
    bool adopt;                 /* make it private (0600) and durable */
    const atomic_bool *stop;    /* once it is set, nobody wants to know any more */
    atomic_uint_fast64_t *read; /* grows by what is read */

    /* What was found. */
    uint64_t bytes, raw_bytes; /* as stored; decoded */
    char sha256[TAP_SHA256_HEX_SIZE];
    Inventory inventory;
} DirectoryFile;

/* -ECANCELED, without an Err, when it was stopped. */
int directory_file_read(DirectoryFile *f, Err *err);
void directory_file_done(DirectoryFile *f);
