#include "backup/restore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backup/globals.h"
#include "backup/psql-sink.h"
#include "backup/restore-step.h"
#include "backup/verify.h"
#include "pg/message.h"
#include "pg/sql-quote.h"
#include "pg/target.h"
#include "stream/sink-child.h"
#include "sys/child.h"
#include "sys/mem.h"

/* One restore into a database. */
typedef struct Restore {
    const RestoreSource *source;
    const RestoreTarget *target;
    RestoreOutcome *outcome;
    RestoreScope scope;
    char *database; /* where it goes for now: of a new one, the unfinished name */
} Restore;

static void restore_done(Restore *r)
{
    restore_scope_done(&r->scope);
    free(r->database);
}

void restore_outcome_done(RestoreOutcome *o)
{
    strv_done(&o->notes);
}

/* Making the database */

/* Nearly always the server's machine lacks the locale of the one that was backed up. */
static void explain_creation(const PgDatabaseTraits *traits, Err *err)
{
    err->kind = ERR_RESTORE;
    err_hint(
        err,
        "The original has encoding %s, LC_COLLATE \"%s\", LC_CTYPE \"%s\"%s%s: give the server "
        "that locale (\"locale -a\" lists its own), or make the database yourself and restore "
        "into it.",
        traits->encoding, traits->collate, traits->ctype, traits->locale ? ", locale " : "",
        traits->locale ? traits->locale : "");
}

static int create_like_original(const Restore *restore, Err *err)
{
    const Manifest *m = &restore->source->backup->manifest;
    PgDatabaseTraits traits = {
        .encoding = m->encoding,
        .collate = m->collate,
        .ctype = m->ctype,
        .locale_provider = m->locale_provider,
        .locale = m->locale,
        .icu_rules = m->icu_rules,
    };
    int r = pg_create_database(restore->target->session, restore->database, &traits, err);
    if (r < 0 && err->kind == ERR_SERVER)
        explain_creation(&traits, err);
    return r;
}

static int tell_of_leftovers(const Restore *restore, Err *err)
{
    const RestoreTarget *t = restore->target;
    _cleanup_strv_ Strv left = { 0 };

    int r = pg_list_unfinished(t->session, t->database, &left, err);
    for (size_t i = 0; i < left.count; i++) {
        _cleanup_free_ char *name = pg_quote_name(left.items[i]);
        strv_addf(&restore->outcome->notes,
                  "a restore into \"%s\" has left a database behind, which may be incomplete; to "
                  "remove it: DROP DATABASE %s",
                  t->database, name);
    }
    return r;
}

/* Roles and tablespaces */

static const Backup *find_globals(const Restore *restore, const Series **ret_series, Err *err)
{
    const RestoreSource *source = restore->source;
    const Series *series = catalog_series(source->catalog, /* database= */ NULL);
    const Backup *globals = globals_next(series, source->backup->when, /* last= */ NULL);

    *ret_series = series;
    if (globals)
        return globals;
    err_set(err, ERR_NOT_FOUND, "there is no good backup of the globals in \"%s\"",
            source->catalog->path);
    err_hint(err, "Restore without --globals, and make the roles that it needs by hand.");
    return NULL;
}

/* Before the database: what it holds belongs to somebody. */
static int restore_globals(const Restore *restore, Err *err)
{
    const Series *series;
    const Backup *globals = find_globals(restore, &series, err);

    if (!globals)
        return -ENOENT;
    int r = globals_restore(restore->source->catalog, series, globals,
                            &(GlobalsTarget){ .session = restore->target->session },
                            &restore->outcome->notes, err);
    if (r >= 0)
        restore->outcome->globals = globals;
    return r;
}

/* Filling it */

