#pragma once

/* Time. usec_t is microseconds: since 1970 (UTC) for the wall clock, since boot for the monotonic
 * one. Durations and deadlines use the monotonic clock; names and manifests the wall clock. */

#include <stddef.h>
#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_PER_SEC ((usec_t)1000000)
#define USEC_PER_MSEC ((usec_t)1000)

usec_t clock_now(void);
usec_t clock_monotonic(void);

/* "20261122T020000Z", the form in file names: ISO 8601 basic format, UTC. */
#define CLOCK_STAMP_SIZE sizeof("20261122T020000Z")
void clock_format_stamp(usec_t when, char ret[static CLOCK_STAMP_SIZE]);
/* The inverse, for exactly CLOCK_STAMP_SIZE - 1 characters and a real date; 0 or -EINVAL. */
int clock_parse_stamp(const char *s, size_t size, usec_t *ret);

/* "2026-11-22T02:00:00Z", the form in manifests and reports: RFC 3339, UTC, whole seconds. */
#define CLOCK_RFC3339_SIZE sizeof("2026-11-22T02:00:00Z")
void clock_format_rfc3339(usec_t when, char ret[static CLOCK_RFC3339_SIZE]);
int clock_parse_rfc3339(const char *s, usec_t *ret);

/* The calendar of a moment, UTC. `week` numbers weeks from Monday, without a break at new year. */
typedef struct ClockDate {
    int64_t day;   /* days since 1970-01-01 */
    int64_t week;  /* weeks since the Monday of the week of 1970-01-01 */
    int64_t month; /* year * 12 + month (0-11) */
    int64_t year;
} ClockDate;
ClockDate clock_date(usec_t when);
