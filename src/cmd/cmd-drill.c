#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/artifact.h"
#include "backup/catalog.h"
#include "backup/drill.h"
#include "backup/evidence.h"
#include "backup/lock.h"
#include "cmd/cmd.h"
#include "cmd/warning.h"
#include "pg/account.h"
#include "pg/cluster.h"
#include "sys/clock.h"
#include "sys/format.h"
#include "sys/fs.h"
#include "sys/json.h"
#include "sys/log.h"
#include "sys/mem.h"
#include "sys/progress.h"

#define DIFFERENCES_SHOWN 10

/* The drills of one command. */
typedef struct Drills {
    const Settings *settings;
    const Args *args;
    Catalog catalog;
    Lock lock;
    DrillContext ctx;
    Json *json; /* the list of proofs, where that is asked for */
    size_t proven, failed, undecided;
    bool left; /* something of a throwaway server could not be removed */
} Drills;

static void drills_done(Drills *d)
{
    lock_release(&d->lock);
    catalog_done(&d->catalog);
    json_free(d->json);
}

/* Telling */

static void print_check(const Proof *p, ProofLevel level)
{
    const ProofCheck *check = &p->checks[level];
    _cleanup_free_ char *duration = format_duration(check->duration_msec * USEC_PER_MSEC),
                        *why = check->why ? format_oneline(check->why) : NULL;
    bool timed = check->outcome != PROOF_NOT_ASKED_FOR && check->duration_msec > 0;

    printf("  %-13s  ", proof_level_title(level));
    if (timed || why)
        printf("%-16s  %8s%s%s\n", proof_outcome_title(check->outcome), timed ? duration : "",
               why ? "  " : "", why ? why : "");
    else
        printf("%s\n", proof_outcome_title(check->outcome));
}

static void print_list(const Strv *lines, size_t shown, uint64_t count, const char *prefix,
                       const char *stem)
{
    for (size_t i = 0; i < lines->count && i < shown; i++) {
        _cleanup_free_ char *line = format_oneline(lines->items[i]);
        printf("    %s%s\n", prefix, line);
    }
    if (count > shown)
        printf("    and %llu more in %s.proof.json\n", (unsigned long long)(count - shown), stem);
}

static void print_proof(const Proof *p)
{
    _cleanup_free_ char *recovery = format_duration(p->recovery_msec * USEC_PER_MSEC),
                        *cluster = format_duration(p->cluster_msec * USEC_PER_MSEC),
                        *globals = format_duration(p->globals_msec * USEC_PER_MSEC);
    bool restored = p->checks[PROOF_LEVEL_RESTORE].outcome == PROOF_PASSED;

    printf("%s: %s", p->stem, proof_result_title(p->result));
    if (restored)
        printf(", recovered in %s (server %s, globals %s)", recovery, cluster, globals);
    printf("\n");
    for (ProofLevel i = 0; i < _PROOF_LEVEL_MAX; i++)
        print_check(p, i);
    print_list(&p->differences, DIFFERENCES_SHOWN, proof_difference_count(p), "differs: ", p->stem);
    print_list(&p->notes, p->notes.count, p->notes.count, "note: ", p->stem);
}

static void log_proof(const Proof *p)
{
    _cleanup_free_ char *recovery = format_duration(p->recovery_msec * USEC_PER_MSEC);
    _cleanup_err_ Err err = { 0 };

    if (p->result == PROOF_RESULT_PROVEN) {
        log_event(LOG_LEVEL_NOTICE, LOG_EVENT_DRILL_FINISHED, "%s is proven, recovered in %s",
                  p->stem, recovery);
        return;
    }
    err_set(&err, p->result == PROOF_RESULT_FAILED ? ERR_NOT_PROVEN : ERR_COULD_NOT_VERIFY,
            "%s: %s", p->stem, p->reason);
    if (p->result == PROOF_RESULT_FAILED && !proof_refutes(p)) /* as of any other backup, then */
        err_hint(&err, "It restores: look for what is amiss in the database itself.");
    log_err(LOG_LEVEL_ERROR, LOG_EVENT_DRILL_FAILED, &err);
}

