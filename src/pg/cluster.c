#include "pg/cluster.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pg/cluster-dir.h"
#include "pg/cluster-log.h"
#include "pg/cluster-program.h"
#include "sys/child.h"
#include "sys/descendants.h"
#include "sys/mem.h"
#include "sys/process.h"
#include "sys/tree.h"

#define LOG_TAIL ((size_t)64 << 10)
#define ANSWER_TIMEOUT (10 * USEC_PER_SEC)
#define END_TIMEOUT (10 * USEC_PER_SEC)

struct PgCluster {
    ClusterDir dir;
    Child server;
    Descendants descendants;
    PgAccount account;
    char *superuser;
    PgTarget target;
};

static void cluster_stopp(PgCluster **c)
{
    pg_cluster_stop(*c, /* problems= */ NULL);
}

/* Its programs */

static const struct {
    const char *name;
    int since;
    const char *package; /* Debian's, before the major version */
} needed[] = {
    { "initdb", 0, "postgresql-" },
    { "postgres", 0, "postgresql-" },
    { "pg_amcheck", 14, "postgresql-client-" },
};

int pg_cluster_check_programs(const PgClient *programs, Err *err)
{
    for (size_t i = 0; i < ELEMENTSOF(needed); i++) {
        _cleanup_free_ char *path = mem_printf("%s/%s", programs->bindir, needed[i].name);
        if (programs->major < needed[i].since || access(path, X_OK) == 0)
            continue;

        err_set(err, ERR_COULD_NOT_VERIFY, "no %s in \"%s\"", needed[i].name, programs->bindir);
        err_hint(err, "Install PostgreSQL %d's server programs (Debian: %s%d).", programs->major,
                 needed[i].package, programs->major);
        return -ENOENT;
    }
    return 0;
}

/* Its words */

static char *read_log_tail(int fd)
{
    struct stat st;
    off_t start = fstat(fd, &st) == 0 && st.st_size > (off_t)LOG_TAIL ? st.st_size - LOG_TAIL : 0;
    char *text = mem_zero(LOG_TAIL + 1, 1);

    if (pread(fd, text, LOG_TAIL, start) < 0)
        text[0] = '\0';
    return text;
}

static int say_ended(PgCluster *c, const char *what, Err *err)
{
    _cleanup_free_ char *log = read_log_tail(c->dir.log_fd), *line = cluster_log_telling_line(log);
    _cleanup_err_ Err how = { 0 };

    (void)child_wait(&c->server, &how);
    err_set(err, ERR_COULD_NOT_VERIFY, "%s: %s%s%s", what,
            err_is_set(&how) ? how.message : "it was shut down", line[0] ? ": " : "", line);
    return -ESRCH;
}

static const struct {
    const char *words;
    const char *hint;
} remedies[] = {
    { "invalid locale name",
      "Install the locale of the database (Debian: the package locales-all); "
      "\"locale -a\" lists what there is." },
    { "No space left on device",
      "Free some space in the directory of the drill, or choose another." },
    { "Permission denied",
      "Let the user that runs the server reach the directory of the drill, or choose another." },
};

/* Whatever goes wrong here says nothing about a backup. */
static int could_not_verify(int r, Err *err)
{
    if (r >= 0 || !err_is_set(err) || err->kind == ERR_CANCELLED)
        return r;

    err->kind = ERR_COULD_NOT_VERIFY;
    for (size_t i = 0; i < ELEMENTSOF(remedies); i++)
        if (strstr(err->message, remedies[i].words))
            err_hint(err, "%s", remedies[i].hint);
    return r;
}

/* Starting */

/* Roles of a backup have names of their own; those that begin with "pg_" are PostgreSQL's. */
static char *choose_superuser(void)
{
    unsigned long long number;

    while (getrandom(&number, sizeof(number), 0) != sizeof(number))
        ;
    return mem_printf("drill_%016llx", number);
}

static int run_initdb(PgCluster *c, const PgClusterSpec *spec, Err *err)
{
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;
    _cleanup_child_ Child child = CHILD_INIT;

    int r = pg_command_initdb(spec, &c->account, c->dir.data_path, c->superuser, &command, err);
    if (r < 0)
        return r;
    ChildSpec child_spec = {
        .path = command.path,
        .name = "initdb",
        .argv = command.argv.items,
        .env = command.env.items,
        .pipe = CHILD_NEITHER,
        .stall_timeout = spec->start_timeout, /* without a pipe, no byte ever moves */
        .cwd = c->dir.path,
    };
    r = child_spawn(&child, &child_spec, err);
    if (r < 0)
        return r;

    _cleanup_err_ Err failure = { 0 };
    r = child_wait(&child, &failure);
    if (failure.kind == ERR_STALLED)
        return err_set(err, ERR_COULD_NOT_VERIFY, "initdb did not end within %llu seconds",
                       (unsigned long long)(spec->start_timeout / USEC_PER_SEC));
    err_move(err, &failure);
    return r;
}

