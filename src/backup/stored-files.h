#pragma once

/* The files of a backup that is a directory, as its manifest lists them: name, size, SHA-256, by
 * name. What the manifest says of the backup as a whole is made of them: stored_bytes is their sum,
 * stored_sha256 the digest of the text
 *
 *     SHA256  STEM.dir/NAME\n
 *
 * for each, which is what `LC_ALL=C sh -c 'sha256sum STEM.dir/'*` prints and .sha256 begins with.
 */

#include "stream/stage-tap.h"
#include "sys/buf.h"
#include "sys/err.h"
#include "sys/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file for each table and each large object: with more of them, manifests would be larger than
 * MANIFEST_MAX_SIZE. */
#define STORED_FILES_MAX 300000

typedef struct StoredFile {
    char *name;
    uint64_t bytes;
    char sha256[TAP_SHA256_HEX_SIZE];
} StoredFile;

typedef struct StoredFiles {
    StoredFile *items;
    size_t count, capacity;
} StoredFiles;

#define _cleanup_stored_files_ _cleanup_(stored_files_done)

/* In any order, then sort. */
void stored_files_add(StoredFiles *f, const char *name, uint64_t bytes, const char *sha256);
void stored_files_sort(StoredFiles *f);
void stored_files_done(StoredFiles *f);

/* NULL where there is none of the name. */
const StoredFile *stored_files_find(const StoredFiles *f, const char *name);
uint64_t stored_files_bytes(const StoredFiles *f);
/* Appends the lines of .sha256. */
void stored_files_print(const StoredFiles *f, const char *directory, Buf *ret);
int stored_files_digest(const StoredFiles *f, const char *directory,
                        char ret[static TAP_SHA256_HEX_SIZE], Err *err);

/* As the member "files" of a manifest. */
void stored_files_to_json(const StoredFiles *f, Json *manifest);
/* ERR_DAMAGED for what stored_files_to_json() does not write, names that are not plain included. */
int stored_files_from_json(const Json *manifest, StoredFiles *ret, Err *err);

/* Whether a file in a backup can have this name: no path, nothing hidden, nothing that sha256sum
 * would escape. */
bool stored_file_is_plain(const char *name);
/* Opens one of them for reading: ERR_DAMAGED when it is missing or not a regular file. */
int stored_file_open(int dir_fd, const char *dir_path, const char *name, int *ret_fd,
                     uint64_t *ret_bytes, Err *err);
