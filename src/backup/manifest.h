#pragma once

/* The manifest: the commit record of a backup, JSON, written last and removed first. A backup
 * exists when its manifest exists. docs/MANIFEST.md describes each member. */

#include "backup/stored-files.h"
#include "sys/clock.h"
#include "sys/err.h"
#include "sys/json.h"
#include "sys/strv.h"

#include <stdbool.h>
#include <stdint.h>

/* 2: raw_sha256 may be null. What 1 has is read as well. */
#define MANIFEST_FORMAT_VERSION 2

/* What the omission is called that says why there is no inventory. */
#define MANIFEST_INVENTORY_OMITTED "an inventory"

/* More than the longest that a dump can lead to: CHILD_STDERR_MAX bytes of warnings, each of them
 * an empty line or a control character, which JSON makes longer. */
#define MANIFEST_MAX_SIZE ((size_t)64 << 20)

typedef struct ManifestOmission {
    char *what;   /* "role passwords" */
    char *why;    /* "permission denied for table pg_authid" */
    bool warning; /* somebody may miss it; else it is as it should be, and said for completeness */
} ManifestOmission;

typedef struct Manifest {
    char *stem;
    char *kind;          /* "database" or "globals" */
    char *database;      /* the real name; NULL for globals */
    char *format;        /* "custom", "plain" or "directory" */
    char *compression;   /* "none", "gzip:6", "gzip" where pg_dump chose the level */
    char *compressed_by; /* "pg-backup", "pg_dump"; NULL where nobody did */
    char *file;          /* name of the data file, or of the directory */
    uint64_t stored_bytes;
    char *stored_sha256;
    StoredFiles files;    /* in the directory; else none */
    uint64_t raw_bytes;   /* as pg_dump wrote it, before our own stages */
    char *raw_sha256;     /* NULL where the file does not hold those bytes any more */
    char *inventory_file; /* its name; NULL: there is none, and the next seven say nothing */
    char *inventory_sha256;
    uint64_t tables, rows, contents_bytes; /* what it comes to */
    uint64_t sequences, large_objects, definitions;
    usec_t started, finished; /* wall clock, UTC, whole seconds when read back */
    uint64_t duration_msec;
    char *server_version, *client_version, *program_version;
    char *archive_version;   /* "1.14" of an archive or a directory; NULL: text, or not known */
    char *system_identifier; /* or NULL */
    uint64_t timeline;       /* 0: unknown */
    char *lsn;               /* of the snapshot, or NULL */
    char *encoding, *collate, *ctype, *locale_provider, *locale, *icu_rules,
        *collation_version; /* of the database; NULL for globals */
    char *bytea_output, *lc_monetary,
        *quote_all_identifiers; /* of the dump's session: its text depends on them */
    char *timezone, *date_style, *interval_style; /* likewise: what its constraints mean does */
    uint64_t max_locks;          /* max_locks_per_transaction of the server; 0: unknown */
    char *preload_libraries;     /* of the server and the session, "a, b"; NULL: none, or unknown */
    char *database_properties;   /* "3 settings, a comment"; NULL if there are none */
    Strv warnings;               /* pg_dump's stderr, word for word; not what an omission names */
    uint64_t warnings_dropped;   /* lines beyond what is kept */
    ManifestOmission *omissions; /* what the backup does not contain, and why */
    size_t omissions_count;
    char *policy;       /* the retention in force, as text: "14 days, at least 3" */
    char *fall_against; /* stem of the newest backup against which contents fell; NULL: none */
    char *fall_of;      /* what fell: "rows", "contents_bytes" or "raw_bytes"; with NULL, NULL */
    uint64_t fall_before, fall_now; /* of that; see backup/fall.h */
    char *fall_baseline; /* stem of the newest whose fall was accepted by then; NULL: none was */
} Manifest;

/* Whether `file` is a directory, or SQL text for psql; false where nothing is known. What is not
 * text is an archive for pg_restore. */
bool manifest_is_directory(const Manifest *m);
bool manifest_is_text(const Manifest *m);

/* 15 of a server's or a client's "15.4"; 0 of NULL. */
int manifest_major(const char *version);

/* What pg_dump's warnings, and the omissions that are one, add up to; 0 is a clean backup. */
uint64_t manifest_warning_count(const Manifest *m);

void manifest_add_omission(Manifest *m, const char *what, const char *why, bool warning);

/* Drops all but the first `max` warnings, and counts them as dropped. */
void manifest_trim_warnings(Manifest *m, size_t max);

/* The text of STEM.json, the same each time. Caller frees. */
char *manifest_print(const Manifest *m);
/* Publishes STEM.json in the directory, durably; -EEXIST if it is there. What could not be loaded
 * again is not published: ERR_INTERNAL. `dir_path` for messages. */
int manifest_save(const Manifest *m, int dir_fd, const char *dir_path, Err *err);
/* Reads and checks one: ERR_DAMAGED when it is not a manifest of this stem, names a file that is
 * not a plain name beside it, or has a newer format version. */
int manifest_load(int dir_fd, const char *dir_path, const char *stem, Manifest *ret, Err *err);
void manifest_done(Manifest *m);
#define _cleanup_manifest_ _cleanup_(manifest_done)

Json *manifest_to_json(const Manifest *m);
