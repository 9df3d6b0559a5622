#include "backup/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "backup/directory-copy.h"
#include "backup/verify.h"
#include "pg/message.h"
#include "stream/sink-child.h"
#include "stream/sink-fd.h"
#include "stream/sink-file.h"
#include "stream/stage-frame.h"
#include "sys/child.h"
#include "sys/mem.h"
#include "sys/progress.h"

/* The two passes over the stored file, each with its own rate and end. */
static void begin_pass(const RestoreSource *source, const char *what)
{
    _cleanup_free_ char *phase = mem_printf("%s %s", what, source->backup->stem);
    progress_phase(phase, source->backup->manifest.stored_bytes);
}

static int check_digest(const RestoreSource *source, Err *err)
{
    begin_pass(source, "checking");
    return verify_stored(source->catalog, source->series, source->backup, err);
}

static int stream_into(const RestoreSource *source, Stage *sink, Err *err)
{
    begin_pass(source, "restoring");
    return verify_stream(source->catalog, source->series, source->backup, sink, err);
}

static int refuse_directory(const RestoreSource *source, const char *name, Err *err)
{
    _cleanup_free_ char *path = verify_data_path(source->catalog, source->series, source->backup);

    err_set(err, ERR_USAGE, "%s is a directory, which cannot be written to %s",
            source->backup->stem, name);
    err_hint(err,
             "Copy it with --output, or let pg_restore make SQL text of it: pg_restore -f - "
             "'%s'",
             path);
    return -EISDIR;
}

int restore_to_fd(const RestoreSource *source, int fd, const char *name, Err *err)
{
    if (manifest_is_directory(&source->backup->manifest))
        return refuse_directory(source, name, err);

    int r = check_digest(source, err);
    if (r < 0)
        return r;
    return stream_into(source, sink_fd_new(fd, name), err);
}

/* Each file is checked again as it is copied. */
static int copy_directory(const RestoreSource *source, int dir_fd, const char *dir,
                          const char *name, Err *err)
{
    _cleanup_free_ char *from = verify_data_path(source->catalog, source->series, source->backup);
    _cleanup_manifest_ Manifest m = { 0 };

    begin_pass(source, "restoring");
    int r = catalog_load_manifest(source->catalog, source->series, source->backup, &m, err);
    if (r < 0)
        return r;
    return directory_copy(from, &m, dir_fd, dir, name, err);
}

int restore_to_file(const RestoreSource *source, const char *path, Err *err)
{
    _cleanup_free_ char *dir_copy = mem_strdup(path), *name_copy = mem_strdup(path);
    const char *dir = dirname(dir_copy), *name = basename(name_copy);
    _cleanup_close_ int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir_fd < 0)
        return err_set_errno(err, errno, "could not open the directory \"%s\"", dir);
    if (faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        err_set(err, ERR_REFUSED, "\"%s\" exists already", path);
        err_hint(err, "Choose another name, or remove it first.");
        return -EEXIST;
    }

    int r = check_digest(source, err);
    if (r < 0)
        return r;
    if (manifest_is_directory(&source->backup->manifest))
        return copy_directory(source, dir_fd, dir, name, err);
    return stream_into(
        source, sink_file_new(&(SinkFileSpec){ .dir_fd = dir_fd, .dir_path = dir, .name = name }),
        err);
}

/* Databases */

static int refuse_unless_empty(const RestoreTarget *target, Err *err)
{
    _cleanup_pg_session_ PgSession *session = NULL;
    uint64_t objects;

    int r = pg_connect(target->server, target->database, &session, err);
    if (r < 0)
        return r;
    r = pg_count_objects(session, &objects, err);
    if (r < 0)
        return r;
    if (objects == 0 || target->force)
        return 0;

    err_set(err, ERR_REFUSED, "database \"%s\" exists and is not empty (%llu objects)",
            target->database, (unsigned long long)objects);
    err_hint(err, "Restore into a new name, or add --force to replace objects of the same names.");
    return -EEXIST;
}

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

static int create_like_original(const RestoreSource *source, const RestoreTarget *target, Err *err)
{
    const Manifest *m = &source->backup->manifest;
    PgDatabaseTraits traits = {
        .encoding = m->encoding,
        .collate = m->collate,
        .ctype = m->ctype,
        .locale_provider = m->locale_provider,
        .locale = m->locale,
    };
    int r = pg_create_database(target->session, target->database, &traits, err);
    if (r < 0 && err->kind == ERR_SERVER)
        explain_creation(&traits, err);
    return r;
}

