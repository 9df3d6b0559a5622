#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backup/drill-judge.h"
#include "backup/drill-step.h"
#include "pg/copy.h"
#include "sys/buf.h"
#include "sys/child.h"
#include "sys/fs.h"
#include "sys/mem.h"

#define ASSERTION_MAX ((size_t)1 << 20)
#define FINDINGS_MAX ((size_t)64 << 10)
#define FINDINGS_SHOWN 300

/* The first version of pg_amcheck. */
#define AMCHECK_SINCE 14

static int connect_to_copy(const Drill *d, PgSession **ret, Err *err)
{
    return pg_connect(pg_cluster_target(d->cluster), d->database, ret, err);
}

/* amcheck */

static int create_extension(const Drill *d, Err *err)
{
    _cleanup_pg_session_ PgSession *session = NULL;

    int r = connect_to_copy(d, &session, err);
    if (r < 0)
        return r;
    r = pg_copy_create_amcheck(session, err);
    if (r == 0)
        return 0;
    if (r > 0)
        err_hint(err, "Install the extension amcheck where the drill runs; it comes with "
                      "PostgreSQL's server (or as -contrib).");
    return -ENOENT;
}

/* All that it says, of which the first FINDINGS_MAX bytes are kept. */
static int read_findings(Child *child, Buf *ret, Err *err)
{
    char data[4096];
    size_t size;

    do {
        int r = child_read(child, data, sizeof(data), &size, err);
        if (r < 0)
            return r;
        buf_add(ret, data, size < FINDINGS_MAX - ret->size ? size : FINDINGS_MAX - ret->size);
    } while (size > 0);
    return child_wait(child, err);
}

static bool has_found(const Child *child)
{
    return child->pid == 0 && WIFEXITED(child->wait_status) &&
           WEXITSTATUS(child->wait_status) == PG_AMCHECK_FOUND;
}

/* It reports a query that the server has refused, for want of memory say, as it reports what is
 * wrong with a table: indented lines, under one that names the table. NULL unless all are excused.
 */
static const char *excuse_of(const Drill *d, const Buf *text)
{
    _cleanup_free_ char *log = pg_cluster_log(d->cluster);
    const DrillCircumstances circumstances = { .log = log };
    const char *remedy = NULL;
    size_t size;

    for (const char *p = text->data ? text->data : ""; *p; p += size + (p[size] == '\n')) {
        _cleanup_strv_ Strv line = { 0 };

        size = strcspn(p, "\n");
        strv_take(&line, mem_strndup(p, size));
        if (strncmp(p, "    ", 4) != 0)
            continue;
        remedy = drill_judge_failure(&line, &circumstances);
        if (!remedy)
            return NULL;
    }
    return remedy;
}

static int judge_findings(const Drill *d, const Child *child, const Buf *text, int r, Err *err)
{
    if (r < 0)
        drill_explain_stall(d, err);
    if (r >= 0 || !has_found(child))
        return r;

    _cleanup_free_ char *shown =
        mem_strndup(text->data ? text->data : "it has not said what is wrong", FINDINGS_SHOWN);
    for (char *p = shown; (p = strchr(p, '\n'));)
        *p = ' ';
    const char *remedy = excuse_of(d, text);
    err_done(err);
    err_set(err, remedy ? ERR_COULD_NOT_VERIFY : ERR_DAMAGED, "%s", shown);
    if (remedy)
        err_hint(err, "%s", remedy);
    return remedy ? -EIO : 1;
}

int drill_amcheck(Drill *d, Err *err)
{
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;
    _cleanup_child_ Child child = CHILD_INIT;
    _cleanup_buf_ Buf text = { 0 };

    if (d->programs.major < AMCHECK_SINCE) {
        err_set(err, ERR_COULD_NOT_VERIFY, "PostgreSQL %d has no pg_amcheck", d->programs.major);
        return DRILL_NOT_ASKED_FOR;
    }
    int r = create_extension(d, err);
    if (r < 0)
        return r;
    r = pg_command_amcheck(&d->programs, pg_cluster_target(d->cluster), d->database, d->ctx->jobs,
                           &command, err);
    if (r < 0)
        return r;
    r = drill_spawn(d, &command, CHILD_STDOUT, &child, err);
    if (r < 0)
        return r;
    r = read_findings(&child, &text, err);
    return judge_findings(d, &child, &text, r, err);
}

/* Assertions */

static bool is_assertion(const char *name)
{
    size_t size = strlen(name);
    return name[0] != '.' && size > 4 && strcmp(name + size - 4, ".sql") == 0;
}

