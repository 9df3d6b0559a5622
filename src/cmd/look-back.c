#include "cmd/look-back.h"

#include "backup/report.h"
#include "sys/log.h"
#include "sys/mem.h"
#include "sys/timer.h"

static int find_missed_slots(const char *state_dir, MissedSlots *ret, Err *err)
{
    usec_t last;

    int r = report_load_started(state_dir, &last, err);
    return r < 0 || last == 0 ? r : timer_missed_slots(last, ret, err);
}

/* A timer skips in silence what it could not start in its time: here it is said. That it cannot be
 * told is nothing to fail for. */
uint64_t look_back(const Settings *settings)
{
    _cleanup_err_ Err err = { 0 };
    char first[CLOCK_RFC3339_SIZE];
    MissedSlots missed = { 0 };

    if (find_missed_slots(settings->state_dir, &missed, &err) < 0)
        log_info("could not tell whether runs were missed: %s", err.message);
    if (missed.count == 0)
        return 0;

    clock_format_rfc3339(missed.first, first);
    log_event(LOG_LEVEL_WARNING, LOG_EVENT_SLOTS_MISSED,
              "no run began at %llu scheduled moment%s since the last run, first at %s",
              (unsigned long long)missed.count, missed.count == 1 ? "" : "s", first);
    return missed.count;
}
