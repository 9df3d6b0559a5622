#pragma once

/* A session's inside, for the files of pg/ alone: statements and their results.
 *
 * Everything waits in one place, which stops at once when a signal asks for it and gives up at a
 * deadline. Errors are classified by SQLSTATE, never by words: the server may speak any language.
 */

#include <libpq-fe.h>

#include "pg/server.h"
#include "sys/err.h"
#include "sys/mem.h"

struct PgSession {
    PGconn *conn;
    usec_t answer_timeout; /* 0: none */
    bool ignore_cancel;
    char state[6]; /* SQLSTATE of the last statement that the server refused; "" for none */
};

/* Sends one statement and waits for its result (ret may be NULL). `doing` completes the sentence
 * "could not …". A COPY that would need us at its other end is ERR_REFUSED. */
int pg_query(PgSession *s, const char *sql, const char *doing, PGresult **ret, Err *err);
/* The same in two steps: the server works between them, and nothing else may be asked of it. */
int pg_query_begin(PgSession *s, const char *sql, const char *doing, Err *err);
int pg_query_finish(PgSession *s, const char *doing, PGresult **ret, Err *err);
/* As pg_query(), for a query that yields exactly one row. */
int pg_query_row(PgSession *s, const char *sql, const char *doing, PGresult **ret, Err *err);

/* Whether the last statement was refused with one of these SQLSTATEs, or of these classes, which
 * are the first two characters of one. */
bool pg_refused_with(const PgSession *s, const char *const *states, size_t count);

static inline void pg_result_clearp(PGresult **result)
{
    PQclear(*result);
}
#define _cleanup_pg_result_ _cleanup_(pg_result_clearp)

/* One value of a result: a copy, or NULL for null; a boolean, false for null; a number, 0 for null.
 */
char *pg_value_text(const PGresult *result, int row, int column);
bool pg_value_flag(const PGresult *result, int row, int column);
uint64_t pg_value_number(const PGresult *result, int row, int column);
