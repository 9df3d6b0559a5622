#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/artifact.h"
#include "backup/catalog.h"
#include "backup/verify.h"
#include "cmd/cmd.h"
#include "pg/client.h"
#include "sys/format.h"
#include "sys/log.h"
#include "sys/mem.h"
#include "sys/progress.h"

typedef struct Tally {
    size_t sound, damaged, undecided;
} Tally;

/* Where no pg_restore reads the archive, the stored digest can still tell damage, but not
 * soundness. */
static int verify_without_client(const Catalog *catalog, const Series *series, const Backup *backup,
                                 Err *reason, Err *err)
{
    int r = verify_stored(catalog, series, backup, err);
    if (r < 0)
        return r;

    if (reason->kind != ERR_CANCELLED)
        reason->kind = ERR_COULD_NOT_VERIFY;
    err_prefix(reason, "the digest is right, but the archive could not be decoded");
    err_move(err, reason);
    return -ENOENT;
}

static int verify_one(const Settings *settings, const Catalog *catalog, const Series *series,
                      const Backup *backup, Err *err)
{
    const Manifest *m = &backup->manifest;
    _cleanup_err_ Err reason = { 0 };
    PgClient client = { 0 };

    if (m->format && strcmp(m->format, "custom") == 0 &&
        pg_client_find(settings->pg_bindir, atoi(m->client_version), &client, &reason) < 0)
        return verify_without_client(catalog, series, backup, &reason, err);

    int r = verify_decoded(catalog, series, backup, &client,
                           settings->stall_timeout_seconds * USEC_PER_SEC, err);
    pg_client_done(&client);
    return r;
}

/* One line on stdout for each backup (or series, where its backups are not known), as soon as it is
 * judged. */
static void tell(const char *name, uint64_t stored_bytes, const Err *reason, Tally *tally)
{
    _cleanup_free_ char *size = format_bytes(stored_bytes);
    _cleanup_free_ char *why = err_is_set(reason) ? format_oneline(reason->message) : NULL;

    if (!err_is_set(reason)) {
        printf("ok       %s  %s: digest and contents read back\n", name, size);
        tally->sound++;
    } else if (reason->kind == ERR_NOT_FOUND) {
        printf("gone     %s  removed meanwhile\n", name);
    } else if (reason->kind == ERR_DAMAGED) {
        printf("DAMAGED  %s  %s\n", name, why);
        tally->damaged++;
    } else {
        printf("UNKNOWN  %s  %s\n", name, why);
        tally->undecided++;
    }
    (void)fflush(stdout); /* a failure is found at the end */

    /* A person has just read it. */
    if (err_is_set(reason) && reason->kind != ERR_NOT_FOUND && !log_is_human())
        log_err(LOG_LEVEL_ERROR, LOG_EVENT_NONE, reason);
}

/* Judges one backup and prints its line; a negative number only when the command is to end. */
static int judge(const CmdContext *ctx, const Catalog *catalog, const Series *series,
                 const Backup *backup, Tally *tally, Err *err)
{
    _cleanup_err_ Err reason = { 0 };
    _cleanup_free_ char *phase = mem_printf("verifying %s", backup->stem);

    log_context(LOG_FIELD_STEM, backup->stem);
    progress_phase(phase, backup->manifest.stored_bytes);
    int r = verify_one(ctx->settings, catalog, series, backup, &reason);
    log_progress_line(NULL);
    if (reason.kind == ERR_CANCELLED) {
        err_move(err, &reason);
        return r;
    }

    tell(backup->stem, backup->manifest.stored_bytes, &reason, tally);
    return 0;
}

static void tell_unreadable(const Series *series, Tally *tally)
{
    _cleanup_err_ Err reason = { 0 };

    err_set(&reason, ERR_COULD_NOT_VERIFY, "%s", series->problem);
    log_context(LOG_FIELD_STEM, NULL);
    tell(series->encoded, /* stored_bytes= */ 0, &reason, tally);
}

