#pragma once

/* The catalog is the directory: BACKUP_DIR/<encoded name>/ with the backups of one database (or of
 * the globals). It is read afresh each time; nothing else remembers what there is.
 *
 * A backup is *good* when its manifest loads and its data file is there with the stored size, or,
 * of one that is a directory, each of the files that the manifest lists, and no proof of these
 * bytes says that it does not restore to what it was (proof_refutes()). What has a manifest but is
 * not that is *damaged*: listed, never counted, never named by "latest". One that a newer pg-backup
 * has written, or that could not be read, is neither: nothing here judges it. A file with one of
 * our names and no manifest is a leftover of a crashed run: catalog_sweep() removes those, and
 * nothing else. Files and directories with other names are not ours and are never touched; a
 * directory without a backup is no series. One that cannot be read is a series with a problem and
 * no backups, so that the others stay of use. */

#include "archive/inventory.h"
#include "backup/manifest.h"
#include "backup/proof.h"
#include "sys/err.h"
#include "sys/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many lines of its warnings a loaded backup keeps; Manifest.warnings_dropped counts the
 * others. A noisy dump has megabytes of them, and a catalog hundreds of dumps. */
#define CATALOG_WARNINGS_KEPT 3

typedef struct Backup {
    char *stem;
    usec_t when; /* from the stem */
    bool good;
    bool unreadable; /* not good because reading failed: no judgement, and no reason to remove */
    bool newer;      /* unreadable because a newer pg-backup has written its manifest */
    char *problem;   /* why it is not good, else NULL */
    uint64_t file_bytes; /* size of the data file as it is now, 0 if there is none */
    Manifest manifest;   /* empty members where it could not be read; without its `files` */
    bool accepted; /* somebody has accepted the fall of its contents: STEM.accepted.json is there */
    char *acceptance_problem; /* that file is there, and counts for nothing: why; else NULL */
    Proof *proof;             /* without its differences and notes; NULL: there is none */
} Backup;

/* Not good because of its proof alone. */
static inline bool backup_is_refuted(const Backup *b)
{
    return b->proof && proof_refutes(b->proof);
}

static inline bool backup_is_drilled(const Backup *b)
{
    return b->proof && b->proof->made_by == PROOF_MADE_BY_DRILL;
}

static inline bool backup_is_proven(const Backup *b)
{
    return b->proof && b->proof->result == PROOF_RESULT_PROVEN;
}

/* "DAMAGED", "DRILL FAILED" …: what a backup is that is not good. Static. */
const char *backup_flaw(const Backup *b);
/* Its problem as an error of the right kind; always negative. */
int backup_error(const Backup *b, Err *err);

/* The backups of one database, oldest first. */
typedef struct Series {
    char *encoded;  /* the directory's name */
    char *database; /* the real name; NULL for the globals */
    char *problem;  /* why the directory could not be read: nobody knows its backups; else NULL */
    Backup *backups;
    size_t count;
} Series;

typedef struct Catalog {
    char *path;
    int dir_fd;
    Series *series; /* globals first, then by encoded name */
    size_t count;
} Catalog;

#define CATALOG_INIT ((Catalog){ .dir_fd = -1 })
#define _cleanup_catalog_ _cleanup_(catalog_done)

/* Opens BACKUP_DIR and reads all of it. ERR_SETTINGS when it is missing or not a directory; fails
 * only when the directory itself cannot be read. */
int catalog_load(const char *path, Catalog *ret, Err *err);
void catalog_done(Catalog *c);

const Series *catalog_series(const Catalog *c, const char *database); /* NULL: the globals */
const Backup *series_newest_good(const Series *s);                    /* NULL if there is none */
/* The newest that is not from the future. One that is proves nothing: after a clock that stood
 * wrong for a day, it would hide for years that there are no new ones. */
const Backup *series_newest_good_until(const Series *s, usec_t now);
/* The newest that is not from the future, where that is not good; else NULL. */
const Backup *series_newest_flawed_until(const Series *s, usec_t now);
uint64_t series_good_count(const Series *s);
/* The good backup whose proof is the newest, by the drill's end, among those that are proven; the
 * one that the newest drill of all that could decide was of. Drills from the future count as little
 * as backups do; what verify has found is no drill. */
const Backup *series_newest_proof(const Series *s, usec_t now);
const Backup *series_newest_drill(const Series *s, usec_t now);

/* BACKUP on the command line: a stem, or the name of a database or of its directory (its newest
 * good one), or "globals". ERR_NOT_FOUND with the nearest existing ones as hint;
 * ERR_COULD_NOT_VERIFY where the directory could not be read. */
int catalog_find(const Catalog *c, const char *name, const Series **ret_series,
                 const Backup **ret_backup, Err *err);

/* Whether it has been removed since it was loaded: readers take no lock. */
bool catalog_is_gone(const Catalog *c, const Series *s, const Backup *b);

/* The manifest of a backup, whole: a loaded catalog keeps neither the list of a directory's files
 * nor all warnings, of which there may be hundreds of thousands. */
int catalog_load_manifest(const Catalog *c, const Series *s, const Backup *b, Manifest *ret,
                          Err *err);

/* Bytes of all data files of all backups. */
uint64_t catalog_stored_bytes(const Catalog *c);

/* BACKUP_DIR/<encoded>, made where it is missing (0700). *ret_fd and *ret_path are the caller's. */
int catalog_open_series_dir(int dir_fd, const char *path, const char *encoded, int *ret_fd,
                            char **ret_path, Err *err);

/* The text of the .sha256: the digests of the data file (or of all in the directory) and of the
 * inventory, as the manifest has them, and of the manifest as it is printed. Caller frees. */
int catalog_checksums(const Manifest *m, const char *manifest, size_t size, char **ret, Err *err);

typedef struct CatalogCommit {
    int series_fd;
    const char *series_path, *encoded;
    Manifest *manifest;         /* gets the inventory's SHA-256 */
    const Inventory *inventory; /* for manifest->inventory_file; NULL where there is none */
} CatalogCommit;

/* Writes what belongs beside a published data file, in this order: inventory, .sha256, manifest
 * (the commit), latest link. A failure before the commit removes the data file and the others
 * again. From the commit on the backup exists, and the result is 0: what went wrong with the latest
 * link is then in *ret_warning. */
int catalog_commit(const CatalogCommit *commit, Err *ret_warning, Err *err);

/* Lets STEM.accepted.json say, durably, that the fall of the backup's contents is accepted. Call it
 * only with the lock held. */
int catalog_accept(const Catalog *c, const Series *s, const Backup *b, usec_t when, Err *err);

/* Removes one backup: manifest first (durably), then all files of its stem; then lets the latest
 * link name the newest good one that is left: what goes wrong with that is in *ret_warning, as for
 * catalog_commit(). Refuses one that is unreadable (ERR_REFUSED). */
int catalog_remove(const Catalog *c, const Series *s, const Backup *b, Err *ret_warning, Err *err);

/* Removes the leftovers of crashed runs: temporary files of ours, data files and checksums without
 * a manifest, dangling latest links. Call it only with the lock held. The names of what went
 * (relative to BACKUP_DIR) are appended to `removed`, a sentence for each that could not be read
 * or removed to `problems`: it fails only when BACKUP_DIR itself cannot be read or synced. That
 * is synced because a run that was killed may have made a directory there which a power cut would
 * take away again, with all that is committed in it. */
int catalog_sweep(const char *path, Strv *removed, Strv *problems, Err *err);
