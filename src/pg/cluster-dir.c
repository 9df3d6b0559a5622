#include "pg/cluster-dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "pg/shared-memory.h"
#include "sys/fs.h"
#include "sys/mem.h"
#include "sys/process.h"
#include "sys/tree.h"

#define PREFIX "pg-backup-drill-"
#define SUFFIX_SIZE 8
#define MARKER ".pg-backup-drill"
#define MARKER_MAX 4096
#define SOCKET_DIR "socket"
#define SOCKET_PATH "/" SOCKET_DIR "/.s.PGSQL." CLUSTER_PORT
#define KILL_TIMEOUT (10 * USEC_PER_SEC)

/* Names and markers */

static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32: a byte's five bits */

static char *random_name(void)
{
    unsigned char bytes[SUFFIX_SIZE];
    char suffix[SUFFIX_SIZE + 1] = "";

    while (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
        ;
    for (size_t i = 0; i < SUFFIX_SIZE; i++)
        suffix[i] = alphabet[bytes[i] % 32];
    return mem_printf(PREFIX "%s", suffix);
}

static bool is_our_name(const char *name)
{
    size_t prefix = strlen(PREFIX);
    return strncmp(name, PREFIX, prefix) == 0 && strlen(name) == prefix + SUFFIX_SIZE &&
           strspn(name + prefix, alphabet) == SUFFIX_SIZE;
}

/* `cluster` is the inode of the directory that it belongs to: its own, or a socket's cluster. */
static char *marker_text(const char *name, ino_t inode, ino_t cluster)
{
    return mem_printf("pg-backup drill\n"
                      "A throwaway PostgreSQL server: the next drill removes this directory with "
                      "all that is in it.\n"
                      "name %s\ninode %llu\ncluster %llu\n",
                      name, (unsigned long long)inode, (unsigned long long)cluster);
}

/* A marker of another user's is none. */
static bool is_marked(int fd, const char *name, ino_t inode, ino_t cluster)
{
    _cleanup_free_ char *text = NULL, *expected = marker_text(name, inode, cluster);
    struct stat st;

    return fs_read_regular(fd, MARKER, MARKER_MAX, &text, NULL) == 0 &&
           strcmp(text, expected) == 0 && fstatat(fd, MARKER, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_uid == geteuid();
}

/* Marked directories: `cluster` 0 stands for the directory itself. */

static int open_dir(int parent_fd, const char *name, struct stat *ret_st, int *ret_fd)
{
    _cleanup_close_ int fd =
        openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, ret_st) < 0)
        return -errno;
    if (ret_st->st_uid != geteuid() && geteuid() != 0)
        return -EPERM;

    *ret_fd = TAKE_FD(fd);
    return 0;
}

