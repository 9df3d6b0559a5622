#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/artifact.h"
#include "backup/drill-judge.h"
#include "backup/drill-settings.h"
#include "backup/drill-step.h"
#include "backup/psql-sink.h"
#include "backup/verify.h"
#include "pg/account.h"
#include "stream/sink-child.h"
#include "sys/child.h"
#include "sys/clock.h"
#include "sys/format.h"
#include "sys/fs.h"
#include "sys/mem.h"
#include "sys/progress.h"

#define START_TIMEOUT (120 * USEC_PER_SEC)

/* Of tables and large objects; pg_dump may have compressed what the manifest has the size of. */
static uint64_t bytes_of_contents(const Drill *d)
{
    _cleanup_inventory_ Inventory inventory = { 0 };
    uint64_t bytes = 0;

    if (d->backup->manifest.inventory_file &&
        verify_load_inventory(d->ctx->catalog, d->series, d->backup, &inventory, NULL) < 0)
        return 0; /* the fixed point tells */
    for (size_t i = 0; i < inventory.table_count; i++)
        bytes += inventory.tables[i].bytes;
    return bytes + inventory.large_object_bytes;
}

/* Indexes, and the WAL and temporary files of making them, beside the rows. */
static uint64_t needed_bytes(const Drill *d)
{
    uint64_t bytes = bytes_of_contents(d);

    if (bytes < d->backup->manifest.raw_bytes)
        bytes = d->backup->manifest.raw_bytes;
    return __builtin_mul_overflow(bytes, 5, &bytes) ? UINT64_MAX : bytes / 2;
}

static int check_space(const Drill *d, Err *err)
{
    const char *dir = d->ctx->dir;
    uint64_t available, total, needed = needed_bytes(d);
    _cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    int r = fd < 0 ? -errno : fs_space(fd, &available, &total);
    if (r < 0)
        return err_set_errno(err, -r, "could not ask for the space in \"%s\"", dir);
    if (available >= needed)
        return 0;

    _cleanup_free_ char *have = format_bytes(available), *want = format_bytes(needed);
    err_set(err, ERR_COULD_NOT_VERIFY, "\"%s\" has %s free, a drill of this backup needs %s", dir,
            have, want);
    err_hint(err, "Make room there, or let DRILL_DIR name a larger file system.");
    return -ENOSPC;
}

/* The server */

static uint64_t cluster_bytes(void *cluster)
{
    return pg_cluster_bytes(cluster);
}

static uint64_t cluster_work(void *cluster)
{
    return pg_cluster_work(cluster);
}

static int start_cluster(Drill *d, const PgDatabaseTraits *traits, Err *err)
{
    _cleanup_free_ char *stored = verify_data_path(d->ctx->catalog, d->series, d->backup),
                        *gaps = NULL;
    _cleanup_strv_ Strv settings = { 0 };

    drill_choose_settings(&d->backup->manifest, &d->programs, &settings, &d->proof->notes);
    const PgClusterSpec spec = {
        .parent = d->ctx->dir,
        .programs = &d->programs,
        .traits = traits->encoding ? traits : NULL,
        .settings = &settings,
        .hidden = d->ctx->catalog->path,
        .readable = stored,
        .start_timeout = START_TIMEOUT,
    };
    int r = pg_cluster_start(&spec, &d->cluster, err);
    if (r < 0 && err->kind == ERR_COULD_NOT_VERIFY &&
        drill_forget_libraries(&settings, &d->proof->notes)) {
        err_done(err);
        r = pg_cluster_start(&spec, &d->cluster, err);
    }
    if (r < 0)
        return r;
    gaps = pg_cluster_gaps(d->cluster);
    if (gaps)
        strv_add(&d->proof->notes, gaps);
    progress_probe(cluster_bytes, d->cluster);
    progress_probe_work(cluster_work, d->cluster);
    return 0;
}

/* The contents */

