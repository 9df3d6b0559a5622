#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive/sql-lexer.h"
#include "backup/drill-step.h"
#include "backup/verify.h"
#include "pg/copy.h"
#include "stream/sink-fd.h"
#include "sys/buf.h"
#include "sys/mem.h"

/* Never through psql, which does what a line with a backslash says: the statements go to the server
 * one by one, and only those that make roles and tablespaces. None of them can change the server's
 * settings, and the superuser of the throwaway server has a name that no backup knows. */

#define NOTES_MAX 20

static const char *const allowed[] = {
    "CREATE ROLE ",
    "ALTER ROLE ",
    "COMMENT ON ROLE ",
    "SECURITY LABEL ",
    "GRANT ",
    "REVOKE ",
    "CREATE TABLESPACE ",
    "ALTER TABLESPACE ",
    "COMMENT ON TABLESPACE ",
    "SET client_encoding ",
    "SET standard_conforming_strings ",
};

static bool is_allowed(const char *statement)
{
    for (size_t i = 0; i < ELEMENTSOF(allowed); i++)
        if (strncmp(statement, allowed[i], strlen(allowed[i])) == 0)
            return true;
    return false;
}

/* The tablespace's directory is inside the cluster's own: allow_in_place_tablespaces. Its name may
 * hold anything, in double quotes. */
static char *map_tablespace(const char *statement)
{
    static const char location[] = " LOCATION '";
    bool quoted = false;

    for (const char *p = statement; *p; p++) {
        quoted ^= *p == '"';
        if (!quoted && strncmp(p, location, strlen(location)) == 0)
            return mem_printf("%.*s%s'", (int)(p - statement), statement, location);
    }
    return mem_strdup(statement);
}

/* What the server refuses is noted: if it matters, the restore that follows fails. */
static int run_statement(Drill *d, PgSession *session, const char *text, Err *err)
{
    const char *statement = text + strspn(text, " \t\r\n");
    _cleanup_err_ Err reason = { 0 };

    if (!is_allowed(statement))
        return 0;
    _cleanup_free_ char *mapped = strncmp(statement, "CREATE TABLESPACE ", 18) == 0
                                      ? map_tablespace(statement)
                                      : mem_strdup(statement);
    int r = pg_copy_execute(session, mapped, &reason);
    if (r == 0 || reason.kind == ERR_SERVER || reason.kind == ERR_PERMISSION) {
        if (r != 0 && d->proof->notes.count < NOTES_MAX)
            strv_addf(&d->proof->notes, "globals: %s", reason.message);
        return 0;
    }
    err_move(err, &reason);
    return r;
}

static int run_statements(Drill *d, PgSession *session, const Buf *text, Err *err)
{
    SqlLexer lexer = SQL_LEXER_INIT;
    size_t begin = 0;

    for (size_t at = 0; at < text->size;) {
        SqlEvent event;
        at += sql_lexer_run(&lexer, text->data + at, text->size - at, &event);
        if (event == SQL_EVENT_NONE)
            continue;

        _cleanup_free_ char *statement = mem_strndup(text->data + begin, at - begin);
        begin = at;
        int r = event == SQL_EVENT_STATEMENT ? run_statement(d, session, statement, err) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

/* The decoded text in memory, with the stored digest checked on the way. */
static int read_globals(const Drill *d, const Series *s, const Backup *b, Buf *ret, Err *err)
{
    _cleanup_close_ int fd = memfd_create("pg-backup-globals", MFD_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return err_set_errno(err, errno, "could not create an anonymous memory file");
    int r = verify_stored(d->ctx->catalog, s, b, err);
    if (r >= 0)
        r = verify_stream(d->ctx->catalog, s, b, sink_fd_new(fd, "globals"), err);
    if (r < 0)
        return r;

    (void)lseek(fd, 0, SEEK_SET);
    while ((n = read(fd, buf_room(ret, 1 << 16), 1 << 16)) > 0)
        buf_commit(ret, (size_t)n);
    return n < 0 ? err_set_errno(err, errno, "could not read an anonymous memory file") : 0;
}

/* Those of the same run; else the nearest before it, else the nearest after it. */
static const Backup *choose_globals(const Series *s, usec_t when)
{
    const Backup *found = NULL;

    for (size_t i = 0; s && i < s->count; i++) {
        const Backup *b = &s->backups[i];
        if (b->good && (b->when <= when || !found))
            found = b;
    }
    return found;
}

int drill_restore_globals(Drill *d, PgSession *session, Err *err)
{
    const Series *s = catalog_series(d->ctx->catalog, /* database= */ NULL);
    const Backup *globals = choose_globals(s, d->backup->when);
    _cleanup_buf_ Buf text = { 0 };

    if (!globals) {
        strv_add(&d->proof->notes, "there are no globals to restore first");
        return 0;
    }
    if (globals->when != d->backup->when)
        strv_addf(&d->proof->notes, "the globals of its own run are gone: those of %s were taken",
                  globals->stem);

    int r = read_globals(d, s, globals, &text, err);
    if (r >= 0)
        r = run_statements(d, session, &text, err);
    if (r < 0) {
        err_prefix(err, "%s", globals->stem);
        return err && err->kind == ERR_DAMAGED ? 1 : r;
    }
    d->proof->globals = mem_strdup(globals->stem);
    return 0;
}
