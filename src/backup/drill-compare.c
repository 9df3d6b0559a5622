#include "backup/drill-step.h"
#include "backup/fixed-point.h"

bool drill_is_of_another_major(const Drill *d)
{
    return fixed_point_is_of_another_major(d->backup, d->programs.major, d->programs.major);
}

static void note_difference(void *userdata, const char *difference)
{
    proof_add_difference(userdata, difference);
}

int drill_compare(Drill *d, Err *err)
{
    const FixedPoint f = {
        .catalog = d->ctx->catalog,
        .series = d->series,
        .backup = d->backup,
        .client = &d->programs,
        .server = pg_cluster_target(d->cluster),
        .server_major = d->programs.major,
        .database = d->database,
        .stall_timeout = d->ctx->stall_timeout,
        .notes = &d->proof->notes,
    };
    return fixed_point_compare(&f, note_difference, d->proof, err);
}
