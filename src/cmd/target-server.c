#include "cmd/target-server.h"

#include <errno.h>
#include <string.h>

#include "pg/client.h"
#include "sys/mem.h"

/* libpq would go to the server of this machine, mostly the one that is backed up. */
static int refuse_nowhere(const char *file, Err *err)
{
    err_set(err, ERR_SETTINGS, "\"%s\" does not say where the server is", file);
    err_hint(err, "Set PG_HOST in it: a host, or the directory of a local server's socket.");
    return -EINVAL;
}

int target_server_load(const char *server, Settings *ret, Err *err)
{
    bool path = strchr(server, '/') != NULL;
    _cleanup_free_ char *file =
        path ? mem_strdup(server) : mem_printf("/etc/pg-backup/%s.conf", server);

    if (server[0] == '\0' || (!path && server[0] == '.'))
        return err_set(err, ERR_USAGE, "--into takes the name of an instance, or a path");
    pg_forget_environment();
    int r = settings_load(&(SettingsSource){ .instance = "target", .file = file }, ret, err);
    if (r >= 0 && !ret->pg_host && !ret->pg_service)
        return refuse_nowhere(file, err);
    return r;
}
