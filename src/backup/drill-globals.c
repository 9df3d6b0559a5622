#include <stdlib.h>
#include <string.h>

#include "backup/drill-step.h"
#include "backup/globals.h"
#include "sys/mem.h"

/* The superuser of the throwaway server has a name that no backup knows. */
int drill_restore_globals(Drill *d, PgSession *session, Err *err)
{
    const Series *s;
    const Backup *globals = globals_choose(d->ctx->catalog, d->backup->when, &s);
    const GlobalsTarget target = { .session = session, .in_place_tablespaces = true };

    if (!globals) {
        strv_add(&d->proof->notes, "there are no globals to restore first");
        return 0;
    }
    if (globals->when != d->backup->when)
        strv_addf(&d->proof->notes, "the globals of its own run are gone: those of %s were taken",
                  globals->stem);

    int r = globals_restore(d->ctx->catalog, s, globals, &target, &d->proof->notes, err);
    if (r < 0)
        return err && err->kind == ERR_DAMAGED ? 1 : r;
    d->proof->globals = mem_strdup(globals->stem);
    return 0;
}
