#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/catalog.h"
#include "backup/restore.h"
#include "backup/verify.h"
#include "cmd/access.h"
#include "cmd/cmd.h"
#include "sys/log.h"
#include "sys/mem.h"
#include "sys/progress.h"

static int check_usage(const Args *args, Err *err)
{
    unsigned targets = args->flags & (ARG_TO | ARG_OUTPUT | ARG_STDOUT);

    if (args->operand_count != 1)
        return err_set(err, ERR_USAGE, "restore takes one BACKUP");
    if (args->to && !args->to[0])
        return err_set(err, ERR_USAGE, "--to takes the name of a database");
    if (targets == 0 || (targets & (targets - 1)) != 0) {
        err_set(err, ERR_USAGE, "restore takes one of --to, --output and --stdout");
        err_hint(err, "\"pg-backup restore appdb --to appdb_copy\" restores beside the original.");
        return -1;
    }
    return 0;
}

/* The copy works, but not everything is as it was: a REVOKE CONNECT, say, is undone. */
static void tell_what_is_missing(const RestoreSource *source)
{
    const Manifest *m = &source->backup->manifest;

    if (!m->database_properties)
        return;
    if (strcmp(m->format, "plain") == 0) {
        log_warning("not restored: %s of the database \"%s\" itself, which SQL text does not hold",
                    m->database_properties, m->database);
        return;
    }
    _cleanup_free_ char *path = verify_data_path(source->catalog, source->series, source->backup);
    log_warning("not restored: %s of the database \"%s\" itself; they come back with its own name: "
                "pg_restore -C -d postgres '%s'",
                m->database_properties, m->database, path);
}

static int into_database(const CmdContext *ctx, const RestoreSource *source, Err *err)
{
    const Settings *s = ctx->settings;
    _cleanup_access_ Access access = { 0 };
    bool created;

    if (!source->series->database) {
        err_set(err, ERR_USAGE, "the globals are not restored into a database");
        err_hint(err, RESTORE_GLOBALS_HINT);
        return -1;
    }

    int r = access_open(s, &access, err);
    if (r < 0)
        return r;
    RestoreTarget target = {
        .server = &access.target,
        .client = &access.client,
        .session = access.session,
        .database = ctx->args->to,
        .force = ctx->args->flags & ARG_FORCE,
        .jobs = s->backup_jobs,
    };
    r = restore_to_database(source, &target, &created, err);
    if (r < 0) {
        err_prefix(err, "restoring %s into \"%s\"", source->backup->stem, target.database);
        return r;
    }

    log_event(LOG_LEVEL_NOTICE, LOG_EVENT_RESTORED, "restored %s into the %s database \"%s\"",
              source->backup->stem, created ? "new" : "existing", ctx->args->to);
    log_info("run ANALYZE in it before you put it to work: statistics are not part of a backup");
    tell_what_is_missing(source);
    return 0;
}

static int run_restore(const CmdContext *ctx, Err *err)
{
    const Args *args = ctx->args;
    _cleanup_catalog_ Catalog catalog = CATALOG_INIT;
    RestoreSource source = { .catalog = &catalog };

    int r = check_usage(args, err);
    if (r < 0)
        return r;
    if (args->flags & ARG_STDOUT && isatty(STDOUT_FILENO)) {
        err_set(err, ERR_USAGE, "a dump is not written to a terminal");
        err_hint(err, "Redirect stdout, or write to a file with --output.");
        return -1;
    }
    r = catalog_load(ctx->settings->backup_dir, &catalog, err);
    if (r < 0)
        return r;
    r = catalog_find(&catalog, args->operands[0], &source.series, &source.backup, err);
    if (r < 0)
        return r;

    log_context(LOG_FIELD_STEM, source.backup->stem);
    progress_ready();
    if (args->flags & ARG_TO)
        r = into_database(ctx, &source, err);
    else if (args->flags & ARG_OUTPUT)
        r = restore_to_file(&source, args->output, err);
    else
        r = restore_to_fd(&source, STDOUT_FILENO, "stdout", err);
    return r < 0 ? r : EXIT_CODE_DONE;
}

const Command command_restore = {
    .name = "restore",
    .operands = "BACKUP",
    .max_operands = 1,
    .summary = "into a named database, to a file or to stdout",
    .help = "Reads the backup's stored digest first, then restores it into a database (--to), or "
            "writes the\n"
            "decoded dump to a file (--output; of a directory, a copy) or to stdout. A database "
            "that does not\n"
            "exist is made with the original's encoding and locale, and dropped again if the "
            "restore fails;\n"
            "one that is not empty is refused without --force, and left as it was if the restore "
            "fails (SQL\n"
            "text with large objects always does there). What belongs to the original database "
            "itself (ALTER\n"
            "DATABASE … SET, GRANT … ON DATABASE, its comment) is not restored, but named.",
    .options = ARG_TO | ARG_OUTPUT | ARG_STDOUT | ARG_FORCE,
    .run = run_restore,
};
