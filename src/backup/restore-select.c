#include "backup/restore-select.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "archive/inventory.h"
#include "backup/nearest.h"
#include "sys/buf.h"
#include "sys/mem.h"
#include "sys/text.h"

static bool is(const ArchiveTocEntry *e, const char *desc)
{
    return strcmp(e->desc, desc) == 0;
}

bool restore_entry_is_relation(const ArchiveTocEntry *e)
{
    static const char *const relations[] = { "TABLE", "FOREIGN TABLE", "VIEW", "MATERIALIZED VIEW",
                                             "SEQUENCE" };
    return text_is_one_of(e->desc, relations, ELEMENTSOF(relations));
}

bool restore_entry_is_rows(const ArchiveTocEntry *e)
{
    return is(e, "TABLE DATA");
}

/* Belong to the one relation (or index, constraint, trigger …) that they depend on. */
static bool is_attribute(const ArchiveTocEntry *e)
{
    static const char *const attributes[] = { "TABLE DATA",
                                              "MATERIALIZED VIEW DATA",
                                              "SEQUENCE SET",
                                              "SEQUENCE OWNED BY",
                                              "INDEX",
                                              "STATISTICS",
                                              "STATISTICS DATA",
                                              "COMMENT",
                                              "ACL",
                                              "SECURITY LABEL" };
    return text_is_one_of(e->desc, attributes, ELEMENTSOF(attributes));
}

/* Belong to the relation that their tag begins with: "orders orders_customer_fkey". They may depend
 * on others. */
static bool is_part(const ArchiveTocEntry *e)
{
    static const char *const parts[] = { "DEFAULT",       "CONSTRAINT",  "CHECK CONSTRAINT",
                                         "FK CONSTRAINT", "TRIGGER",     "RULE",
                                         "POLICY",        "ROW SECURITY" };
    return text_is_one_of(e->desc, parts, ELEMENTSOF(parts));
}

/* The work on one selection */

typedef struct ById {
    int32_t dump_id;
    size_t index;
} ById;

typedef struct Work {
    const ArchiveToc *toc;
    RestoreSelection *s;
    ById *by_id;    /* sorted */
    bool *needed;   /* by something that was chosen, for itself alone */
    bool *attached; /* a partition: its definition does not name the parent */
} Work;

static void work_done(Work *w)
{
    free(w->by_id);
    free(w->needed);
    free(w->attached);
}

static int compare_ids(const void *a, const void *b)
{
    int32_t x = ((const ById *)a)->dump_id, y = ((const ById *)b)->dump_id;
    return (x > y) - (x < y);
}

/* The index of an entry's i-th dependency; `count` where the archive does not have it. */
static size_t dependency(const Work *w, const ArchiveTocEntry *e, size_t i)
{
    const ById key = { .dump_id = e->dependencies[i] };
    const ById *found = bsearch(&key, w->by_id, w->toc->count, sizeof(key), compare_ids);
    return found ? found->index : w->toc->count;
}

/* How much of the entry's tag is the name of that relation, 0: it is not. */
static size_t named_by_tag(const ArchiveTocEntry *e, const ArchiveTocEntry *relation)
{
    size_t size = strlen(relation->tag);
    bool fits = restore_entry_is_relation(relation) && text_equal(e->schema, relation->schema) &&
                strncmp(e->tag, relation->tag, size) == 0 &&
                (e->tag[size] == ' ' || e->tag[size] == '\0');
    return fits ? size : 0;
}

/* Whose part an entry is; `count`: nobody's. The longest name, since names may hold blanks. */
static size_t owner_of_part(const Work *w, const ArchiveTocEntry *e)
{
    size_t owner = w->toc->count, longest = 0;

    for (size_t i = 0; i < e->dependency_count; i++) {
        size_t at = dependency(w, e, i);
        size_t size = at < w->toc->count ? named_by_tag(e, &w->toc->entries[at]) : 0;
        if (size > longest) {
            longest = size;
            owner = at;
        }
    }
    return owner;
}

