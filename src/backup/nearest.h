#pragma once

/* The names near one that is not there, for the hint of who has mistyped it. */

#include "sys/strv.h"

/* The two on either side of where it would stand in a sorted list: '"appdb", "billing"', "" of an
 * empty one. Caller frees. */
char *nearest_names(const Strv *sorted, const char *name);
