#pragma once

/* Whether a schedule is one that every cron reads alike: five fields (minute, hour, day of the
 * month, month, day of the week) of numbers, names of months and days, ranges, steps and lists, or
 * one of @hourly, @daily, @weekly, @monthly, @yearly and @annually.
 *
 * What only some understand (seconds, years, "L", "#", "@reboot", "@midnight", a step without a
 * range), or not in the same way ("0-7" for the days of the week, a step through the days of the
 * month beside a day of the week), is refused, so that a schedule that passes here means the same
 * to supercronic as to its author. So is one that never comes: "0 0 31 2 *". */

#include <stdbool.h>

bool crontab_is_schedule(const char *text);
