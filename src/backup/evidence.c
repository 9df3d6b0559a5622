#include "backup/evidence.h"

#include <stdlib.h>
#include <string.h>

#include "backup/series-dir.h"
#include "backup/verify.h"
#include "sys/fs.h"
#include "sys/mem.h"

/* Where the proofs of a series are. */
typedef struct Shelf {
    int fd;
    char *path;
} Shelf;

#define SHELF_INIT ((Shelf){ .fd = -1 })

static void shelf_done(Shelf *s)
{
    mem_closep(&s->fd);
    free(s->path);
}
#define _cleanup_shelf_ _cleanup_(shelf_done)

static int open_shelf(const Catalog *catalog, const Series *series, Shelf *ret, Err *err)
{
    ret->path = mem_printf("%s/%s", catalog->path, series->encoded);
    int r = series_dir_open(catalog->dir_fd, catalog->path, series->encoded, &ret->fd, err);
    if (r < 0) /* which sets no error where there is no directory any more */
        return err_set_errno(err, -r, "could not open directory \"%s\"", ret->path);
    return 0;
}

/* Whether there is a proof of these very bytes. */
static bool load(const Shelf *shelf, const Backup *backup, Proof *ret)
{
    return proof_load(shelf->fd, shelf->path, backup->stem, ret, /* err= */ NULL) >= 0 &&
           strcmp(ret->stored_sha256, backup->manifest.stored_sha256) == 0;
}

static int save(const Catalog *catalog, const Series *series, const Backup *backup,
                const Shelf *shelf, const Proof *proof, Err *err)
{
    _cleanup_free_ char *name = proof_file_name(backup->stem);

    int r = proof_save(proof, shelf->fd, shelf->path, err);
    if (r < 0)
        return r;

    /* Removed while it was written: nobody else would take it away before the next run. */
    if (catalog_is_gone(catalog, series, backup))
        (void)fs_remove(shelf->fd, name);
    return 0;
}

/* Of a drill */

int evidence_publish(const Catalog *catalog, const Series *series, const Backup *backup,
                     const Proof *proof, bool *ret_kept, Err *err)
{
    _cleanup_shelf_ Shelf shelf = SHELF_INIT;
    _cleanup_proof_ Proof old = { 0 };

    *ret_kept = false;
    if (!proof->stored_sha256 || catalog_is_gone(catalog, series, backup))
        return 0;
    int r = open_shelf(catalog, series, &shelf, err);
    if (r < 0)
        return r;
    if (proof->result != PROOF_RESULT_UNDECIDED || !load(&shelf, backup, &old) ||
        old.result == PROOF_RESULT_UNDECIDED)
        return save(catalog, series, backup, &shelf, proof, err);

    /* What was decided stands, with a note that somebody has looked again in vain. */
    *ret_kept = true;
    old.undecided = proof->finished;
    free(old.undecided_reason);
    old.undecided_reason = mem_strdup(proof->reason);
    return save(catalog, series, backup, &shelf, &old, err);
}

/* Of a verification */

static void fill(ProofCheck *check, ProofOutcome outcome, const char *why)
{
    check->outcome = outcome;
    check->why = mem_strdup(why);
}

/* A verification takes digest and contents in one pass. */
static int tell_level(const Catalog *catalog, const Series *series, const Backup *backup,
                      const Err *damage, Proof *p, Err *err)
{
    ProofCheck *digest = &p->checks[PROOF_LEVEL_DIGEST], *decode = &p->checks[PROOF_LEVEL_DECODE];
    _cleanup_err_ Err again = { 0 };

    int r = verify_stored(catalog, series, backup, &again);
    if (r < 0 && (again.kind == ERR_CANCELLED || again.kind == ERR_NOT_FOUND)) {
        err_move(err, &again);
        return r;
    }
    if (r < 0 && again.kind == ERR_DAMAGED) {
        fill(digest, PROOF_FAILED, again.message);
        return 0;
    }
    fill(digest, r < 0 ? PROOF_COULD_NOT_VERIFY : PROOF_PASSED, again.message);
    fill(decode, PROOF_FAILED, damage->message);
    return 0;
}

int evidence_record_damage(const Catalog *catalog, const Series *series, const Backup *backup,
                           const Err *damage, usec_t started, Err *err)
{
    _cleanup_shelf_ Shelf shelf = SHELF_INIT;
    _cleanup_proof_ Proof old = { 0 };
    _cleanup_proof_ Proof p = {
        .stem = mem_strdup(backup->stem),
        .stored_sha256 = mem_strdup(backup->manifest.stored_sha256),
        .made_by = PROOF_MADE_BY_VERIFY,
        .program_version = mem_strdup(PG_BACKUP_VERSION),
        .started = started,
    };

    if (!backup->good && !backup_is_refuted(backup))
        return 0;
    int r = open_shelf(catalog, series, &shelf, err);
    if (r < 0)
        return r;
    if (load(&shelf, backup, &old) && old.made_by == PROOF_MADE_BY_DRILL && proof_refutes(&old))
        return 0;

    r = tell_level(catalog, series, backup, damage, &p, err);
    if (r < 0)
        return r;
    p.finished = clock_now();
    proof_judge(&p);
    return save(catalog, series, backup, &shelf, &p, err);
}

int evidence_withdraw_damage(const Catalog *catalog, const Series *series, const Backup *backup,
                             bool *ret_withdrawn, Err *err)
{
    _cleanup_free_ char *name = proof_file_name(backup->stem);
    _cleanup_shelf_ Shelf shelf = SHELF_INIT;
    _cleanup_proof_ Proof old = { 0 };

    *ret_withdrawn = false;
    int r = open_shelf(catalog, series, &shelf, err);
    if (r < 0)
        return r;
    if (!load(&shelf, backup, &old) || old.made_by != PROOF_MADE_BY_VERIFY)
        return 0;

    r = fs_remove(shelf.fd, name);
    if (r >= 0)
        r = fs_sync_dir(shelf.fd);
    if (r < 0)
        return err_set_errno(err, -r, "could not remove \"%s/%s\"", shelf.path, name);
    *ret_withdrawn = true;
    return 0;
}
