#pragma once

/* A throwaway PostgreSQL server, in a directory of its own, that nobody reaches but through the
 * socket in it. It is not durable, and it is gone afterwards.
 *
 *     pg_cluster_sweep(parent, …)          what killed ones left; with the lock held
 *     pg_cluster_start(&spec, &c, err)     initdb, server, waits until it answers
 *     … pg_cluster_target(c) …             for sessions and client programs: its superuser
 *     pg_cluster_stop(c, …)                stops at once, whatever is in it, and removes all of it
 *
 * A directory is ours by its name and by a marker file that is written into it before anything
 * else: nothing without the marker is ever removed, and no symbolic link is followed
 * (cluster-dir.h). PostgreSQL refuses to be run by root: account.h says who runs it then, and all
 * client programs that are given its target. They write nowhere but below the directory, have no
 * network, and reach no process beyond their own, as far as the kernel lets us (sys/sandbox.h).
 *
 * The server is sent its end when this process dies, unless a filter of system calls confines us,
 * whose maker then ends all of our processes. What is left all the same, the sweep removes:
 * processes, directories, shared memory. */

#include "pg/client.h"
#include "pg/server.h"
#include "sys/err.h"
#include "sys/strv.h"

typedef struct PgClusterSpec {
    const char *parent;             /* an existing directory with enough space */
    const PgClient *programs;       /* with initdb and postgres beside pg_dump */
    const PgDatabaseTraits *traits; /* encoding and locale of all its databases; NULL: UTF8, C */
    const Strv *settings;           /* "name=value", over some of its own; NULL: none */
    const char *hidden;             /* a directory of which its programs read nothing; NULL: none */
    const char *readable;           /* but this file or directory in it; NULL: nothing */
    usec_t start_timeout;           /* for initdb, and again for all of it; 0: none */
} PgClusterSpec;

typedef struct PgCluster PgCluster;

/* Whether the client's directory also has initdb, postgres and pg_amcheck. ERR_COULD_NOT_VERIFY
 * names what is missing and the package that has it. */
int pg_cluster_check_programs(const PgClient *programs, Err *err);

/* ERR_COULD_NOT_VERIFY for all that says nothing about a backup: no space, no such locale, no
 * program; with the words of initdb or of the server's log. ERR_CANCELLED.
 *
 * From then on libpq's environment variables are unset in this process: PGHOSTADDR or PGSERVICE
 * would lead a restore to another server. */
int pg_cluster_start(const PgClusterSpec *spec, PgCluster **ret, Err *err);

/* For sessions and client programs; its role is a superuser whose name no other has. */
const PgTarget *pg_cluster_target(const PgCluster *c);

/* A sentence about what this machine does not keep from what runs in it (pg/account.h), or NULL.
 * Caller frees. */
char *pg_cluster_gaps(const PgCluster *c);

/* Whether it still runs: 0, or how it ended, with the line of its log that tells most, as
 * ERR_COULD_NOT_VERIFY. It ends by the first crash of one of its processes. */
int pg_cluster_alive(PgCluster *c, Err *err);

/* The end of its log, for cluster_log_find_state(). Caller frees. */
char *pg_cluster_log(const PgCluster *c);

/* What its data takes on the disk: for progress and stalls. Cheap enough for once a second. */
uint64_t pg_cluster_bytes(const PgCluster *c);

/* How much its sessions have worked so far, in no unit in particular: it changes while they do, and
 * stands still while all of them wait. For watchdogs; cheap enough for once a second. */
uint64_t pg_cluster_work(const PgCluster *c);

/* Whatever signal has come; a few seconds at most. NULL is fine. What could not be removed is a
 * sentence in `problems` (may be NULL). */
void pg_cluster_stop(PgCluster *c, Strv *problems);

/* Removes what ended drills left in `parent`, and adds the directories' paths to `removed`. What is
 * left, and what has the name of a drill's directory but not the marker, is a sentence in
 * `problems`. */
int pg_cluster_sweep(const char *parent, Strv *removed, Strv *problems, Err *err);
