#pragma once

/* What a database contains, by its own catalogue at the snapshot that a dump shares: what a dump of
 * it has to be measured against (backup/coverage.h).
 *
 *     pg_snapshot_export(s, …)
 *     PgSurvey survey = {0};
 *     pg_survey_begin(s, &survey, err)     in the same transaction
 *     …                                    the server works meanwhile; nothing else is asked of it
 *     pg_survey_finish(s, &survey, err)    now the relations are there, too
 *     pg_survey_done(&survey)
 *
 * It states facts; which of them pg_dump has to heed is for whoever judges. Names are in the
 * database's own encoding, as pg_dump --encoding writes them. About 60 bytes for each relation; the
 * rows come in portions. What the role may not read is said to be unknown, it is never left out. */

#include "pg/server.h"
#include "sys/names.h"
#include "sys/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum PgRelationKind {
    PG_TABLE = 'r', /* as in pg_class.relkind; partitions and inherited tables, too */
    PG_PARTITIONED_TABLE = 'p',
    PG_VIEW = 'v',
    PG_MATERIALIZED_VIEW = 'm',
    PG_FOREIGN_TABLE = 'f',
    PG_SEQUENCE = 'S',
} PgRelationKind;

typedef enum PgRelationTrait {
    PG_IN_SYSTEM_SCHEMA = 1 << 0, /* pg_… or information_schema, but not made by initdb */
    PG_OF_EXTENSION = 1 << 1,
    PG_REGISTERED = 1 << 2, /* by its extension as configuration: pg_extension_config_dump() */
    PG_UNLOGGED = 1 << 3,
    PG_REROUTED = 1 << 4,   /* hash-partitioned by an enum: loaded through its root */
    PG_UNREADABLE = 1 << 5, /* a sequence whose value the role may not read */
} PgRelationTrait;

typedef struct PgRelation {
    const char *schema, *name; /* of the survey's pool */
    char kind;                 /* PgRelationKind */
    unsigned char traits;      /* PgRelationTrait */
} PgRelation;

/* Something that is in no schema and belongs to no extension. */
typedef struct PgObject {
    char *type; /* as in an archive's TOC: "PUBLICATION", "EVENT TRIGGER", "SERVER" … */
    char *name;
} PgObject;

typedef enum PgMappingOptions {
    PG_OPTIONS_SHOWN,   /* or it has none */
    PG_OPTIONS_HIDDEN,  /* it has some, and the view that pg_dump asks hides them from the role */
    PG_OPTIONS_UNKNOWN, /* the role may not even ask whether it has any */
} PgMappingOptions;

typedef struct PgUserMapping {
    char *user, *server;
    PgMappingOptions options;
    bool server_of_extension;
} PgUserMapping;

typedef struct PgSurvey {
    PgRelation *relations; /* without temporary ones; by schema and name, byte by byte */
    size_t relation_count;
    PgObject *objects;
    size_t object_count;
    PgUserMapping *mappings;
    size_t mapping_count;
    Strv subscriptions; /* of this database */
    bool subscriptions_unknown;
    uint64_t large_objects;
    bool in_recovery;
    bool superuser; /* what our role is */
    Names names;    /* of the relations */
} PgSurvey;

int pg_survey_begin(PgSession *s, PgSurvey *survey, Err *err);
int pg_survey_finish(PgSession *s, PgSurvey *survey, Err *err);
void pg_survey_done(PgSurvey *survey);
