#pragma once

/* What a program, and all that it starts, gives up before it begins: the network, new privileges,
 * and what Landlock keeps from it.
 *
 *     landlock_new(&spec, &s.landlock)     sys/landlock.h
 *     sandbox_take_network(&s)
 *     .sandbox = &s                        of a ChildSpec
 *     sandbox_done(&s)
 */

#include "sys/landlock.h"

#include <stdbool.h>

typedef struct Sandbox {
    Landlock *landlock; /* NULL: none */
    bool no_network;
    char uid_map[32], gid_map[32]; /* we alone, in a namespace of users of our own */
} Sandbox;

/* Has the program begin in a namespace without a network, where this machine lets it: root, or a
 * user who may have a namespace of users. Sockets in the file system stay. */
void sandbox_take_network(Sandbox *s);
void sandbox_done(Sandbox *s);

/* In the child, between fork and exec: system calls alone. 0, or -errno: the program must not be
 * started then. */
int sandbox_enter(const Sandbox *s);
