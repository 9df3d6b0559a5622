#include <stdlib.h>
#include <string.h>

#include "backup/drill-step.h"
#include "backup/globals.h"
#include "pg/copy.h"
#include "sys/mem.h"

/* 1 when they were restored; 0 when they are of no use, which says nothing about the database's
 * backup: removed meanwhile, or damaged and of another run. */
static int try_globals(Drill *d, const GlobalsTarget *target, const Series *s, const Backup *b,
                       Err *err)
{
    Strv *notes = &d->proof->notes;
    _cleanup_err_ Err reason = { 0 };

    int r = globals_restore(d->ctx->catalog, s, b, target, notes, &reason);
    if (r >= 0)
        return 1;
    if (reason.kind == ERR_NOT_FOUND ||
        (reason.kind == ERR_DAMAGED && b->when != d->backup->when)) {
        strv_addf(notes, "globals: %s", reason.message);
        return 0;
    }
    err_move(err, &reason);
    return r;
}

/* A server that cannot refuses them, as places that are no absolute path. */
static int map_tablespaces(Drill *d, PgSession *session, Err *err)
{
    int r = pg_copy_allow_in_place_tablespaces(session, err);

    d->maps_tablespaces = r == 0;
    return r < 0 ? r : 0;
}

/* The superuser of the throwaway server has a name that no backup knows. */
int drill_restore_globals(Drill *d, PgSession *session, Err *err)
{
    const Series *s = catalog_series(d->ctx->catalog, /* database= */ NULL);
    const GlobalsTarget target = { .session = session, .in_place_tablespaces = true };
    const Backup *globals = NULL;

    int r = map_tablespaces(d, session, err);
    while (r == 0 && (globals = globals_next(s, d->backup->when, globals)))
        r = try_globals(d, &target, s, globals, err);
    if (r < 0)
        return err && err->kind == ERR_DAMAGED ? 1 : r;
    if (!globals) {
        strv_add(&d->proof->notes, "there are no globals to restore first");
        return 0;
    }
    if (globals->when != d->backup->when)
        strv_addf(&d->proof->notes, "the globals of its own run are gone: those of %s were taken",
                  globals->stem);
    d->proof->globals = mem_strdup(globals->stem);
    return 0;
}
