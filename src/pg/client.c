#include "pg/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pg/account.h"
#include "pg/message.h"
#include "pg/session-options.h"
#include "sys/buf.h"
#include "sys/fs.h"
#include "sys/mem.h"
#include "sys/text.h"

/* Beside libpq's own variables, which our session has read, too. No secret is among them. */
static const char *const inherited[] = {
    "PATH", "HOME", "TZ", "TMPDIR", "KRB5CCNAME", "KRB5_CONFIG"
};

/* "PGHOST=…": libpq's. Not PGPASSWORD, which is a secret, nor "PG_…", which is ours, nor PGTZ,
 * which would change how a dump is written. */
static bool is_for_libpq(const char *variable)
{
    return strncmp(variable, "PG", 2) == 0 && strncmp(variable, "PG_", 3) != 0 &&
           !text_starts_with(variable, "PGPASSWORD=") && !text_starts_with(variable, "PGTZ=");
}

void pg_client_environment(Strv *env)
{
    for (size_t i = 0; i < ELEMENTSOF(inherited); i++) {
        const char *value = getenv(inherited[i]);
        if (value)
            strv_addf(env, "%s=%s", inherited[i], value);
    }
    for (char **variable = environ; *variable; variable++)
        if (is_for_libpq(*variable))
            strv_add(env, *variable);
    strv_add(env, "LC_ALL=C"); /* its words are classified: pg_classify_message() */
}

/* unsetenv() moves the variables behind it up. */
void pg_forget_environment(void)
{
    for (size_t i = 0; environ && environ[i];) {
        const char *variable = environ[i];
        if (strncmp(variable, "PG", 2) != 0 || strncmp(variable, "PG_", 3) == 0) {
            i++;
            continue;
        }
        _cleanup_free_ char *name = mem_strndup(variable, strcspn(variable, "="));
        (void)unsetenv(name);
    }
}

/* Command lines */

/* passfile syntax: ':' and '\' are escaped; '*' matches everything (libpq, "The Password File"). */
static void format_passfile(const char *password, Buf *ret)
{
    buf_adds(ret, "*:*:*:*:");
    for (const char *p = password; *p; p++) {
        if (*p == ':' || *p == '\\')
            buf_addc(ret, '\\');
        buf_addc(ret, *p);
    }
    buf_addc(ret, '\n');
}

/* The text as a file that a child can open by /proc/self/fd/N, for as long as it lives. */
static int make_memory_file(const char *name, const Buf *text, int *ret_fd, Err *err)
{
    _cleanup_close_ int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "could not create an anonymous memory file");
    if (fchmod(fd, 0600) < 0) /* libpq refuses a passfile that others may read */
        return err_set_errno(err, errno, "could not restrict an anonymous memory file");
    int r = fs_write_all(fd, text->data, text->size);
    if (r < 0)
        return err_set_errno(err, -r, "could not write an anonymous memory file");

    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int make_passfile(const char *password, int *ret_fd, Err *err)
{
    Buf text = { 0 };

    format_passfile(password, &text);
    int r = make_memory_file("pg-backup-passfile", &text, ret_fd, err);
    explicit_bzero(text.data, text.size);
    buf_done(&text);
    return r;
}

static void begin(const PgClient *c, const char *program, PgCommand *ret)
{
    *ret = PG_COMMAND_INIT;
    ret->path = mem_printf("%s/%s", c->bindir, program);
    strv_add(&ret->argv, ret->path); /* pg_dumpall looks for pg_dump beside its own argv[0] */
    pg_client_environment(&ret->env);
}

/* What speaks with a throwaway server runs as that does, and in its sandbox. */
static int drop_to_account(const PgAccount *account, PgCommand *command, Err *err)
{
    _cleanup_strv_ Strv argv = { 0 };

    if (!account)
        return 0;
    command->sandbox = &account->sandbox;
    if (!account->other)
        return 0;
    int r = pg_account_prefix(account, "KILL", &argv, err);
    if (r < 0)
        return r;
    strv_copy(&argv, &command->argv);
    strv_done(&command->argv);
    command->argv = argv;
    argv = (Strv){ 0 };

    command->name = mem_strdup(strrchr(command->path, '/') + 1);
    free(command->path);
    command->path = mem_strdup(command->argv.items[0]);
    return 0;
}

