#include "cmd/after-restore.h"

#include <stdlib.h>
#include <string.h>

#include "backup/verify.h"
#include "pg/target.h"
#include "sys/buf.h"
#include "sys/log.h"
#include "sys/mem.h"

/* For a shell, as one word. */
static void add_word(Buf *b, const char *option, const char *value)
{
    if (!value)
        return;
    buf_addf(b, " %s'", option);
    for (const char *p = value; *p; p++) {
        if (*p == '\'')
            buf_adds(b, "'\\'");
        buf_addc(b, *p);
    }
    buf_addc(b, '\'');
}

static void tell_of_statistics(const RestoreTarget *target)
{
    _cleanup_buf_ Buf command = { 0 };

    buf_adds(&command, "vacuumdb --analyze-in-stages");
    add_word(&command, "--host=", target->server->host);
    add_word(&command, "--port=", target->server->port);
    add_word(&command, "--username=", target->server->user);
    add_word(&command, "--dbname=", target->database);
    log_info(
        "before you put it to work, run ANALYZE, since statistics are not part of a backup: %s",
        command.data);
}

/* The copy works, but not everything is as it was: a REVOKE CONNECT, say, is undone. */
static void tell_of_properties(const RestoreSource *source)
{
    const Manifest *m = &source->backup->manifest;

    if (!m->database_properties)
        return;
    if (manifest_is_text(m)) {
        log_warning("not restored: %s of the database \"%s\" itself, which SQL text does not hold",
                    m->database_properties, m->database);
        return;
    }
    _cleanup_free_ char *path = verify_data_path(source->catalog, source->series, source->backup);
    log_warning("not restored: %s of the database \"%s\" itself; they come back with its own name: "
                "pg_restore -C -d postgres '%s'",
                m->database_properties, m->database, path);
}

static void tell_of_extensions(PgSession *session)
{
    _cleanup_free_ char *extensions = NULL;

    if (pg_describe_extensions(session, &extensions, /* err= */ NULL) >= 0 && extensions)
        log_info(
            "the extensions have the versions of this server, since a dump does not tell those "
            "of the original: %s",
            extensions);
}

static void tell_of_subscriptions(PgSession *session)
{
    uint64_t count;

    if (pg_count_subscriptions(session, &count, /* err= */ NULL) >= 0 && count > 0)
        log_warning("%llu subscription%s restored disabled: ALTER SUBSCRIPTION … ENABLE when %s to "
                    "receive again",
                    (unsigned long long)count, count == 1 ? " was" : "s were",
                    count == 1 ? "it is" : "they are");
}

/* Definitions alone do not say where a sequence stands. */
static void tell_of_sequences(PgSession *session)
{
    uint64_t count;

    if (pg_count_unused_sequences(session, &count, /* err= */ NULL) >= 0 && count > 0)
        log_info("%llu sequence%s at %s beginning: --data-only brings %s",
                 (unsigned long long)count, count == 1 ? " stands" : "s stand",
                 count == 1 ? "its" : "their", count == 1 ? "its value" : "their values");
}

/* pg_restore refreshes them with the definitions, when there are no rows, and never behind those.
 */
static void tell_of_views(PgSession *session, bool rows_follow)
{
    uint64_t count;

    if (pg_count_materialized_views(session, &count, /* err= */ NULL) >= 0 && count > 0)
        log_info("%llu materialized view%s a REFRESH%s", (unsigned long long)count,
                 count == 1 ? " needs" : "s need", rows_follow ? " when there are rows" : "");
}

void after_restore_tell(const RestoreSource *source, const RestoreTarget *target)
{
    _cleanup_pg_session_ PgSession *session = NULL;
    bool whole = !target->schema_only && !target->data_only && target->tables->count == 0;

    if (!target->schema_only)
        tell_of_statistics(target);
    if (whole)
        tell_of_properties(source);
    if (pg_connect(target->server, target->database, &session, /* err= */ NULL) < 0)
        return;
    if (target->schema_only)
        tell_of_sequences(session);
    if (target->schema_only || target->data_only)
        tell_of_views(session, /* rows_follow= */ target->schema_only);
    if (whole) {
        tell_of_extensions(session);
        tell_of_subscriptions(session);
    }
}
