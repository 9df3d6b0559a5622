#pragma once

/* PostgreSQL's client programs: where they are, which version fits, and their command lines.
 *
 * No secret reaches a command line or an environment: the password is handed over as a passfile in
 * an anonymous memory file (memfd) that only the child inherits; it never touches a disk and needs
 * no removal. A database's name is quoted inside a connection string, so that it can never be an
 * option and never a parameter. No shell is involved. */

#include "pg/server.h"
#include "sys/child.h"
#include "sys/err.h"

#include <stdbool.h>

/* A directory with pg_dump, pg_dumpall, pg_restore and psql of one version. */
typedef struct PgClient {
    char *bindir;
    int major;
    int version_num; /* 150018 */
    char *version;   /* "15.18" */
} PgClient;

/* Looks in `bindir` alone if it is given, else in /usr/lib/postgresql/N/bin, /usr/pgsql-N/bin and
 * $PATH, for the server's own major, else the lowest newer one. ERR_CLIENT_MISSING,
 * ERR_CLIENT_TOO_OLD. */
int pg_client_find(const char *bindir, int server_major, PgClient *ret, Err *err);
void pg_client_done(PgClient *client);

/* Unsets libpq's variables (PGHOSTADDR, PGSERVICE, PGOPTIONS …) in our own environment: from then
 * on a target alone says where sessions and client programs go. */
void pg_forget_environment(void);

/* Adds all that a client program inherits of our environment. */
void pg_client_environment(Strv *env);

/* The advice that `check` prints when the client is older than a minor release that fixes a hole in
 * the client programs, or NULL. Static. */
const char *pg_client_advice(const PgClient *client);

/* Whether its psql takes no command but \unrestrict behind \restrict. */
bool pg_client_knows_restrict(const PgClient *client);

/* What one call of a client program needs; made by the functions below, freed by pg_command_done().
 */
typedef struct PgCommand {
    char *path;
    char *name; /* of a program that another user runs; NULL: we run it */
    Strv argv;
    Strv env;
    int passfile_fd;               /* -1: no password */
    int list_fd;                   /* of entries to restore; -1: none */
    const struct Sandbox *sandbox; /* the account's; NULL: none */
} PgCommand;
#define PG_COMMAND_INIT ((PgCommand){ .passfile_fd = -1, .list_fd = -1 })
void pg_command_done(PgCommand *command);
#define _cleanup_pg_command_ _cleanup_(pg_command_done)

typedef struct PgDumpOptions {
    const char *database;
    const char *snapshot;  /* id, or NULL */
    const char *encoding;  /* of the dump; NULL: the session has one, which anything may set */
    const char *format;    /* "custom", "plain", "directory" */
    const char *compress;  /* for --compress; NULL: pg_dump's default, as for plain */
    const char *directory; /* where a directory goes: it must not exist yet */
    uint64_t jobs;         /* of a directory; else 1 */
    uint64_t lock_wait_timeout_seconds;
    const Strv *settings; /* "name=value" of its session; or NULL */
} PgDumpOptions;

int pg_command_dump(const PgClient *c, const PgTarget *t, const PgDumpOptions *options,
                    PgCommand *ret, Err *err);
/* pg_dumpall --globals-only. */
int pg_command_dump_globals(const PgClient *c, const PgTarget *t, bool role_passwords,
                            PgCommand *ret, Err *err);
/* pg_restore of an archive from stdin to nowhere: decodes everything. */
void pg_command_decode_archive(const PgClient *c, PgCommand *ret);
/* The same of a directory. */
void pg_command_decode_directory(const PgClient *c, const char *path, PgCommand *ret);
/* A restore from stdin, or of a directory, ending at the first error. In one transaction it leaves
 * an existing database untouched when it fails; without, it needs no more locks than one object at
 * a time.
 *
 * pg_restore sees by itself whether an archive is complete. psql takes any end of its input for
 * that of the script, and its own --single-transaction commits there: its transaction begins with
 * PG_TRANSACTION_BEGIN before the text, and is over only by PG_TRANSACTION_END behind it. A dump
 * with large objects has a COMMIT of its own in its middle; the violated constraint makes that
 * COMMIT fail instead of putting half a restore into effect. */
#define PG_TRANSACTION_GUARD "pg_backup_one_transaction"
#define PG_TRANSACTION_BEGIN                                                                       \
    "BEGIN;\n"                                                                                     \
    "CREATE TEMPORARY TABLE pg_backup_restore (n int, CONSTRAINT " PG_TRANSACTION_GUARD            \
    " UNIQUE (n) DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP;\n"                                 \
    "INSERT INTO pg_temp.pg_backup_restore VALUES (1), (1);\n"
#define PG_TRANSACTION_END                                                                         \
    "DELETE FROM pg_temp.pg_backup_restore;\n"                                                     \
    "COMMIT;\n"

typedef struct PgRestoreOptions {
    const char *database;
    bool plain;           /* SQL text through psql, else a custom archive through pg_restore */
    bool replace;         /* custom only: drop objects of the same name first */
    bool one_transaction; /* plain: see above */
    const char *archive;  /* restores this file or directory instead of what comes from stdin */
    uint64_t jobs;        /* of those, unless in one transaction: connections */
    const char *list;     /* custom only: the entries, as --use-list takes them; NULL: all */
    bool schema_only, data_only; /* custom only */
    bool without_triggers;       /* neither those of tables nor foreign keys: superusers alone */
} PgRestoreOptions;

int pg_command_restore(const PgClient *c, const PgTarget *t, const PgRestoreOptions *options,
                       PgCommand *ret, Err *err);

/* The error of a client program that failed (ERR_CHILD) gets the kind and the hint that its words
 * tell of; any other stays what it is. */
void pg_client_classify(const Child *child, Err *err);

/* What the failure of a pg_restore that read an archive to nowhere says of it: ERR_DAMAGED, or
 * ERR_COULD_NOT_VERIFY where that is said of pg_restore itself, its age, its build or its end. */
void pg_client_judge_archive(const Child *reader, Err *err);

/* pg_amcheck of every table and index, heap against index in both directions; its findings go to
 * stdout, and its exit status is then PG_AMCHECK_FOUND. The extension has to be there. */
#define PG_AMCHECK_FOUND 2
int pg_command_amcheck(const PgClient *c, const PgTarget *t, const char *database, uint64_t jobs,
                       PgCommand *ret, Err *err);

/* Spawns it. */
int pg_command_spawn(PgCommand *command, ChildPipe pipe, usec_t stall_timeout, Child *ret,
                     Err *err);
