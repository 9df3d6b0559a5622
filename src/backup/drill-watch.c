#include "backup/drill-step.h"
#include "sys/clock.h"
#include "sys/process.h"

/* pg_restore reads for long before it sends a byte, an index is made and a foreign key is checked
 * without one: all of that takes processor time. */
static uint64_t work_done(void *userdata)
{
    const Drill *d = userdata;

    return pg_cluster_bytes(d->cluster) + pg_cluster_work(d->cluster) +
           child_bytes_read(d->watched) + process_work(d->watched->pid, /* word= */ "");
}

int drill_spawn(Drill *d, PgCommand *command, ChildPipe pipe, Child *child, Err *err)
{
    int r = pg_command_spawn(command, pipe, d->ctx->stall_timeout, child, err);
    if (r < 0)
        return r;
    d->watched = child;
    child_watch_work(child, work_done, d);
    return 0;
}

void drill_explain_stall(const Drill *d, Err *err)
{
    if (err->kind != ERR_STALLED)
        return;
    err_done(err);
    err_set(err, ERR_COULD_NOT_VERIFY,
            "the throwaway server hangs: for %llu seconds it neither wrote nor computed",
            (unsigned long long)(d->ctx->stall_timeout / USEC_PER_SEC));
    err_hint(err, "Look at the disks and the memory of the machine, or raise "
                  "STALL_TIMEOUT_SECONDS.");
}
