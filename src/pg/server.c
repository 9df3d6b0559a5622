#include "pg/server.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "pg/session.h"
#include "pg/sql-quote.h"
#include "sys/buf.h"
#include "sys/mem.h"

#define DROP_TIMEOUT (30 * USEC_PER_SEC)
#define ROUND_MSEC 50

static char *copy_text(const char *text)
{
    return text && text[0] ? mem_strdup(text) : NULL;
}

/* The server */

/* Optional: a managed service may deny these to everybody. */
static void ask_control_data(PgSession *s, PgServerInfo *ret)
{
    _cleanup_pg_result_ PGresult *result = NULL;
    _cleanup_err_ Err ignored = { 0 };

    if (pg_query_row(s,
                     "SELECT system_identifier, timeline_id FROM pg_control_system(), "
                     "pg_control_checkpoint()",
                     "read the control data", &result, &ignored) < 0)
        return;
    ret->system_identifier = pg_value_text(result, 0, 0);
    ret->timeline = pg_value_number(result, 0, 1);
}

int pg_server_info(PgSession *s, PgServerInfo *ret, Err *err)
{
    static const char sql[] =
        "SELECT split_part(current_setting('server_version'), ' ', 1), pg_is_in_recovery(), "
        "rolsuper,"
        " rolbypassrls, EXISTS (SELECT FROM pg_roles g WHERE g.rolname = 'pg_read_all_data'"
        " AND pg_has_role(g.oid, 'USAGE')), has_table_privilege('pg_catalog.pg_authid', 'SELECT'),"
        " CASE WHEN rolsuper THEN -1 ELSE rolconnlimit END"
        " FROM pg_roles WHERE rolname = current_user";
    _cleanup_pg_result_ PGresult *result = NULL;

    int r =
        pg_query_row(s, sql, "ask the server for its version and the role's rights", &result, err);
    if (r < 0)
        return r;

    *ret = (PgServerInfo){
        .version_num = PQserverVersion(s->conn),
        .major = PQserverVersion(s->conn) / 10000,
        .version = pg_value_text(result, 0, 0),
        .in_recovery = pg_value_flag(result, 0, 1),
        .superuser = pg_value_flag(result, 0, 2),
        .bypass_rls = pg_value_flag(result, 0, 3),
        .read_all_data = pg_value_flag(result, 0, 4),
        .read_passwords = pg_value_flag(result, 0, 5),
        .connection_limit = strtoll(PQgetvalue(result, 0, 6), NULL, 10),
        .host = copy_text(PQhost(s->conn)),
        .hostaddr = copy_text(PQhostaddr(s->conn)),
        .port = copy_text(PQport(s->conn)),
    };
    ask_control_data(s, ret);
    return 0;
}

void pg_server_info_done(PgServerInfo *info)
{
    free(info->version);
    free(info->system_identifier);
    free(info->host);
    free(info->hostaddr);
    free(info->port);
    *info = (PgServerInfo){ 0 };
}

int pg_list_databases(PgSession *s, PgDatabase **ret, size_t *ret_count, Err *err)
{
    /* datconnlimit -2 marks what an interrupted DROP DATABASE left behind. */
    static const char sql[] = "SELECT datname, datistemplate, datallowconn FROM pg_database"
                              " WHERE datconnlimit <> -2 ORDER BY datname";
    _cleanup_pg_result_ PGresult *result = NULL;

    int r = pg_query(s, sql, "list the databases", &result, err);
    if (r < 0)
        return r;

    size_t count = (size_t)PQntuples(result);
    PgDatabase *list = mem_zero(count, sizeof(*list));
    for (size_t i = 0; i < count; i++)
        list[i] = (PgDatabase){
            .name = pg_value_text(result, (int)i, 0),
            .is_template = pg_value_flag(result, (int)i, 1),
            .allow_connections = pg_value_flag(result, (int)i, 2),
        };
    *ret = list;
    *ret_count = count;
    return 0;
}

void pg_databases_free(PgDatabase *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i].name);
    free(list);
}

/* The snapshot */