/* What the target said, as an error of the restore. */
static void classify(const Child *child, Err *err)
{
    static const char needed[] =
        "What was to be restored needs it: choose it, too (another --table), or restore into a new "
        "database, where what a table needs comes along.";
    static const struct {
        const char *words;
        const char *hint;
    } remedies[] = {
        { PG_TRANSACTION_GUARD, "SQL text with large objects commits in its middle, and an "
                                "existing database must not end "
                                "up with half of it: restore into a new one." },
        { "role \"", RESTORE_GLOBALS_HINT },
        { "tablespace \"", RESTORE_GLOBALS_HINT },
        { "already exists", "What is there was left as it is: restore into a new database. Of an "
                            "archive, --force --clean replaces it; SQL text cannot replace." },
        { "because other objects depend on it",
          "All was left as it is. Restore beside it, into a new database, and exchange the rows "
          "there; or drop what depends on it first, and make it again afterwards." },
        { "cannot drop inherited constraint",
          "pg_restore cannot drop the keys of partitions: all was left as it is. Restore into a "
          "new "
          "database, or DROP TABLE the partitioned tables first." },
        { "unrecognized configuration parameter",
          "The backup comes from a newer major version: restore into a server of that one, or of a "
          "later one." },
        { "unsupported version",
          "The backup comes from a newer major version: restore into a server of that one, or of a "
          "later one." },
        { "can only create extension in database",
          "A new database has a name of its own until it is complete: make the database yourself "
          "(createdb -T template0) and restore into it." },
        { "session_replication_role", "Restore as a superuser." },
        { "\" does not exist", needed }, /* a relation, a schema, a type */
    };

    if (err->kind != ERR_CHILD)
        return;
    err->kind = ERR_RESTORE;
    for (size_t i = 0; i < child->stderr_lines.count; i++)
        for (size_t j = 0; j < ELEMENTSOF(remedies); j++)
            if (strstr(child->stderr_lines.items[i], remedies[j].words))
                err_hint(err, "%s", remedies[j].hint);
}

/* pg_restore reads the archive itself; nobody but the kernel tells how far it is. */
static uint64_t bytes_read(void *userdata)
{
    return child_bytes_read(userdata);
}

static int await_client(const Restore *restore, Child *child, Err *err)
{
    restore_begin_pass(restore->source, "restoring");
    child_watch(child, bytes_read, child);
    return child_wait(child, err);
}

static int feed_stream(const Restore *restore, const PgRestoreOptions *options, Child *child,
                       Err *err)
{
    Stage *sink;

    if (!options->plain)
        return restore_stream_into(restore->source, sink_child_new(child), err);
    int r = psql_sink_new(child, restore->target->client, options->one_transaction, &sink, err);
    return r < 0 ? r : restore_stream_into(restore->source, sink, err);
}

static int run_client(const Restore *restore, const PgRestoreOptions *options, Err *err)
{
    const RestoreTarget *t = restore->target;
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;
    _cleanup_child_ Child child = CHILD_INIT;

    int r = pg_command_restore(t->client, t->server, options, &command, err);
    if (r < 0)
        return r;
    /* No stall limit: while an index is built no byte moves, for as long as that takes. */
    r = pg_command_spawn(&command, options->archive ? CHILD_NEITHER : CHILD_STDIN,
                         /* stall_timeout= */ 0, &child, err);
    if (r < 0)
        return r;
    r = options->archive ? await_client(restore, &child, err)
                         : feed_stream(restore, options, &child, err);
    if (r < 0)
        classify(&child, err);
    return r;
}

/* A stream is enough for one connection that takes everything. Several, and one that skips most of
 * it, have to seek; and a directory is no stream. */
static int feed_client(const Restore *restore, Err *err)
{
    const RestoreTarget *t = restore->target;
    const RestoreSource *source = restore->source;
    const bool directory = manifest_is_directory(&source->backup->manifest);
    const bool created = restore->outcome->created;
    const RestoreSelection *selection = &restore->scope.selection;
    _cleanup_free_ char *path = verify_data_path(source->catalog, source->series, source->backup);
    _cleanup_free_ char *list =
        selection->chosen ? restore_selection_list(selection, &restore->scope.toc) : NULL;
    const PgRestoreOptions options = {
        .database = restore->database,
        .plain = manifest_is_text(&source->backup->manifest),
        .replace = t->clean && !created,
        .one_transaction = !created,
        .archive = directory || t->jobs > 1 || restore->scope.toc.count > 0 ? path : NULL,
        .jobs = t->jobs == 0 && directory ? t->directory_jobs : t->jobs,
        .list = list,
        .schema_only = t->schema_only,
        .data_only = t->data_only,
        .without_triggers = t->data_only && t->superuser,
    };
    return run_client(restore, &options, err);
}

