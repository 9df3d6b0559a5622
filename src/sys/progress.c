#include "sys/progress.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "sys/buf.h"
#include "sys/format.h"
#include "sys/log.h"
#include "sys/mem.h"

#define DRAW_INTERVAL (USEC_PER_SEC / 5)
#define STATUS_INTERVAL USEC_PER_SEC
#define RATE_INTERVAL USEC_PER_SEC
#define PROBE_INTERVAL USEC_PER_SEC

/* Something that is done at most once in `interval`. */
typedef struct Pace {
    usec_t interval; /* 0: never */
    usec_t next;
} Pace;

static struct {
    Pace draw, status, watchdog, probe, probe_work;
    usec_t watchdog_timeout; /* 0: there is none */

    uint64_t (*probe_bytes)(void *userdata);
    void *probe_userdata;
    uint64_t probed;

    uint64_t (*work)(void *userdata);
    void *work_userdata;
    uint64_t worked;

    char *phase;
    uint64_t total, bytes;
    bool moved; /* since the watchdog was fed */

    char *last_status;

    /* The rate is sampled once a second, and a new sample counts for a quarter: fast enough to
     * follow, calm enough to read. */
    usec_t sample_start;
    uint64_t sample_bytes;
    double rate; /* bytes per second; 0 until there is a sample */
} state;

static bool is_due(Pace *pace, usec_t now)
{
    if (pace->interval == 0 || now < pace->next)
        return false;
    pace->next = now + pace->interval;
    return true;
}

static void set_watchdog(usec_t timeout)
{
    state.watchdog_timeout = timeout;
    state.watchdog.interval = timeout / 4;
}

void progress_init(bool progress_line)
{
    bool notify = getenv("NOTIFY_SOCKET");
    uint64_t watchdog = 0;

    if (sd_watchdog_enabled(/* unset_environment= */ 0, &watchdog) <= 0)
        watchdog = 0;
    state.draw.interval = progress_line ? DRAW_INTERVAL : 0;
    state.status.interval = notify ? STATUS_INTERVAL : 0;
    set_watchdog(notify ? watchdog : 0);
}

/* The last feeding may lie a quarter of the watchdog's time before the silence begins: with twice
 * the silence there is room for that, and for whoever ends the silence to do so. */
void progress_permit_silence(usec_t longest)
{
    usec_t needed = 2 * longest;

    if (state.watchdog_timeout == 0 || state.watchdog_timeout >= needed)
        return;
    (void)sd_notifyf(0, "WATCHDOG_USEC=%" PRIu64, needed);
    set_watchdog(needed);
}

/* A lost notification is nothing to fail for: sd_notify() without a socket does nothing, and
 * systemd itself acts when it hears nothing. */
void progress_ready(void)
{
    (void)sd_notify(0, "READY=1");
}

void progress_stopping(void)
{
    (void)sd_notify(0, "STOPPING=1");
}

static void sample_rate(usec_t now)
{
    usec_t span = now - state.sample_start;
    if (span < RATE_INTERVAL)
        return;

    double rate = (double)(state.bytes - state.sample_bytes) * USEC_PER_SEC / (double)span;
    state.rate = state.rate > 0 ? 0.75 * state.rate + 0.25 * rate : rate;
    state.sample_start = now;
    state.sample_bytes = state.bytes;
}

/* `total` is an estimate. Work that exceeds it has no percentage, and only finished work, whose
 * phase is over, is 100 %. */
static void add_estimate(Buf *b, const char *separator)
{
    if (state.total == 0 || state.bytes == 0 || state.bytes >= state.total)
        return;

    double share = (double)state.bytes / (double)state.total;
    buf_addf(b, "%s%d %%", separator, (int)(share * 100));
    if (state.rate < 1)
        return;

    double seconds = (double)(state.total - state.bytes) / state.rate;
    if (seconds > 99 * 3600)
        return;
    _cleanup_free_ char *eta = format_duration((usec_t)(seconds + 0.5) * USEC_PER_SEC);
    buf_addf(b, "%sETA %s", separator, eta);
}