/* -EPERM when it is not ours. */
static int open_marked(int parent_fd, const char *name, ino_t cluster, struct stat *ret_st,
                       int *ret_fd)
{
    _cleanup_close_ int fd = -1;

    int r = open_dir(parent_fd, name, ret_st, &fd);
    if (r < 0)
        return r;
    if (!is_marked(fd, name, ret_st->st_ino, cluster ? cluster : ret_st->st_ino))
        return -EPERM;

    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int make_marked(int parent_fd, const char *name, ino_t cluster, struct stat *ret_st,
                       int *ret_fd)
{
    _cleanup_close_ int fd = -1;

    if (mkdirat(parent_fd, name, 0700) < 0)
        return -errno;
    int r = open_dir(parent_fd, name, ret_st, &fd);
    if (r == 0) {
        _cleanup_free_ char *text =
            marker_text(name, ret_st->st_ino, cluster ? cluster : ret_st->st_ino);
        r = fs_write_durable(fd, MARKER, text, strlen(text), FS_PUBLISH_NEW);
    }
    if (r < 0) {
        (void)unlinkat(parent_fd, name, AT_REMOVEDIR);
        return r;
    }

    *ret_fd = TAKE_FD(fd);
    return 0;
}

/* Its marker goes last, so that a removal that breaks off is taken up by the next sweep. */
static int remove_marked(int parent_fd, const char *name, int fd)
{
    _cleanup_strv_ Strv names = { 0 };

    int r = fs_list(fd, &names);
    for (size_t i = 0; i < names.count; i++) {
        if (strcmp(names.items[i], MARKER) == 0)
            continue;
        int failed = tree_remove(fd, names.items[i]);
        r = r < 0 ? r : failed;
    }
    if (r < 0)
        return r;

    r = fs_remove(fd, MARKER);
    if (r < 0)
        return r;
    return unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* One whose maker was killed before it had a marker: rmdir(2) takes nothing but an empty one. */
static int remove_unborn(int parent_fd, const char *name)
{
    _cleanup_free_ char *tmp = fs_tmp_name(MARKER);
    _cleanup_strv_ Strv names = { 0 };
    _cleanup_close_ int fd = -1;
    struct stat st;

    int r = open_dir(parent_fd, name, &st, &fd);
    if (r < 0)
        return r;
    r = fs_list(fd, &names);
    if (r < 0)
        return r;
    if (names.count == 1 && strcmp(names.items[0], tmp) == 0)
        r = fs_remove(fd, tmp);
    if (r < 0)
        return r;
    return unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* Sockets elsewhere */

/* A comma would begin another host in a connection string, and another directory in the setting. */
static bool can_hold_socket(const char *path)
{
    const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
    return strlen(path) + strlen(SOCKET_PATH) <= max && !strpbrk(path, ",\"");
}

/* systemd's is a list, separated by colons. */
static char *runtime_directory(void)
{
    const char *list = getenv("RUNTIME_DIRECTORY");
    return list && list[0] == '/' ? mem_strndup(list, strcspn(list, ":")) : NULL;
}

static char *choose_socket_base(uid_t uid, const char *name)
{
    _cleanup_free_ char *base = runtime_directory();
    _cleanup_free_ char *path = mem_printf("%s/%s", base ? base : "", name);

    return base && uid == geteuid() && can_hold_socket(path) ? TAKE_PTR(base) : mem_strdup("/tmp");
}

/* The server's user may pass through a directory that root has made, and no more: the marker and
 * the names in it stay ours. */
static int let_pass(int fd, uid_t uid, gid_t gid)
{
    if (uid == geteuid())
        return 0;
    return fchown(fd, (uid_t)-1, gid) < 0 || fchmod(fd, 0710) < 0 ? -errno : 0;
}

/* One in a marked directory that is the server's user's own. */
static int make_within(int fd, const char *name, uid_t uid, gid_t gid, int *ret_fd)
{
    _cleanup_close_ int within = -1;

    if (mkdirat(fd, name, 0700) < 0)
        return -errno;
    within = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (within < 0 || (uid != geteuid() && fchown(within, uid, gid) < 0))
        return -errno;
    *ret_fd = TAKE_FD(within);
    return 0;
}

static int make_socket_dir(ClusterDir *dir, uid_t uid, gid_t gid)
{
    _cleanup_free_ char *base = choose_socket_base(uid, dir->name);
    _cleanup_close_ int base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1,
                        socket_fd = -1;
    struct stat st;

    free(dir->socket_path);
    dir->socket_path = mem_printf("%s/%s/" SOCKET_DIR, base, dir->name);
    if (base_fd < 0)
        return -errno;
    int r = make_marked(base_fd, dir->name, dir->inode, &st, &fd);
    if (r < 0)
        return r;
    r = make_within(fd, SOCKET_DIR, uid, gid, &socket_fd);
    return r < 0 ? r : let_pass(fd, uid, gid);
}

/* There mostly is none. */
static int remove_socket_dir(const char *base, const ClusterDir *dir)
{
    _cleanup_close_ int base_fd = base ? open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    _cleanup_close_ int fd = -1;
    struct stat st;

    if (base_fd < 0)
        return 0;
    int r = open_marked(base_fd, dir->name, dir->inode, &st, &fd);
    if (r == -EPERM)
        (void)remove_unborn(base_fd, dir->name);
    /* The cluster itself, where that is in /tmp. */
    if (r < 0 || (st.st_ino == dir->inode && st.st_dev == dir->device))
        return 0;
    return remove_marked(base_fd, dir->name, fd);
}

/* Wherever it may be. */
static int remove_socket_dirs(const ClusterDir *dir)
{
    _cleanup_free_ char *base = runtime_directory();
    int r = remove_socket_dir(base, dir);
    int failed = remove_socket_dir("/tmp", dir);
    return r < 0 ? r : failed;
}

/* Making */

static int open_parent(const char *parent, ClusterDir *dir)
{
    dir->path = realpath(parent, NULL);
    if (!dir->path)
        return -errno;
    dir->parent_fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir->parent_fd < 0 ? -errno : 0;
}

static void name_it(ClusterDir *dir, const char *parent, const char *name)
{
    char *path = mem_printf("%s/%s", strcmp(parent, "/") == 0 ? "" : parent, name);

    free(dir->path);
    dir->path = path;
    dir->name = mem_strdup(name);
    dir->data_path = mem_printf("%s/data", path);
    dir->socket_path = mem_printf("%s/" SOCKET_DIR, path);
}

static int fill(ClusterDir *dir, uid_t uid, gid_t gid)
{
    _cleanup_close_ int socket_fd = -1;

    int r = make_within(dir->fd, "data", uid, gid, &dir->data_fd);
    if (r < 0)
        return r;
    dir->owner = uid;
    dir->log_fd = openat(dir->fd, "log", O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (dir->log_fd < 0)
        return -errno;

    r = can_hold_socket(dir->path) ? make_within(dir->fd, SOCKET_DIR, uid, gid, &socket_fd)
                                   : make_socket_dir(dir, uid, gid);
    return r < 0 ? r : let_pass(dir->fd, uid, gid);
}

int cluster_dir_make(const char *parent, uid_t uid, gid_t gid, ClusterDir *ret, Err *err)
{
    _cleanup_(cluster_dir_done) ClusterDir dir = CLUSTER_DIR_INIT;
    _cleanup_free_ char *name = random_name(), *top = NULL;
    struct stat st;

    int r = open_parent(parent, &dir);
    if (r < 0)
        return err_set_errno(err, -r, "could not open the directory \"%s\"", parent);
    top = mem_strdup(dir.path);
    name_it(&dir, top, name);

    r = make_marked(dir.parent_fd, name, /* cluster= */ 0, &st, &dir.fd);
    if (r < 0)
        return err_set_errno(err, -r, "could not make the directory \"%s\"", dir.path);
    dir.owner = st.st_uid;
    dir.inode = st.st_ino;
    dir.device = st.st_dev;

    r = fill(&dir, uid, gid);
    if (r < 0) {
        err_set_errno(err, -r, "could not fill the directory \"%s\"", dir.path);
        (void)cluster_dir_destroy(&dir, /* problems= */ NULL);
        return r;
    }
    *ret = dir;
    dir = CLUSTER_DIR_INIT;
    return 0;
}

/* Destroying */

static int say_left(const ClusterDir *dir, int r, const char *what, Strv *problems)
{
    if (r < 0 && problems)
        strv_addf(problems, "could not %s \"%s\": %s", what, dir->path, strerror(-r));
    return r;
}

int cluster_dir_destroy(ClusterDir *dir, Strv *problems)
{
    static const char *const programs[] = { "postgres", "initdb", NULL };
    const ProcessFilter servers = {
        .uid = dir->owner,
        .programs = programs,
        .dir = dir->path,
        .word = dir->name,
    };

    int r = process_kill(&servers, KILL_TIMEOUT);
    if (r < 0)
        return say_left(dir, r, "end the server in", problems);
    r = dir->data_fd >= 0 ? pg_shared_memory_remove(dir->data_fd) : 0;
    if (r < 0)
        return say_left(dir, r, "free the shared memory of", problems);
    r = remove_socket_dirs(dir);
    if (r < 0)
        return say_left(dir, r, "remove the socket of", problems);
    r = remove_marked(dir->parent_fd, dir->name, dir->fd);
    return say_left(dir, r, "remove", problems);
}

void cluster_dir_done(ClusterDir *dir)
{
    free(dir->path);
    free(dir->name);
    free(dir->data_path);
    free(dir->socket_path);
    mem_closep(&dir->parent_fd);
    mem_closep(&dir->fd);
    mem_closep(&dir->data_fd);
    mem_closep(&dir->log_fd);
    *dir = CLUSTER_DIR_INIT;
}

/* Sweeping */

/* 1 when it is gone. */
static int sweep_one(const char *parent, int parent_fd, const char *name, Strv *problems)
{
    _cleanup_(cluster_dir_done) ClusterDir dir = CLUSTER_DIR_INIT;
    struct stat st;

    name_it(&dir, parent, name);
    dir.parent_fd = fcntl(parent_fd, F_DUPFD_CLOEXEC, 0);
    int r = open_marked(parent_fd, name, /* cluster= */ 0, &st, &dir.fd);
    if (r == -ENOTDIR || r == -ELOOP || r == -ENOENT)
        return 0;
    if (r < 0) {
        if (remove_unborn(parent_fd, name) == 0)
            return 1;
        strv_addf(problems,
                  "left alone \"%s\": it has the name of a drill's directory, but not "
                  "the marker (look into it, and remove it yourself)",
                  dir.path);
        return 0;
    }

    dir.owner = st.st_uid;
    dir.inode = st.st_ino;
    dir.device = st.st_dev;
    dir.data_fd = openat(dir.fd, "data", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir.data_fd >= 0 && fstat(dir.data_fd, &st) == 0)
        dir.owner = st.st_uid;
    return cluster_dir_destroy(&dir, problems) == 0;
}

int cluster_dir_sweep(const char *parent, Strv *removed, Strv *problems, Err *err)
{
    _cleanup_(cluster_dir_done) ClusterDir top = CLUSTER_DIR_INIT;
    _cleanup_strv_ Strv names = { 0 };

    int r = open_parent(parent, &top);
    if (r == -ENOENT)
        return 0;
    if (r == 0)
        r = fs_list(top.parent_fd, &names);
    if (r < 0)
        return err_set_errno(err, -r, "could not list the directory \"%s\"", parent);

    for (size_t i = 0; i < names.count; i++)
        if (is_our_name(names.items[i]) &&
            sweep_one(top.path, top.parent_fd, names.items[i], problems) > 0)
            strv_addf(removed, "%s/%s", top.path, names.items[i]);
    return 0;
}
