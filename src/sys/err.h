#pragma once

/* Errors are data. A function that can fail for a reason that a user should read returns 0 or a
 * negative number, and its last parameter is `Err *err`, filled once, where the failure happens,
 * with a complete lower-case sentence (the object in double quotes, no full stop) and, where there
 * is one, a hint: the remedy as a full sentence. Callers add context by err_prefix(). It is logged
 * once, in cmd/.
 *
 * The *kind* of an error, never its text, selects what programs see of it: the exit code, the
 * reason in logs, reports and metrics, and the journal's MESSAGE_ID. One table in err.c holds the
 * three together with cause and remedy, and generates their documentation.
 *
 * Start from `_cleanup_err_ Err err = {0}`. An Err is filled at most once: setting it again while
 * it holds something keeps the first, which is the cause. Passing err = NULL discards the details.
 */

#include <stdbool.h>

/* The program's exit codes; err.c has the sentence for each. */
typedef enum ExitCode {
    EXIT_CODE_DONE = 0,
    EXIT_CODE_FAILED = 1,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_UNHEALTHY = 3,
    EXIT_CODE_NOT_VERIFIED = 4,
    EXIT_CODE_COULD_NOT_VERIFY = 5,
    EXIT_CODE_LOCKED = 6,
    EXIT_CODE_TEMPORARY = 75,
    EXIT_CODE_SETTINGS = 78,
} ExitCode;

typedef enum ErrKind {
    ERR_NONE,
    ERR_USAGE,            /* the command line */
    ERR_SETTINGS,         /* a setting, or a path that a setting names */
    ERR_NOT_FOUND,        /* no such backup */
    ERR_REFUSED,          /* would overwrite something and was not told to */
    ERR_LOCKED,           /* another run holds the lock */
    ERR_UNREACHABLE,      /* no connection to the server */
    ERR_AUTHENTICATION,   /* the server rejected the credentials */
    ERR_CLIENT_MISSING,   /* no client programs found */
    ERR_CLIENT_TOO_OLD,   /* the client programs are older than the server */
    ERR_NO_DATABASE,      /* a database that the settings name does not exist */
    ERR_PERMISSION,       /* the role may not read something */
    ERR_ROW_SECURITY,     /* row security would hide rows */
    ERR_LOCK_TIMEOUT,     /* a table's lock was not granted in time */
    ERR_SERVER,           /* the server refused a statement of ours */
    ERR_SERVER_LOST,      /* the server went away in the middle */
    ERR_STALLED,          /* no byte for too long */
    ERR_CANCELLED,        /* SIGTERM, SIGINT or SIGHUP */
    ERR_CHILD,            /* a client program failed or died for a reason of its own */
    ERR_DUMP_INCOMPLETE,  /* the dump ended well but is empty, unreadable or lacks something */
    ERR_DISK_FULL,        /* ENOSPC or EDQUOT */
    ERR_IO,               /* any other failed system call on our files */
    ERR_DAMAGED,          /* a stored backup is not what its manifest says */
    ERR_ARCHIVE_VERSION,  /* an archive or a record of a version that this program does not know */
    ERR_NOT_PROVEN,       /* a drill has found that a backup does not restore to what it was */
    ERR_COULD_NOT_VERIFY, /* a stored backup could not be judged */
    ERR_CONTENTS_FELL,    /* a database holds much less than before: a warning */
    ERR_UNHEALTHY,        /* the newest good backup is missing or too old */
    ERR_CLOCK,            /* the clock stands before the newest backup */
    ERR_METRICS,          /* metrics could not be delivered */
    ERR_RESTORE,          /* the target database refused what the backup holds */
    ERR_INTERNAL,         /* a bug, or a broken system */
    _ERR_KIND_MAX,
} ErrKind;

typedef struct Err {
    ErrKind kind;
    char *message;
    char *hint; /* or NULL */
} Err;

#define _cleanup_err_ _cleanup_(err_done)

/* Each returns a negative number, so that `return err_set(…)` reads well. */
int err_set(Err *err, ErrKind kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* For a failed system call: appends ": <text of errno>", returns -|errnum|. The kind is
 * ERR_DISK_FULL for ENOSPC and EDQUOT (with its hint), ERR_CANCELLED for ECANCELED, else ERR_IO. */
int err_set_errno(Err *err, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Adds the remedy, unless there is one. */
void err_hint(Err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "<text>: " before the message. Does nothing on an empty Err. */
void err_prefix(Err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline bool err_is_set(const Err *err)
{
    return err && err->kind != ERR_NONE;
}

/* `dst` takes what `src` holds (unless dst is filled already or NULL); `src` is empty afterwards.
 */
void err_move(Err *dst, Err *src);
void err_copy(Err *dst, const Err *src);
void err_done(Err *err);

/* What to do about it: the hint, or else what the table says of errors of this kind. */
const char *err_remedy(const Err *err);

/* One row of the table of reasons. */
typedef struct ErrKindInfo {
    const char *name;       /* "disk-full": the reason in logs, reports and metrics */
    ExitCode exit_code;     /* when it ends the whole command */
    const char *message_id; /* 32 hex digits, for the journal */
    const char *cause;      /* a sentence for the manual */
    const char *remedy;     /* likewise */
} ErrKindInfo;

const ErrKindInfo *err_kind_info(ErrKind kind);

/* The sentence that documents an exit code, NULL for a number that is none of ours. */
const char *exit_code_meaning(ExitCode code);
