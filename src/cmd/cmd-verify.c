#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/artifact.h"
#include "backup/catalog.h"
#include "backup/evidence.h"
#include "backup/subset.h"
#include "backup/verify.h"
#include "cmd/cmd.h"
#include "pg/client.h"
#include "sys/clock.h"
#include "sys/format.h"
#include "sys/log.h"
#include "sys/mem.h"
#include "sys/progress.h"

/* A verification under way. */
typedef struct Verification {
    const Settings *settings;
    const Args *args;
    Catalog catalog;
    Subset subset;
    size_t sound, damaged, undecided;
} Verification;

/* Where no pg_restore reads the archive, or reads it to its end, everything else can still tell
 * damage, but not soundness. */
static int verify_without_client(const Verification *v, const Series *series, const Backup *backup,
                                 Err *reason, Err *err)
{
    int r = verify_decoded(&v->catalog, series, backup, NULL, /* stall_timeout= */ 0, err);
    if (r < 0)
        return r;

    if (reason->kind != ERR_CANCELLED)
        reason->kind = ERR_COULD_NOT_VERIFY;
    err_prefix(reason, "%s right, but pg_restore could not read the archive",
               backup->manifest.inventory_file ? "digest and inventory are" : "the digest is");
    err_move(err, reason);
    return -ENOENT;
}

static int verify_one(const Verification *v, const Series *series, const Backup *backup, Err *err)
{
    const Manifest *m = &backup->manifest;
    _cleanup_err_ Err reason = { 0 };
    PgClient client = { 0 };

    bool archive = m->format && !manifest_is_text(m);
    if (archive && pg_client_find(v->settings->pg_bindir, manifest_major(m->client_version),
                                  &client, &reason) < 0)
        return verify_without_client(v, series, backup, &reason, err);

    int r = verify_decoded(&v->catalog, series, backup, archive ? &client : NULL,
                           v->settings->stall_timeout_seconds * USEC_PER_SEC, &reason);
    pg_client_done(&client);
    if (r < 0 && archive && reason.kind == ERR_COULD_NOT_VERIFY)
        return verify_without_client(v, series, backup, &reason, err);
    err_move(err, &reason);
    return r;
}

/* What has been found right. */
static const char *describe_levels(const Manifest *m)
{
    bool text = manifest_is_text(m);

    if (!m->inventory_file)
        return text ? "digest and text" : "digest, pg_restore";
    return text ? "digest, text, inventory" : "digest, inventory, pg_restore";
}

/* One line on stdout for each backup (or series, where its backups are not known), as soon as it is
 * judged. */
static void tell(Verification *v, const char *name, const Manifest *m, const Err *reason)
{
    _cleanup_free_ char *size = format_bytes(m ? m->stored_bytes : 0);
    _cleanup_free_ char *why = err_is_set(reason) ? format_oneline(reason->message) : NULL;

    if (!err_is_set(reason)) {
        printf("ok       %s  %s: %s\n", name, size, m ? describe_levels(m) : "");
        v->sound++;
    } else if (reason->kind == ERR_NOT_FOUND) {
        printf("gone     %s  removed meanwhile\n", name);
    } else if (reason->kind == ERR_DAMAGED) {
        printf("DAMAGED  %s  %s\n", name, why);
        v->damaged++;
    } else {
        printf("UNKNOWN  %s  %s\n", name, why);
        v->undecided++;
    }
    (void)fflush(stdout); /* a failure is found at the end */

    /* A person has just read it. */
    if (err_is_set(reason) && reason->kind != ERR_NOT_FOUND && !log_is_human())
        log_err(LOG_LEVEL_ERROR, LOG_EVENT_NONE, reason);
}

/* What was found stands beside the backup for everybody else: list, health, retention. Where that
 * cannot be written, it was found all the same. A negative number only when the command is to end.
 */
static int keep_record(const Verification *v, const Series *series, const Backup *backup,
                       const Err *reason, usec_t started, Err *err)
{
    _cleanup_err_ Err problem = { 0 };
    bool withdrawn = false;
    int r = 0;

    if (!err_is_set(reason))
        r = evidence_withdraw_damage(&v->catalog, series, backup, &withdrawn, &problem);
    else if (reason->kind == ERR_DAMAGED)
        r = evidence_record_damage(&v->catalog, series, backup, reason, started, &problem);
    if (withdrawn)
        log_notice("%s counts as good again: the damage that verify had recorded is not there",
                   backup->stem);
    if (r >= 0 || problem.kind == ERR_NOT_FOUND) /* removed meanwhile */
        return 0;
    if (problem.kind == ERR_CANCELLED) {
        err_move(err, &problem);
        return r;
    }
    err_prefix(&problem, "what was found of %s is not recorded", backup->stem);
    err_hint(&problem, "List, health and retention do not know of it. Verify as a user that may "
                       "write to BACKUP_DIR.");
    log_err(LOG_LEVEL_WARNING, LOG_EVENT_NONE, &problem);
    return 0;
}

/* Judges one backup and prints its line; a negative number only when the command is to end. */
static int judge(Verification *v, const Series *series, const Backup *backup, Err *err)
{
    _cleanup_err_ Err reason = { 0 };
    _cleanup_free_ char *phase = mem_printf("verifying %s", backup->stem);
    usec_t started = clock_now();

    log_context(LOG_FIELD_STEM, backup->stem);
    progress_phase(phase, backup->manifest.stored_bytes);
    int r = verify_one(v, series, backup, &reason);
    log_progress_line(NULL);
    if (reason.kind == ERR_CANCELLED) {
        err_move(err, &reason);
        return r;
    }

    tell(v, backup->stem, &backup->manifest, &reason);
    return keep_record(v, series, backup, &reason, started, err);
}

