#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/catalog.h"
#include "backup/dump-directory.h"
#include "backup/plan.h"
#include "backup/report.h"
#include "cmd/access.h"
#include "cmd/cmd.h"
#include "cmd/compress.h"
#include "cmd/policy.h"
#include "cmd/writable.h"
#include "cmd/table.h"
#include "sys/buf.h"
#include "sys/format.h"
#include "sys/fs.h"
#include "net/push.h"
#include "sys/json.h"
#include "sys/mem.h"

typedef enum Result {
    RESULT_OK,
    RESULT_WARNING,
    RESULT_FAILED,
    _RESULT_MAX,
} Result;

static const char *const result_names[] = {
    [RESULT_OK] = "ok",
    [RESULT_WARNING] = "warning",
    [RESULT_FAILED] = "failed",
};
_Static_assert(ELEMENTSOF(result_names) == _RESULT_MAX, "every result has a name");

typedef struct Finding {
    const char *name;
    Result result;
    Err err;       /* the reason, unless ok */
    char *message; /* when ok */
} Finding;

typedef struct Findings {
    Finding *items;
    size_t count;
} Findings;

static Finding *add(Findings *f, const char *name, Result result)
{
    f->items = mem_resize(f->items, f->count + 1, sizeof(*f->items));
    f->items[f->count] = (Finding){ .name = name, .result = result };
    return &f->items[f->count++];
}

__attribute__((format(printf, 3, 4))) static void ok(Findings *f, const char *name, const char *fmt,
                                                     ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&add(f, name, RESULT_OK)->message, fmt, ap) < 0)
        mem_fail();
    va_end(ap);
}

/* Takes the error over. */
static void not_ok(Findings *f, const char *name, Result result, Err *err)
{
    err_move(&add(f, name, result)->err, err);
}

static void findings_done(Findings *f)
{
    for (size_t i = 0; i < f->count; i++) {
        err_done(&f->items[i].err);
        free(f->items[i].message);
    }
    free(f->items);
}

/* The checks, each on its own: one that fails does not hide the next */

static void check_settings(const Settings *s, Findings *f)
{
    const RetentionPolicy policy = policy_of(s);
    _cleanup_free_ char *text = retention_describe(&policy);

    ok(f, "settings", "from %s; keeps %s", s->source ? s->source : "the environment", text);
}

static void check_directory(const Settings *s, Findings *f)
{
    _cleanup_catalog_ Catalog catalog = CATALOG_INIT;
    _cleanup_err_ Err err = { 0 };
    uint64_t available, total;

    int r = catalog_load(s->backup_dir, &catalog, &err);
    if (r == 0)
        r = writable_check(s->backup_dir, "BACKUP_DIR", &err);
    if (r == 0 && fs_space(catalog.dir_fd, &available, &total) < 0)
        r = err_set_errno(&err, errno, "could not ask for the free space of \"%s\"", s->backup_dir);
    if (r < 0) {
        not_ok(f, "directory", RESULT_FAILED, &err);
        return;
    }

    _cleanup_free_ char *have = format_bytes(available),
                        *stored = format_bytes(catalog_stored_bytes(&catalog));
    ok(f, "directory", "%s: %s of backups, %s free", s->backup_dir, stored, have);

    for (size_t i = 0; i < catalog.count; i++) {
        const char *problem = catalog.series[i].problem;
        if (!problem)
            continue;
        err_set(&err, ERR_IO, "%s", problem);
        err_hint(&err, "Make it belong to the user that runs pg-backup, or move it elsewhere.");
        not_ok(f, "directory", RESULT_WARNING, &err);
    }
}

/* A run makes the directory itself, not the one above it. The report of the last run, which health
 * goes by, is replaced by the next one: what is wrong with it is no more than a warning. */
static void check_state(const Settings *s, Findings *f)
{
    _cleanup_free_ char *copy = mem_strdup(s->state_dir);
    _cleanup_strv_ Strv planned = { 0 };
    _cleanup_err_ Err err = { 0 };
    bool missing = faccessat(AT_FDCWD, s->state_dir, F_OK, 0) < 0 && errno == ENOENT;

    if (writable_check(missing ? dirname(copy) : s->state_dir, "STATE_DIR", &err) < 0)
        not_ok(f, "state", RESULT_FAILED, &err);
    else if (report_load_databases(s->state_dir, &planned, &err) < 0)
        not_ok(f, "state", RESULT_WARNING, &err);
    else
        ok(f, "state", "%s", s->state_dir);
}

