#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/catalog.h"
#include "backup/restore.h"
#include "cmd/access.h"
#include "cmd/after-restore.h"
#include "cmd/cmd.h"
#include "cmd/prove-copy.h"
#include "cmd/target-server.h"
#include "pg/target.h"
#include "sys/log.h"
#include "sys/mem.h"
#include "sys/progress.h"

/* The command line */

/* Which options go together. */
static const struct {
    unsigned option, needs, excludes; /* all of `needs`, none of `excludes` */
    const char *sentence;
} rules[] = {
    { ARG_INTO, ARG_TO, 0, "--into SERVER takes --to DATABASE, too: which one is never guessed" },
    { ARG_INTO | ARG_JOBS | ARG_SCHEMA_ONLY | ARG_DATA_ONLY | ARG_TABLE | ARG_GLOBALS | ARG_PROVE |
          ARG_CLEAN | ARG_FORCE,
      ARG_TO, 0, "--into, --jobs, --table and the like go with --to DATABASE" },
    { ARG_CLEAN, ARG_FORCE, 0, "--clean drops what is there, and takes --force beside it" },
    { ARG_SCHEMA_ONLY, 0, ARG_DATA_ONLY, "--schema-only and --data-only exclude each other" },
    { ARG_SCHEMA_ONLY, 0, ARG_CLEAN,
      "--schema-only --clean would empty the tables that it replaces" },
    { ARG_PROVE, 0, ARG_SCHEMA_ONLY | ARG_DATA_ONLY | ARG_TABLE,
      "--prove compares the whole: it is not for a part" },
    { ARG_DATA_ONLY, 0, ARG_CLEAN, "--data-only drops nothing: --clean is not for it" },
};

static int check_rules(const Args *args, Err *err)
{
    for (size_t i = 0; i < ELEMENTSOF(rules); i++)
        if (args->flags & rules[i].option &&
            ((args->flags & rules[i].needs) != rules[i].needs || args->flags & rules[i].excludes))
            return err_set(err, ERR_USAGE, "%s", rules[i].sentence);
    return 0;
}

static int check_usage(const Args *args, Err *err)
{
    unsigned targets = args->flags & (ARG_TO | ARG_OUTPUT | ARG_STDOUT);

    if (args->operand_count != 1)
        return err_set(err, ERR_USAGE, "restore takes one BACKUP");
    if (args->to && !args->to[0])
        return err_set(err, ERR_USAGE, "--to takes the name of a database");
    if (args->to && strlen(args->to) > PG_NAME_MAX)
        return err_set(err, ERR_USAGE, "the name of a database has at most %d bytes", PG_NAME_MAX);
    int r = check_rules(args, err);
    if (r < 0)
        return r;
    if (targets == 0 || (targets & (targets - 1)) != 0) {
        err_set(err, ERR_USAGE, "restore takes one of --to, --output and --stdout");
        err_hint(err, "\"pg-backup restore appdb --to appdb_copy\" restores beside the original.");
        return -1;
    }
    if (args->flags & ARG_STDOUT && isatty(STDOUT_FILENO)) {
        err_set(err, ERR_USAGE, "a dump is not written to a terminal");
        err_hint(err, "Redirect stdout, or write to a file with --output.");
        return -1;
    }
    return 0;
}

/* 0: nobody asked. */
static int parse_jobs(const char *text, uint64_t *ret, Err *err)
{
    char *end = NULL;

    *ret = 0;
    if (!text)
        return 0;
    errno = 0;
    unsigned long jobs = strtoul(text, &end, 10);
    if (errno != 0 || text[0] < '0' || text[0] > '9' || *end || jobs == 0 || jobs > BACKUP_JOBS_MAX)
        return err_set(err, ERR_USAGE, "--jobs takes a number from 1 to %d, not \"%s\"",
                       BACKUP_JOBS_MAX, text);
    *ret = jobs;
    return 0;
}

/* Into a database */

static RestoreTarget describe_target(const CmdContext *ctx, const Access *access)
{
    const Args *args = ctx->args;

    return (RestoreTarget){
        .server = &access->target,
        .client = &access->client,
        .session = access->session,
        .database = args->to,
        .superuser = access->server.superuser,
        .globals = args->flags & ARG_GLOBALS,
        .force = args->flags & ARG_FORCE,
        .clean = args->flags & ARG_CLEAN,
        .schema_only = args->flags & ARG_SCHEMA_ONLY,
        .data_only = args->flags & ARG_DATA_ONLY,
        .tables = &args->tables,
        .directory_jobs = ctx->settings->backup_jobs,
    };
}

