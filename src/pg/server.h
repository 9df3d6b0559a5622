#pragma once

/* Our own sessions with the server, by libpq, which nothing outside of pg/ sees (pg/session.h).
 *
 * Connecting has a time-out, a question has one where the target sets it (answer_timeout), and both
 * stop at once when a signal asks for it (sys/cancel.h). Server-side time-outs of a session are all
 * set to 0, so that a setting of the role cannot end a snapshot in mid-dump. */

#include "sys/clock.h"
#include "sys/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the server is and who we are there. NULL means libpq's own default. Borrowed. */
typedef struct PgTarget {
    const char *host;
    const char *hostaddr; /* pins one of the host's addresses */
    const char *port;
    const char *user;
    const char *password;
    const char *sslmode;
    const char *sslrootcert;
    const char *service;
    const char *requirepeer;          /* the user whose server it must be, behind a socket */
    const struct PgAccount *account;  /* who runs client programs (pg/account.h); NULL: we */
    const char *maintenance_database; /* where to connect for what concerns the whole server */
    usec_t answer_timeout;            /* for each of our own questions; 0: none */
    bool ignore_cancel;               /* to clean up although a signal has asked us to stop */
} PgTarget;

/* "db.example.org:5432", "/run/postgresql": where a target points, for messages. Caller frees. */
char *pg_target_describe(const PgTarget *target);

/* A libpq connection string for `database` with everything but the password, the keepalives (30 s
 * idle, 3 probes 10 s apart) and the connect time-out (10 s) included. Values are quoted, so that
 * no name can add parameters. `passfile` may be NULL. Caller frees. */
char *pg_conninfo(const PgTarget *target, const char *database, const char *passfile);

typedef struct PgSession PgSession;

/* ERR_UNREACHABLE, ERR_AUTHENTICATION, ERR_NO_DATABASE, ERR_PERMISSION or ERR_CANCELLED. */
int pg_connect(const PgTarget *target, const char *database, PgSession **ret, Err *err);
void pg_disconnect(PgSession *s);
static inline void pg_disconnectp(PgSession **s)
{
    pg_disconnect(*s);
}
#define _cleanup_pg_session_ _cleanup_(pg_disconnectp)

typedef struct PgServerInfo {
    int version_num;         /* 150018 */
    int major;               /* 15 */
    char *version;           /* "15.18" */
    char *system_identifier; /* decimal; NULL where the role may not ask */
    uint64_t timeline;       /* 0 where the role may not ask */
    bool in_recovery;
    bool superuser; /* what our role may do */
    bool bypass_rls;
    bool read_all_data;           /* member of pg_read_all_data (14+) */
    int64_t connection_limit;     /* of the role; -1: none */
    bool read_passwords;          /* pg_authid, which holds the roles' password hashes */
    char *host, *hostaddr, *port; /* where this session ended up; hostaddr NULL for a socket */
} PgServerInfo;

int pg_server_info(PgSession *s, PgServerInfo *ret, Err *err);
void pg_server_info_done(PgServerInfo *info);

typedef struct PgDatabase {
    char *name;
    bool is_template;
    bool allow_connections;
} PgDatabase;

/* All databases by name, templates too. */
int pg_list_databases(PgSession *s, PgDatabase **ret, size_t *ret_count, Err *err);
void pg_databases_free(PgDatabase *list, size_t count);

/* How a database was created, to create a copy alike. */
typedef struct PgDatabaseTraits {
    char *encoding; /* "UTF8" */
    char *collate;
    char *ctype;
    char *locale_provider; /* "libc", "icu", "builtin" */
    char *locale;          /* ICU or builtin locale; NULL for libc */
    char *icu_rules;       /* beside an ICU locale (16+); NULL: none */
} PgDatabaseTraits;

/* A snapshot that a dump shares: held until pg_disconnect(). */
typedef struct PgSnapshot {
    char *id;  /* for pg_dump --snapshot */
    char *lsn; /* "0/16B3748" */
    PgDatabaseTraits traits;
    char *collation_version;                                  /* as pg_collation_version() has it */
    char *bytea_output, *lc_monetary, *quote_all_identifiers; /* settings: a dump depends on them */
    char *timezone, *date_style, *interval_style; /* likewise a restore, where it computes */
    uint64_t max_locks;                           /* max_locks_per_transaction */
    char *preload_libraries;                      /* "a, b"; NULL: none, or the role may not ask */
} PgSnapshot;
int pg_snapshot_export(PgSession *s, PgSnapshot *ret, Err *err);
void pg_snapshot_done(PgSnapshot *snapshot);

/* What belongs to the session's database, but to no object in it, so that only a restore that makes
 * the database under its own name can bring it back: "3 settings, privileges, a comment". NULL if
 * there is nothing of the kind. Caller frees. */
int pg_database_properties(PgSession *s, char **ret, Err *err);

/* For restore. ERR_REFUSED when it exists. */
int pg_create_database(PgSession *s, const char *name, const PgDatabaseTraits *traits, Err *err);
/* Removes what pg_create_database() made, or may have made when its answer was not waited for, with
 * all who are in it. In a session of its own, since `creator` may be broken or busy (it is ended);
 * for half a minute whatever signal has come. No such database is fine. */
int pg_drop_database(const PgTarget *target, const PgSession *creator, const char *name, Err *err);
int pg_database_exists(PgSession *s, const char *name, bool *ret, Err *err);
/* The version of libc or ICU by which the session's database was sorted when it was made, as
 * "2.36"; NULL where its collation has none, and before 15. Caller frees. */
int pg_collation_version(PgSession *s, char **ret, Err *err);
/* What users have made in the session's database: schemas but "public", relations, functions,
 * types, large objects. */
int pg_count_objects(PgSession *s, uint64_t *ret, Err *err);
