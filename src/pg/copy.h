#pragma once

/* What a drill asks of a restored copy, in sessions of the throwaway server's superuser.
 *
 * Each question has three answers: 0, it is so; 1, it is not so, and `err` says what is there
 * instead; negative, nobody knows (no memory, no server, no time). */

#include "pg/server.h"
#include "sys/err.h"

#include <stdint.h>

/* From then on the session can make tablespaces inside the server's own directory; 1 when the
 * server is too old to know how: minor releases of 2022 do, from 10 on. */
int pg_copy_allow_in_place_tablespaces(PgSession *s, Err *err);

/* Statements of an administrator, the last of which has to return one row with one column, true.
 * The names in it are looked for as in any session of the database, and it cannot change anything.
 * One that the server does not even understand is a mistake of who wrote it: nobody knows. */
int pg_copy_assert(PgSession *s, const char *sql, Err *err);

/* A column of the copy, and how old its newest value may be. */
typedef struct PgFreshness {
    const char *schema, *table, *column;
    uint64_t seconds;
} PgFreshness;

/* Is it so at `moment` (Unix time in seconds)? Times without a zone are taken for UTC. */
int pg_copy_is_fresh(PgSession *s, const PgFreshness *f, uint64_t moment, Err *err);

/* The extension of pg_amcheck, with the event triggers disabled for good; 1 when the server does
 * not have it. */
int pg_copy_create_amcheck(PgSession *s, Err *err);