static void check_rights(const PgServerInfo *server, Findings *f)
{
    _cleanup_err_ Err err = { 0 };

    if (server->superuser || (server->read_all_data && server->bypass_rls)) {
        ok(f, "rights", "%s", server->superuser ? "superuser" : "pg_read_all_data and BYPASSRLS");
        return;
    }
    if (!server->read_all_data) {
        err_set(&err, ERR_PERMISSION, "the role is not a member of pg_read_all_data");
        err_hint(&err,
                 "GRANT pg_read_all_data TO the role, unless it owns all that is to be backed up.");
    } else {
        err_set(&err, ERR_ROW_SECURITY, "the role lacks BYPASSRLS");
        err_hint(&err,
                 "ALTER ROLE … BYPASSRLS: without it a table with row security fails its backup.");
    }
    not_ok(f, "rights", RESULT_WARNING, &err);
}

/* A directory is dumped over many at once. */
static void check_connections(const Settings *s, const PgServerInfo *server, Findings *f)
{
    const uint64_t needed = dump_directory_connections(s->backup_jobs);
    const int64_t limit = server->connection_limit;
    _cleanup_err_ Err err = { 0 };

    if (s->backup_format != BACKUP_FORMAT_DIRECTORY)
        return;
    if (limit < 0 || (uint64_t)limit >= needed) {
        ok(f, "connections", "a run takes %llu", (unsigned long long)needed);
        return;
    }
    err_set(&err, ERR_UNREACHABLE, "a run takes %llu connections, the role may have %lld",
            (unsigned long long)needed, (long long)limit);
    err_hint(&err, "ALTER ROLE … CONNECTION LIMIT %llu, or lower BACKUP_JOBS.",
             (unsigned long long)needed);
    not_ok(f, "connections", RESULT_WARNING, &err);
}

static void check_client(const PgClient *client, Findings *f)
{
    const char *advice = pg_client_advice(client);
    _cleanup_err_ Err err = { 0 };

    if (!advice) {
        ok(f, "client", "pg_dump %s in %s", client->version, client->bindir);
        return;
    }
    err_set(&err, ERR_CLIENT_TOO_OLD, "pg_dump %s in %s: %s", client->version, client->bindir,
            advice);
    err_hint(&err, "Update PostgreSQL's client programs.");
    not_ok(f, "client", RESULT_WARNING, &err);
}

static void check_compression(const Settings *s, const PgClient *client, Findings *f)
{
    const char *format = backup_format_to_string(s->backup_format);
    _cleanup_compression_plan_ CompressionPlan plan = { 0 };
    _cleanup_err_ Err err = { 0 };
    CompressionRequest request;

    int r = compress_request(s, client, &request, &err);
    if (r >= 0)
        r = compression_plan(&request, &plan, &err);
    if (r < 0) {
        not_ok(f, "compression", RESULT_FAILED, &err);
    } else if (!request.archive_known && s->backup_format != BACKUP_FORMAT_PLAIN) {
        err_set(&err, ERR_ARCHIVE_VERSION,
                "pg_dump %s writes archives of a version that is not known: backups have no "
                "inventory",
                client->version);
        not_ok(f, "compression", RESULT_WARNING, &err);
    } else {
        ok(f, "compression", "%s format, %s%s%s", format, plan.text, plan.by ? " by " : "",
           plan.by ? plan.by : "");
    }
}

/* `"app", "a/b"` */
static char *quote_all(const Strv *names)
{
    Buf text = { 0 };

    for (size_t i = 0; i < names->count; i++)
        buf_addf(&text, "%s\"%s\"", i > 0 ? ", " : "", names->items[i]);
    return buf_take(&text);
}

/* Plans as a run does; all that is named and missing is one error, with what there is as hint. */
static int plan_databases(const Settings *s, PgSession *session, Plan *ret, Err *err)
{
    _cleanup_strv_ Strv present = { 0 };
    PgDatabase *list = NULL;
    size_t count = 0;

    int r = pg_list_databases(session, &list, &count, err);
    if (r < 0)
        return r;
    r = plan_make(&s->pg_databases, list, count, ret, err);
    for (size_t i = 0; i < count; i++)
        strv_add(&present, list[i].name);
    pg_databases_free(list, count);

    _cleanup_free_ char *has = quote_all(&present), *missing = quote_all(&ret->missing);
    if (r == 0 && ret->missing.count > 0)
        r = err_set(err, ERR_NO_DATABASE, "the server has no database %s", missing);
    err_hint(err, "It has: %s.", has);
    return r;
}

static void check_databases(const Settings *s, PgSession *session, Findings *f)
{
    _cleanup_(plan_done) Plan plan = { 0 };
    _cleanup_err_ Err err = { 0 };

    int r = plan_databases(s, session, &plan, &err);
    _cleanup_free_ char *names = quote_all(&plan.databases);
    if (r < 0)
        not_ok(f, "databases", RESULT_FAILED, &err);
    else
        ok(f, "databases", "%zu: %s", plan.databases.count, names);

    for (size_t i = 0; i < plan.unmatched.count; i++) {
        _cleanup_err_ Err unmatched = { 0 };
        plan_warn_unmatched(plan.unmatched.items[i], &unmatched);
        not_ok(f, "databases", RESULT_WARNING, &unmatched);
    }
}