/* Optional, in a savepoint: some services have no WAL to speak of. */
static void ask_lsn(PgSession *s, PgSnapshot *ret)
{
    _cleanup_pg_result_ PGresult *result = NULL;
    _cleanup_err_ Err ignored = { 0 };

    if (pg_query(s, "SAVEPOINT lsn", "set a savepoint", NULL, &ignored) < 0)
        return;
    if (pg_query_row(s,
                     "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
                     " ELSE pg_current_wal_lsn() END",
                     "read the WAL position", &result, &ignored) == 0)
        ret->lsn = pg_value_text(result, 0, 0);
    (void)pg_query(s, "ROLLBACK TO SAVEPOINT lsn", "return to a savepoint", NULL, &ignored);
}

static int ask_traits(PgSession *s, PgDatabaseTraits *ret, Err *err)
{
    int version = PQserverVersion(s->conn);
    _cleanup_pg_result_ PGresult *result = NULL;
    _cleanup_free_ char *sql = mem_printf(
        "SELECT pg_encoding_to_char(encoding), datcollate, datctype, %s, %s, %s FROM pg_database"
        " WHERE datname = current_database()",
        version >= 150000
            ? "CASE datlocprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END"
            : "'libc'",
        version >= 170000   ? "datlocale"
        : version >= 150000 ? "daticulocale"
                            : "NULL",
        version >= 160000 ? "daticurules" : "NULL");

    int r = pg_query_row(s, sql, "read the database's encoding and locale", &result, err);
    if (r < 0)
        return r;
    *ret = (PgDatabaseTraits){
        .encoding = pg_value_text(result, 0, 0),
        .collate = pg_value_text(result, 0, 1),
        .ctype = pg_value_text(result, 0, 2),
        .locale_provider = pg_value_text(result, 0, 3),
        .locale = pg_value_text(result, 0, 4),
        .icu_rules = pg_value_text(result, 0, 5),
    };
    return 0;
}

int pg_collation_version(PgSession *s, char **ret, Err *err)
{
    _cleanup_pg_result_ PGresult *result = NULL;

    *ret = NULL;
    if (PQserverVersion(s->conn) < 150000)
        return 0;
    int r =
        pg_query_row(s, "SELECT datcollversion FROM pg_database WHERE datname = current_database()",
                     "read the version of the database's collation", &result, err);
    if (r >= 0)
        *ret = pg_value_text(result, 0, 0);
    return r;
}

/* The role's and the database's own settings are in force here as they are in pg_dump's session. It
 * sets those that would change the text of most types itself, but not these. */
static int ask_settings(PgSession *s, PgSnapshot *ret, Err *err)
{
    static const char sql[] =
        "SELECT current_setting('bytea_output'), current_setting('lc_monetary'),"
        " current_setting('quote_all_identifiers'), current_setting('timezone'),"
        " current_setting('datestyle'), current_setting('intervalstyle'),"
        " current_setting('max_locks_per_transaction'),"
        " string_agg(setting, ', ' ORDER BY name DESC) FROM pg_settings WHERE setting <> ''"
        " AND name IN ('shared_preload_libraries', 'session_preload_libraries')";
    _cleanup_pg_result_ PGresult *result = NULL;

    int r = pg_query_row(s, sql, "read the session's settings", &result, err);
    if (r < 0)
        return r;
    ret->bytea_output = pg_value_text(result, 0, 0);
    ret->lc_monetary = pg_value_text(result, 0, 1);
    ret->quote_all_identifiers = pg_value_text(result, 0, 2);
    ret->timezone = pg_value_text(result, 0, 3);
    ret->date_style = pg_value_text(result, 0, 4);
    ret->interval_style = pg_value_text(result, 0, 5);
    ret->max_locks = pg_value_number(result, 0, 6);
    ret->preload_libraries = pg_value_text(result, 0, 7);
    return 0;
}