static int list_assertions(const char *dir, bool may_be_missing, Strv *ret, Err *err)
{
    _cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _cleanup_strv_ Strv names = { 0 };

    if (fd < 0 && errno == ENOENT && may_be_missing)
        return 0;
    int r = fd < 0 ? -errno : fs_list(fd, &names);
    if (r < 0) {
        err_set_errno(err, -r, "could not read the directory \"%s\"", dir);
        err_hint(err, "Correct DRILL_ASSERTIONS.");
        return r;
    }
    for (size_t i = 0; i < names.count; i++)
        if (is_assertion(names.items[i]))
            strv_addf(ret, "%s/%s", dir, names.items[i]);
    return 0;
}

/* In a session of its own: none can change what the next one sees. */
static int run_assertion(const Drill *d, const char *path, Err *err)
{
    _cleanup_pg_session_ PgSession *session = NULL;
    _cleanup_free_ char *sql = NULL;

    int r = fs_read_regular(AT_FDCWD, path, ASSERTION_MAX, &sql, NULL);
    if (r < 0)
        return err_set_errno(err, -r, "could not read \"%s\"", path);
    r = connect_to_copy(d, &session, err);
    if (r >= 0)
        r = pg_copy_assert(session, sql, err);
    if (r != 0)
        err_prefix(err, "%s", path + strlen(d->ctx->assertions) + 1);
    return r;
}

/* The worst of several answers: failed before could not verify. */
static int worse(int a, int b)
{
    if (a == 1 || b == 1)
        return 1;
    return a != 0 ? a : b;
}

/* All of them, so that one does not hide the next; the first that has not passed, of those that are
 * as bad, is told, and all are noted. */
typedef struct Tally {
    int answer;
    Err first;
} Tally;

/* False when nobody waits for the others: who cancels gets that for an answer. */
static bool tally_add(Tally *t, Drill *d, int answer, Err *reason)
{
    if (answer == 0)
        return true;
    if (reason->kind == ERR_CANCELLED) {
        err_done(&t->first);
        err_move(&t->first, reason);
        t->answer = answer;
        return false;
    }
    strv_addf(&d->proof->notes, "%s", reason->message);
    if (t->answer == 0 || (t->answer < 0 && answer == 1)) {
        err_done(&t->first);
        err_move(&t->first, reason);
    }
    t->answer = worse(t->answer, answer);
    return true;
}

int drill_assertions(Drill *d, Err *err)
{
    _cleanup_strv_ Strv paths = { 0 };
    Tally tally = { 0 };

    if (!d->ctx->assertions)
        return DRILL_NOT_ASKED_FOR;
    _cleanup_free_ char *own = mem_printf("%s/%s", d->ctx->assertions, d->series->encoded);
    int r = list_assertions(d->ctx->assertions, /* may_be_missing= */ false, &paths, err);
    if (r >= 0)
        r = list_assertions(own, /* may_be_missing= */ true, &paths, err);
    if (r < 0)
        return r;
    if (paths.count == 0) {
        strv_addf(&d->proof->notes, "DRILL_ASSERTIONS \"%s\" holds no *.sql for this database",
                  d->ctx->assertions);
        return DRILL_NOT_ASKED_FOR;
    }

    for (size_t i = 0; i < paths.count; i++) {
        _cleanup_err_ Err reason = { 0 };
        int answer = run_assertion(d, paths.items[i], &reason);
        if (!tally_add(&tally, d, answer, &reason))
            break;
    }
    err_move(err, &tally.first);
    return tally.answer;
}

/* Freshness */

static int check_freshness(const Drill *d, const Freshness *f, Err *err)
{
    _cleanup_pg_session_ PgSession *session = NULL;
    const PgFreshness asked = {
        .schema = f->schema,
        .table = f->table,
        .column = f->column,
        .seconds = f->seconds,
    };

    int r = connect_to_copy(d, &session, err);
    if (r >= 0)
        r = pg_copy_is_fresh(session, &asked, d->backup->manifest.started / USEC_PER_SEC, err);
    if (r != 0)
        err_prefix(err, "%s.%s.%s", f->schema, f->table, f->column);
    return r;
}

int drill_freshness(Drill *d, Err *err)
{
    const FreshnessList *list = d->ctx->freshness;
    Tally tally = { 0 };
    bool asked = false;

    for (size_t i = 0; i < list->count; i++) {
        const Freshness *f = &list->items[i];
        _cleanup_err_ Err reason = { 0 };
        if (f->database && strcmp(f->database, d->series->database) != 0)
            continue;

        asked = true;
        int answer = check_freshness(d, f, &reason);
        if (!tally_add(&tally, d, answer, &reason))
            break;
    }
    err_move(err, &tally.first);
    return asked ? tally.answer : DRILL_NOT_ASKED_FOR;
}
