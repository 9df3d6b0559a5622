#pragma once

/* What `pg-backup diff` prints on stdout: the text is for people, docs/DIFF.md describes the JSON.
 */

#include "backup/catalog.h"
#include "backup/diff.h"

/* The two backups that are compared. */
typedef struct DiffSides {
    const Series *series[2]; /* of A and B; another one where the databases are */
    const Backup *backup[2];
    bool chosen; /* nobody named A: it is the newest good backup before B */
} DiffSides;

void diff_print_text(const DiffSides *sides, const Diff *d);
void diff_print_json(const DiffSides *sides, const Diff *d);