/* What the target said, as an error of the restore. */
static void classify(const Child *child, Err *err)
{
    static const struct {
        const char *words;
        const char *hint;
    } remedies[] = {
        { PG_TRANSACTION_GUARD, "SQL text with large objects commits in its middle, and an "
                                "existing database must not end "
                                "up with half of it: restore into a new one." },
        { "role \"", RESTORE_GLOBALS_HINT },
        { "already exists", "SQL text cannot replace what is there: restore into a new database." },
    };

    if (err->kind != ERR_CHILD)
        return;
    err->kind = ERR_RESTORE;
    for (size_t i = 0; i < child->stderr_lines.count; i++)
        for (size_t j = 0; j < ELEMENTSOF(remedies); j++)
            if (strstr(child->stderr_lines.items[i], remedies[j].words))
                err_hint(err, "%s", remedies[j].hint);
}

/* An existing database gets all of the SQL text or, however we end, nothing: the transaction's end
 * is written only when every check on the way has held. */
static Stage *sink_new(Child *child, const PgRestoreOptions *options)
{
    Stage *sink = sink_child_new(child);

    if (!options->plain || !options->one_transaction)
        return sink;
    return stage_join(stage_frame_new(PG_TRANSACTION_BEGIN, PG_TRANSACTION_END), sink);
}

/* pg_restore reads a directory itself; nobody but the kernel tells how far it is. */
static uint64_t bytes_read(void *userdata)
{
    return child_bytes_read(userdata);
}

static int await_client(const RestoreSource *source, Child *child, Err *err)
{
    begin_pass(source, "restoring");
    child_watch(child, bytes_read, child);
    return child_wait(child, err);
}

static int feed_client(const RestoreSource *source, const RestoreTarget *target, bool created,
                       Err *err)
{
    const bool directory = manifest_is_directory(&source->backup->manifest);
    _cleanup_free_ char *path = verify_data_path(source->catalog, source->series, source->backup);
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;
    _cleanup_child_ Child child = CHILD_INIT;
    PgRestoreOptions options = {
        .database = target->database,
        .plain = strcmp(source->backup->manifest.format, "plain") == 0,
        .replace = target->force && !created,
        .one_transaction = !created,
        .archive = directory ? path : NULL,
        .jobs = target->jobs,
    };

    int r = pg_command_restore(target->client, target->server, &options, &command, err);
    if (r < 0)
        return r;
    /* No stall limit: while an index is built no byte moves, for as long as that takes. */
    r = pg_command_spawn(&command, directory ? CHILD_NEITHER : CHILD_STDIN, /* stall_timeout= */ 0,
                         &child, err);
    if (r < 0)
        return r;
    r = directory ? await_client(source, &child, err)
                  : stream_into(source, sink_new(&child, &options), err);
    if (r < 0)
        classify(&child, err);
    return r;
}

/* It was not there before, so it is ours to remove: left half-filled, it would look like a restored
 * one. */
static void drop_again(const RestoreTarget *target, Err *err)
{
    _cleanup_err_ Err failure = { 0 };

    if (pg_drop_database(target->server, target->session, target->database, &failure) < 0)
        err_prefix(err, "drop the unfinished database \"%s\" by hand if it is there (%s)",
                   target->database, failure.message);
}

/* The server may have made the database although we have not heard so. */
static bool is_outcome_unknown(const Err *err)
{
    return err->kind == ERR_CANCELLED || err->kind == ERR_STALLED || err->kind == ERR_SERVER_LOST;
}

int restore_to_database(const RestoreSource *source, const RestoreTarget *target, bool *ret_created,
                        Err *err)
{
    bool exists;

    int r = pg_database_exists(target->session, target->database, &exists, err);
    if (r < 0)
        return r;
    if (exists) {
        r = refuse_unless_empty(target, err);
        if (r < 0)
            return r;
    }

    r = check_digest(source, err);
    if (r < 0)
        return r;
    if (!exists) {
        r = create_like_original(source, target, err);
        if (r < 0 && is_outcome_unknown(err))
            drop_again(target, err);
        if (r < 0)
            return r;
    }

    r = feed_client(source, target, /* created= */ !exists, err);
    if (r < 0 && !exists)
        drop_again(target, err);
    if (r == 0)
        *ret_created = !exists;
    return r;
}