int pg_snapshot_export(PgSession *s, PgSnapshot *ret, Err *err)
{
    _cleanup_(pg_snapshot_done) PgSnapshot snapshot = { 0 };
    _cleanup_pg_result_ PGresult *result = NULL;

    int r = pg_query(s, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "begin a snapshot", NULL,
                     err);
    if (r < 0)
        return r;
    r = pg_query_row(s, "SELECT pg_export_snapshot()", "export a snapshot", &result, err);
    if (r < 0)
        return r;
    snapshot.id = pg_value_text(result, 0, 0);

    r = ask_traits(s, &snapshot.traits, err);
    if (r < 0)
        return r;
    r = pg_collation_version(s, &snapshot.collation_version, err);
    if (r < 0)
        return r;
    r = ask_settings(s, &snapshot, err);
    if (r < 0)
        return r;
    ask_lsn(s, &snapshot);

    *ret = snapshot;
    snapshot = (PgSnapshot){ 0 };
    return 0;
}

int pg_database_properties(PgSession *s, char **ret, Err *err)
{
    /* The comment that initdb gives to "postgres" every cluster has; and every database has the
     * default privileges, which are written out once others were granted and revoked. */
    static const char sql[] =
        "SELECT nullif(concat_ws(', ',"
        " (SELECT sum(cardinality(setconfig)) || CASE sum(cardinality(setconfig))"
        "   WHEN 1 THEN ' setting' ELSE ' settings' END"
        "   FROM pg_db_role_setting WHERE setdatabase = d.oid),"
        " CASE WHEN NOT (datacl @> acldefault('d', datdba) AND acldefault('d', datdba) @> datacl)"
        "   THEN 'privileges' END,"
        " CASE WHEN shobj_description(d.oid, 'pg_database')"
        "   <> 'default administrative connection database' THEN 'a comment' END,"
        " CASE WHEN datconnlimit >= 0 THEN 'a connection limit' END), '')"
        " FROM pg_database d WHERE datname = current_database()";
    _cleanup_pg_result_ PGresult *result = NULL;

    int r = pg_query_row(s, sql, "read the database's settings and privileges", &result, err);
    if (r < 0)
        return r;
    *ret = pg_value_text(result, 0, 0);
    return 0;
}

static void traits_done(PgDatabaseTraits *t)
{
    free(t->encoding);
    free(t->collate);
    free(t->ctype);
    free(t->locale_provider);
    free(t->locale);
    free(t->icu_rules);
    *t = (PgDatabaseTraits){ 0 };
}

void pg_snapshot_done(PgSnapshot *snapshot)
{
    free(snapshot->id);
    free(snapshot->lsn);
    free(snapshot->collation_version);
    free(snapshot->bytea_output);
    free(snapshot->lc_monetary);
    free(snapshot->quote_all_identifiers);
    free(snapshot->timezone);
    free(snapshot->date_style);
    free(snapshot->interval_style);
    free(snapshot->preload_libraries);
    traits_done(&snapshot->traits);
    *snapshot = (PgSnapshot){ 0 };
}

/* Databases for restores */

static int quote_name(PgSession *s, const char *name, char **ret, Err *err)
{
    *ret = pg_quote_identifier(s, name);
    return *ret ? 0 : err_set(err, ERR_USAGE, "\"%s\" cannot be the name of a database", name);
}

static void add_trait(PgSession *s, Buf *sql, const char *keyword, const char *value)
{
    _cleanup_free_ char *quoted = value ? pg_quote_literal(s, value) : NULL;
    if (quoted)
        buf_addf(sql, " %s %s", keyword, quoted);
}

int pg_create_database(PgSession *s, const char *name, const PgDatabaseTraits *traits, Err *err)
{
    int version = PQserverVersion(s->conn);
    _cleanup_free_ char *quoted = NULL;
    _cleanup_buf_ Buf sql = { 0 };

    int r = quote_name(s, name, &quoted, err);
    if (r < 0)
        return r;

    buf_addf(&sql, "CREATE DATABASE %s TEMPLATE template0", quoted);
    add_trait(s, &sql, "ENCODING", traits->encoding);
    add_trait(s, &sql, "LC_COLLATE", traits->collate);
    add_trait(s, &sql, "LC_CTYPE", traits->ctype);
    if (traits->locale && version >= 150000) {
        bool builtin = traits->locale_provider && strcmp(traits->locale_provider, "builtin") == 0;
        add_trait(s, &sql, "LOCALE_PROVIDER", traits->locale_provider);
        add_trait(s, &sql, builtin ? "BUILTIN_LOCALE" : "ICU_LOCALE", traits->locale);
    }
    if (version >= 160000)
        add_trait(s, &sql, "ICU_RULES", traits->icu_rules);

    r = pg_query(s, sql.data, "create the database", NULL, err);
    if (r < 0)
        err_prefix(err, "\"%s\"", name);
    return r;
}

