#include "backup/subset.h"

#include <errno.h>
#include <string.h>

#include "archive/digest.h"
#include "sys/mem.h"
#include "sys/text.h"

#define USEC_PER_WEEK (7 * 24 * 3600 * USEC_PER_SEC)

/* A number of digits alone, from 1 to `max`; 0 for anything else. */
static uint64_t parse_number(const char *text, size_t size, uint64_t max)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || value > max)
            return 0;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    return value <= max ? value : 0;
}

int subset_parse(const char *text, usec_t now, Subset *ret, Err *err)
{
    const char *slash = strchr(text, '/');
    uint64_t total = slash ? parse_number(slash + 1, strlen(slash + 1), SUBSET_MAX) : 0;
    uint64_t number = 0;

    if (total > 0 && text_starts_with(text, "week/"))
        number = now / USEC_PER_WEEK % total + 1;
    else if (total > 0)
        number = parse_number(text, (size_t)(slash - text), total);
    if (number == 0) {
        err_set(err, ERR_USAGE, "\"%s\" is no subset", text);
        err_hint(err,
                 "Write N/T, the Nth of T shares, with N from 1 to T and T up to %d, or week/T.",
                 SUBSET_MAX);
        return -EINVAL;
    }

    *ret = (Subset){ number, total };
    return 0;
}

bool subset_has(const Subset *s, const char *stem)
{
    Digest d = { 0 };

    digest_add(&d, stem, strlen(stem));
    return d.low % s->total + 1 == s->number;
}
