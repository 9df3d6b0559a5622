#pragma once

/* A dump over several connections into a directory:
 *
 *     pg_dump --format=directory --jobs ─▶ .STEM.dir.tmp ─▶ every file read back, made private and
 *         durable ─▶ the directory durable ─▶ STEM.dir
 *
 * Reading back decodes everything, takes the inventory, and finds a file that is missing or
 * surplus: before it is published, a directory is known to be whole. */

#include "archive/inventory.h"
#include "backup/manifest.h"
#include "pg/client.h"
#include "sys/clock.h"
#include "sys/err.h"

typedef struct DumpDirectory {
    const PgClient *client;
    unsigned threads; /* that read back */
    usec_t stall_timeout;
    int series_fd; /* of the directory in which manifest.file is to appear */
    const char *series_path;

    /* As in DumpStream. */
    int (*judge)(void *userdata, Inventory *inventory, const Err *why_none, Err *err);
    void *userdata;
} DumpDirectory;

/* Where pg_dump is to write what `file` will be: PgDumpOptions.directory. Caller frees. */
char *dump_directory_path(const char *series_path, const char *file);

/* How many connections a run takes meanwhile: two sessions of ours, pg_dump's, and its workers'. */
uint64_t dump_directory_connections(uint64_t jobs);

/* As dump_stream(): spawns the command and sees it through, fills of `m` what the directory tells,
 * leaves nothing behind when it fails. An archive version that is not known costs the inventory:
 * pg_restore then reads the directory in our place. */
int dump_directory(const DumpDirectory *d, PgCommand *command, Manifest *m, Err *err);
