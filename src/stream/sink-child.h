#pragma once

/* Feeds a child's stdin. finish closes it and waits for exit status 0; a child that ends early
 * fails the write with what it said. */

#include "stream/stage.h"
#include "sys/child.h"

/* Borrows the child, which was spawned with CHILD_STDIN. */
Stage *sink_child_new(Child *child);
