#include "pg/copy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pg/session.h"
#include "pg/sql-quote.h"
#include "sys/format.h"
#include "sys/mem.h"

#define BOOLEAN_OID 16 /* of pg_type: it never changes */

int pg_copy_allow_in_place_tablespaces(PgSession *s, Err *err)
{
    static const char sql[] = "SELECT set_config(name, 'on', false) FROM pg_settings"
                              " WHERE name = 'allow_in_place_tablespaces'";
    _cleanup_pg_result_ PGresult *result = NULL;

    int r = pg_query(s, sql, "ask for tablespaces in place", &result, err);
    if (r < 0)
        return r;
    return PQntuples(result) > 0 ? 0 : 1;
}

/* What a refusal tells of: the server (resources, operator, system, connection, other servers), who
 * has asked, or the copy. What cannot be understood in the copy could not in the original either:
 * a table that was lost is found by the fixed point. */
static bool tells_of_server(const PgSession *s)
{
    static const char *const states[] = { "08", "53", "54", "57", "58", "HV", "XX" };
    return pg_refused_with(s, states, ELEMENTSOF(states));
}

static bool tells_of_asker(const PgSession *s)
{
    static const char *const askers[] = { "0A", "25", "3D", "3F", "42" };
    return pg_refused_with(s, askers, ELEMENTSOF(askers));
}

static int answer_of_refusal(const PgSession *s, int r, const char *remedy, Err *err)
{
    if (r >= 0)
        return r;
    if (!err || s->state[0] == '\0' || err->kind == ERR_CANCELLED || err->kind == ERR_STALLED ||
        err->kind == ERR_COULD_NOT_VERIFY || err->kind == ERR_SERVER_LOST || tells_of_server(s))
        return r;
    if (!tells_of_asker(s))
        return 1;
    err_hint(err, "%s", remedy);
    return r;
}

static int judge_assertion(const PGresult *result, Err *err)
{
    int rows = PQntuples(result), columns = PQnfields(result);

    if (rows != 1 || columns != 1) {
        err_set(err, ERR_DAMAGED, "it returned %d rows of %d columns instead of one true", rows,
                columns);
        return 1;
    }
    if (PQftype(result, 0) == BOOLEAN_OID && !PQgetisnull(result, 0, 0) &&
        strcmp(PQgetvalue(result, 0, 0), "t") == 0)
        return 0;

    _cleanup_free_ char *value = format_oneline(PQgetvalue(result, 0, 0));
    if (PQgetisnull(result, 0, 0))
        err_set(err, ERR_DAMAGED, "it returned null instead of true");
    else if (PQftype(result, 0) == BOOLEAN_OID)
        err_set(err, ERR_DAMAGED, "it returned false");
    else
        err_set(err, ERR_DAMAGED, "it returned \"%.100s\" instead of true", value);
    return 1;
}

int pg_copy_assert(PgSession *s, const char *sql, Err *err)
{
    _cleanup_err_ Err reason = { 0 };
    _cleanup_pg_result_ PGresult *result = NULL;

    int r = pg_query(s, "RESET search_path; SET default_transaction_read_only = on",
                     "prepare an assertion", NULL, err);
    if (r < 0)
        return r;
    r = pg_query(s, sql, "run it", &result, &reason);
    if (r < 0 && reason.kind == ERR_SERVER && s->state[0] == '\0')
        return err_set(err, ERR_SERVER, "it holds no statement");
    if (r < 0) {
        r = answer_of_refusal(s, r, "Correct the assertion.", &reason);
        err_move(err, &reason);
        return r;
    }
    return judge_assertion(result, err);
}

int pg_copy_is_fresh(PgSession *s, const PgFreshness *f, uint64_t moment, Err *err)
{
    static const char *const no_times[] = { "22" };
    _cleanup_pg_result_ PGresult *result = NULL;
    _cleanup_free_ char *schema = pg_quote_identifier(s, f->schema),
                        *table = pg_quote_identifier(s, f->table),
                        *column = pg_quote_identifier(s, f->column);
    if (!schema || !table || !column)
        return err_set(err, ERR_SETTINGS, "a name in DRILL_FRESHNESS is not UTF-8");

    int r = pg_query(s, "SET timezone = 'UTC'", "set the time zone", NULL, err);
    if (r < 0)
        return r;
    _cleanup_free_ char *sql =
        mem_printf("SELECT floor(%" PRIu64 " - extract(epoch FROM pg_catalog.max(%s)"
                   "::timestamptz))::bigint FROM %s.%s"
                   " WHERE %s < 'infinity' AND %s > '-infinity'",
                   moment, column, schema, table, column, column);

    r = pg_query_row(s, sql, "read the newest value", &result, err);
    if (r < 0 && pg_refused_with(s, no_times, ELEMENTSOF(no_times))) {
        err_hint(err, "Correct DRILL_FRESHNESS: the column has to hold dates or times.");
        return r;
    }
    if (r < 0)
        return answer_of_refusal(s, r, "Correct DRILL_FRESHNESS.", err);
    if (PQgetisnull(result, 0, 0)) {
        err_set(err, ERR_DAMAGED, "it has no value at all");
        return 1;
    }
    long long age = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    if (age <= 0 || (uint64_t)age <= f->seconds)
        return 0;
    err_set(err, ERR_DAMAGED,
            "its newest value was %lld seconds old when the backup began, allowed are %" PRIu64,
            age, f->seconds);
    return 1;
}

int pg_copy_create_amcheck(PgSession *s, Err *err)
{
    static const char *const missing[] = { "0A000", "58P01", "55000" };

    /* Those that are enabled ALWAYS fire in a replica, too, which the server is up to 16. */
    int r = pg_query(s, "UPDATE pg_catalog.pg_event_trigger SET evtenabled = 'D'",
                     "disable the event triggers", NULL, err);
    if (r < 0)
        return r;
    r = pg_query(s, "CREATE EXTENSION IF NOT EXISTS amcheck WITH SCHEMA pg_catalog",
                 "create the extension amcheck", NULL, err);
    return r < 0 && pg_refused_with(s, missing, ELEMENTSOF(missing)) ? 1 : r;
}
