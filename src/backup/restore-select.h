#pragma once

/* Which entries of an archive are restored for --table: pure, of the table of contents alone.
 *
 * A pattern is one of the shell's: "orders" (in any schema) or "shop.orders", each side a pattern
 * of its own. It chooses tables, foreign tables, views, materialized views and sequences, and with
 * each all that belongs to it: rows, defaults, indexes, constraints, triggers, rules, policies,
 * statistics, comments, privileges, its sequences with their values; of a partitioned table, all
 * partitions. (pg_restore's own --table takes neither the partitions nor anything but the table and
 * its rows.)
 *
 * For a database that is new, what a chosen table needs comes along, too: schemas, types,
 * functions, extensions, and of a table that it inherits from the definition. A foreign key to a
 * table that was not chosen is left out there. */

#include "archive/archive-toc.h"
#include "sys/err.h"
#include "sys/strv.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct RestoreSelection {
    bool *chosen; /* one for each entry of the TOC */
    size_t count; /* of the entries */
    Strv notes;   /* what somebody may miss, a sentence each */
} RestoreSelection;

#define _cleanup_restore_selection_ _cleanup_(restore_selection_done)

/* ERR_NOT_FOUND for a pattern that fits nothing, with the names that stand near as hint. */
int restore_select(const ArchiveToc *toc, const Strv *patterns, bool into_new_database,
                   RestoreSelection *ret, Err *err);
void restore_selection_done(RestoreSelection *s);

/* The text of a list for pg_restore --use-list. Caller frees. */
char *restore_selection_list(const RestoreSelection *s, const ArchiveToc *toc);

/* Whether an entry makes a relation (what patterns choose); whether it is a table's rows. */
bool restore_entry_is_relation(const ArchiveTocEntry *entry);
bool restore_entry_is_rows(const ArchiveTocEntry *entry);
