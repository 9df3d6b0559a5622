#include "sys/err.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "sys/mem.h"

/* What steers when the kind does not: any negative number would do. */
#define FAILED (-EIO)

/* The reasons. A name and a message id are forever: alert rules, dashboards and journal queries are
 * written against them. */
static const ErrKindInfo kinds[] = {
    [ERR_NONE] = { .name = "none", .message_id = "", .cause = "", .remedy = "" },
    [ERR_USAGE] = {
        .name = "usage",
        .exit_code = EXIT_CODE_USAGE,
        .message_id = "794c17fc33486e39d0ec82be07f4735b",
        .cause = "The command line names a command, an option or an argument that there is not.",
        .remedy = "Run \"pg-backup --help\", or \"pg-backup COMMAND --help\" for one command.",
    },
    [ERR_SETTINGS] = {
        .name = "settings",
        .exit_code = EXIT_CODE_SETTINGS,
        .message_id = "f2ca964199c9911d350240d411dd0110",
        .cause = "A setting is unknown, given twice or has a bad value, or a path that it names "
                 "cannot be used.",
        .remedy = "Correct each line that the message names, then run \"pg-backup check\"; "
                  "docs/SETTINGS.md lists every key with the values that it takes.",
    },
    [ERR_NOT_FOUND] = {
        .name = "not-found",
        .exit_code = EXIT_CODE_USAGE,
        .message_id = "a295f678e10166e3061c205ce178755d",
        .cause = "No backup has the name that was given.",
        .remedy = "Run \"pg-backup list\" for the names that there are.",
    },
    [ERR_REFUSED] = {
        .name = "refused",
        .exit_code = EXIT_CODE_USAGE,
        .message_id = "c8b814dfb96ba048fb861fce4481241a",
        .cause = "The command would have overwritten something that exists.",
        .remedy = "Choose another target, or give the option that the command's --help names for "
                  "replacing what is there.",
    },
    [ERR_LOCKED] = {
        .name = "locked",
        .exit_code = EXIT_CODE_LOCKED,
        .message_id = "7b96cc282ee8582f7a4347ad6ee840e1",
        .cause = "Another process holds the lock of this instance.",
        .remedy = "Wait until the process that the message names has ended. The lock goes with "
                  "it: there is no lock file to remove.",
    },
    [ERR_UNREACHABLE] = {
        .name = "unreachable",
        .exit_code = EXIT_CODE_TEMPORARY,
        .message_id = "11846596f4294343026218ae063f3f3e",
        .cause = "No connection could be made to the host and port, or the socket, in the message.",
        .remedy = "Check that PostgreSQL is running there (\"pg_isready -h HOST -p PORT\"), that "
                  "PG_HOST and PG_PORT are right, that listen_addresses includes the address, and "
                  "that no firewall stands between.",
    },
    [ERR_AUTHENTICATION] = {
        .name = "authentication",
        .exit_code = EXIT_CODE_SETTINGS,
        .message_id = "63963d781e2aa8d9f74718bce3c26add",
        .cause = "The server rejected the user name, the password or the way of authentication.",
        .remedy = "Check PG_USER and PG_PASSWORD (or PG_PASSWORD_FILE), and that pg_hba.conf has "
                  "a line for this user, database and address; the server's log tells which of "
                  "them it was.",
    },
    [ERR_CLIENT_MISSING] = {
        .name = "client-missing",
        .exit_code = EXIT_CODE_SETTINGS,
        .message_id = "7f3f46608748064b2b1ca6da7edb10e7",
        .cause = "pg_dump, pg_dumpall, pg_restore and psql were not found together.",
        .remedy = "Install PostgreSQL's client programs of the server's major version (Debian: "
                  "postgresql-client-N; Red Hat: postgresqlN), or set PG_BINDIR to the directory "
                  "that holds them.",
    },
    [ERR_CLIENT_TOO_OLD] = {
        .name = "client-too-old",
        .exit_code = EXIT_CODE_SETTINGS,
        .message_id = "6957d385bb286f29b6cd8898601407a0",
        .cause = "The server's major version is newer than every pg_dump that was found, and "
                 "pg_dump refuses a newer server.",
        .remedy = "Install the client programs of the server's major version or a later one, for "
                  "example from apt.postgresql.org or yum.postgresql.org.",
    },
    [ERR_NO_DATABASE] = {
        .name = "no-database",
        .exit_code = EXIT_CODE_FAILED,
        .message_id = "9646b760e482c6ac2a93ecad646d62db",
        .cause = "A database that PG_DATABASES or the command line names does not exist on the "
                 "server.",
        .remedy = "Compare PG_DATABASES with what \"psql -l\" lists; remove a database that is "
                  "gone for good.",
    },
    [ERR_PERMISSION] = {
        .name = "permission",
        .exit_code = EXIT_CODE_FAILED,
        .message_id = "10af1446834142816130135c149295f0",
        .cause = "The backup role may not read something that belongs to the database.",
        .remedy = "Run as a superuser: GRANT pg_read_all_data TO role (PostgreSQL 14 and later). "
                  "For large objects, up to version 18: ALTER ROLE role SET "
                  "lo_compat_privileges = on.",
    },
    [ERR_ROW_SECURITY] = {
        .name = "row-security",
        .exit_code = EXIT_CODE_FAILED,
        .message_id = "a17d2e2b9525f04d2706178ab65685ea",
        .cause = "A table has row-level security policies that apply to the backup role, so that "
                 "a dump would silently lack rows; pg_dump refuses to write one.",
        .remedy = "Give the backup role BYPASSRLS; run as a superuser: ALTER ROLE role BYPASSRLS.",
    },
    [ERR_LOCK_TIMEOUT] = {
        .name = "lock-timeout",
        .exit_code = EXIT_CODE_FAILED,
        .message_id = "4fb0c431f0de008317ebc57ef4d2466c",
        .cause = "Another session held a lock on a table (as ALTER TABLE, TRUNCATE or VACUUM FULL "
                 "take it) for longer than LOCK_WAIT_TIMEOUT_SECONDS.",
        .remedy = "Find the session in pg_stat_activity by pg_blocking_pids(), move the "
                  "maintenance or the backup to another time, or raise "
                  "LOCK_WAIT_TIMEOUT_SECONDS.",
    },
    [ERR_SERVER] = {
        .name = "server-error",
        .exit_code = EXIT_CODE_FAILED,
        .message_id = "260c70a5e272f9c0c3e105155b15587b",
        .cause = "The server refused a statement for a reason that it gives in the message.",
        .remedy = "Read the server's words; its log has the statement and the moment.",
    },
    [ERR_SERVER_LOST] = {
        .name = "server-lost",
        .exit_code = EXIT_CODE_FAILED,
        .message_id = "36abd492bf745b12a57c4ef82e313536",
        .cause = "The connection broke in the middle: the server was stopped or crashed, somebody "
                 "terminated the session, or the network failed.",
        .remedy = "Look for the moment in the server's log; then run the backup again.",
    },
    [ERR_STALLED] = {
        .name = "stalled",
        .exit_code = EXIT_CODE_FAILED,
        .message_id = "174fb2d1076697f5e70e9dc134e2aef7",
        .cause = "Not a byte came for STALL_TIMEOUT_SECONDS, and the dump was stopped.",
        .remedy = "Check the network and the server's load and disks; raise "
                  "STALL_TIMEOUT_SECONDS where such pauses are normal.",
    },
    [ERR_CANCELLED] = {
        .name = "cancelled",
        .exit_code = EXIT_CODE_FAILED,
        .message_id = "ae72925c6e1c88eb6f8e05823d781d57",
        .cause = "A signal asked the program to stop: from systemd, from the container's runtime "
                 "or from a terminal. What was not finished was discarded, what was stays.",
        .remedy = "Run the command again. If it was a time-out of systemd, raise TimeoutStartSec= "
                  "of the unit.",
    },
    [ERR_CHILD] = {
        .name = "client-failed",
        .exit_code = EXIT_CODE_FAILED,
        .message_id = "afc58b80a77c82704ccb1191beea9288",
        .cause = "A program of PostgreSQL's failed or was killed; the message has its own words.",
        .remedy = "Follow what the program says. One that was killed by signal 9 mostly fell to "
                  "the kernel for want of memory: \"journalctl -k\" tells.",
    },
    [ERR_DUMP_INCOMPLETE] = {
        .name = "dump-incomplete",
        .exit_code = EXIT_CODE_FAILED,
        .message_id = "f56d4f29b0422ba1925a22de59e29da8",
        .cause = "pg_dump ended as if all were well, but what it wrote is empty, cannot be read "
                 "back, or lacks what the catalogue of its own snapshot lists.",
        .remedy = "Run the backup again; if it stays so, run pg_dump by hand, compare with what "
                  "\"pg_restore --list\" shows, and update the client programs.",
    },
    [ERR_DISK_FULL] = {
        .name = "disk-full",
        .exit_code = EXIT_CODE_FAILED,
        .message_id = "936238d471cb432bf77d0d4bc2a1ea3f",
        .cause = "The file system of BACKUP_DIR or STATE_DIR, or the quota on it, is full.",
        .remedy = "Free some space or enlarge the file system; a shorter retention and "
                  "\"pg-backup prune\" make room among the backups.",
    },
    [ERR_IO] = {
        .name = "io",
        .exit_code = EXIT_CODE_FAILED,
        .message_id = "932d0e63bfafb92ebbc0af2ca7b71716",
        .cause = "The operating system could not read, write or create a file of ours; the "
                 "message has the file and the reason.",
        .remedy = "For \"Permission denied\", make the directory belong to the user that runs "
                  "pg-backup; for \"Input/output error\", look for the device in "
                  "\"journalctl -k\" and replace it.",
    },
    [ERR_DAMAGED] = {
        .name = "damaged",
        .exit_code = EXIT_CODE_NOT_VERIFIED,
        .message_id = "72b9deb0667076b9d09cf82c45e5a360",
        .cause = "A stored backup is not what its manifest says: changed, truncated or incomplete. "
                 "It is not a good one any more, for retention and health either.",
        .remedy = "Do not rely on that backup: take a new one by \"pg-backup run\", check the "
                  "others by \"pg-backup verify --all\", and look into the disk that holds them.",
    },
    [ERR_ARCHIVE_VERSION] = {
        .name = "archive-version",
        .exit_code = EXIT_CODE_COULD_NOT_VERIFY,
        .message_id = "537e7907e2854821a24137313c8d922a",
        .cause = "An archive, a manifest or an inventory has a version that this program does not "
                 "know: a newer pg_dump or a newer pg-backup wrote it. Such a backup is neither "
                 "counted as good nor removed.",
        .remedy = "Update pg-backup. pg_restore of the version that wrote the archive reads it "
                  "all the same.",
    },
    [ERR_NOT_PROVEN] = {
        .name = "not-proven",
        .exit_code = EXIT_CODE_NOT_VERIFIED,
        .message_id = "85ad55b53bbd407582f5b1cc083aba05",
        .cause = "A backup was restored by a drill or by restore --prove, or could not be, and what "
                 "came out is not what was backed up, or not what the assertions demand. Where only "
                 "these have failed, \"pg-backup list\" calls the backup good: it restores.",
        .remedy = "A drill's STEM.proof.json beside the backup names the level and each difference. "
                  "Drill an older backup (\"pg-backup drill STEM\") and make a new one, until "
                  "there is one that is proven.",
    },
    [ERR_COULD_NOT_VERIFY] = {
        .name = "could-not-verify",
        .exit_code = EXIT_CODE_COULD_NOT_VERIFY,
        .message_id = "308c3e4ecf8ea02eb16e9dafb955ee02",
        .cause = "A stored backup could not be judged: it, or what is needed to read it, was not "
                 "available.",
        .remedy = "Remove what the message names as the obstacle, and verify again; until then "
                  "the backup counts as not proven.",
    },
    [ERR_CONTENTS_FELL] = {
        .name = "contents-fell",
        .exit_code = EXIT_CODE_DONE,
        .message_id = "3517d992d67ffc44efba08ff1608d2ce",
        .cause = "The rows or bytes of a database are fewer than in an earlier backup by more than "
                 "BACKUP_MAX_FALL_PERCENT. The new backup is good; that earlier one is kept, "
                 "however old, until the fall is accepted.",
        .remedy = "Look for what is gone: a DELETE, a TRUNCATE, a dropped table, a connection to "
                  "another server. Restore it from the earlier backup, or, if all is as it should "
                  "be, run \"pg-backup prune --accept STEM\" with the stem of the new one.",
    },
    [ERR_UNHEALTHY] = {
        .name = "unhealthy",
        .exit_code = EXIT_CODE_UNHEALTHY,
        .message_id = "d4a61deccefb4d546b42afb45cce5ddf",
        .cause = "A database has no good backup, or its newest one is older than "
                 "MAX_BACKUP_AGE_SECONDS, or no run has left a record of which databases there "
                 "are, or nothing is there to start the next run.",
        .remedy = "Look at the last run (its journal, or last-run.json in STATE_DIR) for why it "
                  "failed or whether there was one, then run \"pg-backup run\".",
    },
    [ERR_CLOCK] = {
        .name = "clock",
        .exit_code = EXIT_CODE_FAILED,
        .message_id = "dd90347540d0ad4bab1c25c637d0d4a7",
        .cause = "The clock stands before the newest backup, so that ages cannot be told; nothing "
                 "was removed.",
        .remedy = "Set the clock right (\"timedatectl\" shows whether it is synchronized). If it "
                  "is, the newest backup was named by a wrong one: remove that backup.",
    },
    [ERR_METRICS] = {
        .name = "metrics",
        .exit_code = EXIT_CODE_FAILED,
        .message_id = "fd0836e31b4fd95e2d4e99df5b257461",
        .cause = "The metrics could not be delivered to the Pushgateway or written to the "
                 "textfile. The backups are not affected.",
        .remedy = "Check PUSHGATEWAY_URL and that the gateway answers there, or that the "
                  "directory of METRICS_TEXTFILE exists and may be written.",
    },
    [ERR_RESTORE] = {
        .name = "restore",
        .exit_code = EXIT_CODE_FAILED,
        .message_id = "d540638aa9fcbe6fa469411dcaa63393",
        .cause = "The target server refused something that the backup holds; the message has its "
                 "words.",
        .remedy = "Create the roles, tablespaces and extensions that it misses (the globals' "
                  "backup has roles and tablespaces), then restore again.",
    },
    [ERR_INTERNAL] = {
        .name = "internal",
        .exit_code = EXIT_CODE_FAILED,
        .message_id = "7933a6e5f14f7cbf3d4e360c6b1f8a01",
        .cause = "Something happened that cannot, by a fault of this program or of the system.",
        .remedy = "Report it with the full message and the output of \"pg-backup --version\".",
    },
};
_Static_assert(ELEMENTSOF(kinds) == _ERR_KIND_MAX, "each kind of error has its row");

