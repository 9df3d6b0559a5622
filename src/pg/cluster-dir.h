#pragma once

/* The directory of a throwaway server: how it is told from everything else, and how it goes.
 *
 *     PARENT/pg-backup-drill-XXXXXXXX/    ours; 0700, or 0710 where another user runs the server
 *         .pg-backup-drill                the marker: written before anything else, removed last
 *         log                             ours
 *         data/  socket/                  0700, of the user that runs the server
 *
 * The marker names the directory and its inode: a copy, a renamed directory and what somebody else
 * has put beside it are left alone. A socket's path holds 107 bytes; below a parent that is longer,
 * the socket lies in a marked directory of the same name in $RUNTIME_DIRECTORY or /tmp. */

#include "sys/err.h"
#include "sys/strv.h"

#include <sys/types.h>

#define CLUSTER_PORT "5432" /* only names the socket */

typedef struct ClusterDir {
    char *path; /* without symbolic links */
    char *name;
    char *data_path;
    char *socket_path; /* the directory of the socket */
    uid_t owner;       /* who runs the server */
    ino_t inode;
    dev_t device;
    int parent_fd;
    int fd;
    int data_fd; /* -1: there is none (yet) */
    int log_fd;  /* likewise */
} ClusterDir;

#define CLUSTER_DIR_INIT ((ClusterDir){ .parent_fd = -1, .fd = -1, .data_fd = -1, .log_fd = -1 })

/* Makes it below `parent` for the user that is to run the server (root may choose another than
 * itself), with an empty data directory and log. */
int cluster_dir_make(const char *parent, uid_t uid, gid_t gid, ClusterDir *ret, Err *err);

/* Kills whatever of the server's user works in it, frees their shared memory and removes all of it.
 * -errno, and a sentence in `problems` (may be NULL), when something is left. */
int cluster_dir_destroy(ClusterDir *dir, Strv *problems);

/* Closes and frees, removes nothing. */
void cluster_dir_done(ClusterDir *dir);

/* Destroys all that there are in `parent`: adds their paths to `removed`, what is left, and what
 * has our name but not our marker, to `problems`. A parent that does not exist has none. */
int cluster_dir_sweep(const char *parent, Strv *removed, Strv *problems, Err *err);
