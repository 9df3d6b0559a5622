#pragma once

/* How a dump is compressed: what BACKUP_COMPRESSION asks for, held against what the format and the
 * version of pg_dump can have. Pure.
 *
 * In custom format pg_dump writes an uncompressed archive, which is rewritten as it streams by:
 * with gzip, or with zstd and lz4 from pg_dump 16 on, whose pg_restore mostly reads them. "native",
 * and archives of a version that this program does not know, are compressed by pg_dump.
 *
 * In plain format pg_dump writes text, which is compressed as it streams by.
 *
 * A directory is compressed by pg_dump. */

#include "conf/settings.h"
#include "stream/codec.h"
#include "sys/err.h"

#include <stdbool.h>

typedef struct CompressionPlan {
    bool rewrite;        /* the archive is rewritten by stage-archive */
    CodecSpec codec;     /* what we compress with; CODEC_NONE where pg_dump does, or nobody */
    char *client_option; /* for pg_dump --compress=…; NULL: its own default */
    char *text;          /* "none", "gzip:1", "zstd" where pg_dump chose the level */
    const char *by;      /* "pg-backup" or "pg_dump"; NULL where nobody compresses */
} CompressionPlan;

#define _cleanup_compression_plan_ _cleanup_(compression_plan_done)

typedef struct CompressionRequest {
    CompressionWish wish;
    BackupFormat format;
    int client_major;
    bool archive_known;   /* this program knows the archives of that client */
    bool zstd_unreadable; /* the client's pg_restore was built without it: client-codecs.h */
    bool lz4_unreadable;
} CompressionRequest;

/* ERR_SETTINGS for what cannot be had: zstd in an archive of pg_dump 15, say. */
int compression_plan(const CompressionRequest *request, CompressionPlan *ret, Err *err);
void compression_plan_done(CompressionPlan *plan);
