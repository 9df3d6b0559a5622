#include "backup/drill.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backup/drill-step.h"
#include "backup/verify.h"
#include "sys/cancel.h"
#include "sys/mem.h"
#include "sys/progress.h"

/* The first levels; the others have files of their own */

static int answer_of(int r, const Err *err)
{
    return r < 0 && err && err->kind == ERR_DAMAGED ? 1 : r;
}

static int check_digest(Drill *d, Err *err)
{
    return answer_of(verify_stored(d->ctx->catalog, d->series, d->backup, err), err);
}

/* Without a pg_restore the rest still tells damage, but not soundness. */
static int check_decoding(Drill *d, Err *err)
{
    bool archive = !manifest_is_text(&d->backup->manifest);
    bool without = archive && !d->programs.bindir;

    int r = verify_decoded(d->ctx->catalog, d->series, d->backup,
                           archive && !without ? &d->programs : NULL, d->ctx->stall_timeout, err);
    if (r >= 0 && without) {
        err_copy(err, &d->no_programs);
        return -ENOENT;
    }
    return answer_of(r, err);
}

/* The dump was measured against the catalogue of its snapshot before it was published: what it
 * lacks stands in the manifest. Without an inventory nothing was. */
static int check_catalogue(Drill *d, Err *err)
{
    const Manifest *m = &d->backup->manifest;

    for (size_t i = 0; i < m->omissions_count; i++)
        if (m->omissions[i].warning)
            strv_addf(&d->proof->notes, "the backup does not contain %s: %s", m->omissions[i].what,
                      m->omissions[i].why);
    if (m->inventory_file)
        return 0;
    return err_set(err, ERR_COULD_NOT_VERIFY, "the backup has no inventory");
}

/* Behind a level that has not passed there may be nothing to be asked. */
typedef enum Gate { STOPS_NEVER, STOPS_WHEN_FAILED, STOPS_UNLESS_PASSED } Gate;

static const struct {
    const char *phase;
    int (*run)(Drill *d, Err *err);
    Gate gate;
    bool of_bytes; /* how far it is, is a matter of the stored file's size */
} steps[] = {
    [PROOF_LEVEL_DIGEST] = { "checking the digest of", check_digest, STOPS_UNLESS_PASSED, true },
    [PROOF_LEVEL_DECODE] = { "decoding", check_decoding, STOPS_WHEN_FAILED, true },
    [PROOF_LEVEL_CATALOGUE] = { "looking for omissions of", check_catalogue, STOPS_NEVER, false },
    [PROOF_LEVEL_RESTORE] = { "restoring", drill_restore, STOPS_UNLESS_PASSED, false },
    [PROOF_LEVEL_FIXED_POINT] = { "dumping the copy of", drill_compare, STOPS_NEVER, false },
    [PROOF_LEVEL_AMCHECK] = { "checking the tables of", drill_amcheck, STOPS_NEVER, false },
    [PROOF_LEVEL_ASSERTIONS] = { "asserting", drill_assertions, STOPS_NEVER, false },
    [PROOF_LEVEL_FRESHNESS] = { "checking the freshness of", drill_freshness, STOPS_NEVER, false },
};
static_assert(ELEMENTSOF(steps) == _PROOF_LEVEL_MAX, "each level has its step");

/* The course */

/* A server that has died explains everything that was found behind it. */
static int unless_server_died(Drill *d, int answer, Err *err)
{
    _cleanup_err_ Err death = { 0 };

    if (answer == 0 || answer == DRILL_NOT_ASKED_FOR || !d->cluster ||
        pg_cluster_alive(d->cluster, &death) >= 0)
        return answer;
    err_done(err);
    err_move(err, &death);
    return -ESRCH;
}

/* Nor is it a fault of a backup that it was removed while it was looked at. */
static int unless_gone(const Drill *d, int answer, Err *err)
{
    if (answer == 0 || answer == DRILL_NOT_ASKED_FOR ||
        !catalog_is_gone(d->ctx->catalog, d->series, d->backup))
        return answer;
    err_done(err);
    return err_set(err, ERR_NOT_FOUND, "\"%s\" was removed meanwhile", d->backup->stem);
}

/* One sentence with its remedy. */
static char *explain(const Err *err)
{
    if (!err_is_set(err))
        return NULL;
    return err->hint ? mem_printf("%s. %s", err->message, err->hint) : mem_strdup(err->message);
}

static ProofOutcome outcome_of(int answer)
{
    if (answer == DRILL_NOT_ASKED_FOR)
        return PROOF_NOT_ASKED_FOR;
    if (answer < 0)
        return PROOF_COULD_NOT_VERIFY;
    return answer == 0 ? PROOF_PASSED : PROOF_FAILED;
}

static bool ends_drill(const Err *err)
{
    return err->kind == ERR_NOT_FOUND || err->kind == ERR_CANCELLED;
}