static void check_server(const Settings *s, Findings *f)
{
    _cleanup_access_ Access access = { 0 };
    _cleanup_err_ Err err = { 0 };
    _cleanup_free_ char *where = NULL;

    int r = access_open(s, &access, &err);
    where = pg_target_describe(&access.target);
    if (!access.server.version) {
        not_ok(f, "server", RESULT_FAILED, &err);
        return;
    }

    ok(f, "server", "PostgreSQL %s at %s%s", access.server.version, where,
       access.server.in_recovery ? " (a standby)" : "");
    check_rights(&access.server, f);
    check_connections(s, &access.server, f);
    if (r < 0) {
        not_ok(f, "client", RESULT_FAILED, &err);
    } else {
        check_client(&access.client, f);
        check_compression(s, &access.client, f);
    }
    check_databases(s, access.session, f);
}

static void check_metrics(const Settings *s, Findings *f)
{
    _cleanup_err_ Err err = { 0 };

    if (s->metrics_textfile) {
        _cleanup_free_ char *copy = mem_strdup(s->metrics_textfile);
        if (writable_check(dirname(copy), "METRICS_TEXTFILE", &err) < 0)
            not_ok(f, "metrics", RESULT_WARNING, &err);
        else
            ok(f, "metrics", "to %s", s->metrics_textfile);
    }
    if (s->pushgateway_url) {
        if (push_probe(s->pushgateway_url, &err) < 0)
            not_ok(f, "pushgateway", RESULT_WARNING, &err);
        else
            ok(f, "pushgateway", "ready, as instance %s", s->metrics_instance);
    }
}

/* Output */

static void print_json(const Findings *f, bool all_ok)
{
    _cleanup_json_ Json *root = json_new_object();
    _cleanup_free_ char *text = NULL;

    json_set_flag(root, "ok", all_ok);
    Json *list = json_set_child(root, "checks", json_new_array());
    for (size_t i = 0; i < f->count; i++) {
        const Finding *item = &f->items[i];
        Json *o = json_add_child(list, json_new_object());

        json_set_text(o, "name", item->name);
        json_set_text(o, "result", result_names[item->result]);
        json_set_text(o, "message", item->result == RESULT_OK ? item->message : item->err.message);
        json_set_text(o, "hint", item->err.hint);
        json_set_text(o, "reason",
                      item->result == RESULT_OK ? NULL : err_kind_info(item->err.kind)->name);
    }
    text = json_print(root);
    fputs(text, stdout);
}

static void print_table(const Findings *f)
{
    static const char *const headings[] = { "CHECK", "RESULT", "FINDING", NULL };
    _cleanup_table_ Table *table = table_new(headings);

    for (size_t i = 0; i < f->count; i++) {
        const Finding *item = &f->items[i];
        char *cells[] = {
            mem_strdup(item->name),
            mem_strdup(result_names[item->result]),
            mem_strdup(item->result == RESULT_OK ? item->message : item->err.message),
        };
        table_add(table, cells);
        if (item->err.hint) {
            _cleanup_free_ char *hint = mem_printf("hint: %s", item->err.hint);
            table_note(table, hint);
        }
    }
    table_print(table);
}

static int run_check(const CmdContext *ctx, Err *err)
{
    _cleanup_(findings_done) Findings f = { 0 };
    int code = EXIT_CODE_DONE;
    (void)err;

    check_settings(ctx->settings, &f);
    check_directory(ctx->settings, &f);
    check_state(ctx->settings, &f);
    check_server(ctx->settings, &f);
    check_metrics(ctx->settings, &f);

    for (size_t i = 0; i < f.count && code == EXIT_CODE_DONE; i++)
        if (f.items[i].result == RESULT_FAILED)
            code = err_kind_info(f.items[i].err.kind)->exit_code;
    if (ctx->args->flags & ARG_JSON)
        print_json(&f, code == EXIT_CODE_DONE);
    else
        print_table(&f);
    return code;
}

const Command command_check = {
    .name = "check",
    .operands = "",
    .max_operands = 0,
    .summary = "is everything in place? changes nothing",
    .help = "Looks at settings, directories and space, server, the role's rights, client programs, "
            "databases\n"
            "and metrics, and says what is wrong and what to do. The exit code is that of the "
            "first check\n"
            "that failed; a warning is none.",
    .options = ARG_JSON,
    .run = run_check,
};
