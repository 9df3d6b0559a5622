#include "cmd/moment.h"

#include <poll.h>

#include "sys/cancel.h"

static bool is_taken(const Catalog *catalog, usec_t when)
{
    for (size_t i = 0; i < catalog->count; i++)
        for (size_t j = 0; j < catalog->series[i].count; j++)
            if (catalog->series[i].backups[j].when == when)
                return true;
    return false;
}

int moment_choose(const Catalog *catalog, usec_t *ret, Err *err)
{
    for (;;) {
        usec_t when = clock_now() / USEC_PER_SEC * USEC_PER_SEC;
        if (!is_taken(catalog, when)) {
            *ret = when;
            return 0;
        }
        if (cancel_requested())
            return cancel_error(err);
        (void)poll(NULL, 0, 50);
    }
}
