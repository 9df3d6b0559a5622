#include "cmd/access.h"

/* What the questions to its catalogue need: publications, partitioned tables. */
#define OLDEST_SERVER 10

static PgTarget target_of(const Settings *settings)
{
    return (PgTarget){
        .host = settings->pg_host,
        .port = settings->pg_port,
        .user = settings->pg_user,
        .password = settings->pg_password,
        .sslmode = settings->pg_sslmode,
        .sslrootcert = settings->pg_sslrootcert,
        .service = settings->pg_service,
        .maintenance_database = settings->pg_maintenance_database,
        .answer_timeout = settings->stall_timeout_seconds * USEC_PER_SEC,
    };
}

/* Where to connect first is a matter of settings, unlike a database that is to be backed up. */
static void name_the_setting(Err *err)
{
    if (err->kind != ERR_NO_DATABASE)
        return;
    err->kind = ERR_SETTINGS;
    err_prefix(err, "PG_MAINTENANCE_DATABASE");
}

int access_open(const Settings *settings, Access *ret, Err *err)
{
    ret->target = target_of(settings);
    int r = pg_connect(&ret->target, ret->target.maintenance_database, &ret->session, err);
    if (r < 0) {
        name_the_setting(err);
        return r;
    }
    r = pg_server_info(ret->session, &ret->server, err);
    if (r < 0)
        return r;

    if (ret->server.major < OLDEST_SERVER) {
        r = err_set(err, ERR_SETTINGS,
                    "the server is PostgreSQL %s, and only %d and newer are backed up",
                    ret->server.version, OLDEST_SERVER);
        err_hint(err, "Upgrade it: no release before %d gets fixes any more.", OLDEST_SERVER);
        return r;
    }

    /* A name may stand for several servers: all that follows goes to this one. */
    ret->target.host = ret->server.host;
    ret->target.hostaddr = ret->server.hostaddr;
    ret->target.port = ret->server.port;
    return pg_client_find(settings->pg_bindir, ret->server.major, &ret->client, err);
}

void access_done(Access *a)
{
    pg_disconnect(a->session);
    pg_server_info_done(&a->server);
    pg_client_done(&a->client);
    *a = (Access){ 0 };
}
