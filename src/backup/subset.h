#pragma once

/* A share of all backups, for checks that read everything over several runs: "2/7" is the second of
 * seven shares, "week/4" the one whose turn it is this week. Pure. A backup's share depends on
 * nothing but its stem, so that what stays long enough is read once in each round, whatever comes
 * and goes beside it. */

#include "sys/clock.h"
#include "sys/err.h"

#include <stdbool.h>
#include <stdint.h>

#define SUBSET_MAX 1000

typedef struct Subset {
    uint64_t number, total; /* 1 to total */
} Subset;

/* ERR_USAGE for anything else than N/T and week/T with 1 <= N <= T <= SUBSET_MAX. */
int subset_parse(const char *text, usec_t now, Subset *ret, Err *err);
bool subset_has(const Subset *s, const char *stem);
