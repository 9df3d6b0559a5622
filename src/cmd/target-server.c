#include "cmd/target-server.h"

#include <string.h>

#include "pg/client.h"
#include "sys/mem.h"

int target_server_load(const char *server, Settings *ret, Err *err)
{
    bool path = strchr(server, '/') != NULL;
    _cleanup_free_ char *file =
        path ? mem_strdup(server) : mem_printf("/etc/pg-backup/%s.conf", server);

    if (server[0] == '\0' || (!path && server[0] == '.'))
        return err_set(err, ERR_USAGE, "--into takes the name of an instance, or a path");
    pg_forget_environment();
    return settings_load(&(SettingsSource){ .instance = "target", .file = file }, ret, err);
}
