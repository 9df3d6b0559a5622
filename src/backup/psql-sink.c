#include "backup/psql-sink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <sys/random.h>

#include "stream/sink-child.h"
#include "stream/stage-frame.h"
#include "stream/stage-guard.h"
#include "sys/mem.h"

int psql_sink_new(Child *psql, const PgClient *client, bool one_transaction, Stage **ret, Err *err)
{
    _cleanup_free_ char *restrict_line = mem_strdup(""), *head = NULL;
    uint64_t key[2];

    if (getrandom(key, sizeof(key), 0) != sizeof(key))
        return err_set_errno(err, errno, "could not get random bytes");
    if (pg_client_knows_restrict(client)) {
        free(restrict_line);
        restrict_line = mem_printf("\\restrict %016" PRIx64 "%016" PRIx64 "\n", key[0], key[1]);
    }
    head = mem_printf("%s%s", restrict_line, one_transaction ? PG_TRANSACTION_BEGIN : "");

    Stage *frame = stage_frame_new(head, one_transaction ? PG_TRANSACTION_END : "");
    *ret = stage_join(stage_guard_new(), stage_join(frame, sink_child_new(psql)));
    return 0;
}
