#include "backup/plan.h"

#include <fnmatch.h>
#include <string.h>

#include "pg/target.h"
#include "sys/mem.h"

static bool is_exclusion(const char *entry)
{
    return entry[0] == '!';
}

static bool is_pattern(const char *entry)
{
    return strpbrk(entry, "*?[") != NULL;
}

/* What an entry that is no pattern stands for. */
static const char *literal(const char *entry)
{
    return strncmp(entry, "\\!", 2) == 0 ? entry + 1 : entry;
}

const char *plan_name(const char *entry)
{
    return is_exclusion(entry) || is_pattern(entry) ? NULL : literal(entry);
}

bool plan_has_pattern(const Strv *wanted)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (!is_exclusion(wanted->items[i]) && is_pattern(wanted->items[i]))
            return true;
    return false;
}

/* Without FNM_PERIOD and FNM_PATHNAME: a name is no path, and "*" means ".hidden" and "a/b", too.
 */
static bool entry_matches(const char *entry, const char *name)
{
    if (is_pattern(entry))
        return fnmatch(entry, name, 0) == 0;
    return strcmp(literal(entry), name) == 0;
}

static bool is_excluded(const Strv *wanted, const char *name)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (is_exclusion(wanted->items[i]) && entry_matches(wanted->items[i] + 1, name))
            return true;
    return false;
}

/* Whether an entry that is no exclusion matches; patterns only where they are allowed to. */
static bool is_included(const Strv *wanted, const char *name, bool by_pattern)
{
    for (size_t i = 0; i < wanted->count; i++) {
        const char *entry = wanted->items[i];
        if (is_exclusion(entry) || (is_pattern(entry) && !by_pattern))
            continue;
        if (entry_matches(entry, name))
            return true;
    }
    return false;
}

bool plan_selects(const Strv *wanted, const char *name)
{
    return is_included(wanted, name, /* by_pattern= */ true) && !is_excluded(wanted, name);
}

static bool is_on_server(const PgDatabase *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return true;
    return false;
}

/* Whether a pattern may take it. */
static bool can_match(const PgDatabase *db)
{
    return !db->is_template && db->allow_connections && !pg_is_unfinished_name(db->name);
}

static void add_existing(const Strv *wanted, const PgDatabase *list, size_t count, Strv *ret)
{
    for (size_t i = 0; i < count; i++) {
        const PgDatabase *db = &list[i];
        if (is_included(wanted, db->name, can_match(db)) && !is_excluded(wanted, db->name))
            strv_add(ret, db->name);
    }
}

static void add_missing(const Strv *wanted, const PgDatabase *list, size_t count, Strv *ret)
{
    for (size_t i = 0; i < wanted->count; i++) {
        const char *name = plan_name(wanted->items[i]);
        if (!name || is_excluded(wanted, name))
            continue;
        if (!is_on_server(list, count, name))
            strv_add_once(ret, name);
    }
}

static bool matches_any(const char *pattern, const PgDatabase *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (can_match(&list[i]) && entry_matches(pattern, list[i].name))
            return true;
    return false;
}

/* What an exclusion takes away was matched all the same: that is somebody's intention. */
static void add_unmatched(const Strv *wanted, const PgDatabase *list, size_t count, Strv *ret)
{
    for (size_t i = 0; i < wanted->count; i++) {
        const char *entry = wanted->items[i];
        if (is_exclusion(entry) || !is_pattern(entry) || strv_contains(ret, entry))
            continue;
        if (!matches_any(entry, list, count))
            strv_add(ret, entry);
    }
}

int plan_make(const Strv *wanted, const PgDatabase *list, size_t count, Plan *ret, Err *err)
{
    Plan plan = { 0 };
    add_existing(wanted, list, count, &plan.databases);
    add_missing(wanted, list, count, &plan.missing);

    if (plan.databases.count == 0 && plan.missing.count == 0) {
        int r = err_set(err, ERR_SETTINGS, "no database of the server is selected for backup");
        err_hint(err, "Name databases or patterns in PG_DATABASES; \"*\" stands for all of them.");
        return r;
    }

    add_unmatched(wanted, list, count, &plan.unmatched);
    *ret = plan;
    return 0;
}

void plan_done(Plan *p)
{
    strv_done(&p->databases);
    strv_done(&p->missing);
    strv_done(&p->unmatched);
}

void plan_warn_unmatched(const char *pattern, Err *ret)
{
    err_set(ret, ERR_NO_DATABASE, "no database of the server matches \"%s\"", pattern);
    err_hint(ret, "Correct the pattern or leave it out: a database that it was meant for has no "
                  "backup.");
}