static int begin_as(const PgClient *c, const PgTarget *t, const char *program, PgCommand *ret,
                    Err *err)
{
    begin(c, program, ret);
    int r = drop_to_account(t->account, ret, err);
    if (r < 0)
        pg_command_done(ret);
    return r;
}

static int begin_connected(const PgClient *c, const PgTarget *t, const char *program,
                           const char *database, PgCommand *ret, Err *err)
{
    _cleanup_free_ char *passfile = NULL, *conninfo = NULL;

    int r = begin_as(c, t, program, ret, err);
    if (r < 0)
        return r;
    if (t->password) {
        r = make_passfile(t->password, &ret->passfile_fd, err);
        if (r < 0) {
            pg_command_done(ret);
            return r;
        }
        passfile = mem_printf("/proc/self/fd/%d", ret->passfile_fd);
    }

    conninfo = pg_conninfo(t, database, passfile);
    strv_add(&ret->argv, "--no-password");
    strv_addf(&ret->argv, "--dbname=%s", conninfo);
    return 0;
}

int pg_command_dump(const PgClient *c, const PgTarget *t, const PgDumpOptions *options,
                    PgCommand *ret, Err *err)
{
    int r = begin_connected(c, t, "pg_dump", options->database, ret, err);
    if (r < 0)
        return r;

    /* A time with time zone is written in the session's zone, which a copy elsewhere need not have;
     * in UTC, equal contents are equal text. */
    strv_add(&ret->env, "PGTZ=UTC");
    strv_addf(&ret->argv, "--format=%s", options->format);
    if (options->compress)
        strv_addf(&ret->argv, "--compress=%s", options->compress);
    if (options->directory) {
        strv_addf(&ret->argv, "--file=%s", options->directory);
        strv_add(&ret->argv, "--no-sync"); /* whoever reads it back does, and hears of failures */
    }
    if (options->jobs > 1)
        strv_addf(&ret->argv, "--jobs=%llu", (unsigned long long)options->jobs);
    if (options->snapshot)
        strv_addf(&ret->argv, "--snapshot=%s", options->snapshot);
    if (options->encoding)
        strv_addf(&ret->argv, "--encoding=%s", options->encoding);
    strv_addf(&ret->argv, "--lock-wait-timeout=%llus",
              (unsigned long long)options->lock_wait_timeout_seconds);
    if (options->settings)
        pg_session_options(&ret->env, options->settings);
    return 0;
}

int pg_command_dump_globals(const PgClient *c, const PgTarget *t, bool role_passwords,
                            PgCommand *ret, Err *err)
{
    int r = begin_connected(c, t, "pg_dumpall", t->maintenance_database, ret, err);
    if (r < 0)
        return r;

    /* pg_dumpall does not connect to the database of a connection string, only to this one. */
    _cleanup_free_ char *database = pg_conninfo(&(PgTarget){ 0 }, t->maintenance_database, NULL);
    strv_addf(&ret->argv, "--database=%s", database);
    strv_add(&ret->argv, "--globals-only");
    if (!role_passwords)
        strv_add(&ret->argv, "--no-role-passwords");
    return 0;
}

void pg_command_decode_archive(const PgClient *c, PgCommand *ret)
{
    begin(c, "pg_restore", ret);
    strv_add(&ret->argv, "--file=/dev/null");
}

void pg_command_decode_directory(const PgClient *c, const char *path, PgCommand *ret)
{
    pg_command_decode_archive(c, ret);
    strv_add(&ret->argv, path);
}

static void add_psql_options(PgCommand *ret)
{
    strv_add(&ret->argv, "--no-psqlrc");
    strv_add(&ret->argv, "--quiet");
    strv_add(&ret->argv, "--set=ON_ERROR_STOP=1");
    strv_add(&ret->argv, "--file=-");
}

static int add_list(const char *list, PgCommand *ret, Err *err)
{
    _cleanup_buf_ Buf text = { 0 };

    buf_adds(&text, list);
    int r = make_memory_file("pg-backup-list", &text, &ret->list_fd, err);
    if (r >= 0)
        strv_addf(&ret->argv, "--use-list=/proc/self/fd/%d", ret->list_fd);
    return r;
}

/* Not --disable-triggers, behind which triggers that had been disabled would be enabled. */
static void add_replica_role(PgCommand *ret)
{
    _cleanup_strv_ Strv settings = { 0 };

    strv_add(&settings, "session_replication_role=replica");
    pg_session_options(&ret->env, &settings);
}