typedef struct ExitCodeInfo {
    ExitCode code;
    const char *meaning;
} ExitCodeInfo;

static const ExitCodeInfo exit_codes[] = {
    { EXIT_CODE_DONE, "Done: everything that was asked for." },
    { EXIT_CODE_FAILED, "At least one database failed; the others were done." },
    { EXIT_CODE_USAGE, "The command line is wrong, or names something that is not there." },
    { EXIT_CODE_UNHEALTHY, "The newest good backup of a database is missing or too old." },
    { EXIT_CODE_NOT_VERIFIED, "A backup is damaged: it is not what its manifest says." },
    { EXIT_CODE_COULD_NOT_VERIFY, "A backup could not be judged, which is not a pass." },
    { EXIT_CODE_LOCKED, "Another run holds the lock." },
    { EXIT_CODE_TEMPORARY, "The server could not be reached before anything was done: try again." },
    { EXIT_CODE_SETTINGS, "The settings are wrong, or what they name does not work." },
};

static const char disk_full_hint[] = "Free some space or enlarge the file system; a shorter "
                                     "retention and \"pg-backup prune\" make room.";

static void fill(Err *err, ErrKind kind, char *message)
{
    *err = (Err){ .kind = kind, .message = message };
}

int err_set(Err *err, ErrKind kind, const char *fmt, ...)
{
    if (!err || err_is_set(err))
        return FAILED;

    va_list ap;
    va_start(ap, fmt);
    fill(err, kind, mem_vprintf(fmt, ap));
    va_end(ap);
    return FAILED;
}

