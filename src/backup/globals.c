#include "backup/globals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive/sql-lexer.h"
#include "backup/verify.h"
#include "pg/target.h"
#include "stream/sink-fd.h"
#include "sys/buf.h"
#include "sys/mem.h"
#include "sys/text.h"

#define NOTES_MAX 20
#define NAMES_SHOWN 5

const Backup *globals_next(const Series *s, usec_t when, const Backup *last)
{
    size_t split = 0;

    if (!s)
        return NULL;
    while (split < s->count && s->backups[split].when <= when)
        split++;
    size_t at = last ? (size_t)(last - s->backups) : split;
    bool back = !last || last->when <= when;
    while (back && at > 0)
        if (s->backups[--at].good)
            return &s->backups[at];

    for (at = back ? split : at + 1; at < s->count; at++)
        if (s->backups[at].good)
            return &s->backups[at];
    return NULL;
}

/* One statement */

typedef struct Work {
    const GlobalsTarget *target;
    Strv roles, places;           /* that were there before; a tablespace is a place */
    Strv kept_roles, kept_places; /* of these, the globals' */
    Strv *notes;
    size_t refused;
} Work;

static void work_done(Work *w)
{
    strv_done(&w->roles);
    strv_done(&w->places);
    strv_done(&w->kept_roles);
    strv_done(&w->kept_places);
}

static const char *const allowed[] = {
    "CREATE ROLE ", "ALTER ROLE ",        "COMMENT ON ROLE ",  "SECURITY LABEL ",        "GRANT ",
    "REVOKE ",      "CREATE TABLESPACE ", "ALTER TABLESPACE ", "COMMENT ON TABLESPACE ",
};

static bool is_allowed(const char *statement)
{
    for (size_t i = 0; i < ELEMENTSOF(allowed); i++)
        if (text_starts_with(statement, allowed[i]))
            return true;
    return false;
}

/* What stands behind the first such words; NULL: there are none. A name may hold anything, in
 * double quotes. */
static const char *behind(const char *statement, const char *words)
{
    bool quoted = false;

    for (const char *p = statement; *p; p++) {
        quoted ^= *p == '"';
        if (!quoted && text_starts_with(p, words))
            return p + strlen(words);
    }
    return NULL;
}

/* The tablespace's directory is inside the cluster's own: allow_in_place_tablespaces. */
static char *map_tablespace(const char *statement)
{
    const char *location = behind(statement, " LOCATION '");
    return location ? mem_printf("%.*s'", (int)(location - statement), statement)
                    : mem_strdup(statement);
}

/* The name at *p as pg_dumpall writes it, quoted or not; *p is then behind it. NULL: none. Caller
 * frees. */
static char *take_name(const char **p)
{
    _cleanup_buf_ Buf name = { 0 };
    const char *c = *p;

    if (*c != '"') {
        size_t size = strcspn(c, " ;\"");
        *p = c + size;
        return size > 0 ? mem_strndup(c, size) : NULL;
    }
    for (c++; *c && (*c != '"' || c[1] == '"'); c++) {
        buf_addc(&name, *c);
        if (*c == '"')
            c++;
    }
    if (*c != '"')
        return NULL;
    *p = c + 1;
    return buf_take(&name);
}

/* Where the name stands that a statement is about: behind its beginning, or behind the words. */
static const struct {
    const char *start, *words;
    bool place;
} subjects[] = {
    { "CREATE ROLE ", NULL, false },          { "ALTER ROLE ", NULL, false },
    { "COMMENT ON ROLE ", NULL, false },      { "SECURITY LABEL ", " ON ROLE ", false },
    { "CREATE TABLESPACE ", NULL, true },     { "ALTER TABLESPACE ", NULL, true },
    { "COMMENT ON TABLESPACE ", NULL, true }, { "SECURITY LABEL ", " ON TABLESPACE ", true },
    { "GRANT ", " ON TABLESPACE ", true },    { "REVOKE ", " ON TABLESPACE ", true },
};

/* Whether the name at this place is one of the old; it is noted in `kept`, unless that is NULL. */
static bool is_old(const Strv *old, const char *at, Strv *kept)
{
    _cleanup_free_ char *name = at ? take_name(&at) : NULL;

    if (!name || !strv_contains(old, name))
        return false;
    if (kept)
        strv_add_once(kept, name);
    return true;
}

/* GRANT role TO role. */
static bool is_membership_of_old(const Work *w, const char *statement)
{
    const char *rest = statement + strlen("GRANT ");

    if (!text_starts_with(statement, "GRANT ") || !is_old(&w->roles, rest, NULL))
        return false;
    free(take_name(&rest));
    return text_starts_with(rest, " TO ") && is_old(&w->roles, rest + strlen(" TO "), NULL);
}

/* GRANT … ON PARAMETER name TO role, REVOKE … FROM role. */
static bool is_parameter_of_old(const Work *w, const char *statement)
{
    const char *parameter = behind(statement, " ON PARAMETER ");

    if (!parameter ||
        (!text_starts_with(statement, "GRANT ") && !text_starts_with(statement, "REVOKE ")))
        return false;
    const char *role = behind(parameter, text_starts_with(statement, "GRANT ") ? " TO " : " FROM ");
    return is_old(&w->roles, role, NULL);
}

/* A statement about a role or a tablespace that was there before. */
static bool is_about_old(Work *w, const char *statement)
{
    for (size_t i = 0; i < ELEMENTSOF(subjects); i++) {
        const char *start = subjects[i].start, *words = subjects[i].words;
        if (!text_starts_with(statement, start))
            continue;
        const char *at = words ? behind(statement, words) : statement + strlen(start);
        if (subjects[i].place ? is_old(&w->places, at, &w->kept_places)
                              : is_old(&w->roles, at, &w->kept_roles))
            return true;
    }
    return is_membership_of_old(w, statement) || is_parameter_of_old(w, statement);
}