/* `dumping "app" (3/7), 41.2 MiB, 88 MiB/s, 47 %, ETA 12 s` */
static char *describe(const char *separator)
{
    Buf b = {};

    buf_adds(&b, state.phase);
    if (state.bytes > 0) {
        _cleanup_free_ char *bytes = format_bytes(state.bytes);
        buf_addf(&b, "%s%s", separator, bytes);
    }
    if (state.rate >= 1) {
        _cleanup_free_ char *rate = format_bytes((uint64_t)state.rate);
        buf_addf(&b, "%s%s/s", separator, rate);
    }
    add_estimate(&b, separator);
    return buf_take(&b);
}

/* A database's name must not be able to add a line to a notification: each is a command. */
static void send_status(void)
{
    _cleanup_free_ char *text = describe(", ");
    _cleanup_free_ char *status = format_oneline(text);
    if (state.last_status && strcmp(status, state.last_status) == 0)
        return;

    (void)sd_notifyf(0, "STATUS=%s", status);
    free(state.last_status);
    state.last_status = TAKE_PTR(status);
}

static void draw_line(void)
{
    _cleanup_free_ char *line = describe("  ");
    log_progress_line(line);
}

void progress_phase(const char *text, uint64_t total)
{
    free(state.phase);
    state.phase = mem_strdup(text);
    state.total = total;
    state.bytes = 0;
    state.moved = true;

    state.sample_start = clock_monotonic();
    state.sample_bytes = 0;
    state.rate = 0;
    progress_tick();
}

void progress_add(uint64_t bytes)
{
    state.bytes += bytes;
    if (bytes > 0)
        state.moved = true;
}

void progress_probe(uint64_t (*bytes)(void *userdata), void *userdata)
{
    state.probe_bytes = bytes;
    state.probe_userdata = userdata;
    state.probe.interval = bytes ? PROBE_INTERVAL : 0;
    state.probed = bytes ? bytes(userdata) : 0;
}

void progress_probe_work(uint64_t (*work)(void *userdata), void *userdata)
{
    state.work = work;
    state.work_userdata = userdata;
    state.probe_work.interval = work ? PROBE_INTERVAL : 0;
    state.worked = work ? work(userdata) : 0;
}

static void ask_for_work(void)
{
    uint64_t worked = state.work(state.work_userdata);

    if (worked != state.worked)
        state.moved = true;
    state.worked = worked;
}

static void ask_probe(void)
{
    uint64_t bytes = state.probe_bytes(state.probe_userdata);

    if (bytes > state.probed)
        progress_add(bytes - state.probed);
    state.probed = bytes;
}

void progress_tick(void)
{
    bool watched = state.watchdog.interval > 0 || state.status.interval > 0;
    if (!state.phase || (!watched && state.draw.interval == 0))
        return;

    usec_t now = clock_monotonic();
    if (is_due(&state.probe, now))
        ask_probe();
    if (state.watchdog.interval > 0 && is_due(&state.probe_work, now))
        ask_for_work();
    sample_rate(now);
    if (state.moved && is_due(&state.watchdog, now)) {
        (void)sd_notify(0, "WATCHDOG=1");
        state.moved = false;
    }
    if (is_due(&state.status, now))
        send_status();
    if (is_due(&state.draw, now))
        draw_line();
}

void progress_done(void)
{
    if (state.draw.interval > 0)
        log_progress_line(NULL);
    if (state.last_status)
        (void)sd_notify(0, "STATUS=");

    free(state.phase);
    state.phase = NULL;
    free(state.last_status);
    state.last_status = NULL;
}

void progress_outcome(const char *text)
{
    _cleanup_free_ char *status = format_oneline(text);

    progress_done();
    (void)sd_notifyf(0, "STATUS=%s", status);
}
