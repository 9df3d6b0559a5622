#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "backup/directory-toc.h"
#include "backup/restore-step.h"
#include "backup/verify.h"
#include "pg/session-options.h"
#include "pg/target.h"
#include "sys/buf.h"
#include "sys/mem.h"

#define NAMES_SHOWN 3

void restore_scope_done(RestoreScope *scope)
{
    archive_toc_done(&scope->toc);
    restore_selection_done(&scope->selection);
    inventory_done(&scope->inventory);
}

/* The options */

static bool is_choice(const RestoreTarget *t)
{
    return t->schema_only || t->data_only || t->tables->count > 0;
}

static int refuse_text(const RestoreSource *source, Err *err)
{
    err_set(err, ERR_USAGE,
            "%s is SQL text, of which nothing can be chosen, replaced or restored in parallel",
            source->backup->stem);
    err_hint(err, "Restore all of it into a new database, and take from there: \"pg_dump -d NEW "
                  "--table=…\" (or --schema-only) through psql.");
    return -EINVAL;
}

/* psql does what a line with a backslash says, and a name on a hostile server may have put one
 * there (CVE-2025-8714). A text with such lines has no inventory. */
static int refuse_commands(const RestoreSource *source, Err *err)
{
    err_set(err, ERR_REFUSED,
            "%s has no inventory: nobody has looked for commands in it, which psql runs",
            source->backup->stem);
    err_hint(
        err,
        "Write it to a file with --output, make sure that outside of COPY data no line but one "
        "\\restrict and one \\unrestrict, each with a word of letters and digits, begins "
        "with a backslash, and give it to psql yourself.");
    return -EPERM;
}

static int check_options(const RestoreSource *source, const RestoreTarget *t, bool exists, Err *err)
{
    bool plain = manifest_is_text(&source->backup->manifest);

    if (plain && (is_choice(t) || t->clean || t->jobs > 1))
        return refuse_text(source, err);
    if (plain && !source->backup->manifest.inventory_file)
        return refuse_commands(source, err);
    if (exists && t->jobs > 1) {
        err_set(err, ERR_USAGE,
                "database \"%s\" exists, and is restored into in one transaction, which is one "
                "job",
                t->database);
        err_hint(err, "Leave --jobs out, or restore into a new database.");
        return -EINVAL;
    }
    if (!exists && t->data_only) {
        err_set(err, ERR_USAGE, "database \"%s\" does not exist: --data-only makes no tables",
                t->database);
        err_hint(err, "Restore with --schema-only first, or all of it at once.");
        return -EINVAL;
    }
    /* Triggers are kept from firing by an option. */
    return t->data_only && t->superuser ? pg_session_options_check(t->session, err) : 0;
}

static int read_toc(const RestoreSource *source, ArchiveToc *ret, Err *err)
{
    _cleanup_free_ char *data = verify_data_path(source->catalog, source->series, source->backup);
    _cleanup_free_ char *path = manifest_is_directory(&source->backup->manifest)
                                    ? mem_printf("%s/" DIRECTORY_TOC, data)
                                    : mem_strdup(data);
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0 && errno == ENOENT)
        return err_set(err, ERR_DAMAGED, "\"%s\" is missing", path);
    if (fd < 0)
        return err_set_errno(err, errno, "could not open \"%s\"", path);
    return archive_toc_read(fd, path, ret, err);
}

int restore_scope_load(const RestoreSource *source, const RestoreTarget *target, bool exists,
                       RestoreScope *ret, Err *err)
{
    int r = check_options(source, target, exists, err);
    if (r < 0 || !is_choice(target))
        return r;
    r = read_toc(source, &ret->toc, err);
    if (r >= 0 && target->data_only && source->backup->manifest.inventory_file)
        r = verify_load_inventory(source->catalog, source->series, source->backup, &ret->inventory,
                                  err);
    if (r < 0 || target->tables->count == 0)
        return r;
    return restore_select(&ret->toc, target->tables, /* into_new_database= */ !exists,
                          &ret->selection, err);
}

/* What is there already */

static int refuse_objects(const RestoreTarget *t, PgSession *session, Err *err)
{
    uint64_t objects;

    int r = pg_count_objects(session, &objects, err);
    if (r < 0 || objects == 0)
        return r;
    err_set(err, ERR_REFUSED, "database \"%s\" exists and is not empty (%llu objects)", t->database,
            (unsigned long long)objects);
    err_hint(err, "Restore into a new name. --force restores beside what is there, --force --clean "
                  "replaces objects of the same names.");
    return -EEXIST;
}

/* Whether an entry is in the way. */
typedef int (*Question)(const RestoreScope *scope, const ArchiveTocEntry *e, PgSession *session,
                        bool *ret, Err *err);

