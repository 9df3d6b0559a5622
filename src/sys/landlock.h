#pragma once

/* Landlock(7): a process takes from itself, and from all that it will ever start, what it may do;
 * that needs no privilege, and there is no way back.
 *
 *     landlock_new(&spec, &l)     the rules, made by the parent; NULL where the kernel has none
 *     landlock_enter(l)           in the child, between fork and exec
 *
 * Below the rules a program reads and starts anything but what lies in the hidden directory,
 * changes files below the writable ones alone (and writes to /dev/null), and neither listens nor
 * connects by TCP. Nobody who is not below the same rules can be signalled, traced, or reached
 * through an abstract socket by it.
 *
 * What no kernel keeps from it: sockets in the file system, UDP, the modes, owners and times of
 * files that its user owns, memory shared by System V's calls. */

#include <stdbool.h>

typedef struct LandlockSpec {
    const char *const *writable; /* directories, up to NULL */
    const char *hidden;          /* a directory; NULL: none */
    const char *readable;        /* although it lies in the hidden one; NULL: nothing */
    int abi;                     /* of a kernel that is as old as that, for tests; 0: what it has */
} LandlockSpec;

typedef struct Landlock Landlock;

/* *ret is NULL where there is no Landlock, or somebody keeps us from it. -errno when there is one
 * and the rules cannot be made: nothing that should be below them is to be started then. */
int landlock_new(const LandlockSpec *spec, Landlock **ret);
Landlock *landlock_free(Landlock *l);

/* Puts the calling thread below the rules; after PR_SET_NO_NEW_PRIVS. A system call, no more. */
int landlock_enter(const Landlock *l);

/* What this kernel's Landlock, being older than ours, does not keep. */
typedef struct LandlockGaps {
    bool files;    /* changing and reading them: there is no Landlock */
    bool truncate; /* making them shorter */
    bool tcp;
    bool signals; /* and abstract sockets */
} LandlockGaps;

LandlockGaps landlock_gaps(const Landlock *l);
