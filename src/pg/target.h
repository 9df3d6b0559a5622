#pragma once

/* What a restore asks of the server that it restores into, and does there, beside the databases of
 * pg/server.h. */

#include "pg/server.h"
#include "sys/err.h"
#include "sys/strv.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes of a name (NAMEDATALEN - 1): the server cuts off what is beyond, and says so by a notice.
 */
#define PG_NAME_MAX 63

/* A database is restored under a name of its own, "appdb_restoring_1f0c22aa", and renamed when it
 * is complete: what has the name that was asked for is never half of something. Another name each
 * time; a long one is cut. Caller frees. */
char *pg_unfinished_name(const char *database);
bool pg_is_unfinished_name(const char *name);
/* Those of earlier restores of that name, in which nobody is at work. */
int pg_list_unfinished(PgSession *s, const char *database, Strv *ret, Err *err);
/* The last step. Whoever is in it (monitoring, say) is asked to leave; in a session of its own. */
int pg_rename_database(const PgTarget *target, const char *from, const char *to, Err *err);

int pg_list_tablespaces(PgSession *s, Strv *ret, Err *err);
int pg_list_roles(PgSession *s, Strv *ret, Err *err);

/* In a session with the database itself. None is an error where there is no such relation. Rows of
 * a partitioned table are those of its partitions. */
int pg_relation_exists(PgSession *s, const char *schema, const char *name, bool *ret, Err *err);
int pg_table_has_rows(PgSession *s, const char *schema, const char *name, bool *ret, Err *err);

/* Whether setval() with this value would have a sequence give numbers out again. Of a sequence that
 * a column owns: if there are rows that may have them. */
typedef struct PgSequenceValue {
    const char *schema, *name;
    int64_t value;
    bool called;
} PgSequenceValue;
int pg_sequence_would_repeat(PgSession *s, const PgSequenceValue *v, bool *ret, Err *err);

/* One statement of the globals. What is there already is no harm: 0. */
int pg_execute_globals(PgSession *s, const char *sql, Err *err);

/* "hstore 1.8, pgcrypto 1.3"; NULL: none but plpgsql. Caller frees. */
int pg_describe_extensions(PgSession *s, char **ret, Err *err);
int pg_count_subscriptions(PgSession *s, uint64_t *ret, Err *err);
/* Sequences of which nobody has taken a number. */
int pg_count_unused_sequences(PgSession *s, uint64_t *ret, Err *err);
int pg_count_materialized_views(PgSession *s, uint64_t *ret, Err *err);