static int add_restore_options(const PgRestoreOptions *options, PgCommand *ret, Err *err)
{
    strv_add(&ret->argv, "--exit-on-error");
    if (options->one_transaction)
        strv_add(&ret->argv, "--single-transaction");
    if (options->replace) {
        strv_add(&ret->argv, "--clean");
        strv_add(&ret->argv, "--if-exists");
    }
    if (options->schema_only)
        strv_add(&ret->argv, "--schema-only");
    if (options->data_only)
        strv_add(&ret->argv, "--data-only");
    if (options->without_triggers)
        add_replica_role(ret);
    return options->list ? add_list(options->list, ret, err) : 0;
}

int pg_command_restore(const PgClient *c, const PgTarget *t, const PgRestoreOptions *options,
                       PgCommand *ret, Err *err)
{
    int r =
        begin_connected(c, t, options->plain ? "psql" : "pg_restore", options->database, ret, err);
    if (r < 0)
        return r;

    if (options->plain)
        add_psql_options(ret);
    else
        r = add_restore_options(options, ret, err);
    if (options->archive && options->jobs > 1 && !options->one_transaction)
        strv_addf(&ret->argv, "--jobs=%llu", (unsigned long long)options->jobs);
    if (options->archive)
        strv_add(&ret->argv, options->archive);
    return r;
}

/* Its --dbname does not exist, and its --database is a pattern: the operand is what takes a
 * connection string. */
int pg_command_amcheck(const PgClient *c, const PgTarget *t, const char *database, uint64_t jobs,
                       PgCommand *ret, Err *err)
{
    _cleanup_free_ char *conninfo = pg_conninfo(t, database, NULL);

    if (t->password)
        return err_set(err, ERR_INTERNAL, "pg_amcheck with a password");
    int r = begin_as(c, t, "pg_amcheck", ret, err);
    if (r < 0)
        return r;
    strv_add(&ret->argv, "--no-password");
    strv_add(&ret->argv, "--heapallindexed");
    strv_add(&ret->argv, "--parent-check");
    strv_addf(&ret->argv, "--jobs=%llu", (unsigned long long)jobs);
    strv_add(&ret->argv, conninfo);
    return 0;
}

void pg_client_classify(const Child *child, Err *err)
{
    for (size_t i = 0; err->kind == ERR_CHILD && i < child->stderr_lines.count; i++) {
        const char *hint;
        err->kind = pg_classify_message(child->stderr_lines.items[i], &hint);
        if (hint)
            err_hint(err, "%s", hint);
    }
}

void pg_client_judge_archive(const Child *reader, Err *err)
{
    static const char *const shortcomings[] = {
        "unsupported version",          /* "(1.99) in file header" */
        "does not support compression", /* built without zstd or lz4 */
        "cannot restore from compressed archive",
    };

    if (err->kind != ERR_CHILD)
        return;
    err->kind = child_was_killed(reader) ? ERR_COULD_NOT_VERIFY : ERR_DAMAGED;
    for (size_t i = 0; i < ELEMENTSOF(shortcomings); i++)
        if (strstr(err->message, shortcomings[i]))
            err->kind = ERR_COULD_NOT_VERIFY;
    err_prefix(err, "the archive does not decode");
}

int pg_command_spawn(PgCommand *command, ChildPipe pipe, usec_t stall_timeout, Child *ret, Err *err)
{
    int kept[2];
    size_t count = 0;

    if (command->passfile_fd >= 0)
        kept[count++] = command->passfile_fd;
    if (command->list_fd >= 0)
        kept[count++] = command->list_fd;
    ChildSpec spec = {
        .path = command->path,
        .name = command->name,
        .argv = command->argv.items,
        .env = command->env.items,
        .keep_fds = kept,
        .keep_fds_count = count,
        .pipe = pipe,
        .stall_timeout = stall_timeout,
        .cwd = command->name ? "/" : NULL, /* another user may not be allowed where we are */
        .sandbox = command->sandbox,
    };
    return child_spawn(ret, &spec, err);
}

void pg_command_done(PgCommand *command)
{
    free(command->path);
    free(command->name);
    strv_done(&command->argv);
    strv_done(&command->env);
    if (command->passfile_fd >= 0)
        close(command->passfile_fd);
    if (command->list_fd >= 0)
        close(command->list_fd);
    *command = (PgCommand)PG_COMMAND_INIT;
}
