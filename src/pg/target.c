#include "pg/target.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "pg/session.h"
#include "pg/sql-quote.h"
#include "sys/clock.h"
#include "sys/mem.h"
#include "sys/text.h"

#define MARK "_restoring_"
#define MARK_DIGITS 8
#define RENAME_TIMEOUT (30 * USEC_PER_SEC)
#define OBJECT_IN_USE "55006"

/* Unfinished databases */

/* What is left of the name, not in the middle of a UTF-8 character. */
static char *unfinished_prefix(const char *database)
{
    size_t size = strlen(database), max = PG_NAME_MAX - strlen(MARK) - MARK_DIGITS;

    if (size > max)
        for (size = max; size > 0 && ((unsigned char)database[size] & 0xC0) == 0x80;)
            size--;
    return mem_printf("%.*s" MARK, (int)size, database);
}

char *pg_unfinished_name(const char *database)
{
    _cleanup_free_ char *prefix = unfinished_prefix(database);
    uint32_t number;

    if (getrandom(&number, sizeof(number), 0) != sizeof(number))
        number = (uint32_t)clock_now();
    return mem_printf("%s%0*" PRIx32, prefix, MARK_DIGITS, number);
}

bool pg_is_unfinished_name(const char *name)
{
    size_t size = strlen(name), end = strlen(MARK) + MARK_DIGITS;
    const char *mark = size >= end ? name + size - end : name;

    return size >= end && text_starts_with(mark, MARK) &&
           strspn(mark + strlen(MARK), "0123456789abcdef") == MARK_DIGITS;
}

static int refuse_encoding(const char *name, Err *err)
{
    return err_set(err, ERR_USAGE, "\"%s\" is not UTF-8", name);
}

/* The first column of a query, as a list. */
static int query_list(PgSession *s, const char *sql, const char *doing, Strv *ret, Err *err)
{
    _cleanup_pg_result_ PGresult *result = NULL;

    int r = pg_query(s, sql, doing, &result, err);
    for (int i = 0; r >= 0 && i < PQntuples(result); i++)
        strv_add(ret, PQgetvalue(result, i, 0));
    return r;
}

int pg_list_unfinished(PgSession *s, const char *database, Strv *ret, Err *err)
{
    _cleanup_free_ char *prefix = unfinished_prefix(database),
                        *quoted = pg_quote_literal(s, prefix);
    if (!quoted)
        return refuse_encoding(database, err);

    _cleanup_free_ char *sql =
        mem_printf("SELECT datname FROM pg_database d"
                   " WHERE left(datname, length(%s)) = %s"
                   " AND substr(datname, length(%s) + 1) ~ '^[0-9a-f]{%d}$'"
                   " AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid"
                   " AND a.usename IS NOT NULL) ORDER BY datname",
                   quoted, quoted, quoted, MARK_DIGITS);
    return query_list(s, sql, "look for what earlier restores have left", ret, err);
}

/* Who may not end them hears from the next attempt that they are there. */
static void end_sessions(PgSession *s, const char *name)
{
    _cleanup_err_ Err ignored = { 0 };
    _cleanup_free_ char *quoted = pg_quote_literal(s, name);
    _cleanup_free_ char *sql =
        mem_printf("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                   " AND pid <> pg_backend_pid() AND usename IS NOT NULL",
                   quoted);

    (void)pg_query(s, sql, "end the sessions in the database", NULL, &ignored);
}

int pg_rename_database(const PgTarget *target, const char *from, const char *to, Err *err)
{
    usec_t deadline = clock_monotonic() + RENAME_TIMEOUT;
    _cleanup_pg_session_ PgSession *s = NULL;

    int r = pg_connect(target, target->maintenance_database, &s, err);
    if (r < 0)
        return r;
    _cleanup_free_ char *from_name = pg_quote_identifier(s, from),
                        *to_name = pg_quote_identifier(s, to);
    if (!from_name || !to_name)
        return refuse_encoding(to, err);
    _cleanup_free_ char *sql = mem_printf("ALTER DATABASE %s RENAME TO %s", from_name, to_name);

    /* The server itself waits five seconds for who is about to leave. */
    for (;;) {
        _cleanup_err_ Err reason = { 0 };

        s->state[0] = '\0'; /* which an attempt that is cut short leaves as it is */
        r = pg_query(s, sql, "rename the restored database", NULL, &reason);
        if (r >= 0 || strcmp(s->state, OBJECT_IN_USE) != 0 || clock_monotonic() >= deadline) {
            err_move(err, &reason);
            return r;
        }
        end_sessions(s, from);
    }
}

/* Roles and relations */

int pg_list_tablespaces(PgSession *s, Strv *ret, Err *err)
{
    return query_list(s, "SELECT spcname FROM pg_tablespace", "list the tablespaces", ret, err);
}

int pg_list_roles(PgSession *s, Strv *ret, Err *err)
{
    return query_list(s, "SELECT rolname FROM pg_roles", "list the roles", ret, err);
}

/* pg_class.relkind; NUL: there is no such relation. */
static int ask_kind(PgSession *s, const char *schema, const char *name, char *ret, Err *err)
{
    _cleanup_pg_result_ PGresult *result = NULL;
    _cleanup_free_ char *in = pg_quote_literal(s, schema), *called = pg_quote_literal(s, name);
    if (!in || !called)
        return refuse_encoding(name, err);

    _cleanup_free_ char *sql =
        mem_printf("SELECT relkind FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
                   " WHERE nspname = %s AND relname = %s",
                   in, called);
    int r = pg_query(s, sql, "look for a table", &result, err);
    if (r >= 0)
        *ret = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0)[0] : '\0';
    return r;
}

