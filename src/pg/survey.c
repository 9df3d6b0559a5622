#include "pg/survey.h"

#include <stdlib.h>
#include <string.h>

#include "pg/session.h"
#include "sys/mem.h"

/* The conditions are those by which pg_dump 12 to 18 selects (pg_dump.c: getTables,
 * selectDumpableNamespace, processExtensionTables, getSubscriptions, dumpUserMappings). An object
 * from 16384 on was not made by initdb (access/transam.h: FirstNormalObjectId). */

#define PORTION "5000" /* rows of a FETCH: less than a megabyte */

/* The server finds and sorts all relations before it hands out the first, which with many tables
 * takes longer than all else here: so the first is asked for in the beginning, and taken in the
 * end. One row fits into any socket's buffer, so that the server need not wait to send it. */
#define FIRST_PORTION "FETCH 1 FROM survey"
#define NEXT_PORTION "FETCH " PORTION " FROM survey"

static const char reading_relations[] = "read the catalogue of tables and sequences";

static const char relations_sql[] =
    "DECLARE survey NO SCROLL CURSOR FOR"
    " WITH RECURSIVE rerouted(oid) AS ("
    "  SELECT partrelid FROM pg_partitioned_table WHERE (SELECT o.oid FROM pg_opclass o"
    "   JOIN pg_am a ON a.oid = o.opcmethod WHERE o.opcname = 'enum_ops' AND a.amname = 'hash'"
    "   AND o.opcnamespace = 'pg_catalog'::regnamespace) = ANY (partclass)"
    "  UNION SELECT inhrelid FROM pg_inherits JOIN rerouted ON inhparent = rerouted.oid),"
    /* An identity sequence goes where its table goes, itself a member of the extension or not. */
    " member(oid) AS (SELECT objid FROM pg_depend"
    "  WHERE classid = 'pg_class'::regclass AND deptype = 'e'),"
    " relation AS ("
    "  SELECT c.oid, nspname, relname, relkind, relpersistence,"
    "   nspname ~ '^pg_' OR nspname = 'information_schema' AS in_system_schema,"
    "   c.oid IN (SELECT unnest(extconfig) FROM pg_extension WHERE oid >= 16384) AS registered"
    "  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
    "  WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relpersistence <> 't')"
    " SELECT nspname, relname, relkind, in_system_schema::int"
    "  + 2 * (oid IN (SELECT oid FROM member) OR relkind = 'S' AND oid IN"
    "         (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'i'"
    "          AND refclassid = 'pg_class'::regclass AND refobjid IN (SELECT oid FROM "
    "member)))::int"
    "  + 4 * registered::int"
    "  + 8 * (relpersistence = 'u')::int"
    "  + 16 * (oid IN (SELECT oid FROM rerouted))::int"
    "  + 32 * (CASE relkind WHEN 'S' THEN NOT has_sequence_privilege(oid, 'SELECT')"
    "          ELSE false END IS TRUE)::int"
    " FROM relation"
    " WHERE NOT in_system_schema OR registered"
    /* information_schema may have been loaded anew; those are its own tables. */
    "  OR relkind = 'r' AND oid >= 16384 AND relname !~ '^sql_'"
    " ORDER BY nspname, relname";

static const char objects_sql[] =
    "SELECT type, name FROM ("
    " SELECT 'pg_publication'::regclass, oid, 'PUBLICATION', pubname FROM pg_publication"
    " UNION ALL"
    " SELECT 'pg_event_trigger'::regclass, oid, 'EVENT TRIGGER', evtname FROM pg_event_trigger"
    " UNION ALL"
    " SELECT 'pg_foreign_data_wrapper'::regclass, oid, 'FOREIGN DATA WRAPPER', fdwname"
    "  FROM pg_foreign_data_wrapper"
    " UNION ALL"
    " SELECT 'pg_foreign_server'::regclass, oid, 'SERVER', srvname FROM pg_foreign_server"
    " UNION ALL"
    " SELECT 'pg_extension'::regclass, oid, 'EXTENSION', extname FROM pg_extension"
    "  WHERE oid >= 16384"
    ") o(class, oid, type, name)"
    " WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid"
    "  AND d.deptype = 'e')"
    " ORDER BY type, name";