static bool is_chosen(const Work *w, size_t i)
{
    return i < w->toc->count && w->s->chosen[i];
}

/* Whether one of those that an entry depends on, and that can own things, is chosen. Schemas,
 * functions and the like are never the owner: they are `needed` alone. */
static bool depends_on_chosen(const Work *w, const ArchiveTocEntry *e)
{
    for (size_t i = 0; i < e->dependency_count; i++) {
        size_t at = dependency(w, e, i);
        if (is_chosen(w, at) && !w->needed[at])
            return true;
    }
    return false;
}

static bool depends_on_all_chosen(const Work *w, const ArchiveTocEntry *e)
{
    for (size_t i = 0; i < e->dependency_count; i++)
        if (!is_chosen(w, dependency(w, e, i)))
            return false;
    return true;
}

/* A sequence that a column of the table owns, or is. */
static bool is_of_chosen_table(const Work *w, const ArchiveTocEntry *e)
{
    for (size_t i = 0; i < e->dependency_count; i++) {
        size_t at = dependency(w, e, i);
        if (is_chosen(w, at) && !w->needed[at] && is(&w->toc->entries[at], "TABLE"))
            return true;
    }
    return false;
}

static bool belongs(const Work *w, const ArchiveTocEntry *e)
{
    if (is(e, "SEQUENCE"))
        return is_of_chosen_table(w, e);
    if (is(e, "TABLE ATTACH") || is(e, "INDEX ATTACH"))
        return depends_on_all_chosen(w, e);
    if (is_part(e)) {
        size_t owner = owner_of_part(w, e);
        return is_chosen(w, owner) && !w->needed[owner];
    }
    return is_attribute(e) && depends_on_chosen(w, e);
}

/* The two tables of a TABLE ATTACH, whose tag is the partition's name. */
static void find_partition(const Work *w, const ArchiveTocEntry *attach, size_t *ret_partition,
                           size_t *ret_parent)
{
    *ret_partition = *ret_parent = w->toc->count;
    for (size_t i = 0; i < attach->dependency_count; i++) {
        size_t at = dependency(w, attach, i);
        if (at == w->toc->count)
            continue;
        const ArchiveTocEntry *e = &w->toc->entries[at];
        bool named = text_equal(e->schema, attach->schema) && strcmp(e->tag, attach->tag) == 0;
        *(named ? ret_partition : ret_parent) = at;
    }
}

/* The patterns */

/* A dot in the pattern separates schema and name. */
static bool fits(const char *pattern, const ArchiveTocEntry *e)
{
    const char *dot = strchr(pattern, '.');

    if (!dot)
        return fnmatch(pattern, e->tag, 0) == 0;
    _cleanup_free_ char *schema = mem_strndup(pattern, (size_t)(dot - pattern));
    return e->schema && fnmatch(schema, e->schema, 0) == 0 && fnmatch(dot + 1, e->tag, 0) == 0;
}

static char *full_name(const ArchiveTocEntry *e)
{
    return inventory_full_name(e->schema, e->tag);
}

static void hint_nearest(const ArchiveToc *toc, const char *pattern, Err *err)
{
    bool qualified = strchr(pattern, '.') != NULL;
    _cleanup_strv_ Strv names = { 0 };

    for (size_t i = 0; i < toc->count; i++)
        if (restore_entry_is_relation(&toc->entries[i])) {
            if (qualified)
                strv_take(&names, full_name(&toc->entries[i]));
            else
                strv_add(&names, toc->entries[i].tag);
        }
    if (names.count == 0) {
        err_hint(err, "It has no tables at all.");
        return;
    }
    strv_sort(&names);
    _cleanup_free_ char *nearest = nearest_names(&names, pattern);
    err_hint(err, "The nearest are %s; \"pg_restore --list\" shows all.", nearest);
}

