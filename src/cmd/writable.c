#include "cmd/writable.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/mem.h"

/* A directory that is mounted into a container belongs to a user of the host, whose number is all
 * that both sides know. */
static void name_the_owners(const char *path, const char *setting, Err *err)
{
    struct stat st;
    unsigned uid = geteuid(), gid = getegid();

    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid == uid)
        err_hint(err,
                 "The user that runs pg-backup (uid %u) must own what %s names, and be able "
                 "to write to it.",
                 uid, setting);
    else
        err_hint(err,
                 "It belongs to uid %u, and pg-backup runs as uid %u, which must own what %s "
                 "names: \"chown -R %u:%u\" it (for a container, the directory on the host that is "
                 "mounted there).",
                 (unsigned)st.st_uid, uid, setting, uid, gid);
}

int writable_check(const char *path, const char *setting, Err *err)
{
    _cleanup_free_ char *inside = mem_printf("%s/.", path); /* ENOTDIR for a file */

    if (faccessat(AT_FDCWD, inside, R_OK | W_OK | X_OK, AT_EACCESS) == 0)
        return 0;
    int r =
        err_set(err, ERR_SETTINGS, "%s \"%s\" is not writable: %s", setting, path, strerror(errno));
    name_the_owners(path, setting, err);
    return r;
}
