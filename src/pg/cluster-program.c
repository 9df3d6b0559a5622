#include "pg/cluster-program.h"

#include <string.h>

#include "pg/cluster-dir.h"
#include "pg/cluster-log.h"
#include "sys/mem.h"

static int begin(const PgClient *programs, const char *name, const PgAccount *account,
                 const char *death_signal, PgCommand *ret, Err *err)
{
    _cleanup_free_ char *program = mem_printf("%s/%s", programs->bindir, name);

    *ret = PG_COMMAND_INIT;
    ret->name = mem_strdup(name);
    int r = pg_account_prefix(account, death_signal, &ret->argv, err);
    if (r < 0) {
        pg_command_done(ret);
        return r;
    }
    strv_add(&ret->argv, program);
    ret->path = mem_strdup(ret->argv.items[0]);

    strv_add(&ret->env, "PATH=/usr/bin:/bin");
    strv_add(&ret->env, "LC_ALL=C"); /* its words are ours to tell */
    strv_add(&ret->env, "TZ=UTC");   /* initdb reads all zone files to find the system's */
    return 0;
}

/* initdb */

static void add_option(PgCommand *command, const char *option, const char *value)
{
    if (value)
        strv_addf(&command->argv, "--%s=%s", option, value);
}

/* The locale of amounts of money, which a database does not keep and a dump is written by, is most
 * often that of its collation. */
static void add_traits(PgCommand *command, int major, const PgDatabaseTraits *t)
{
    const char *provider = t && t->locale_provider ? t->locale_provider : "libc";

    add_option(command, "encoding", t ? t->encoding : "UTF8");
    add_option(command, "locale", t ? t->collate : "C");
    add_option(command, "lc-ctype", t ? t->ctype : NULL);
    add_option(command, "lc-messages", "C");
    if (major < 15)
        return;
    add_option(command, "locale-provider", provider);
    if (strcmp(provider, "icu") == 0)
        add_option(command, "icu-locale", t->locale);
    if (strcmp(provider, "icu") == 0 && major >= 16)
        add_option(command, "icu-rules", t->icu_rules);
    if (strcmp(provider, "builtin") == 0)
        add_option(command, "builtin-locale", t->locale);
}

/* SIGTERM lets initdb end between two steps; a server that it runs meanwhile sees its input end and
 * leaves nothing behind. It must not empty the directory: by that we know the shared memory of a
 * server that was killed all the same. */
int pg_command_initdb(const PgClusterSpec *spec, const PgAccount *account, const char *data,
                      const char *superuser, PgCommand *ret, Err *err)
{
    int r = begin(spec->programs, "initdb", account, "TERM", ret, err);
    if (r < 0)
        return r;

    add_option(ret, "pgdata", data);
    add_option(ret, "username", superuser);
    add_option(ret, "auth", "trust");
    strv_add(&ret->argv, "--no-sync");
    strv_add(&ret->argv, "--no-clean");
    add_traits(ret, spec->programs->major, spec->traits);
    return 0;
}

/* postgres */

typedef struct Setting {
    const char *text;
    int since, until; /* major versions; 0: any */
} Setting;

/* What the caller's settings may change. */
static const Setting defaults[] = {
    { .text = "shared_buffers=128MB" },
    { .text = "maintenance_work_mem=128MB" },
    { .text = "max_wal_size=512MB" },
    { .text = "checkpoint_timeout=1h" },
    { .text = "timezone=UTC" },
    { .text = "jit=off" }, /* needs memory that is writable and executable */
    { .text = "shared_preload_libraries=" },
    /* An event trigger of the copy is there to be compared, not to fire when an extension is
     * created for a check. */
    { .text = "event_triggers=off", .since = 17 },
    { .text = "session_replication_role=replica", .until = 16 },
};

/* What they may not: nobody else reaches it, it reaches nobody, keeps nothing, and leaves nothing
 * outside its directory. */
static const Setting fixed[] = {
    { .text = "listen_addresses=" },
    { .text = "port=" CLUSTER_PORT },
    { .text = "unix_socket_permissions=0700" },
    { .text = "ssl=off" },
    { .text = "fsync=off" },
    { .text = "full_page_writes=off" },
    { .text = "synchronous_commit=off" },
    { .text = "wal_level=minimal" },
    { .text = "max_wal_senders=0" },
    { .text = "archive_mode=off" },
    { .text = "max_logical_replication_workers=0" },
    { .text = "autovacuum=off" },
    { .text = "shared_memory_type=mmap" },
    { .text = "dynamic_shared_memory_type=mmap" }, /* files in the directory */
    { .text = "restart_after_crash=off" },         /* a crash is to be seen: pg_cluster_alive() */
    { .text = "logging_collector=off" },
    { .text = "log_destination=stderr" },
    { .text = "log_line_prefix=" CLUSTER_LOG_PREFIX },
    { .text = "log_timezone=UTC" },
    { .text = "log_min_messages=error" },
    { .text = "log_min_error_statement=panic" }, /* the rows of others do not belong in a log */
    { .text = "log_error_verbosity=terse" },
    { .text = "log_checkpoints=off" },
};

static void add_settings(PgCommand *command, int major, const Setting *settings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (major < settings[i].since || (settings[i].until > 0 && major > settings[i].until))
            continue;
        strv_add(&command->argv, "-c");
        strv_add(&command->argv, settings[i].text);
    }
}

static void add_setting(PgCommand *command, const char *name, const char *value)
{
    strv_add(&command->argv, "-c");
    strv_addf(&command->argv, "%s=%s", name, value);
}

int pg_command_postgres(const PgClusterSpec *spec, const PgAccount *account, const char *data,
                        const char *socket_dir, const char *name, PgCommand *ret, Err *err)
{
    int major = spec->programs->major;

    int r = begin(spec->programs, "postgres", account, "QUIT", ret, err);
    if (r < 0)
        return r;

    strv_add(&ret->argv, "-D");
    strv_add(&ret->argv, data);
    add_settings(ret, major, defaults, ELEMENTSOF(defaults));
    for (size_t i = 0; spec->settings && i < spec->settings->count; i++) {
        strv_add(&ret->argv, "-c");
        strv_add(&ret->argv, spec->settings->items[i]);
    }
    add_settings(ret, major, fixed, ELEMENTSOF(fixed));
    add_setting(ret, "unix_socket_directories", socket_dir);
    add_setting(ret, "cluster_name", name); /* in each process's title: for the sweep */
    return 0;
}
