#pragma once

/* Directories with all that is below them. No symbolic link is followed, and no other file system
 * is entered: what hangs in a tree without being part of it is neither removed nor counted. */

#include <stdint.h>

/* Removes `name` and all below it, however deep, and what its owner may not even list; a missing
 * one is fine. Goes on after a failure with what can be removed, and returns one: -EXDEV where
 * something is mounted. */
int tree_remove(int parent_fd, const char *name);

/* What the files below a directory occupy, as du(1) counts it. What cannot be read, or vanishes
 * while we look, counts nothing; nor does what lies deeper than anything of PostgreSQL. */
uint64_t tree_bytes(int dir_fd);
