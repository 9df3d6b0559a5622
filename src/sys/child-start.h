#pragma once

/* How a child begins: by posix_spawn; into a sandbox by fork, since that is entered between fork
 * and exec. What child.h makes of it is for everybody else. */

#include "sys/child.h"

#include <spawn.h>
#include <sys/types.h>

/* With the child's end of each pipe. 0 or -errno, also that of the exec. */
int child_start(const ChildSpec *spec, int io_end, int stderr_end, pid_t *ret);

/* For who spawns by itself: a process group of its own, and signals as a program expects them. */
int child_set_attributes(posix_spawnattr_t *attr);
