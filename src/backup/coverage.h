#pragma once

/* Is everything that the policy names in the backup? The catalogue at the snapshot against the
 * inventory of the dump that shared it, without any I/O.
 *
 *     Coverage c = {0};
 *     r = coverage_judge(&survey, &inventory, plain, &c, err)     before the backup is published
 *     … c.items: what goes into the manifest as "omissions"
 *     coverage_done(&c)
 *
 * Of what is in the catalogue, and not in the dump,
 *
 *   - some is no loss: a view has no rows, a materialized view is filled again by REFRESH, of an
 *     extension's own tables only the registered ones are data: nothing is said, or said as a note;
 *   - some no dump by this role, or of this server, can hold: subscriptions without superuser, the
 *     options of user mappings, unlogged tables on a standby: a warning;
 *   - the rest is a hole, and there is no backup.
 *
 * What the dump holds is never an omission, whatever was to be expected. */

#include "archive/inventory.h"
#include "pg/survey.h"
#include "sys/err.h"

#include <stdbool.h>
#include <stddef.h>

/* The backup does not contain WHAT: WHY. */
typedef struct CoverageOmission {
    char *what; /* "the rows of foreign table \"public.films\"" */
    char *why;  /* "they are kept by another server" */
    bool warning;
} CoverageOmission;

typedef struct Coverage {
    CoverageOmission *items;
    size_t count;
} Coverage;

/* `inventory` is sorted, or NULL when there is none: then only what cannot be in any dump is told,
 * and that nothing was compared. SQL text (`plain`) is not asked for definitions: their names stand
 * in its comments, which cannot hold every name. ERR_DUMP_INCOMPLETE names what the dump lacks;
 * ERR_PERMISSION the sequences whose values the role could not read. */
int coverage_judge(const PgSurvey *survey, const Inventory *inventory, bool plain, Coverage *ret,
                   Err *err);
/* Of the WHAT of an omission: whether it is the contents of unlogged tables; whether it names what
 * a line of pg_dump's stderr warns of without a name, so that the two are one warning. */
bool coverage_is_of_unlogged(const char *what);
bool coverage_names(const char *what, const char *line);
void coverage_done(Coverage *c);
#define _cleanup_coverage_ _cleanup_(coverage_done)