static const char subscriptions_sql[] =
    "SELECT subname FROM pg_subscription WHERE subdbid ="
    " (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY subname";

/* pg_dump reads the view, which shows options to a superuser and to few others. */
#define MAPPINGS_SQL(hidden, join)                                                                 \
    "SELECT v.usename, v.srvname, v.umoptions IS NULL AND " hidden ","                             \
    " EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_foreign_server'::regclass"             \
    "  AND d.objid = v.srvid AND d.deptype = 'e')"                                                 \
    " FROM pg_user_mappings v" join " ORDER BY v.srvname, v.usename"

static const char mappings_sql[] =
    MAPPINGS_SQL("u.umoptions IS NOT NULL", " JOIN pg_user_mapping u ON u.oid = v.umid");
static const char mappings_guess_sql[] = MAPPINGS_SQL("true", "");

/* Relations */

static void add_relations(PgSurvey *survey, const PGresult *result)
{
    size_t rows = (size_t)PQntuples(result);

    survey->relations =
        mem_resize(survey->relations, survey->relation_count + rows, sizeof(*survey->relations));
    for (int i = 0; i < (int)rows; i++)
        survey->relations[survey->relation_count++] = (PgRelation){
            .schema = names_keep(&survey->names, PQgetvalue(result, i, 0)),
            .name = names_keep(&survey->names, PQgetvalue(result, i, 1)),
            .kind = PQgetvalue(result, i, 2)[0],
            .traits = (unsigned char)strtoul(PQgetvalue(result, i, 3), NULL, 10),
        };
}

static int begin_relations(PgSession *s, Err *err)
{
    int r = pg_query(s, relations_sql, reading_relations, NULL, err);
    return r < 0 ? r : pg_query_begin(s, FIRST_PORTION, reading_relations, err);
}

static int finish_relations(PgSession *s, PgSurvey *survey, Err *err)
{
    int rows;

    do {
        _cleanup_pg_result_ PGresult *result = NULL;

        int r = pg_query_finish(s, reading_relations, &result, err);
        if (r < 0)
            return r;
        rows = PQntuples(result);
        if (rows > 0) {
            add_relations(survey, result);
            r = pg_query_begin(s, NEXT_PORTION, reading_relations, err);
        }
        if (r < 0)
            return r;
    } while (rows > 0);

    return pg_query(s, "CLOSE survey", reading_relations, NULL, err);
}

/* Everything else */

/* What the role may ask. A question that is refused would end the snapshot's transaction. */
typedef struct Rights {
    bool subscriptions;
    bool mapping_options;
} Rights;

static int ask_facts(PgSession *s, PgSurvey *survey, Rights *rights, Err *err)
{
    static const char sql[] =
        "SELECT current_setting('is_superuser')::bool, pg_is_in_recovery(),"
        " (SELECT count(*) FROM pg_largeobject_metadata),"
        " has_column_privilege('pg_catalog.pg_subscription', 'subname', 'SELECT')"
        " AND has_column_privilege('pg_catalog.pg_subscription', 'subdbid', 'SELECT'),"
        " has_table_privilege('pg_catalog.pg_user_mapping', 'SELECT')";
    _cleanup_pg_result_ PGresult *result = NULL;

    int r = pg_query_row(s, sql, "count the large objects", &result, err);
    if (r < 0)
        return r;
    survey->superuser = pg_value_flag(result, 0, 0);
    survey->in_recovery = pg_value_flag(result, 0, 1);
    survey->large_objects = pg_value_number(result, 0, 2);
    *rights = (Rights){
        .subscriptions = pg_value_flag(result, 0, 3),
        .mapping_options = pg_value_flag(result, 0, 4),
    };
    return 0;
}