/* The end of it */

/* It was not there before, so it is ours to remove. */
static void drop_again(const Restore *restore, Err *err)
{
    const RestoreTarget *t = restore->target;
    _cleanup_err_ Err failure = { 0 };

    if (pg_drop_database(t->server, t->session, restore->database, &failure) < 0)
        err_prefix(err, "drop the unfinished database \"%s\" by hand if it is there (%s)",
                   restore->database, failure.message);
}

/* The server may have done it although we have not heard so. */
static bool is_outcome_unknown(const Err *err)
{
    return err->kind == ERR_CANCELLED || err->kind == ERR_STALLED || err->kind == ERR_SERVER_LOST;
}

/* After hours of work, what is complete is not thrown away because of its name. */
static int give_name(const Restore *restore, Err *err)
{
    const RestoreTarget *t = restore->target;

    int r = pg_rename_database(t->server, restore->database, t->database, err);
    if (r >= 0)
        return r;
    _cleanup_free_ char *from = pg_quote_name(restore->database), *to = pg_quote_name(t->database);
    err_prefix(err, "the restored database is complete, but %s called \"%s\"",
               is_outcome_unknown(err) ? "may still be" : "is still", restore->database);
    free(err->hint); /* which is to drop what is there, or to choose another name */
    err->hint = NULL;
    err_hint(err, "Give it its name: ALTER DATABASE %s RENAME TO %s. Or drop it.", from, to);
    return r;
}

static int fill_new(Restore *restore, Err *err)
{
    restore->outcome->created = true;
    restore->database = pg_unfinished_name(restore->target->database);
    int r = create_like_original(restore, err);
    if (r < 0 && is_outcome_unknown(err))
        drop_again(restore, err);
    if (r < 0)
        return r;

    r = feed_client(restore, err);
    if (r < 0) {
        drop_again(restore, err);
        return r;
    }
    return give_name(restore, err);
}

static void tell_of_triggers(const Restore *restore)
{
    const RestoreTarget *t = restore->target;

    if (t->data_only)
        strv_add(&restore->outcome->notes,
                 t->superuser ? "as a superuser restores them, no trigger fires for the rows, and "
                                "their foreign keys are not checked"
                              : "triggers fire for the rows, and foreign keys are checked: only a "
                                "superuser restores without");
}

static int fill_existing(Restore *restore, Err *err)
{
    restore->database = mem_strdup(restore->target->database);
    tell_of_triggers(restore);
    return feed_client(restore, err);
}

int restore_to_database(const RestoreSource *source, const RestoreTarget *target,
                        RestoreOutcome *ret, Err *err)
{
    _cleanup_(restore_done)
        Restore restore = { .source = source, .target = target, .outcome = ret };
    const Series *globals;
    bool exists;

    int r = pg_database_exists(target->session, target->database, &exists, err);
    if (r < 0)
        return r;
    r = tell_of_leftovers(&restore, err);
    if (r < 0)
        return r;
    r = restore_scope_load(source, target, exists, &restore.scope, err);
    if (r < 0)
        return r;
    strv_copy(&ret->notes, &restore.scope.selection.notes);
    if (exists) {
        r = restore_scope_check(&restore.scope, target, err);
        if (r < 0)
            return r;
    }
    if (target->globals && !find_globals(&restore, &globals, err))
        return -ENOENT;
    r = restore_check_contents(source, err);
    if (r >= 0 && exists) /* again, since that may have taken hours */
        r = restore_scope_check(&restore.scope, target, err);
    if (r < 0)
        return r;
    if (target->globals) {
        r = restore_globals(&restore, err);
        if (r < 0)
            return r;
    }
    return exists ? fill_existing(&restore, err) : fill_new(&restore, err);
}
