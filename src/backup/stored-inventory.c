#include "backup/stored-inventory.h"

#include <stdlib.h>
#include <string.h>

#include "stream/sink-fd.h"
#include "stream/stage-tap.h"
#include "sys/mem.h"

static int write_to_pipeline(void *userdata, const void *data, size_t size, Err *err)
{
    return pipeline_write(userdata, data, size, err);
}

int stored_inventory_write(const Inventory *i, Stage *sink, char **ret_sha256, Err *err)
{
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    const Stage *tap = pipeline_add(p, stage_tap_new());

    pipeline_add(p, sink);
    int r = inventory_write(i, write_to_pipeline, p, err);
    if (r >= 0)
        r = pipeline_finish(p, err);
    if (r < 0)
        return r;

    *ret_sha256 = mem_strdup(stage_tap_sha256(tap));
    return 0;
}

int stored_inventory_is(const Manifest *m, const Inventory *i, bool *ret, Err *err)
{
    _cleanup_free_ char *sha256 = NULL;

    int r = stored_inventory_write(i, sink_null_new(), &sha256, err);
    if (r < 0)
        return r;
    *ret = m->inventory_sha256 && strcmp(sha256, m->inventory_sha256) == 0;
    return 0;
}