static void tell(Drills *d, const Proof *p)
{
    size_t *const counts[] = {
        [PROOF_RESULT_PROVEN] = &d->proven,
        [PROOF_RESULT_FAILED] = &d->failed,
        [PROOF_RESULT_UNDECIDED] = &d->undecided,
    };

    (*counts[p->result])++;
    if (d->json)
        json_add_child(d->json, proof_to_json(p));
    else
        print_proof(p);
    (void)fflush(stdout);           /* a failure is found at the end */
    if (!log_is_human() || d->json) /* a person has just read it */
        log_proof(p);
}

/* Drilling */

static void publish(const Drills *d, const Series *series, const Backup *backup, const Proof *p)
{
    _cleanup_err_ Err err = { 0 };
    bool kept;

    if (evidence_publish(&d->catalog, series, backup, p, &kept, &err) < 0)
        log_err(LOG_LEVEL_WARNING, LOG_EVENT_NONE, &err);
    else if (kept)
        log_notice("%s keeps the proof that it has: this drill could not decide", backup->stem);
}

/* 1 when it was removed meanwhile; a negative number only when the command is to end. */
static int drill_one(Drills *d, const Series *series, const Backup *backup, Err *err)
{
    _cleanup_proof_ Proof p = { 0 };
    _cleanup_strv_ Strv problems = { 0 };
    _cleanup_err_ Err reason = { 0 };

    log_context(LOG_FIELD_DATABASE, series->database);
    log_context(LOG_FIELD_STEM, backup->stem);
    int r = drill_backup(&d->ctx, series, backup, &p, &problems, &reason);
    log_progress_line(NULL);
    warning_tell_all(/* report= */ NULL, &problems);
    d->left |= problems.count > 0;
    bool gone = r < 0 && reason.kind == ERR_NOT_FOUND;
    if (r < 0 && !gone) {
        err_move(err, &reason);
        return r;
    }
    if (gone) {
        log_notice("%s", reason.message);
    } else {
        publish(d, series, backup, &p);
        tell(d, &p);
    }
    log_context(LOG_FIELD_STEM, NULL);
    log_context(LOG_FIELD_DATABASE, NULL);
    return gone;
}

static Json *undrillable_to_json(const char *database, const char *why)
{
    Json *json = json_new_object();

    json_set_text(json, "database", database);
    json_set_text(json, "result", proof_result_name(PROOF_RESULT_UNDECIDED));
    json_set_text(json, "reason", why);
    return json;
}

/* Behind what ends the command: in a list of results, what has none is not missing in silence. */
static void list_undrilled(Drills *d, const char *database, const Err *err)
{
    if (d->json)
        json_add_child(d->json, undrillable_to_json(database, err->message));
}

/* What should have been drilled and could not is not passed over. */
static void tell_undrillable(Drills *d, const Series *series, const char *name, const char *why)
{
    _cleanup_err_ Err err = { 0 };
    _cleanup_free_ char *line = format_oneline(name);
    /* That a backup was removed is no failed drill. */
    LogEvent event = series->problem ? LOG_EVENT_DRILL_FAILED : LOG_EVENT_NONE;

    err_set(&err, ERR_COULD_NOT_VERIFY, "%s: %s", line, why);
    if (d->json)
        json_add_child(d->json, undrillable_to_json(series->database, why));
    else
        printf("%s: %s\n", line, proof_result_title(PROOF_RESULT_UNDECIDED));
    (void)fflush(stdout);
    log_context(LOG_FIELD_DATABASE, series->database);
    log_err(LOG_LEVEL_ERROR, event, &err);
    log_context(LOG_FIELD_DATABASE, NULL);
    d->undecided++;
}

/* The newest good one; of those that are removed meanwhile the next older, and the newest of all
 * where none is good. */
