#pragma once

/* The steps that restores share, for restore.c and restore-file.c alone. */

#include "archive/archive-toc.h"
#include "archive/inventory.h"
#include "backup/restore-select.h"
#include "backup/restore.h"
#include "stream/stage.h"
#include "sys/err.h"

/* The passes over the stored file, each with its own rate and end. */
void restore_begin_pass(const RestoreSource *source, const char *what);
int restore_check_digest(const RestoreSource *source, Err *err);
/* The same in one pass with a search of SQL text, for what is given to psql. */
int restore_check_contents(const RestoreSource *source, Err *err);
/* Takes the sink over. */
int restore_stream_into(const RestoreSource *source, Stage *sink, Err *err);

/* What of the backup is restored, by its own table of contents. */
typedef struct RestoreScope {
    ArchiveToc toc;             /* empty unless a choice was made of it */
    RestoreSelection selection; /* of tables; `chosen` NULL: all */
    Inventory inventory;        /* for rows alone, which sequences' values come with */
} RestoreScope;

void restore_scope_done(RestoreScope *scope);

/* What the options ask for, as far as this backup can be restored so: ERR_USAGE, ERR_NOT_FOUND. */
int restore_scope_load(const RestoreSource *source, const RestoreTarget *target, bool exists,
                       RestoreScope *ret, Err *err);
/* ERR_REFUSED when something in the existing database is in the way. */
int restore_scope_check(const RestoreScope *scope, const RestoreTarget *target, Err *err);
