#include "backup/metrics-drill.h"

uint64_t metrics_drill_success(const Series *series, usec_t now)
{
    const Backup *b = series ? series_newest_proof(series, now) : NULL;

    return b ? b->proof->finished / USEC_PER_SEC : 0;
}

/* A later drill could not decide: it may have ended within the same second. */
static bool was_undecided(const Proof *p, usec_t now)
{
    return p->undecided > 0 && p->undecided <= now;
}

/* When it was looked at last, whatever that has come to. */
static usec_t last_look(const Proof *p, usec_t now)
{
    return was_undecided(p, now) ? p->undecided : p->finished;
}

static const Proof *last_proof(const Series *series, usec_t now)
{
    const Proof *newest = NULL;

    for (size_t i = 0; series && i < series->count; i++) {
        const Backup *b = &series->backups[i];
        const Proof *p = backup_is_drilled(b) ? b->proof : NULL;
        if (p && p->finished <= now && (!newest || last_look(p, now) >= last_look(newest, now)))
            newest = p;
    }
    return newest;
}

const char *metrics_drill_result(const Series *series, usec_t now, size_t i, uint64_t *ret)
{
    const Proof *p = last_proof(series, now);

    if (!p || i >= _PROOF_RESULT_MAX)
        return NULL;
    ProofResult result = was_undecided(p, now) ? PROOF_RESULT_UNDECIDED : p->result;
    *ret = result == (ProofResult)i;
    return proof_result_name((ProofResult)i);
}

const char *metrics_drill_phase_msec(const Series *series, usec_t now, size_t i, uint64_t *ret)
{
    enum { BEFORE = 2 };
    const Backup *b = series ? series_newest_proof(series, now) : NULL;

    if (!b || i >= BEFORE + _PROOF_LEVEL_MAX)
        return NULL;
    if (i < BEFORE) {
        *ret = i == 0 ? b->proof->cluster_msec : b->proof->globals_msec;
        return i == 0 ? "cluster" : "globals";
    }
    *ret = b->proof->checks[i - BEFORE].duration_msec;
    return proof_level_name((ProofLevel)(i - BEFORE));
}
