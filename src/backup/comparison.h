#pragma once

/* The inventory that was taken while a backup was made, and one that was taken now: in how many
 * places they differ, and where first.
 *
 *     Comparison c = {0};
 *     … fill c.then and c.now, both sorted, and what is to be overlooked
 *     comparison_make(&c);
 *     if (c.count > 0) comparison_error(&c, "the copy differs from the original", err);
 *     comparison_done(&c); */

#include "archive/inventory.h"
#include "sys/err.h"
#include "sys/strv.h"

#include <stdbool.h>
#include <stddef.h>

/* Has each difference in words, "table public.orders: 100 rows became 99". */
typedef void (*ComparisonTell)(void *userdata, const char *difference);

typedef struct Comparison {
    Inventory then, now; /* owned */
    bool no_unlogged;    /* overlooked: tables without rows that `now` alone has */
    /* Owned; the same with rows and columns in the order of the columns' names, and definitions in
     * their loose wording (archive/wording.h), or empty. Overlooked is what does not differ so. */
    Inventory then_by_name, now_by_name;
    Strv *notes;         /* has what was overlooked by these; or NULL */
    ComparisonTell tell; /* or NULL */
    void *userdata;      /* of `tell` */
    size_t count;        /* of differences */
    char *first;         /* of them, in words; NULL: there is none */
} Comparison;

/* Whether there is a difference that both inventories by name might explain. A dump cannot say in
 * which order the columns of a table stand that inherits: in a copy, first those of its parents.
 * And PostgreSQL words some definitions of a copy otherwise. */
bool comparison_needs_names(const Comparison *c);
void comparison_make(Comparison *c);
/* ERR_DAMAGED: "WHAT in 2 places: the first of them". Always negative. */
int comparison_error(const Comparison *c, const char *what, Err *err);
void comparison_done(Comparison *c);
#define _cleanup_comparison_ _cleanup_(comparison_done)
