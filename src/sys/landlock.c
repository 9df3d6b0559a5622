#include "sys/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/fs.h"
#include "sys/mem.h"
#include "sys/strv.h"

/* Of linux/landlock.h as it is since 6.12: that of a build may be older than the kernel. */
#define FS_REFER (1ULL << 13)
#define FS_TRUNCATE (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)
#define NET_TCP (1ULL << 0 | 1ULL << 1) /* bind, connect */
#define SCOPE_SIGNAL_AND_ABSTRACT (1ULL << 0 | 1ULL << 1)
#define FS_OF_THE_FIRST (FS_REFER - 1)

/* struct landlock_ruleset_attr, as far as we know it: a kernel takes a longer one for what it knows
 * if the rest is zero. */
typedef struct Restrictions {
    uint64_t fs, net, scoped;
} Restrictions;

/* What each version of the interface can take away. */
enum { SINCE_TRUNCATE = 3, SINCE_TCP = 4, SINCE_SCOPES = 6 };
static const struct {
    int abi;
    Restrictions what;
} versions[] = {
    { 1, { .fs = FS_OF_THE_FIRST } },
    { 2, { .fs = FS_REFER } }, /* renames from one directory to another; none before */
    { SINCE_TRUNCATE, { .fs = FS_TRUNCATE } },
    { SINCE_TCP, { .net = NET_TCP } },
    { 5, { .fs = FS_IOCTL_DEV } },
    { SINCE_SCOPES, { .scoped = SCOPE_SIGNAL_AND_ABSTRACT } },
};

#define RIGHTS_READ                                                                                \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_ALL (FS_OF_THE_FIRST | FS_REFER | FS_TRUNCATE)
#define RIGHTS_OF_FILES                                                                            \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |   \
     FS_TRUNCATE)

struct Landlock {
    int fd;
    int abi;
    uint64_t handled; /* of the rights to files: no rule may give another */
};

/* Giving */

static int add_rule(const Landlock *l, int fd, uint64_t rights)
{
    struct landlock_path_beneath_attr rule = {
        .allowed_access = rights & l->handled,
        .parent_fd = fd,
    };
    return syscall(SYS_landlock_add_rule, l->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno
                                                                                           : 0;
}

/* To what has the name, and to all below it. */
static int give(const Landlock *l, int dir_fd, const char *name, uint64_t rights)
{
    _cleanup_close_ int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    int r = add_rule(l, fd, rights);
    return r == -EINVAL ? add_rule(l, fd, rights & RIGHTS_OF_FILES) : r; /* no directory */
}

/* A right to read that cannot be given stays withheld. */
static void give_all_in(const Landlock *l, int fd, const char *but)
{
    _cleanup_strv_ Strv names = { 0 };

    (void)fs_list(fd, &names);
    for (size_t i = 0; i < names.count; i++)
        if (strcmp(names.items[i], but) != 0)
            (void)give(l, fd, names.items[i], RIGHTS_READ);
}

/* A rule gives, and none takes back: all but one directory is what lies beside the way down to it.
 * Links give nothing, wherever they lead. */
static int give_all_but(const Landlock *l, const char *hidden)
{
    _cleanup_free_ char *path = realpath(hidden, NULL);
    char *rest = path, *step;
    int fd = path ? open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd < 0)
        return -errno;
    while (fd >= 0 && (step = strsep(&rest, "/"))) {
        if (!*step)
            continue;
        _cleanup_close_ int above = fd;
        give_all_in(l, above, step);
        fd = openat(above, step, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    mem_closep(&fd);
    return 0;
}

static int give_what(const Landlock *l, const LandlockSpec *spec)
{
    int r = spec->hidden ? give_all_but(l, spec->hidden) : give(l, AT_FDCWD, "/", RIGHTS_READ);
    if (spec->readable)
        (void)give(l, AT_FDCWD, spec->readable, RIGHTS_READ);
    if (r >= 0)
        r = give(l, AT_FDCWD, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE);
    for (size_t i = 0; spec->writable[i] && r >= 0; i++)
        r = give(l, AT_FDCWD, spec->writable[i], RIGHTS_ALL);
    return r;
}

/* The rules */

static int find_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi > 0 ? (int)abi : 0;
}

static Restrictions all_of(int abi)
{
    Restrictions all = { 0 };

    for (size_t i = 0; i < ELEMENTSOF(versions) && versions[i].abi <= abi; i++) {
        all.fs |= versions[i].what.fs;
        all.net |= versions[i].what.net;
        all.scoped |= versions[i].what.scoped;
    }
    return all;
}

int landlock_new(const LandlockSpec *spec, Landlock **ret)
{
    const int newest = find_abi(), abi = spec->abi > 0 && spec->abi < newest ? spec->abi : newest;
    const Restrictions all = all_of(abi);

    *ret = NULL;
    if (abi == 0)
        return 0;
    Landlock *l = mem_zero(1, sizeof(*l));
    l->abi = abi;
    l->handled = all.fs;
    l->fd = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
    int r = l->fd < 0 ? -errno : give_what(l, spec);
    if (r < 0) {
        landlock_free(l);
        return r;
    }
    *ret = l;
    return 0;
}

Landlock *landlock_free(Landlock *l)
{
    if (l)
        mem_closep(&l->fd);
    free(l);
    return NULL;
}

int landlock_enter(const Landlock *l)
{
    return syscall(SYS_landlock_restrict_self, l->fd, 0) < 0 ? -errno : 0;
}

LandlockGaps landlock_gaps(const Landlock *l)
{
    const int abi = l ? l->abi : 0;

    return (LandlockGaps){
        .files = abi == 0,
        .truncate = abi < SINCE_TRUNCATE,
        .tcp = abi < SINCE_TCP,
        .signals = abi < SINCE_SCOPES,
    };
}
