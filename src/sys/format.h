#pragma once

/* Numbers as people read them. Each returns a string that the caller frees. */

#include "sys/clock.h"

#include <stdint.h>

char *format_count(uint64_t count); /* "1,204,331" */
char *format_bytes(uint64_t bytes); /* "0 B", "41.2 MiB", "1.58 GiB": binary units, three digits */
char *format_duration(usec_t span); /* "0.4 s", "12 s", "3 min 12 s", "2 h 05 min" */
char *format_age(usec_t span);      /* "12 s", "5 min", "26 h", "14 d": one unit, rounded down */
/* One line for logs, tables and terminals: control characters, DEL and bytes that are not UTF-8
 * become \xHH (\n, \t, \r by their letters), a backslash is doubled. */
char *format_oneline(const char *text);