static ErrKind kind_of_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return ERR_DISK_FULL;
    case ECANCELED:
        return ERR_CANCELLED;
    default:
        return ERR_IO;
    }
}

int err_set_errno(Err *err, int errnum, const char *fmt, ...)
{
    errnum = errnum < 0 ? -errnum : errnum;
    int r = errnum > 0 ? -errnum : FAILED;
    if (!err || err_is_set(err))
        return r;

    va_list ap;
    va_start(ap, fmt);
    _cleanup_free_ char *what = mem_vprintf(fmt, ap);
    va_end(ap);

    fill(err, kind_of_errno(errnum), mem_printf("%s: %s", what, strerror(errnum)));
    if (err->kind == ERR_DISK_FULL)
        err->hint = mem_strdup(disk_full_hint);
    return r;
}

void err_hint(Err *err, const char *fmt, ...)
{
    if (!err_is_set(err) || err->hint)
        return;

    va_list ap;
    va_start(ap, fmt);
    err->hint = mem_vprintf(fmt, ap);
    va_end(ap);
}

void err_prefix(Err *err, const char *fmt, ...)
{
    if (!err_is_set(err))
        return;

    va_list ap;
    va_start(ap, fmt);
    _cleanup_free_ char *context = mem_vprintf(fmt, ap);
    va_end(ap);

    char *message = mem_printf("%s: %s", context, err->message);
    free(err->message);
    err->message = message;
}

void err_move(Err *dst, Err *src)
{
    if (dst == src)
        return;
    if (dst && !err_is_set(dst))
        *dst = *src;
    else
        err_done(src);
    *src = (Err){ 0 };
}

void err_copy(Err *dst, const Err *src)
{
    if (!dst || err_is_set(dst))
        return;
    *dst = (Err){
        .kind = src->kind,
        .message = mem_strdup(src->message),
        .hint = mem_strdup(src->hint),
    };
}

void err_done(Err *err)
{
    if (!err)
        return;
    free(err->message);
    free(err->hint);
    *err = (Err){ 0 };
}

const ErrKindInfo *err_kind_info(ErrKind kind)
{
    return &kinds[(size_t)kind < ELEMENTSOF(kinds) ? kind : ERR_INTERNAL];
}

const char *exit_code_meaning(ExitCode code)
{
    for (size_t i = 0; i < ELEMENTSOF(exit_codes); i++) {
        if (exit_codes[i].code == code)
            return exit_codes[i].meaning;
    }
    return NULL;
}

const char *err_remedy(const Err *err)
{
    if (err->hint || !err_is_set(err))
        return err->hint;
    return err_kind_info(err->kind)->remedy;
}
