#pragma once

/* What changed between two backups, A and B, from their inventories alone. Pure: two manifests say
 * what can be compared, two inventories what differs; nothing is read here.
 *
 *     DiffBasis basis = diff_basis(&manifest_a, &manifest_b);
 *     Diff d = {0};
 *     diff_make(&a, &b, &basis, &d);     borrows from both inventories
 *     diff_done(&d); diff_basis_done(&basis);
 *
 * Equal digests are equal contents, whatever was set. Digests that differ are other contents only
 * where the same contents would have been written alike: else the verdict is DIFF_UNDECIDED, which
 * is neither a difference nor a pass. */

#include "archive/inventory.h"
#include "backup/manifest.h"

/* Of tables that changed as much as each other, the graver first. */
typedef enum DiffVerdict {
    DIFF_VANISHED,
    DIFF_APPEARED,
    DIFF_SHRANK, /* fewer rows, a lower value */
    DIFF_GREW,
    DIFF_CHANGED,   /* as many, and others */
    DIFF_UNDECIDED, /* as many, and nobody can tell whether they are others */
    _DIFF_VERDICT_MAX,
} DiffVerdict;

const char *diff_verdict_name(DiffVerdict verdict);

/* Why digests that differ prove nothing, for people; NULL: they do. Where the manifests do not say
 * what was set, that counts as set to nothing. */
typedef struct DiffBasis {
    char *contents;    /* 'bytea_output is "hex" in A and "escape" in B' */
    char *definitions; /* likewise; they are not compared at all then */
} DiffBasis;

DiffBasis diff_basis(const Manifest *a, const Manifest *b);
void diff_basis_done(DiffBasis *b);
#define _cleanup_diff_basis_ _cleanup_(diff_basis_done)

typedef struct DiffChange {
    DiffVerdict verdict;
    InventoryDifference what; /* of A [0] and B [1] */
} DiffChange;

typedef struct DiffList {
    DiffChange *items;
    size_t count, capacity;
} DiffList;

typedef struct Diff {
    const Inventory *a, *b;
    const DiffBasis *basis;
    DiffList tables;        /* by the weight of the change: rows, then bytes; undecided ones last */
    DiffList sequences;     /* by name */
    DiffList large_objects; /* one change at most */
    DiffList definitions;   /* by type and name */
    size_t table_count;     /* of all that are in A or in B */
    size_t undecided;       /* of `tables` */
} Diff;

void diff_make(const Inventory *a, const Inventory *b, const DiffBasis *basis, Diff *ret);
void diff_done(Diff *d);
#define _cleanup_diff_ _cleanup_(diff_done)

/* All that differs: what is undecided does not count. */
size_t diff_count(const Diff *d);
/* Whether something could not be compared, so that even no differences prove nothing of it. */
bool diff_is_partial(const Diff *d);

/* As the change is told of: 0 rows and 0 bytes where the table is not. */
uint64_t diff_rows(const DiffChange *c, int side);
uint64_t diff_bytes(const DiffChange *c, int side);