static int drill_newest(Drills *d, const Series *series, Err *err)
{
    const Backup *newest = series->count > 0 ? &series->backups[series->count - 1] : NULL;
    int r = 1;

    for (size_t i = series->count; i-- > 0 && r > 0;) {
        const Backup *backup = &series->backups[i];
        if (backup->good)
            r = drill_one(d, series, backup, err);
        else if (series_newest_good(series))
            log_warning("passed over %s: %s", backup->stem, backup->problem);
    }
    if (r > 0 && newest && !series_newest_good(series))
        r = drill_one(d, series, newest, err);
    if (r > 0)
        tell_undrillable(d, series, series->database,
                         series->problem ? series->problem : "all backups were removed meanwhile");
    return r < 0 ? r : 0;
}

static int refuse_globals(const char *name, Err *err)
{
    err_set(err, ERR_USAGE, "\"%s\" holds no database", name);
    err_hint(err, "The globals are drilled with each database.");
    return -EINVAL;
}

/* The globals are drilled as part of each database. */
static int drill_catalog(Drills *d, Err *err)
{
    int r = 0;

    for (size_t i = 0; i < d->catalog.count; i++) {
        const Series *series = &d->catalog.series[i];
        if (!series->database)
            continue;
        if (r >= 0)
            r = drill_newest(d, series, err);
        if (r < 0)
            list_undrilled(d, series->database, err);
    }
    return r;
}

/* A stem is one backup. The name of a database means what it means without operands. */
static int drill_named(Drills *d, const char *name, Err *err)
{
    const Series *series =
        catalog_series(&d->catalog, strcmp(name, ARTIFACT_GLOBALS) == 0 ? NULL : name);
    const Backup *backup;

    if (series)
        return series->database ? drill_newest(d, series, err) : refuse_globals(name, err);
    int r = catalog_find(&d->catalog, name, &series, &backup, err);
    if (r < 0)
        return r;
    if (!series->database)
        return refuse_globals(name, err);
    r = drill_one(d, series, backup, err);
    if (r > 0)
        tell_undrillable(d, series, name, "it was removed meanwhile");
    return r < 0 ? r : 0;
}

/* Of an operand; itself where there is no such backup. */
static const char *database_of(const Drills *d, const char *name)
{
    const Series *series;
    const Backup *backup;

    return catalog_find(&d->catalog, name, &series, &backup, /* err= */ NULL) < 0
               ? name
               : series->database;
}

static int drill_all(Drills *d, Err *err)
{
    int r = 0;

    if (d->args->operand_count == 0)
        return drill_catalog(d, err);
    for (size_t i = 0; i < d->args->operand_count; i++) {
        const char *name = d->args->operands[i];
        if (r >= 0)
            r = drill_named(d, name, err);
        if (r < 0)
            list_undrilled(d, database_of(d, name), err);
    }
    return r;
}

/* Before and after */

/* In the state of another user, whose unit drills there, too. */
static void give_away(const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    _cleanup_close_ int parent_fd = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && parent_fd >= 0)
        fs_give_to_owner(parent_fd, fd);
}

/* Its user may have to pass through it to the server's own directory, but not to look around. */
static int make_directory(const char *path, Err *err)
{
    bool made = mkdir(path, 0711) == 0;

    if (!made && errno != EEXIST) {
        int r = err_set_errno(err, errno, "could not make the directory \"%s\"", path);
        err_hint(err, "Make it, or correct DRILL_DIR.");
        return r;
    }
    if (made)
        give_away(path);
    return pg_account_check_directory(path, err);
}

/* Both have a lock of that name, which a drill holds for hours. */
static int refuse_shared(const Drills *d, Err *err)
{
    const char *path = d->settings->drill_dir;
    struct stat ours, backups;

    if (stat(path, &ours) < 0 || fstat(d->catalog.dir_fd, &backups) < 0)
        return err_set_errno(err, errno, "could not open the directory \"%s\"", path);
    if (ours.st_dev != backups.st_dev || ours.st_ino != backups.st_ino)
        return 0;
    err_set(err, ERR_SETTINGS, "DRILL_DIR \"%s\" is BACKUP_DIR itself", path);
    err_hint(err, "Let DRILL_DIR name another directory: no run could start during a drill.");
    return -EINVAL;
}

