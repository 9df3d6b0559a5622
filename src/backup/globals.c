#include "backup/globals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive/sql-lexer.h"
#include "backup/verify.h"
#include "pg/copy.h"
#include "pg/target.h"
#include "stream/sink-fd.h"
#include "sys/buf.h"
#include "sys/mem.h"

#define NOTES_MAX 20
#define NAMES_SHOWN 5

const Backup *globals_next(const Series *s, usec_t when, const Backup *last)
{
    size_t count = s ? s->count : 0, split = 0;

    while (split < count && s->backups[split].when <= when)
        split++;
    size_t at = last ? (size_t)(last - s->backups) : split;
    bool back = !last || last->when <= when;
    while (back && at > 0)
        if (s->backups[--at].good)
            return &s->backups[at];

    for (at = back ? split : at + 1; at < count; at++)
        if (s->backups[at].good)
            return &s->backups[at];
    return NULL;
}

/* One statement */

typedef struct Work {
    const GlobalsTarget *target;
    Strv roles; /* that were there before */
    Strv kept;  /* of these, the globals' */
    Strv *notes;
    size_t refused;
} Work;

static void work_done(Work *w)
{
    strv_done(&w->roles);
    strv_done(&w->kept);
}

static const char *const allowed[] = {
    "CREATE ROLE ", "ALTER ROLE ",        "COMMENT ON ROLE ",  "SECURITY LABEL ",        "GRANT ",
    "REVOKE ",      "CREATE TABLESPACE ", "ALTER TABLESPACE ", "COMMENT ON TABLESPACE ",
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

/* "… KEYWORD name …": the name behind the keyword at the statement's beginning. */
static char *name_behind(const char *statement, const char *keyword, const char **ret_rest)
{
    const char *p = statement + strlen(keyword);

    if (strncmp(statement, keyword, strlen(keyword)) != 0)
        return NULL;
    char *name = take_name(&p);
    *ret_rest = p;
    return name;
}

static bool was_there(const Work *w, const char *role)
{
    return role && strv_contains(&w->roles, role);
}

/* GRANT role TO role. */
static bool is_membership_of_old(const Work *w, const char *statement)
{
    const char *rest;
    _cleanup_free_ char *group = name_behind(statement, "GRANT ", &rest);

    if (!group || strncmp(rest, " TO ", 4) != 0)
        return false;
    rest += 4;
    _cleanup_free_ char *member = take_name(&rest);
    return was_there(w, group) && was_there(w, member);
}

/* A statement about a role that was there before. */
static bool is_about_old(Work *w, const char *statement)
{
    static const char *const keywords[] = { "CREATE ROLE ", "ALTER ROLE ", "COMMENT ON ROLE " };

    for (size_t i = 0; i < ELEMENTSOF(keywords); i++) {
        const char *rest;
        _cleanup_free_ char *role = name_behind(statement, keywords[i], &rest);
        if (!was_there(w, role))
            continue;
        if (!strv_contains(&w->kept, role))
            strv_add(&w->kept, role);
        return true;
    }
    return is_membership_of_old(w, statement);
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
        if (strncmp(statement, sent[i], strlen(sent[i])) == 0)
            return pg_copy_execute(w->target->session, statement, err);
    return 0;
}

static int run_statement(Work *w, SqlLexer *lexer, const char *text, Err *err)
{
    const char *statement = text + strspn(text, " \t\r\n");
    _cleanup_err_ Err reason = { 0 };

    if (strncmp(statement, "SET ", 4) == 0)
        return run_setting(w, lexer, statement, err);
    if (!is_allowed(statement) || is_about_old(w, statement))
        return 0;
    bool place =
        w->target->in_place_tablespaces && strncmp(statement, "CREATE TABLESPACE ", 18) == 0;
    _cleanup_free_ char *mapped = place ? map_tablespace(statement) : mem_strdup(statement);
    int r = pg_copy_execute(w->target->session, mapped, &reason);
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

static void note_kept(const Work *w)
{
    _cleanup_buf_ Buf names = { 0 };

    if (w->kept.count == 0)
        return;
    for (size_t i = 0; i < w->kept.count && i < NAMES_SHOWN; i++)
        buf_addf(&names, "%s\"%s\"", i > 0 ? ", " : "", w->kept.items[i]);
    if (w->kept.count > NAMES_SHOWN)
        buf_addf(&names, " and %zu more", w->kept.count - NAMES_SHOWN);
    strv_addf(w->notes, "roles that are there already were left as they are: %s", names.data);
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
        r = run_statements(&w, &text, err);
    if (r < 0) {
        err_prefix(err, "%s", globals->stem);
        return r;
    }
    note_kept(&w);
    return 0;
}