static int restore_contents(const RestoreSource *source, const RestoreTarget *target, Err *err)
{
    _cleanup_restore_outcome_ RestoreOutcome outcome = { 0 };

    int r = restore_to_database(source, target, &outcome, err);
    for (size_t i = 0; i < outcome.notes.count; i++)
        log_warning("%s", outcome.notes.items[i]);
    if (outcome.globals)
        log_notice("restored the roles and tablespaces of %s%s", outcome.globals->stem,
                   outcome.globals->when == source->backup->when ? ""
                                                                 : ", which is of another run");
    if (r < 0) {
        err_prefix(err, "restoring %s into \"%s\"", source->backup->stem, target->database);
        return r;
    }
    _cleanup_free_ char *server = pg_target_describe(target->server);
    log_event(LOG_LEVEL_NOTICE, LOG_EVENT_RESTORED, "restored %s into the %s database \"%s\" on %s",
              source->backup->stem, outcome.created ? "new" : "existing", target->database, server);
    return 0;
}

static int restore_on_server(const CmdContext *ctx, const RestoreSource *source,
                             const Settings *server, Err *err)
{
    _cleanup_access_ Access access = { 0 };
    uint64_t jobs;

    int r = parse_jobs(ctx->args->jobs, &jobs, err);
    if (r < 0)
        return r;
    r = access_open(server, &access, err);
    if (r < 0)
        return r;
    RestoreTarget target = describe_target(ctx, &access);
    target.jobs = jobs;
    r = restore_contents(source, &target, err);
    if (r < 0)
        return r;
    after_restore_tell(source, &target);
    if (ctx->args->flags & ARG_PROVE)
        r = prove_copy(source, &target, access.server.major,
                       server->stall_timeout_seconds * USEC_PER_SEC, err);
    return r < 0 ? r : EXIT_CODE_DONE;
}

static int into_database(const CmdContext *ctx, const RestoreSource *source, Err *err)
{
    _cleanup_settings_ Settings server = { 0 };

    if (!source->series->database) {
        err_set(err, ERR_USAGE, "the globals are not restored into a database");
        err_hint(err, RESTORE_GLOBALS_HINT);
        return -1;
    }
    if (!ctx->args->into)
        return restore_on_server(ctx, source, ctx->settings, err);
    int r = target_server_load(ctx->args->into, &server, err);
    return r < 0 ? r : restore_on_server(ctx, source, &server, err);
}

/* The command */

/* A name has chosen the newest good one: which newer ones were not, somebody has to know. A stem
 * has its way. */
static void warn_of_flawed(const RestoreSource *source, const char *operand)
{
    const Series *s = source->series;
    const Backup *chosen = source->backup;

    if (!chosen->good)
        log_warning("%s: %s", chosen->stem, chosen->problem);
    for (const Backup *b = chosen + 1;
         strcmp(operand, chosen->stem) != 0 && b < s->backups + s->count; b++)
        log_warning("passed over %s: %s", b->stem, b->problem);
}

static int run_restore(const CmdContext *ctx, Err *err)
{
    const Args *args = ctx->args;
    _cleanup_catalog_ Catalog catalog = CATALOG_INIT;
    RestoreSource source = { .catalog = &catalog };

    int r = check_usage(args, err);
    if (r < 0)
        return r;
    r = catalog_load(ctx->settings->backup_dir, &catalog, err);
    if (r < 0)
        return r;
    r = catalog_find(&catalog, args->operands[0], &source.series, &source.backup, err);
    if (r < 0)
        return r;

    warn_of_flawed(&source, args->operands[0]);
    log_context(LOG_FIELD_STEM, source.backup->stem);
    progress_ready();
    if (args->flags & ARG_TO)
        return into_database(ctx, &source, err);
    if (args->flags & ARG_OUTPUT)
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
    .help =
        "Reads the backup's stored digest first, then restores it into a database (--to), or "
        "writes the\n"
        "decoded dump to a file (--output; of a directory, a copy) or to stdout. A database that "
        "does not\n"
        "exist is made with the original's encoding and locale, and has its name when it is "
        "complete; one\n"
        "that is not empty is refused without --force, and left as it was if the restore fails "
        "(SQL "
        "text\n"
        "with large objects always does there). What belongs to the original database itself "
        "(ALTER\n"
        "DATABASE … SET, GRANT … ON DATABASE, its comment) is not restored, but named. The way "
        "through a\n"
        "bad day is docs/RESTORE.md.",
    .options = ARG_TO | ARG_INTO | ARG_JOBS | ARG_SCHEMA_ONLY | ARG_DATA_ONLY | ARG_TABLE |
               ARG_GLOBALS | ARG_PROVE | ARG_OUTPUT | ARG_STDOUT | ARG_FORCE | ARG_CLEAN,
    .run = run_restore,
};
