#pragma once

/* Which databases a run backs up: PG_DATABASES against what the server has. Pure.
 *
 * An entry is a literal name, a shell pattern (fnmatch(3): *, ?, […]) or, with '!' before it, an
 * exclusion of either; a name's own '!' at its beginning is written "\!", as fnmatch(3) has it.
 * Patterns never match templates, databases that allow no connections, or what a restore has not
 * finished (pg/target.h); a literal name does, so that asking for one is an honest failure.
 * Exclusions apply to patterns and names alike. The result is in the server's order, each database
 * once. */

#include "pg/server.h"
#include "sys/err.h"
#include "sys/strv.h"

typedef struct Plan {
    Strv databases; /* to be dumped, existing */
    Strv missing;   /* named literally, but not on the server: each is a failure of the run */
    Strv unmatched; /* patterns that no database matches: each is a warning */
} Plan;

/* ERR_SETTINGS when nothing at all is to be done. */
int plan_make(const Strv *wanted, const PgDatabase *list, size_t count, Plan *ret, Err *err);
void plan_done(Plan *p);

/* The database that an entry names literally, within the entry; NULL for a pattern or an exclusion.
 */
const char *plan_name(const char *entry);
/* The warning about one of Plan.unmatched, in `ret`. */
void plan_warn_unmatched(const char *pattern, Err *ret);
/* Whether an entry list has patterns: what it stands for, only a server can say. */
bool plan_has_pattern(const Strv *wanted);
/* Whether one entry list (names, patterns, exclusions) selects a name. */
bool plan_selects(const Strv *wanted, const char *name);