/* One level, and what it has come to in the proof; *ret_go_on says whether the next makes sense. */
static int run_step(Drill *d, ProofLevel level, bool *ret_go_on, Err *err)
{
    const Manifest *m = &d->backup->manifest;
    const Gate gate = steps[level].gate;
    ProofCheck *check = &d->proof->checks[level];
    _cleanup_free_ char *phase = mem_printf("%s %s", steps[level].phase, d->backup->stem);
    _cleanup_err_ Err reason = { 0 };
    usec_t begin = clock_monotonic();

    progress_phase(phase, steps[level].of_bytes ? m->stored_bytes : 0);
    int answer = unless_server_died(d, steps[level].run(d, &reason), &reason);
    if (reason.kind != ERR_CANCELLED)
        answer = unless_gone(d, answer, &reason);
    if (answer < 0 && ends_drill(&reason)) {
        err_move(err, &reason);
        return answer;
    }

    check->duration_msec = (clock_monotonic() - begin) / USEC_PER_MSEC;
    check->outcome = outcome_of(answer);
    check->why = explain(&reason);
    *ret_go_on = answer == 0 || answer == DRILL_NOT_ASKED_FOR || gate == STOPS_NEVER ||
                 (gate == STOPS_WHEN_FAILED && answer < 0);
    return 0;
}

static void mark_unreached(Proof *p, size_t first)
{
    for (size_t i = first; i < _PROOF_LEVEL_MAX; i++) {
        p->checks[i].outcome = PROOF_COULD_NOT_VERIFY;
        p->checks[i].why = mem_strdup("not reached");
    }
}

static int run_steps(Drill *d, Err *err)
{
    bool go_on = true;
    ProofLevel level = 0;

    for (; go_on && level < _PROOF_LEVEL_MAX; level++) {
        int r = run_step(d, level, &go_on, err);
        if (r < 0)
            return r;
    }
    mark_unreached(d->proof, level);
    return 0;
}

static void find_programs(Drill *d)
{
    const Manifest *m = &d->backup->manifest;

    if (pg_client_find(d->ctx->bindir, manifest_major(m->client_version), &d->programs,
                       &d->no_programs) < 0)
        return;
    (void)pg_cluster_check_programs(&d->programs, &d->no_programs);
}

static void begin_proof(const DrillContext *ctx, const Backup *backup, Proof *p)
{
    p->stem = mem_strdup(backup->stem);
    p->stored_sha256 = mem_strdup(backup->manifest.stored_sha256);
    p->program_version = mem_strdup(ctx->program_version);
    p->started = clock_now();
}

static void end_proof(Proof *p)
{
    ProofCheck *restore = &p->checks[PROOF_LEVEL_RESTORE];
    uint64_t before = p->cluster_msec + p->globals_msec;

    restore->duration_msec -= before < restore->duration_msec ? before : restore->duration_msec;
    p->finished = clock_now();
    proof_judge(p);
}

/* What cannot even be read has no levels but the first. */
static int drill_unreadable(const DrillContext *ctx, const Series *series, const Backup *backup,
                            Proof *p, Err *err)
{
    _cleanup_err_ Err reason = { 0 };
    ProofCheck *check = &p->checks[PROOF_LEVEL_DIGEST];

    if (catalog_is_gone(ctx->catalog, series, backup))
        return err_set(err, ERR_NOT_FOUND, "\"%s\" was removed meanwhile", backup->stem);
    check->outcome = outcome_of(answer_of(backup_error(backup, &reason), &reason));
    check->why = explain(&reason);
    mark_unreached(p, PROOF_LEVEL_DIGEST + 1);
    return 0;
}

static int drill(const DrillContext *ctx, const Series *series, const Backup *backup, Proof *p,
                 Strv *problems, Err *err)
{
    Drill d = { .ctx = ctx, .series = series, .backup = backup, .proof = p };

    cancel_limit((unsigned)ctx->timeout_seconds, "DRILL_TIMEOUT_SECONDS");
    find_programs(&d);
    int r = run_steps(&d, err);

    progress_probe(NULL, NULL);
    progress_probe_work(NULL, NULL);
    pg_cluster_stop(d.cluster, problems);
    cancel_limit(0, NULL);
    pg_client_done(&d.programs);
    err_done(&d.no_programs);
    return r;
}

int drill_backup(const DrillContext *ctx, const Series *series, const Backup *backup, Proof *ret,
                 Strv *problems, Err *err)
{
    _cleanup_proof_ Proof p = { 0 };

    begin_proof(ctx, backup, &p);
    int r = backup->manifest.file ? drill(ctx, series, backup, &p, problems, err)
                                  : drill_unreadable(ctx, series, backup, &p, err);
    if (r < 0)
        return r;

    end_proof(&p);
    *ret = p;
    p = (Proof){ 0 };
    return 0;
}