static int launch(PgCluster *c, const PgClusterSpec *spec, Err *err)
{
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;

    int r = pg_command_postgres(spec, &c->account, c->dir.data_path, c->dir.socket_path,
                                c->dir.name, &command, err);
    if (r < 0)
        return r;
    ChildSpec child_spec = {
        .path = command.path,
        .name = "postgres",
        .argv = command.argv.items,
        .env = command.env.items,
        .pipe = CHILD_NEITHER,
        .cwd = c->dir.path,
        .stderr_fd = &c->dir.log_fd,
        .end_signal = SIGQUIT, /* an immediate shutdown */
        .sandbox = &c->account.sandbox,
    };
    return child_spawn(&c->server, &child_spec, err);
}

/* The server and its clients write into its own directories alone. Nothing of the backup has run
 * when initdb does, and that tries out what the machine has beyond them. */
static int confine(PgCluster *c, const PgClusterSpec *spec, Err *err)
{
    const char *const writable[] = { c->dir.data_path, c->dir.socket_path, NULL };
    const LandlockSpec rules = {
        .writable = writable,
        .hidden = spec->hidden,
        .readable = spec->readable,
    };
    return pg_account_confine(&c->account, &rules, err);
}

/* 1 when it answers, 0 when it does not yet. */
static int try_connecting(const PgCluster *c, Err *reason)
{
    _cleanup_pg_session_ PgSession *session = NULL;
    PgTarget target = c->target;

    target.answer_timeout = ANSWER_TIMEOUT;
    err_done(reason);
    int r = pg_connect(&target, target.maintenance_database, &session, reason);
    return r == 0 ? 1 : 0;
}

static int wait_until_it_answers(PgCluster *c, usec_t deadline, Err *err)
{
    _cleanup_err_ Err reason = { 0 };

    while (try_connecting(c, &reason) == 0) {
        if (child_ended(&c->server))
            return say_ended(c, "the throwaway server did not start", err);
        if (clock_monotonic() > deadline)
            return err_set(err, ERR_COULD_NOT_VERIFY,
                           "the throwaway server did not answer in time: %s", reason.message);
        int r = child_pause(err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int start(PgCluster *c, const PgClusterSpec *spec, Err *err)
{
    usec_t deadline =
        spec->start_timeout > 0 ? clock_monotonic() + spec->start_timeout : UINT64_MAX;

    int r = pg_cluster_check_programs(spec->programs, err);
    if (r < 0)
        return r;
    r = pg_account_find(spec->parent, &c->account, err);
    if (r < 0)
        return r;
    r = cluster_dir_make(spec->parent, c->account.uid, c->account.gid, &c->dir, err);
    if (r < 0)
        return r;

    c->superuser = choose_superuser();
    c->target = (PgTarget){
        .host = c->dir.socket_path,
        .port = CLUSTER_PORT,
        .user = c->superuser,
        .requirepeer = c->account.name,
        .account = &c->account,
        .maintenance_database = "postgres",
    };
    pg_forget_environment();
    descendants_begin(&c->descendants);
    r = run_initdb(c, spec, err);
    if (r >= 0)
        r = confine(c, spec, err);
    if (r < 0)
        return r;
    r = launch(c, spec, err);
    if (r < 0)
        return r;
    return wait_until_it_answers(c, deadline, err);
}

int pg_cluster_start(const PgClusterSpec *spec, PgCluster **ret, Err *err)
{
    _cleanup_(cluster_stopp) PgCluster *c = mem_zero(1, sizeof(*c));

    c->dir = CLUSTER_DIR_INIT;
    c->server = CHILD_INIT;
    int r = start(c, spec, err);
    if (r < 0)
        return could_not_verify(r, err);
    *ret = TAKE_PTR(c);
    return 0;
}

/* While it runs */

const PgTarget *pg_cluster_target(const PgCluster *c)
{
    return &c->target;
}

char *pg_cluster_gaps(const PgCluster *c)
{
    return pg_account_gaps(&c->account);
}

int pg_cluster_alive(PgCluster *c, Err *err)
{
    return child_ended(&c->server) ? say_ended(c, "the throwaway server has ended", err) : 0;
}

char *pg_cluster_log(const PgCluster *c)
{
    return read_log_tail(c->dir.log_fd);
}

uint64_t pg_cluster_bytes(const PgCluster *c)
{
    return tree_bytes(c->dir.data_fd);
}

/* A session's process has the name of its role in its title, the server's own have not. */
uint64_t pg_cluster_work(const PgCluster *c)
{
    return process_work(c->server.pid, c->superuser);
}

/* The end */

void pg_cluster_stop(PgCluster *c, Strv *problems)
{
    if (!c)
        return;
    child_done(&c->server);
    if (descendants_end(&c->descendants, END_TIMEOUT) < 0 && problems)
        strv_addf(problems, "could not end all that was started in \"%s\"", c->dir.path);
    if (c->dir.fd >= 0)
        (void)cluster_dir_destroy(&c->dir, problems);
    cluster_dir_done(&c->dir);
    pg_account_done(&c->account);
    free(c->superuser);
    free(c);
}

int pg_cluster_sweep(const char *parent, Strv *removed, Strv *problems, Err *err)
{
    return could_not_verify(cluster_dir_sweep(parent, removed, problems, err), err);
}
