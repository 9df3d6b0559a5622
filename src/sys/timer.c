#include "sys/timer.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "sys/child.h"
#include "sys/mem.h"
#include "sys/strv.h"

#define MANAGER "org.freedesktop.systemd1"
#define ANALYZE "/usr/bin/systemd-analyze"
#define ANALYZE_TIMEOUT (10 * USEC_PER_SEC)
#define ANALYZE_OUTPUT_MAX ((size_t)4 << 20)

/* What is asked of the timer. */
typedef struct Schedule {
    Strv calendars; /* its OnCalendar= */
    uint64_t random_delay, accuracy;
} Schedule;

static void schedule_done(Schedule *s)
{
    strv_done(&s->calendars);
}

static void bus_unref(sd_bus **bus)
{
    sd_bus_flush_close_unref(*bus);
}

static void message_unref(sd_bus_message **message)
{
    sd_bus_message_unref(*message);
}

/* An array of (base, specification, next moment). */
static int read_calendars(sd_bus_message *message, Strv *ret)
{
    const char *base, *calendar;
    uint64_t next;

    int r = sd_bus_message_enter_container(message, 'a', "(sst)");
    while (r >= 0 && (r = sd_bus_message_read(message, "(sst)", &base, &calendar, &next)) > 0)
        strv_add(ret, calendar);
    return r;
}

static int ask_systemd(const char *timer, Schedule *ret)
{
    static const char interface[] = MANAGER ".Timer";
    _cleanup_(bus_unref) sd_bus *bus = NULL;
    _cleanup_(message_unref) sd_bus_message *calendars = NULL;
    _cleanup_free_ char *path = NULL;

    int r = sd_bus_open_system(&bus);
    if (r >= 0)
        r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", timer, &path);
    if (r >= 0)
        r = sd_bus_get_property(bus, MANAGER, path, interface, "TimersCalendar", NULL, &calendars,
                                "a(sst)");
    if (r >= 0)
        r = read_calendars(calendars, &ret->calendars);
    if (r >= 0)
        r = sd_bus_get_property_trivial(bus, MANAGER, path, interface, "RandomizedDelayUSec", NULL,
                                        't', &ret->random_delay);
    if (r >= 0)
        r = sd_bus_get_property_trivial(bus, MANAGER, path, interface, "AccuracyUSec", NULL, 't',
                                        &ret->accuracy);
    return r;
}

static int analyze(const Strv *calendars, usec_t since, char **ret, Err *err)
{
    _cleanup_strv_ Strv argv = { 0 }, env = { 0 };

    strv_add(&argv, ANALYZE);
    strv_add(&argv, "calendar");
    strv_addf(&argv, "--iterations=%d", TIMER_SLOTS_MAX);
    strv_addf(&argv, "--base-time=@%llu", (unsigned long long)(since / USEC_PER_SEC));
    strv_add(&argv, "--");
    strv_copy(&argv, calendars);
    strv_add(&env, "LC_ALL=C.UTF-8");
    const ChildSpec spec = {
        .path = ANALYZE,
        .argv = argv.items,
        .env = env.items,
        .pipe = CHILD_STDOUT,
        .stall_timeout = ANALYZE_TIMEOUT,
    };
    return child_output(&spec, ANALYZE_OUTPUT_MAX, ret, err);
}

int timer_missed_slots(usec_t since, MissedSlots *ret, Err *err)
{
    const char *timer = getenv("TRIGGER_UNIT");
    _cleanup_(schedule_done) Schedule schedule = { 0 };
    _cleanup_free_ char *text = NULL;

    *ret = (MissedSlots){ 0 };
    if (!timer)
        return 0;
    int r = ask_systemd(timer, &schedule);
    if (r < 0)
        return err_set_errno(err, -r, "could not ask systemd about %s", timer);
    if (schedule.calendars.count == 0)
        return 0;
    r = analyze(&schedule.calendars, since, &text, err);
    if (r < 0)
        return r;

    /* Not $TRIGGER_TIMER_REALTIME_USEC: systemd 252 goes on giving the moment of the first run. */
    usec_t now = clock_now(), margin = schedule.random_delay + schedule.accuracy;
    *ret = timer_count_slots(text, since, now > margin ? now - margin : 0);
    return 0;
}

/* The lines of moments end like "Sun 2026-11-29 02:00:00 UTC". Where local time is another one, a
 * line with the same moment in UTC stands below each; where it has the name GMT, none may. */
static int parse_moment(const char *line, size_t size, usec_t *ret)
{
    static const char form[] = "2026-11-29 02:00:00 UTC";
    const size_t length = sizeof(form) - 1;
    char stamp[CLOCK_RFC3339_SIZE];

    if (size < length)
        return -1;
    const char *moment = line + size - length;
    if (strncmp(moment + length - 3, "UTC", 3) != 0 && strncmp(moment + length - 3, "GMT", 3) != 0)
        return -1;
    memcpy(stamp, moment, sizeof(stamp) - 1);
    stamp[10] = 'T';
    stamp[sizeof(stamp) - 2] = 'Z';
    stamp[sizeof(stamp) - 1] = '\0';
    return clock_parse_rfc3339(stamp, ret);
}

static int compare_moments(const void *a, const void *b)
{
    usec_t x = *(const usec_t *)a, y = *(const usec_t *)b;
    return (x > y) - (x < y);
}

MissedSlots timer_count_slots(const char *text, usec_t after, usec_t before)
{
    _cleanup_free_ usec_t *moments = NULL;
    size_t count = 0;

    for (size_t size; *text; text += size + (text[size] == '\n')) {
        usec_t when;
        size = strcspn(text, "\n");
        if (parse_moment(text, size, &when) < 0 || when <= after || when >= before)
            continue;
        moments = mem_resize(moments, count + 1, sizeof(*moments));
        moments[count++] = when;
    }
    if (count == 0)
        return (MissedSlots){ 0 };

    qsort(moments, count, sizeof(*moments), compare_moments);
    MissedSlots missed = { .count = 1, .first = moments[0] };
    for (size_t i = 1; i < count; i++)
        missed.count += moments[i] != moments[i - 1];
    if (missed.count > TIMER_SLOTS_MAX)
        missed.count = TIMER_SLOTS_MAX;
    return missed;
}
