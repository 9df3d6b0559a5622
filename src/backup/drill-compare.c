#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/inventory.h"
#include "backup/coverage.h"
#include "backup/drill-step.h"
#include "backup/verify.h"
#include "stream/pump.h"
#include "stream/sink-fd.h"
#include "stream/stage-observe.h"
#include "stream/stage.h"
#include "sys/child.h"
#include "sys/mem.h"

/* The fixed point: the copy is dumped as the original was, to nowhere, and its inventory is taken
 * by the stage that takes that of every dump. */

#define LOCK_WAIT_SECONDS 60 /* somebody who is in the copy beside us is a defect */

static int dump_copy(const Drill *d, Inventory *ret, Err *err)
{
    const Manifest *m = &d->backup->manifest;
    bool plain = strcmp(m->format, "plain") == 0;
    const PgDumpOptions options = {
        .database = d->database,
        .encoding = m->encoding,
        .format = plain ? "plain" : "custom", /* a directory has the definitions of an archive */
        .compress = plain ? NULL : "0",
        .jobs = 1,
        .lock_wait_timeout_seconds = LOCK_WAIT_SECONDS,
    };
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;
    _cleanup_child_ Child dumper = CHILD_INIT;
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    Stage *observed =
        pipeline_add(p, plain ? stage_observe_sql_new(CODEC_NONE) : stage_observe_archive_new());

    pipeline_add(p, sink_null_new());
    int r = pg_command_dump(&d->programs, pg_cluster_target(d->cluster), &options, &command, err);
    if (r < 0)
        return r;
    r = pg_command_spawn(&command, CHILD_STDOUT, d->ctx->stall_timeout, &dumper, err);
    if (r < 0)
        return r;
    r = pump_child(&dumper, p, err);
    if (r < 0)
        return r;
    return stage_observe_take_inventory(observed, ret, err);
}

static int major_of(const char *version)
{
    return version ? atoi(version) : 0;
}

bool drill_is_of_another_major(const Drill *d)
{
    const Manifest *m = &d->backup->manifest;

    return d->programs.major != major_of(m->client_version) ||
           d->programs.major != major_of(m->server_version);
}

typedef struct Comparison {
    Inventory then, now;
    bool without_unlogged; /* the original's dump had none of their contents */
    Proof *proof;
} Comparison;

static void comparison_done(Comparison *c)
{
    inventory_done(&c->then);
    inventory_done(&c->now);
}

/* Unlogged tables are on a standby, but without contents, so that its dump has none of them; the
 * copy's has the contents, which are nothing. */
static bool is_unlogged_of_standby(const Comparison *c, const InventoryDifference *d)
{
    return c->without_unlogged && !d->table[0] && d->table[1] && d->table[1]->rows == 0;
}

static bool lacks_unlogged(const Manifest *m)
{
    for (size_t i = 0; i < m->omissions_count; i++)
        if (coverage_is_of_unlogged(m->omissions[i].what))
            return true;
    return false;
}

static void note_difference(void *userdata, const InventoryDifference *difference)
{
    Comparison *c = userdata;
    if (is_unlogged_of_standby(c, difference))
        return;

    _cleanup_free_ char *text = inventory_describe(difference, &c->then, &c->now);

    proof_add_difference(c->proof, text);
}

static int judge_differences(const Drill *d, Err *err)
{
    const Proof *p = d->proof;
    const Manifest *m = &d->backup->manifest;
    uint64_t count = proof_difference_count(p);

    if (count > 0) {
        err_set(err, ERR_DAMAGED, "the copy differs from the original in %llu place%s: %s",
                (unsigned long long)count, count == 1 ? "" : "s", p->differences.items[0]);
        return 1;
    }
    if (!drill_is_of_another_major(d))
        return 0;

    err_set(err, ERR_COULD_NOT_VERIFY,
            "tables, sequences and large objects are the same; the definitions were not compared, "
            "which pg_dump %s wrote of a server %s and PostgreSQL %d words otherwise",
            m->client_version, m->server_version, d->programs.major);
    err_hint(err, "Install PostgreSQL %d's server programs.", major_of(m->server_version));
    return -EINVAL;
}

int drill_compare(Drill *d, Err *err)
{
    _cleanup_(comparison_done) Comparison c = {
        .proof = d->proof,
        .without_unlogged = lacks_unlogged(&d->backup->manifest),
    };

    int r = verify_load_inventory(d->ctx->catalog, d->series, d->backup, &c.then, err);
    if (r < 0)
        return err && err->kind == ERR_DAMAGED ? 1 : r;
    r = dump_copy(d, &c.now, err);
    if (r < 0) {
        err_prefix(err, "the copy could not be dumped");
        return r;
    }
    if (drill_is_of_another_major(d)) {
        c.then.definition_count = 0;
        c.now.definition_count = 0;
    }
    inventory_compare(&c.then, &c.now, note_difference, &c);
    return judge_differences(d, err);
}