static int ask_objects(PgSession *s, PgSurvey *survey, Err *err)
{
    _cleanup_pg_result_ PGresult *result = NULL;

    int r =
        pg_query(s, objects_sql, "read the catalogue of publications and the like", &result, err);
    if (r < 0)
        return r;

    survey->objects = mem_zero((size_t)PQntuples(result), sizeof(*survey->objects));
    for (int i = 0; i < PQntuples(result); i++)
        survey->objects[survey->object_count++] = (PgObject){
            .type = pg_value_text(result, i, 0),
            .name = pg_value_text(result, i, 1),
        };
    return 0;
}

static int ask_subscriptions(PgSession *s, bool may_ask, PgSurvey *survey, Err *err)
{
    _cleanup_pg_result_ PGresult *result = NULL;

    survey->subscriptions_unknown = !may_ask;
    if (!may_ask)
        return 0;

    int r = pg_query(s, subscriptions_sql, "list the subscriptions", &result, err);
    if (r < 0)
        return r;
    for (int i = 0; i < PQntuples(result); i++)
        strv_add(&survey->subscriptions, PQgetvalue(result, i, 0));
    return 0;
}

static int ask_mappings(PgSession *s, bool may_ask, PgSurvey *survey, Err *err)
{
    PgMappingOptions not_shown = may_ask ? PG_OPTIONS_HIDDEN : PG_OPTIONS_UNKNOWN;
    _cleanup_pg_result_ PGresult *result = NULL;

    int r = pg_query(s, may_ask ? mappings_sql : mappings_guess_sql, "list the user mappings",
                     &result, err);
    if (r < 0)
        return r;

    survey->mappings = mem_zero((size_t)PQntuples(result), sizeof(*survey->mappings));
    for (int i = 0; i < PQntuples(result); i++)
        survey->mappings[survey->mapping_count++] = (PgUserMapping){
            .user = mem_strdup(PQgetvalue(result, i, 0)), /* "" for a role that is gone */
            .server = pg_value_text(result, i, 1),
            .options = pg_value_flag(result, i, 2) ? not_shown : PG_OPTIONS_SHOWN,
            .server_of_extension = pg_value_flag(result, i, 3),
        };
    return 0;
}

static int ask_all(PgSession *s, PgSurvey *survey, Err *err)
{
    Rights rights = { 0 };

    int r = ask_facts(s, survey, &rights, err);
    if (r >= 0)
        r = ask_objects(s, survey, err);
    if (r >= 0)
        r = ask_subscriptions(s, rights.subscriptions, survey, err);
    if (r >= 0)
        r = ask_mappings(s, rights.mapping_options, survey, err);
    if (r >= 0)
        r = begin_relations(s, err);
    return r;
}

int pg_survey_begin(PgSession *s, PgSurvey *survey, Err *err)
{
    int r = pg_query(s, "SELECT set_config('client_encoding', getdatabaseencoding(), false)",
                     "choose the database's encoding", NULL, err);
    return r < 0 ? r : ask_all(s, survey, err);
}

int pg_survey_finish(PgSession *s, PgSurvey *survey, Err *err)
{
    int r = finish_relations(s, survey, err);
    return r < 0 ? r : pg_query(s, "SET client_encoding TO 'UTF8'", "return to UTF-8", NULL, err);
}

void pg_survey_done(PgSurvey *survey)
{
    free(survey->relations);
    for (size_t i = 0; i < survey->object_count; i++) {
        free(survey->objects[i].type);
        free(survey->objects[i].name);
    }
    free(survey->objects);
    for (size_t i = 0; i < survey->mapping_count; i++) {
        free(survey->mappings[i].user);
        free(survey->mappings[i].server);
    }
    free(survey->mappings);
    strv_done(&survey->subscriptions);
    names_done(&survey->names);
    *survey = (PgSurvey){ 0 };
}
