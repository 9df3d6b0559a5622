#include "sys/clock.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define SECONDS_PER_DAY 86400

/* 9999-12-31T23:59:59Z: a later year needs more digits than the forms have. */
#define LAST_SECOND ((usec_t)253402300799)

static usec_t read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

usec_t clock_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

/* Not CLOCK_BOOTTIME: a machine that was suspended for an hour has not stalled for an hour. */
usec_t clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static struct tm utc(usec_t when)
{
    time_t seconds = (time_t)(when / USEC_PER_SEC);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    return tm;
}

static struct tm utc_in_four_digits(usec_t when)
{
    usec_t last = LAST_SECOND * USEC_PER_SEC;
    return utc(when < last ? when : last);
}

void clock_format_stamp(usec_t when, char ret[static CLOCK_STAMP_SIZE])
{
    struct tm tm = utc_in_four_digits(when);
    strftime(ret, CLOCK_STAMP_SIZE, "%Y%m%dT%H%M%SZ", &tm);
}

void clock_format_rfc3339(usec_t when, char ret[static CLOCK_RFC3339_SIZE])
{
    struct tm tm = utc_in_four_digits(when);
    strftime(ret, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static int number(const char *digits, size_t count)
{
    int n = 0;
    for (size_t i = 0; i < count; i++)
        n = n * 10 + (digits[i] - '0');
    return n;
}

/* From "YYYYMMDDhhmmss". timegm() accepts 31 February and calls it 3 March: what comes back must be
 * what went in. */
static int from_digits(const char digits[static 14], usec_t *ret)
{
    struct tm tm = {
        .tm_year = number(digits, 4) - 1900,
        .tm_mon = number(digits + 4, 2) - 1,
        .tm_mday = number(digits + 6, 2),
        .tm_hour = number(digits + 8, 2),
        .tm_min = number(digits + 10, 2),
        .tm_sec = number(digits + 12, 2),
    };
    struct tm given = tm;
    time_t seconds = timegm(&tm);

    if (seconds < 0 || tm.tm_year != given.tm_year || tm.tm_mon != given.tm_mon ||
        tm.tm_mday != given.tm_mday || tm.tm_hour != given.tm_hour || tm.tm_min != given.tm_min ||
        tm.tm_sec != given.tm_sec)
        return -EINVAL;

    *ret = (usec_t)seconds * USEC_PER_SEC;
    return 0;
}

/* In `picture`, # stands for a digit, of which there are 14, and the rest for itself. */
static int parse(const char *s, size_t size, const char *picture, usec_t *ret)
{
    if (size != strlen(picture))
        return -EINVAL;

    char digits[14];
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        if (picture[i] != '#') {
            if (s[i] != picture[i])
                return -EINVAL;
            continue;
        }
        if (s[i] < '0' || s[i] > '9')
            return -EINVAL;
        digits[n++] = s[i];
    }
    return from_digits(digits, ret);
}

int clock_parse_stamp(const char *s, size_t size, usec_t *ret)
{
    return parse(s, size, "########T######Z", ret);
}

int clock_parse_rfc3339(const char *s, usec_t *ret)
{
    return parse(s, strlen(s), "####-##-##T##:##:##Z", ret);
}

ClockDate clock_date(usec_t when)
{
    struct tm tm = utc(when);
    int64_t day = (int64_t)(when / USEC_PER_SEC / SECONDS_PER_DAY);
    int64_t year = (int64_t)tm.tm_year + 1900;

    return (ClockDate){
        .day = day,
        .week = (day + 3) / 7, /* 1970-01-01 was a Thursday */
        .month = year * 12 + tm.tm_mon,
        .year = year,
    };
}