/* Those by which the server reads what comes behind: the lexer has to read it likewise. Others are
 * not sent. */
static int run_setting(Work *w, SqlLexer *lexer, const char *statement, Err *err)
{
    static const char *const sent[] = { "SET client_encoding ",
                                        "SET standard_conforming_strings " };

    if (!sql_lexer_follow_set(lexer, statement))
        return err_set(err, ERR_DAMAGED, "not a setting of globals: %.100s", statement);
    for (size_t i = 0; i < ELEMENTSOF(sent); i++)
        if (text_starts_with(statement, sent[i]))
            return pg_execute_globals(w->target->session, statement, err);
    return 0;
}

static int run_statement(Work *w, SqlLexer *lexer, const char *text, Err *err)
{
    const char *statement = text + strspn(text, " \t\r\n");
    _cleanup_err_ Err reason = { 0 };

    if (text_starts_with(statement, "SET "))
        return run_setting(w, lexer, statement, err);
    if (!is_allowed(statement) || is_about_old(w, statement))
        return 0;
    bool place =
        w->target->in_place_tablespaces && text_starts_with(statement, "CREATE TABLESPACE ");
    _cleanup_free_ char *mapped = place ? map_tablespace(statement) : mem_strdup(statement);
    int r = pg_execute_globals(w->target->session, mapped, &reason);
    if (r == 0 || reason.kind == ERR_SERVER || reason.kind == ERR_PERMISSION) {
        if (r != 0 && w->refused++ < NOTES_MAX)
            strv_addf(w->notes, "globals: %s", reason.message);
        return 0;
    }
    err_move(err, &reason);
    return r;
}

/* All of them */

static int run_statements(Work *w, const Buf *text, Err *err)
{
    SqlLexer lexer = SQL_LEXER_INIT;
    size_t begin = 0;

    for (size_t at = 0; at < text->size;) {
        SqlEvent event;
        at += sql_lexer_run(&lexer, text->data + at, text->size - at, &event);
        if (lexer.unclear)
            return err_set(err, ERR_DAMAGED, "not as pg_dumpall writes it: %s", lexer.unclear);
        if (event == SQL_EVENT_NONE)
            continue;

        _cleanup_free_ char *statement = mem_strndup(text->data + begin, at - begin);
        begin = at;
        int r = event == SQL_EVENT_STATEMENT ? run_statement(w, &lexer, statement, err) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

/* In a session that others use, too: it begins as the lexer does, and ends as it was, for names
 * that come later would be read in the encoding of the globals. */
static int run_in_session(Work *w, const Buf *text, Err *err)
{
    PgSession *session = w->target->session;
    _cleanup_err_ Err reason = { 0 };

    int r = pg_execute_globals(session, "SET standard_conforming_strings = on", err);
    if (r >= 0)
        r = run_statements(w, text, err);
    int reset = pg_execute_globals(
        session, "RESET client_encoding; RESET standard_conforming_strings", &reason);
    if (r < 0 || reset >= 0)
        return r;
    err_move(err, &reason);
    return reset;
}

/* The decoded text in memory, with the stored digest checked on the way. */
static int read_globals(const Catalog *catalog, const Series *s, const Backup *b, Buf *ret,
                        Err *err)
{
    _cleanup_close_ int fd = memfd_create("pg-backup-globals", MFD_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return err_set_errno(err, errno, "could not create an anonymous memory file");
    int r = verify_stored(catalog, s, b, err);
    if (r >= 0)
        r = verify_stream(catalog, s, b, sink_fd_new(fd, "globals"), err);
    if (r < 0)
        return r;

    (void)lseek(fd, 0, SEEK_SET);
    while ((n = read(fd, buf_room(ret, 1 << 16), 1 << 16)) > 0)
        buf_commit(ret, (size_t)n);
    return n < 0 ? err_set_errno(err, errno, "could not read an anonymous memory file") : 0;
}

static void note_kept(const Strv *kept, const char *what, Strv *notes)
{
    _cleanup_buf_ Buf names = { 0 };

    if (kept->count == 0)
        return;
    for (size_t i = 0; i < kept->count && i < NAMES_SHOWN; i++)
        buf_addf(&names, "%s\"%s\"", i > 0 ? ", " : "", kept->items[i]);
    if (kept->count > NAMES_SHOWN)
        buf_addf(&names, " and %zu more", kept->count - NAMES_SHOWN);
    strv_addf(notes, "%s that are there already were left as they are: %s", what, names.data);
}

int globals_restore(const Catalog *catalog, const Series *series, const Backup *globals,
                    const GlobalsTarget *target, Strv *notes, Err *err)
{
    _cleanup_(work_done) Work w = { .target = target, .notes = notes };
    _cleanup_buf_ Buf text = { 0 };

    int r = read_globals(catalog, series, globals, &text, err);
    if (r >= 0)
        r = pg_list_roles(target->session, &w.roles, err);
    if (r >= 0)
        r = pg_list_tablespaces(target->session, &w.places, err);
    if (r >= 0)
        r = run_in_session(&w, &text, err);
    if (r < 0) {
        err_prefix(err, "%s", globals->stem);
        return r;
    }
    note_kept(&w.kept_roles, "roles", notes);
    note_kept(&w.kept_places, "tablespaces", notes);
    return 0;
}