int pg_database_exists(PgSession *s, const char *name, bool *ret, Err *err)
{
    _cleanup_pg_result_ PGresult *result = NULL;
    _cleanup_free_ char *literal = pg_quote_literal(s, name), *sql = NULL;
    if (!literal)
        return err_set(err, ERR_USAGE, "\"%s\" cannot be the name of a database", name);

    sql = mem_printf("SELECT FROM pg_database WHERE datname = %s", literal);
    int r = pg_query(s, sql, "look for the database", &result, err);
    if (r < 0)
        return r;
    *ret = PQntuples(result) > 0;
    return 0;
}

/* Ends who is in the database, and the creator if it is at work, and waits until they are gone:
 * each round counts those who are still there. Unlike WITH (FORCE) it works before version 13, and
 * leaves to DROP what it can end itself and an ordinary role cannot: autovacuum. */
static int end_sessions(PgSession *s, const PgSession *creator, const char *name, usec_t deadline,
                        Err *err)
{
    _cleanup_free_ char *literal = pg_quote_literal(s, name);
    _cleanup_free_ char *sql = mem_printf(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND (datname = %s AND usename IS NOT NULL OR pid = %d"
        " AND state IS DISTINCT FROM 'idle' AND usename = current_user"
        " AND application_name = 'pg-backup')", /* behind a pooler the number is another's */
        literal, PQbackendPID(creator->conn));

    for (;;) {
        _cleanup_pg_result_ PGresult *result = NULL;

        int r = pg_query_row(s, sql, "end the sessions in the database", &result, err);
        if (r < 0)
            return r;
        if (pg_value_number(result, 0, 0) == 0 || clock_monotonic() >= deadline)
            return 0;
        (void)poll(NULL, 0, ROUND_MSEC);
    }
}

int pg_drop_database(const PgTarget *target, const PgSession *creator, const char *name, Err *err)
{
    usec_t deadline = clock_monotonic() + DROP_TIMEOUT;
    PgTarget patient = *target;
    _cleanup_pg_session_ PgSession *s = NULL;
    _cleanup_free_ char *quoted = NULL, *sql = NULL;
    bool exists;

    patient.ignore_cancel = true;
    patient.answer_timeout = DROP_TIMEOUT;
    int r = pg_connect(&patient, patient.maintenance_database, &s, err);
    if (r < 0)
        return r;
    r = quote_name(s, name, &quoted, err);
    if (r < 0)
        return r;
    r = end_sessions(s, creator, name, deadline, err);
    if (r < 0)
        return r;
    r = pg_database_exists(s, name, &exists, err);
    if (r < 0 || !exists)
        return r;

    sql = mem_printf("DROP DATABASE IF EXISTS %s", quoted);
    return pg_query(s, sql, "drop the database", NULL, err);
}

int pg_count_objects(PgSession *s, uint64_t *ret, Err *err)
{
    static const char sql[] =
        "WITH own AS (SELECT oid, nspname FROM pg_namespace"
        "  WHERE nspname !~ '^pg_' AND nspname <> 'information_schema')"
        " SELECT (SELECT count(*) FROM own WHERE nspname <> 'public')"
        " + (SELECT count(*) FROM pg_class WHERE relnamespace IN (SELECT oid FROM own))"
        " + (SELECT count(*) FROM pg_proc WHERE pronamespace IN (SELECT oid FROM own))"
        " + (SELECT count(*) FROM pg_type WHERE typnamespace IN (SELECT oid FROM own))"
        " + (SELECT count(*) FROM pg_largeobject_metadata)";
    _cleanup_pg_result_ PGresult *result = NULL;

    int r = pg_query_row(s, sql, "count the database's objects", &result, err);
    if (r < 0)
        return r;
    *ret = pg_value_number(result, 0, 0);
    return 0;
}
