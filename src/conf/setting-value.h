#pragma once

/* How the text of a setting becomes a value: one parser for each type that the settings table
 * names. Parsing is strict: all of the text counts, nothing is trimmed or clipped, numbers are
 * plain decimal digits.
 *
 * A parser stores into the member of Settings that the row points at, and only when it succeeds;
 * otherwise it returns -EINVAL, and the caller makes the sentence from the row's own description of
 * its values ("… must be yes or no"). Strings are allocated; a member is filled at most once. */

#include <stdint.h>

typedef struct SettingRange {
    uint64_t min, max;
} SettingRange;

typedef int (*SettingParser)(const char *text, const SettingRange *range, void *ret);

int setting_value_flag(const char *text, const SettingRange *range, void *ret);   /* bool */
int setting_value_number(const char *text, const SettingRange *range, void *ret); /* uint64_t */

/* To char *: a line without control characters; the same, for a password, which may hold any but a
 * line break; an absolute path, stored without slashes at its end; a TCP port; libpq's sslmode; an
 * http:// or https:// URL; a schedule of cron's (crontab.h). */
int setting_value_line(const char *text, const SettingRange *range, void *ret);
int setting_value_password(const char *text, const SettingRange *range, void *ret);
int setting_value_path(const char *text, const SettingRange *range, void *ret);
int setting_value_port(const char *text, const SettingRange *range, void *ret);
int setting_value_sslmode(const char *text, const SettingRange *range, void *ret);
int setting_value_url(const char *text, const SettingRange *range, void *ret);
int setting_value_schedule(const char *text, const SettingRange *range, void *ret);

/* To Strv: separated by commas and white space. An entry that holds either, or a double quote, or
 * begins with a '!' of its own, is in double quotes, with "" for a double quote inside; the '!' of
 * an exclusion stands before them. So that it is not taken for an exclusion, the '!' of a quoted
 * name is stored as "\!", which is how fnmatch(3) has it. */
int setting_value_databases(const char *text, const SettingRange *range, void *ret);

/* To FreshnessList: "[DATABASE.]SCHEMA.TABLE.COLUMN=SECONDS", separated likewise. */
int setting_value_freshness(const char *text, const SettingRange *range, void *ret);

int setting_value_backup_format(const char *text, const SettingRange *range, void *ret);
/* To CompressionWish. */
int setting_value_compression(const char *text, const SettingRange *range, void *ret);
int setting_value_log_format(const char *text, const SettingRange *range, void *ret);
int setting_value_log_level(const char *text, const SettingRange *range, void *ret);