int pg_relation_exists(PgSession *s, const char *schema, const char *name, bool *ret, Err *err)
{
    char kind;

    int r = ask_kind(s, schema, name, &kind, err);
    if (r >= 0)
        *ret = kind != '\0';
    return r;
}

int pg_table_has_rows(PgSession *s, const char *schema, const char *name, bool *ret, Err *err)
{
    _cleanup_pg_result_ PGresult *result = NULL;
    char kind;

    int r = ask_kind(s, schema, name, &kind, err);
    if (r < 0)
        return r;
    *ret = false;
    if (kind == '\0')
        return 0;
    _cleanup_free_ char *in = pg_quote_identifier(s, schema),
                        *called = pg_quote_identifier(s, name);
    _cleanup_free_ char *sql =
        mem_printf("SELECT FROM %s%s.%s LIMIT 1", kind == 'r' ? "ONLY " : "", in, called);
    r = pg_query(s, sql, "look for rows", &result, err);
    if (r >= 0)
        *ret = PQntuples(result) > 0;
    return r;
}

/* One row: whether it stands further, and the table that owns it. */
static char *sequence_query(PgSession *s, const PgSequenceValue *v)
{
    _cleanup_free_ char *in = pg_quote_identifier(s, v->schema),
                        *called = pg_quote_identifier(s, v->name);
    _cleanup_free_ char *sequence = mem_printf("%s.%s", in, called),
                        *name = pg_quote_literal(s, sequence);

    return mem_printf(
        "SELECT CASE WHEN seqincrement > 0 THEN last_value > %" PRId64 " ELSE last_value < %" PRId64
        " END OR (last_value = %" PRId64 " AND is_called AND NOT %s), nspname, relname"
        " FROM %s, pg_sequence LEFT JOIN pg_depend ON classid = 'pg_class'::regclass"
        " AND objid = seqrelid AND refclassid = 'pg_class'::regclass AND refobjsubid > 0"
        " AND deptype IN ('a', 'i') LEFT JOIN pg_class c ON c.oid = refobjid"
        " LEFT JOIN pg_namespace n ON n.oid = relnamespace WHERE seqrelid = %s::regclass",
        v->value, v->value, v->value, v->called ? "true" : "false", sequence, name);
}

int pg_sequence_would_repeat(PgSession *s, const PgSequenceValue *v, bool *ret, Err *err)
{
    _cleanup_pg_result_ PGresult *result = NULL;
    char kind;

    int r = ask_kind(s, v->schema, v->name, &kind, err);
    if (r < 0)
        return r;
    *ret = false;
    if (kind != 'S')
        return 0;
    _cleanup_free_ char *sql = sequence_query(s, v);
    r = pg_query_row(s, sql, "ask where a sequence stands", &result, err);
    if (r < 0)
        return r;
    *ret = pg_value_flag(result, 0, 0);
    if (*ret && !PQgetisnull(result, 0, 2))
        return pg_table_has_rows(s, PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 2), ret, err);
    return 0;
}

int pg_execute_globals(PgSession *s, const char *sql, Err *err)
{
    static const char *const exists[] = { "42710", "42P06", "42P07" };
    _cleanup_err_ Err reason = { 0 };

    int r = pg_query(s, sql, "restore the globals", NULL, &reason);
    if (r < 0 && reason.kind != ERR_CANCELLED && pg_refused_with(s, exists, ELEMENTSOF(exists)))
        return 0;
    err_move(err, &reason);
    return r;
}

int pg_describe_extensions(PgSession *s, char **ret, Err *err)
{
    _cleanup_pg_result_ PGresult *result = NULL;

    int r = pg_query_row(s,
                         "SELECT string_agg(extname || ' ' || extversion, ', ' ORDER BY extname)"
                         " FROM pg_extension WHERE extname <> 'plpgsql'",
                         "list the extensions", &result, err);
    if (r >= 0)
        *ret = pg_value_text(result, 0, 0);
    return r;
}

static int count(PgSession *s, const char *sql, const char *doing, uint64_t *ret, Err *err)
{
    _cleanup_pg_result_ PGresult *result = NULL;

    int r = pg_query_row(s, sql, doing, &result, err);
    if (r >= 0)
        *ret = pg_value_number(result, 0, 0);
    return r;
}

int pg_count_subscriptions(PgSession *s, uint64_t *ret, Err *err)
{
    return count(s,
                 "SELECT count(*) FROM pg_subscription WHERE subdbid = (SELECT oid FROM"
                 " pg_database WHERE datname = current_database())",
                 "count the subscriptions", ret, err);
}

int pg_count_unused_sequences(PgSession *s, uint64_t *ret, Err *err)
{
    return count(s, "SELECT count(*) FROM pg_sequences WHERE last_value IS NULL",
                 "count the sequences", ret, err);
}

int pg_count_materialized_views(PgSession *s, uint64_t *ret, Err *err)
{
    return count(s, "SELECT count(*) FROM pg_class WHERE relkind = 'm'",
                 "count the materialized views", ret, err);
}