/* Order is nothing that a dump has: pg_amcheck tells whether the copy's is right by its own. */
static int note_collation(Drill *d, Err *err)
{
    const Manifest *m = &d->backup->manifest;
    _cleanup_pg_session_ PgSession *session = NULL;
    _cleanup_free_ char *version = NULL;

    if (!m->collation_version)
        return 0;
    int r = pg_connect(pg_cluster_target(d->cluster), d->database, &session, err);
    if (r >= 0)
        r = pg_collation_version(session, &version, err);
    if (r >= 0 && version && strcmp(version, m->collation_version) != 0)
        strv_addf(
            &d->proof->notes,
            "the original's texts are sorted by version %s of its collation, the copy's by %s: "
            "their order may differ",
            m->collation_version, version);
    return r;
}

/* Under its own name, unless initdb has made it already, like the original in all. */
static int make_database(Drill *d, PgSession *session, const PgDatabaseTraits *traits,
                         bool *ret_made, Err *err)
{
    bool exists;

    *ret_made = false;
    d->database = d->series->database;
    int r = pg_database_exists(session, d->database, &exists, err);
    if (r < 0 || exists)
        return r;
    r = pg_create_database(session, d->database, traits, err);
    *ret_made = r >= 0;
    return r;
}

/* Those of the same run have the same moment in their name. */
static bool has_own_globals(const Drill *d)
{
    usec_t when;

    return d->proof->globals && artifact_parse_stem(d->proof->globals, NULL, &when) &&
           when == d->backup->when;
}

static int judge_failure(const Drill *d, const Child *child, int r, Err *err)
{
    if (r >= 0)
        return r;
    drill_explain_stall(d, err);
    if (err->kind != ERR_CHILD)
        return err->kind == ERR_DAMAGED ? 1 : r;

    _cleanup_free_ char *log = pg_cluster_log(d->cluster);
    const DrillCircumstances circumstances = {
        .other_major = drill_is_of_another_major(d),
        .foreign_globals = !has_own_globals(d),
        .without_mapping = !d->maps_tablespaces,
        .log = log,
    };
    const char *remedy = child_was_killed(child)
                             ? "Look for what has ended it: the kernel's log has it."
                             : drill_judge_failure(&child->stderr_lines, &circumstances);
    if (!remedy)
        return 1;
    err->kind = ERR_COULD_NOT_VERIFY;
    err_hint(err, "%s", remedy);
    return r;
}

/* How the contents reach the server. pg_restore reads the stored file itself, since over several
 * connections it has to seek. SQL text goes through its decoders to psql, and so does an archive,
 * over one connection, that whoever runs the server may not read: root's. */
static int choose_way(Drill *d, const char *path, uint64_t jobs, PgRestoreOptions *ret, Err *err)
{
    const PgAccount *account = pg_cluster_target(d->cluster)->account;
    bool directory = strcmp(d->backup->manifest.format, "directory") == 0, readable;
    _cleanup_free_ char *first = mem_printf("%s%s", path, directory ? "/toc.dat" : "");

    *ret = (PgRestoreOptions){
        .database = d->database,
        .plain = manifest_is_text(&d->backup->manifest),
    };
    if (ret->plain && !d->backup->manifest.inventory_file) {
        err_set(err, ERR_COULD_NOT_VERIFY,
                "the text has no inventory: nobody has looked for commands in it, which psql runs");
        err_hint(err, "Make a new backup.");
        return -EINVAL;
    }
    if (ret->plain)
        return 0;
    int r = pg_account_can_read(account, first, &readable, err);
    if (r < 0)
        return r;
    if (readable) {
        ret->archive = path;
        ret->jobs = jobs;
    } else if (directory) {
        err_set(err, ERR_COULD_NOT_VERIFY,
                "\"%s\" cannot be read by the user %s, who restores here", path, account->name);
        err_hint(err, "Drill as the user that made the backup, or give BACKUP_DIR to %s.",
                 account->name);
        return -EACCES;
    }
    return 0;
}