static int is_table_there(const RestoreScope *scope, const ArchiveTocEntry *e, PgSession *session,
                          bool *ret, Err *err)
{
    (void)scope;
    return restore_entry_is_relation(e) ? pg_relation_exists(session, e->schema, e->tag, ret, err)
                                        : 0;
}

static int has_rows(const RestoreScope *scope, const ArchiveTocEntry *e, PgSession *session,
                    bool *ret, Err *err)
{
    (void)scope;
    return restore_entry_is_rows(e) ? pg_table_has_rows(session, e->schema, e->tag, ret, err) : 0;
}

static int is_sequence_further(const RestoreScope *scope, const ArchiveTocEntry *e,
                               PgSession *session, bool *ret, Err *err)
{
    const Inventory *i = &scope->inventory;
    const InventorySequence key = { .schema = e->schema, .name = e->tag };
    const InventorySequence *found =
        strcmp(e->desc, "SEQUENCE SET") == 0 && i->sequence_count > 0
            ? bsearch(&key, i->sequences, i->sequence_count, sizeof(key), inventory_sequence_order)
            : NULL;

    if (!found)
        return 0;
    const PgSequenceValue value = { e->schema, e->tag, found->value, found->called };
    return pg_sequence_would_repeat(session, &value, ret, err);
}

/* The chosen entries that are in the way: how many, and the first by name. */
static int ask_of_each(const RestoreScope *scope, PgSession *session, Question question,
                       Buf *ret_names, size_t *ret_count, Err *err)
{
    *ret_count = 0;
    for (size_t i = 0; i < scope->toc.count; i++) {
        const ArchiveTocEntry *e = &scope->toc.entries[i];
        bool yes = false;

        if (!e->schema || (scope->selection.chosen && !scope->selection.chosen[i]))
            continue;
        int r = question(scope, e, session, &yes, err);
        if (r < 0)
            return r;
        if (yes && (*ret_count)++ < NAMES_SHOWN)
            buf_addf(ret_names, "%s\"%s.%s\"", *ret_count > 1 ? ", " : "", e->schema, e->tag);
    }
    if (*ret_count > NAMES_SHOWN)
        buf_addf(ret_names, " and %zu more", *ret_count - NAMES_SHOWN);
    return 0;
}

static int refuse_rows(const RestoreScope *scope, const RestoreTarget *t, PgSession *session,
                       Err *err)
{
    _cleanup_buf_ Buf names = { 0 };
    size_t count;

    int r = ask_of_each(scope, session, has_rows, &names, &count, err);
    if (r < 0 || count == 0)
        return r;
    err_set(err, ERR_REFUSED, "%s in \"%s\" %s rows already, which the backup's would come beside",
            names.data, t->database, count == 1 ? "has" : "have");
    err_hint(err, "TRUNCATE what is to be replaced first, or restore into another database.");
    return -EEXIST;
}

/* Numbers would be given out twice. */
static int refuse_sequences(const RestoreScope *scope, const RestoreTarget *t, PgSession *session,
                            Err *err)
{
    _cleanup_buf_ Buf names = { 0 };
    size_t count;

    int r = ask_of_each(scope, session, is_sequence_further, &names, &count, err);
    if (r < 0 || count == 0)
        return r;
    err_set(err, ERR_REFUSED, "the sequence%s %s in \"%s\" %s further than in the backup",
            count == 1 ? "" : "s", names.data, t->database, count == 1 ? "stands" : "stand");
    err_hint(err, "Choose tables alone by --table, which leaves it as it is, or set it back first: "
                  "setval().");
    return -EEXIST;
}

static int refuse_tables(const RestoreScope *scope, const RestoreTarget *t, PgSession *session,
                         Err *err)
{
    _cleanup_buf_ Buf names = { 0 };
    size_t count;

    int r = ask_of_each(scope, session, is_table_there, &names, &count, err);
    if (r < 0 || count == 0)
        return r;
    err_set(err, ERR_REFUSED, "%s %s in \"%s\" already", names.data, count == 1 ? "is" : "are",
            t->database);
    err_hint(err, "Restore into a new database, replace what is there by --force --clean, or, into "
                  "tables that are empty, restore with --data-only.");
    return -EEXIST;
}

int restore_scope_check(const RestoreScope *scope, const RestoreTarget *target, Err *err)
{
    _cleanup_pg_session_ PgSession *session = NULL;

    if (target->force)
        return 0;
    int r = pg_connect(target->server, target->database, &session, err);
    if (r < 0)
        return r;
    if (target->data_only) {
        r = refuse_rows(scope, target, session, err);
        return r < 0 ? r : refuse_sequences(scope, target, session, err);
    }
    if (scope->selection.chosen)
        return refuse_tables(scope, target, session, err);
    return refuse_objects(target, session, err);
}