static void tell_unreadable(Verification *v, const Series *series)
{
    _cleanup_err_ Err reason = { 0 };

    err_set(&reason, ERR_COULD_NOT_VERIFY, "%s", series->problem);
    log_context(LOG_FIELD_STEM, NULL);
    tell(v, series->encoded, /* m= */ NULL, &reason);
}

/* Of a series: the newest, and the newest good one where that is another. */
static bool is_chosen(const Verification *v, const Series *series, size_t i)
{
    if (v->args->flags & ARG_SUBSET)
        return subset_has(&v->subset, series->backups[i].stem);
    if (v->args->flags & ARG_ALL)
        return true;
    return i + 1 == series->count || &series->backups[i] == series_newest_good(series);
}

static int verify_series(Verification *v, const Series *series, Err *err)
{
    if (series->problem)
        tell_unreadable(v, series);
    for (size_t i = 0; i < series->count; i++) {
        int r = is_chosen(v, series, i) ? judge(v, series, &series->backups[i], err) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static int verify_catalog(Verification *v, Err *err)
{
    for (size_t i = 0; i < v->catalog.count; i++) {
        int r = verify_series(v, &v->catalog.series[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* A stem is one backup. The name of a database means here what it means without operands: its
 * newest good backup alone would hide that a newer one is damaged. */
static int verify_named(Verification *v, const char *name, Err *err)
{
    const Series *series =
        catalog_series(&v->catalog, strcmp(name, ARTIFACT_GLOBALS) == 0 ? NULL : name);
    const Backup *backup;

    if (series)
        return verify_series(v, series, err);
    int r = catalog_find(&v->catalog, name, &series, &backup, err);
    if (r < 0)
        return r;
    return judge(v, series, backup, err);
}

static int verify_all_named(Verification *v, Err *err)
{
    for (size_t i = 0; i < v->args->operand_count; i++) {
        int r = verify_named(v, v->args->operands[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Names, --all and --subset each say which. */
static int check_choice(const Args *args, Err *err)
{
    const char *choices[3];
    size_t count = 0;

    if (args->flags & ARG_ALL)
        choices[count++] = "--all";
    if (args->flags & ARG_SUBSET)
        choices[count++] = "--subset";
    if (args->operand_count > 0)
        choices[count++] = args->operands[0];
    if (count < 2)
        return 0;
    int r = err_set(err, ERR_USAGE, "\"%s\" and \"%s\" exclude each other", choices[0], choices[1]);
    err_hint(err, "Give the names of backups, --all for each there is, or --subset for a share.");
    return r;
}

static bool has_backups(const Catalog *catalog)
{
    for (size_t i = 0; i < catalog->count; i++)
        if (catalog->series[i].count > 0)
            return true;
    return false;
}

static int conclude(const Verification *v, Err *err)
{
    log_context(LOG_FIELD_STEM, NULL);
    log_event(LOG_LEVEL_NOTICE, LOG_EVENT_VERIFIED,
              "verified: %zu sound, %zu damaged, %zu undecided", v->sound, v->damaged,
              v->undecided);
    if (v->damaged > 0)
        return EXIT_CODE_NOT_VERIFIED;
    if (v->undecided > 0)
        return EXIT_CODE_COULD_NOT_VERIFY;
    /* A share may be empty. */
    if (v->sound == 0 && !((v->args->flags & ARG_SUBSET) && has_backups(&v->catalog)))
        return err_set(err, ERR_COULD_NOT_VERIFY, "there is no backup to verify in \"%s\"",
                       v->catalog.path);
    return EXIT_CODE_DONE;
}

static int verify(Verification *v, Err *err)
{
    int r = check_choice(v->args, err);
    if (r < 0)
        return r;
    if (v->args->flags & ARG_SUBSET) {
        r = subset_parse(v->args->subset, clock_now(), &v->subset, err);
        if (r < 0)
            return r;
    }
    r = catalog_load(v->settings->backup_dir, &v->catalog, err);
    if (r < 0)
        return r;

    progress_permit_silence(v->settings->stall_timeout_seconds * USEC_PER_SEC);
    progress_ready();
    r = v->args->operand_count > 0 ? verify_all_named(v, err) : verify_catalog(v, err);
    return r < 0 ? r : conclude(v, err);
}

static int run_verify(const CmdContext *ctx, Err *err)
{
    Verification v = { .settings = ctx->settings, .args = ctx->args, .catalog = CATALOG_INIT };

    int r = verify(&v, err);
    catalog_done(&v.catalog);
    return r;
}

const Command command_verify = {
    .name = "verify",
    .operands = "[BACKUP…]",
    .max_operands = -1,
    .summary = "reads backups back and checks them",
    .help = "Checks stored size and digest, decodes everything, takes the inventory again and "
            "compares it\n"
            "with the one that was taken while the backup was made; an archive is also read by "
            "pg_restore,\n"
            "and SQL text has the digest of what pg_dump had written. Without operands: the newest "
            "of each\n"
            "database. Exits with 4 when a backup is damaged, with 5 when one could not be judged. "
            "Damage\n"
            "is recorded in STEM.proof.json beside the backup, which is no good one from then on; "
            "that goes\n"
            "when a later verification finds all right again.",
    .options = ARG_ALL | ARG_SUBSET,
    .run = run_verify,
};