static int choose(const Work *w, const char *pattern, Err *err)
{
    bool found = false;

    for (size_t i = 0; i < w->toc->count; i++)
        if (restore_entry_is_relation(&w->toc->entries[i]) && fits(pattern, &w->toc->entries[i]))
            found = w->s->chosen[i] = true;
    if (found)
        return 0;
    err_set(err, ERR_NOT_FOUND, "no table of the backup is called \"%s\"", pattern);
    hint_nearest(w->toc, pattern, err);
    return -1;
}

/* What belongs, and what is needed */

/* Partitions of what is chosen, and all that belongs to it, until there is no more. */
static void add_belongings(const Work *w)
{
    bool more = true;

    while (more) {
        more = false;
        for (size_t i = 0; i < w->toc->count; i++) {
            const ArchiveTocEntry *e = &w->toc->entries[i];
            size_t partition, parent;

            if (is(e, "TABLE ATTACH")) {
                find_partition(w, e, &partition, &parent);
                if (is_chosen(w, parent) && !w->needed[parent] && partition < w->toc->count &&
                    !w->s->chosen[partition])
                    more = w->s->chosen[partition] = true;
            }
            if (!w->s->chosen[i] && belongs(w, e))
                more = w->s->chosen[i] = true;
        }
    }
}

/* Is it worth following? A view without what it reads cannot be made, and a materialized view would
 * come out empty: the server says what is missing. */
static bool may_need(const Work *w, size_t i, const ArchiveTocEntry *needed)
{
    const ArchiveTocEntry *e = &w->toc->entries[i];

    if (!restore_entry_is_relation(needed))
        return !is_attribute(needed) && !is_part(needed);
    if (is(e, "FK CONSTRAINT") || is(e, "VIEW") || is(e, "MATERIALIZED VIEW"))
        return false;
    return !(is(e, "TABLE") && w->attached[i] && is(needed, "TABLE"));
}

static bool add_needs_of(const Work *w, size_t i)
{
    const ArchiveTocEntry *e = &w->toc->entries[i];
    bool more = false;

    for (size_t k = 0; k < e->dependency_count; k++) {
        size_t at = dependency(w, e, k);
        if (at == w->toc->count || w->s->chosen[at] || !may_need(w, i, &w->toc->entries[at]))
            continue;
        more = w->s->chosen[at] = true;
        w->needed[at] = !is(&w->toc->entries[at], "SEQUENCE"); /* which add_values() looks for */
    }
    return more;
}

static void add_needs(const Work *w)
{
    bool more = true;

    while (more) {
        more = false;
        for (size_t i = 0; i < w->toc->count; i++)
            if (w->s->chosen[i] && add_needs_of(w, i))
                more = true;
    }
}

/* A sequence is nothing without its value, also one that is needed alone. */
static void add_values(const Work *w)
{
    for (size_t i = 0; i < w->toc->count; i++) {
        const ArchiveTocEntry *e = &w->toc->entries[i];
        if (is(e, "SEQUENCE SET") && depends_on_chosen(w, e))
            w->s->chosen[i] = true;
    }
}

/* Notes */

static void leave_out_foreign_key(const Work *w, size_t i)
{
    const ArchiveTocEntry *e = &w->toc->entries[i];

    for (size_t k = 0; k < e->dependency_count; k++) {
        size_t at = dependency(w, e, k);
        if (at == w->toc->count || !is(&w->toc->entries[at], "TABLE") || is_chosen(w, at))
            continue;
        _cleanup_free_ char *to = full_name(&w->toc->entries[at]), *name = full_name(e);
        strv_addf(&w->s->notes,
                  "the foreign key \"%s\" was left out: the table \"%s\", which it refers to, was "
                  "not chosen",
                  name, to);
        w->s->chosen[i] = false;
        return;
    }
}