static int feed(Drill *d, Child *child, PgCommand *command, const PgRestoreOptions *options,
                Err *err)
{
    const ChildPipe pipe = options->archive ? CHILD_NEITHER : CHILD_STDIN;
    Stage *sink = NULL;

    int r = drill_spawn(d, command, pipe, child, err);
    if (r < 0)
        return r;
    if (options->archive)
        return child_wait(child, err);
    if (!options->plain)
        sink = sink_child_new(child);
    else
        r = psql_sink_new(child, &d->programs, /* one_transaction= */ false, &sink, err);
    return r < 0 ? r : verify_stream(d->ctx->catalog, d->series, d->backup, sink, err);
}

static int restore_contents(Drill *d, uint64_t jobs, Err *err)
{
    _cleanup_free_ char *path = verify_data_path(d->ctx->catalog, d->series, d->backup);
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;
    _cleanup_child_ Child child = CHILD_INIT;
    PgRestoreOptions options;

    int r = choose_way(d, path, jobs, &options, err);
    if (r < 0)
        return r;
    r = pg_command_restore(&d->programs, pg_cluster_target(d->cluster), &options, &command, err);
    if (r < 0)
        return r;
    r = feed(d, &child, &command, &options, err);
    return judge_failure(d, &child, r, err);
}

/* Over several connections, pg_restore makes some things before what has to come first: version 18
 * the constraint NOT NULL … NOT VALID of a partitioned table before the rows of its partitions.
 * That is no fault of the backup, which one connection restores. */
static int restore_again(Drill *d, PgSession *session, const PgDatabaseTraits *traits, Err *err)
{
    _cleanup_err_ Err first = { 0 };
    bool made;

    err_move(&first, err);
    int r = pg_drop_database(pg_cluster_target(d->cluster), session, d->database, err);
    if (r >= 0)
        r = make_database(d, session, traits, &made, err);
    if (r >= 0)
        r = restore_contents(d, /* jobs= */ 1, err);
    if (r == 0)
        strv_addf(&d->proof->notes, "pg_restore succeeded over one connection, not over %llu: %s",
                  (unsigned long long)d->ctx->jobs, first.message);
    return r;
}

/* All of it, with the time of each part */

static uint64_t lap(usec_t *since)
{
    usec_t now = clock_monotonic();
    uint64_t msec = (now - *since) / USEC_PER_MSEC;

    *since = now;
    return msec;
}

static int restore_in(Drill *d, PgSession *session, const PgDatabaseTraits *traits, Err *err)
{
    Proof *p = d->proof;
    PgServerInfo info = { 0 };
    bool made;
    usec_t since = clock_monotonic();

    int r = pg_server_info(session, &info, err);
    if (r < 0)
        return r;
    p->server_version = TAKE_PTR(info.version);
    pg_server_info_done(&info);

    r = drill_restore_globals(d, session, err);
    p->globals_msec = lap(&since);
    if (r != 0)
        return r;
    r = make_database(d, session, traits, &made, err);
    if (r >= 0)
        r = note_collation(d, err);
    if (r < 0)
        return r;
    r = restore_contents(d, d->ctx->jobs, err);
    if (r == 1 && made && d->ctx->jobs > 1 && !manifest_is_text(&d->backup->manifest))
        r = restore_again(d, session, traits, err);
    p->recovery_msec = p->cluster_msec + p->globals_msec + lap(&since);
    return r;
}

int drill_restore(Drill *d, Err *err)
{
    const Manifest *m = &d->backup->manifest;
    _cleanup_pg_session_ PgSession *session = NULL;
    const PgDatabaseTraits traits = {
        .encoding = m->encoding,
        .collate = m->collate,
        .ctype = m->ctype,
        .locale_provider = m->locale_provider,
        .locale = m->locale,
        .icu_rules = m->icu_rules,
    };
    usec_t since = clock_monotonic();

    if (err_is_set(&d->no_programs)) {
        err_copy(err, &d->no_programs);
        return -ENOENT;
    }
    int r = check_space(d, err);
    if (r < 0)
        return r;
    r = start_cluster(d, &traits, err);
    d->proof->cluster_msec = lap(&since);
    if (r < 0)
        return r;
    r = pg_connect(pg_cluster_target(d->cluster), "postgres", &session, err);
    if (r < 0)
        return r;
    return restore_in(d, session, &traits, err);
}
