#include "cmd/prove-copy.h"

#include <stdio.h>
#include <stdlib.h>

#include "backup/fixed-point.h"
#include "sys/format.h"
#include "sys/mem.h"
#include "sys/progress.h"
#include "sys/strv.h"

#define DIFFERENCES_SHOWN 10

typedef struct Differences {
    Strv shown;
    size_t count;
} Differences;

static void differences_done(Differences *d)
{
    strv_done(&d->shown);
}

static void note_difference(void *userdata, const char *difference)
{
    Differences *d = userdata;

    if (d->count++ < DIFFERENCES_SHOWN)
        strv_take(&d->shown, format_oneline(difference));
}

static void print_differences(const Differences *d)
{
    for (size_t i = 0; i < d->shown.count; i++)
        printf("differs: %s\n", d->shown.items[i]);
    if (d->count > d->shown.count)
        printf("and %zu more\n", d->count - d->shown.count);
}

static void print_proven(const Manifest *m)
{
    printf("proven: %llu table%s, %llu row%s equal\n", (unsigned long long)m->tables,
           m->tables == 1 ? "" : "s", (unsigned long long)m->rows, m->rows == 1 ? "" : "s");
}

int prove_copy(const RestoreSource *source, const RestoreTarget *target, int server_major,
               usec_t stall_timeout, Err *err)
{
    _cleanup_(differences_done) Differences differences = { 0 };
    _cleanup_strv_ Strv notes = { 0 };
    _cleanup_free_ char *phase = mem_printf("dumping the copy of %s", source->backup->stem);
    const FixedPoint f = {
        .catalog = source->catalog,
        .series = source->series,
        .backup = source->backup,
        .client = target->client,
        .server = target->server,
        .server_major = server_major,
        .database = target->database,
        .stall_timeout = stall_timeout,
        .notes = &notes,
    };

    progress_phase(phase, source->backup->manifest.raw_bytes);
    int r = fixed_point_compare(&f, note_difference, &differences, err);
    progress_done();
    for (size_t i = 0; i < notes.count; i++)
        printf("note: %s\n", notes.items[i]);
    if (r == 0) {
        print_proven(&source->backup->manifest);
        return 0;
    }
    print_differences(&differences);
    if (r > 0 || err->kind != ERR_CANCELLED)
        err->kind = r > 0 ? ERR_NOT_PROVEN : ERR_COULD_NOT_VERIFY;
    if (r > 0)
        err_hint(err,
                 "Look at what differs before you rely on it; where nobody has been at work in "
                 "it, try an older backup.");
    err_prefix(err, "\"%s\" is restored, but not proven", target->database);
    return -1;
}