static int sweep(Drills *d, Err *err)
{
    _cleanup_strv_ Strv removed = { 0 }, problems = { 0 };

    int r = pg_cluster_sweep(d->settings->drill_dir, &removed, &problems, err);
    for (size_t i = 0; i < removed.count; i++)
        log_event(LOG_LEVEL_WARNING, LOG_EVENT_SWEPT, "removed %s, which an interrupted drill left",
                  removed.items[i]);
    warning_tell_all(/* report= */ NULL, &problems);
    return r;
}

static int prepare(Drills *d, Err *err)
{
    const Settings *s = d->settings;

    progress_phase("preparing", /* total= */ 0);
    progress_permit_silence(s->stall_timeout_seconds * USEC_PER_SEC);
    int r = catalog_load(s->backup_dir, &d->catalog, err);
    if (r < 0)
        return r;
    r = make_directory(s->drill_dir, err);
    if (r >= 0)
        r = refuse_shared(d, err);
    if (r < 0)
        return r;
    r = lock_take("DRILL_DIR", s->drill_dir, "drill", &d->lock, err);
    if (r < 0)
        return r;
    r = sweep(d, err);
    if (r < 0)
        return r;

    d->ctx = (DrillContext){
        .catalog = &d->catalog,
        .bindir = s->pg_bindir,
        .dir = s->drill_dir,
        .assertions = s->drill_assertions,
        .freshness = &s->drill_freshness,
        .jobs = s->backup_jobs,
        .stall_timeout = s->stall_timeout_seconds * USEC_PER_SEC,
        .timeout_seconds = s->drill_timeout_seconds,
        .program_version = PG_BACKUP_VERSION,
    };
    progress_ready();
    return 0;
}

static void print_json(Drills *d)
{
    _cleanup_json_ Json *root = json_new_object();

    json_set_child(root, "drills", TAKE_PTR(d->json));
    _cleanup_free_ char *text = json_print(root);
    fputs(text, stdout);
}

/* The worst of all is the whole. */
static int conclude(Drills *d, Err *err)
{
    if (d->failed > 0)
        return EXIT_CODE_NOT_VERIFIED;
    if (d->undecided > 0)
        return EXIT_CODE_COULD_NOT_VERIFY;
    if (d->proven == 0)
        return err_set(err, ERR_COULD_NOT_VERIFY, "there is no backup to drill in \"%s\"",
                       d->catalog.path);
    if (d->left) {
        err_set(err, ERR_IO, "all is proven, but a copy of the data stays in \"%s\"",
                d->settings->drill_dir);
        err_hint(err, "The warnings say why. The next drill tries to remove it, too.");
        return -EBUSY;
    }
    return EXIT_CODE_DONE;
}

static int run_drill(const CmdContext *ctx, Err *err)
{
    _cleanup_(drills_done) Drills d = {
        .settings = ctx->settings,
        .args = ctx->args,
        .catalog = CATALOG_INIT,
        .lock = LOCK_INIT,
        .json = ctx->args->flags & ARG_JSON ? json_new_array() : NULL,
    };

    int r = prepare(&d, err);
    if (r >= 0)
        r = drill_all(&d, err);
    progress_stopping();
    if (d.json) /* what was found before an error, too */
        print_json(&d);
    return r < 0 ? r : conclude(&d, err);
}

const Command command_drill = {
    .name = "drill",
    .operands = "[BACKUP…]",
    .max_operands = -1,
    .summary = "restores backups into a throwaway server and proves that the contents are the same",
    .help =
        "Restores into a server of its own, dumps the copy again and compares: rows and digest of "
        "each\n"
        "table, sequences, large objects, definitions. Then pg_amcheck, DRILL_ASSERTIONS and\n"
        "DRILL_FRESHNESS. What it has found stands in STEM.proof.json beside the backup. Without\n"
        "operands: the newest good backup of each database. What a backup holds is code, of "
        "functions\n"
        "say, and runs as the user that drills; for root as the owner of DRILL_DIR or as "
        "pg-backup.\n"
        "It is kept from other files, processes and the network as far as the kernel can.\n"
        "Exits with 4 when a backup is wrong, with 5 when one could not be judged.",
    .options = ARG_JSON,
    .without_server = true, /* what a hostile dump does in the copy finds none in our memory */
    .run = run_drill,
};