/* Of a series: the newest, and the newest good one where that is another. */
static bool is_chosen(const CmdContext *ctx, const Series *series, size_t i)
{
    if (ctx->args->flags & ARG_ALL)
        return true;
    return i + 1 == series->count || &series->backups[i] == series_newest_good(series);
}

static int verify_series(const CmdContext *ctx, const Catalog *catalog, const Series *series,
                         Tally *tally, Err *err)
{
    if (series->problem)
        tell_unreadable(series, tally);
    for (size_t i = 0; i < series->count; i++) {
        int r = is_chosen(ctx, series, i)
                    ? judge(ctx, catalog, series, &series->backups[i], tally, err)
                    : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static int verify_catalog(const CmdContext *ctx, const Catalog *catalog, Tally *tally, Err *err)
{
    for (size_t i = 0; i < catalog->count; i++) {
        int r = verify_series(ctx, catalog, &catalog->series[i], tally, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* A stem is one backup. The name of a database means here what it means without operands: its
 * newest good backup alone would hide that a newer one is damaged. */
static int verify_named(const CmdContext *ctx, const Catalog *catalog, const char *name,
                        Tally *tally, Err *err)
{
    const Series *series =
        catalog_series(catalog, strcmp(name, ARTIFACT_GLOBALS) == 0 ? NULL : name);
    const Backup *backup;

    if (series)
        return verify_series(ctx, catalog, series, tally, err);
    int r = catalog_find(catalog, name, &series, &backup, err);
    if (r < 0)
        return r;
    return judge(ctx, catalog, series, backup, tally, err);
}

static int verify_all_named(const CmdContext *ctx, const Catalog *catalog, Tally *tally, Err *err)
{
    for (size_t i = 0; i < ctx->args->operand_count; i++) {
        int r = verify_named(ctx, catalog, ctx->args->operands[i], tally, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int refuse_both(const Args *args, Err *err)
{
    if (!(args->flags & ARG_ALL) || args->operand_count == 0)
        return 0;
    int r = err_set(err, ERR_USAGE, "--all and \"%s\" exclude each other", args->operands[0]);
    err_hint(err, "Give the names of backups, or --all for each there is.");
    return r;
}

static int run_verify(const CmdContext *ctx, Err *err)
{
    _cleanup_catalog_ Catalog catalog = CATALOG_INIT;
    Tally tally = { 0 };

    int r = refuse_both(ctx->args, err);
    if (r < 0)
        return r;
    r = catalog_load(ctx->settings->backup_dir, &catalog, err);
    if (r < 0)
        return r;
    progress_ready();
    r = ctx->args->operand_count > 0 ? verify_all_named(ctx, &catalog, &tally, err)
                                     : verify_catalog(ctx, &catalog, &tally, err);
    if (r < 0)
        return r;

    log_context(LOG_FIELD_STEM, NULL);
    log_event(LOG_LEVEL_NOTICE, LOG_EVENT_VERIFIED,
              "verified: %zu sound, %zu damaged, %zu undecided", tally.sound, tally.damaged,
              tally.undecided);
    if (tally.damaged > 0)
        return EXIT_CODE_NOT_VERIFIED;
    if (tally.undecided > 0)
        return EXIT_CODE_COULD_NOT_VERIFY;
    if (tally.sound == 0)
        return err_set(err, ERR_COULD_NOT_VERIFY, "there is no backup to verify in \"%s\"",
                       catalog.path);
    return EXIT_CODE_DONE;
}

const Command command_verify = {
    .name = "verify",
    .operands = "[BACKUP…]",
    .max_operands = -1,
    .summary = "reads backups back and checks them",
    .help = "Checks stored size and digest, and decodes everything: an archive by pg_restore, SQL "
            "by gunzip\n"
            "and the digest of what pg_dump had written. Without operands: the newest of each "
            "database.\n"
            "Exits with 4 when a backup is damaged, with 5 when one could not be judged.",
    .options = ARG_ALL,
    .run = run_verify,
};