/* A COMMENT on what was left out. */
static void drop_orphans(const Work *w)
{
    for (size_t i = 0; i < w->toc->count; i++) {
        const ArchiveTocEntry *e = &w->toc->entries[i];
        if (w->s->chosen[i] && is_attribute(e) && e->dependency_count > 0 &&
            !depends_on_chosen(w, e))
            w->s->chosen[i] = false;
    }
}

/* Somebody will paste it: the one statement that pg_dump writes, or NULL. Caller frees. */
static char *attaching_statement(const ArchiveTocEntry *e)
{
    static const char begin[] = "ALTER TABLE ONLY ";

    if (!e->defn || !text_starts_with(e->defn, begin) || !strstr(e->defn, " ATTACH PARTITION "))
        return NULL;
    size_t size = strcspn(e->defn, ";\\\n");
    return strcmp(e->defn + size, ";\n") == 0 ? mem_strndup(e->defn, size + 1) : NULL;
}

static void tell_of_lone_partitions(const Work *w)
{
    for (size_t i = 0; i < w->toc->count; i++) {
        const ArchiveTocEntry *e = &w->toc->entries[i];
        size_t partition, parent;

        if (!is(e, "TABLE ATTACH") || w->s->chosen[i])
            continue;
        find_partition(w, e, &partition, &parent);
        if (!is_chosen(w, partition))
            continue;
        _cleanup_free_ char *name = full_name(e), *statement = attaching_statement(e);
        strv_addf(&w->s->notes,
                  "the partition \"%s\" comes back as a table of its own, since its parent was not "
                  "chosen%s%s",
                  name, statement ? "; to attach it: " : "", statement ? statement : "");
    }
}

static void begin(Work *w)
{
    size_t n = w->toc->count;

    w->by_id = mem_zero(n + 1, sizeof(*w->by_id));
    w->needed = mem_zero(n + 1, sizeof(*w->needed));
    w->attached = mem_zero(n + 1, sizeof(*w->attached));
    for (size_t i = 0; i < n; i++)
        w->by_id[i] = (ById){ .dump_id = w->toc->entries[i].dump_id, .index = i };
    qsort(w->by_id, n, sizeof(*w->by_id), compare_ids);
    for (size_t i = 0; i < n; i++) {
        size_t partition, parent;
        if (!is(&w->toc->entries[i], "TABLE ATTACH"))
            continue;
        find_partition(w, &w->toc->entries[i], &partition, &parent);
        w->attached[partition] = true;
    }
}

int restore_select(const ArchiveToc *toc, const Strv *patterns, bool into_new_database,
                   RestoreSelection *ret, Err *err)
{
    _cleanup_restore_selection_ RestoreSelection s = {
        .chosen = mem_zero(toc->count + 1, sizeof(*s.chosen)),
        .count = toc->count,
    };
    _cleanup_(work_done) Work w = { .toc = toc, .s = &s };

    begin(&w);
    for (size_t i = 0; i < patterns->count; i++) {
        int r = choose(&w, patterns->items[i], err);
        if (r < 0)
            return r;
    }
    add_belongings(&w);
    if (into_new_database) {
        for (size_t i = 0; i < toc->count; i++)
            if (s.chosen[i] && is(&toc->entries[i], "FK CONSTRAINT"))
                leave_out_foreign_key(&w, i);
        drop_orphans(&w);
        add_needs(&w);
        add_values(&w);
    }
    tell_of_lone_partitions(&w);

    *ret = s;
    s = (RestoreSelection){ 0 };
    return 0;
}

void restore_selection_done(RestoreSelection *s)
{
    free(s->chosen);
    strv_done(&s->notes);
    *s = (RestoreSelection){ 0 };
}

char *restore_selection_list(const RestoreSelection *s, const ArchiveToc *toc)
{
    Buf text = { 0 };

    for (size_t i = 0; i < toc->count; i++)
        if (s->chosen[i])
            buf_addf(&text, "%d;\n", toc->entries[i].dump_id);
    return buf_take(&text);
}
