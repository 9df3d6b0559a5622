#include "backup/fixed-point.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/inventory.h"
#include "backup/coverage.h"
#include "backup/stored-inventory.h"
#include "backup/verify.h"
#include "stream/pump.h"
#include "stream/sink-fd.h"
#include "stream/stage-observe.h"
#include "stream/stage.h"
#include "sys/child.h"
#include "sys/mem.h"

#define LOCK_WAIT_SECONDS 60 /* somebody who changes the copy beside us */

/* The text of a dump depends on them, and the copy's own server and database have theirs. */
static void choose_settings(const Manifest *m, Strv *ret)
{
    if (m->bytea_output)
        strv_addf(ret, "bytea_output=%s", m->bytea_output);
    if (m->lc_monetary)
        strv_addf(ret, "lc_monetary=%s", m->lc_monetary);
    if (m->quote_all_identifiers)
        strv_addf(ret, "quote_all_identifiers=%s", m->quote_all_identifiers);
}

static int dump_copy(const FixedPoint *f, bool by_name, Inventory *ret, Err *err)
{
    const Manifest *m = &f->backup->manifest;
    bool plain = manifest_is_text(m);
    _cleanup_strv_ Strv settings = { 0 };
    const PgDumpOptions options = {
        .database = f->database,
        .encoding = m->encoding,
        .format = plain ? "plain" : "custom", /* a directory has the definitions of an archive */
        .compress = plain ? NULL : "0",
        .jobs = 1,
        .lock_wait_timeout_seconds = LOCK_WAIT_SECONDS,
        .settings = &settings,
    };
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;
    _cleanup_child_ Child dumper = CHILD_INIT;
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    Stage *observed =
        pipeline_add(p, plain ? stage_observe_sql_new(CODEC_NONE) : stage_observe_archive_new());

    if (by_name)
        stage_observe_by_name(observed);
    pipeline_add(p, sink_null_new());
    choose_settings(m, &settings);
    int r = pg_command_dump(f->client, f->server, &options, &command, err);
    if (r < 0)
        return r;
    r = pg_command_spawn(&command, CHILD_STDOUT, f->stall_timeout, &dumper, err);
    if (r < 0)
        return r;
    r = pump_child(&dumper, p, err);
    if (r < 0)
        return r;
    return stage_observe_take_inventory(observed, ret, err);
}

bool fixed_point_is_of_another_major(const Backup *backup, int client_major, int server_major)
{
    const Manifest *m = &backup->manifest;

    return client_major != manifest_major(m->client_version) ||
           server_major != manifest_major(m->server_version);
}

static bool lacks_unlogged(const Manifest *m)
{
    for (size_t i = 0; i < m->omissions_count; i++)
        if (coverage_is_of_unlogged(m->omissions[i].what))
            return true;
    return false;
}

/* Both again, where the restore may have moved columns or changed the wording of a definition. */
static int take_by_name(const FixedPoint *f, Comparison *c, Err *err)
{
    if (!comparison_needs_names(c))
        return 0;
    int r = verify_take_by_name(f->catalog, f->series, f->backup, &c->then_by_name, err);
    return r < 0 ? r : dump_copy(f, /* by_name= */ true, &c->now_by_name, err);
}

static int say_not_compared(const FixedPoint *f, Err *err)
{
    const Manifest *m = &f->backup->manifest;

    err_set(err, ERR_COULD_NOT_VERIFY,
            "tables, sequences and large objects are the same; the definitions were not compared, "
            "which pg_dump %s wrote of a server %s and PostgreSQL %d words otherwise",
            m->client_version, m->server_version, f->client->major);
    err_hint(err, "Install PostgreSQL %d's server programs.", manifest_major(m->server_version));
    return -EINVAL;
}

int fixed_point_compare(const FixedPoint *f, ComparisonTell tell, void *userdata, Err *err)
{
    const Manifest *m = &f->backup->manifest;
    _cleanup_comparison_ Comparison c = {
        .no_unlogged = lacks_unlogged(m),
        .notes = f->notes,
        .tell = tell,
        .userdata = userdata,
    };
    bool other = fixed_point_is_of_another_major(f->backup, f->client->major, f->server_major);
    bool same = false;

    if (!m->inventory_file) /* which is what it says then */
        return verify_load_inventory(f->catalog, f->series, f->backup, &c.then, err);
    int r = dump_copy(f, /* by_name= */ false, &c.now, err);
    if (r < 0) {
        err_prefix(err, "the copy could not be dumped");
        return r;
    }
    r = stored_inventory_is(m, &c.now, &same, err);
    if (r < 0 || same)
        return r;

    r = verify_load_inventory(f->catalog, f->series, f->backup, &c.then, err);
    if (r < 0)
        return err && err->kind == ERR_DAMAGED ? 1 : r;
    if (other)
        c.then.definition_count = c.now.definition_count = 0;
    r = take_by_name(f, &c, err);
    if (r < 0)
        return r;
    comparison_make(&c);
    if (c.count > 0) {
        comparison_error(&c, "the copy differs from the original", err);
        return 1;
    }
    return other ? say_not_compared(f, err) : 0;
}
