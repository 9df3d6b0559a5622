#pragma once

/* The steps of a drill, for drill.c alone. Each is a level of the proof and gives one of the
 * answers of pg/copy.h: 0, passed; 1, failed, `err` says how; negative, could not verify; or
 * DRILL_NOT_ASKED_FOR. */

#include "backup/drill.h"
#include "pg/client.h"
#include "pg/cluster.h"
#include "sys/child.h"
#include "sys/err.h"

#define DRILL_NOT_ASKED_FOR 2

typedef struct Drill {
    const DrillContext *ctx;
    const Series *series;
    const Backup *backup;
    Proof *proof;
    PgClient programs;     /* bindir NULL: there are none, and `no_programs` says why */
    Err no_programs;       /* a hint in it, too */
    PgCluster *cluster;    /* NULL until the restore has begun */
    bool maps_tablespaces; /* the server can make them in its own directory */
    const char *database;  /* the copy's name */
    const Child *watched;  /* the program that works on it */
} Drill;

/* Server, globals, then the contents, with the times of each. */
int drill_restore(Drill *d, Err *err);
/* The roles and tablespaces of the same run, else of the nearest, statement by statement. */
int drill_restore_globals(Drill *d, PgSession *session, Err *err);
/* Whether the majors differ: what a dump says of definitions cannot be compared then. */
bool drill_is_of_another_major(const Drill *d);
int drill_compare(Drill *d, Err *err);
int drill_amcheck(Drill *d, Err *err);
int drill_assertions(Drill *d, Err *err);
int drill_freshness(Drill *d, Err *err);

/* A program that works on the copy, one at a time: it has stalled when for STALL_TIMEOUT_SECONDS
 * neither it nor the throwaway server has computed, read or written. */
int drill_spawn(Drill *d, PgCommand *command, ChildPipe pipe, Child *child, Err *err);
/* Says so of what ended with ERR_STALLED. */
void drill_explain_stall(const Drill *d, Err *err);
