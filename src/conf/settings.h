#pragma once

/* All settings of a run, from one table (setting-table.c) that also generates docs/SETTINGS.md.
 *
 * A value is looked for in this order, the first that is set wins: the environment (KEY), the file
 * named by KEY_FILE in the environment, the configuration file (KEY, KEY_FILE), and for secrets and
 * connection parameters $CREDENTIALS_DIRECTORY/<lower-case key>, /run/secrets/<lower-case key>,
 * then libpq's own variable (PGHOST …), then the default. An empty value counts as not set.
 *
 * Every problem is found before anything starts, and all are reported at once, one per line with
 * `file:line` where there is one: syntax, unknown keys (with the nearest known name; in the
 * environment only keys that begin with BACKUP_ can be recognised as ours), duplicates, bad values,
 * and KEY beside KEY_FILE in one place. No problem shows a password, nor any value that came from a
 * file of its own, since that may be a secret in the wrong place.
 *
 * What meets no server takes neither the way to one nor any secret: without_server leaves those
 * settings unset and opens none of the files that they name, which need not be there. */

#include "sys/clock.h"
#include "sys/err.h"
#include "sys/log.h"
#include "sys/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum BackupFormat {
    BACKUP_FORMAT_CUSTOM,
    BACKUP_FORMAT_PLAIN,
    BACKUP_FORMAT_DIRECTORY,
    _BACKUP_FORMAT_MAX,
} BackupFormat;

/* "custom", "plain", "directory": in settings and in manifests. */
const char *backup_format_to_string(BackupFormat format);
int backup_format_from_string(const char *text, BackupFormat *ret); /* -EINVAL */

typedef enum CompressionMethod {
    COMPRESSION_AUTO,
    COMPRESSION_NONE,
    COMPRESSION_GZIP,
    COMPRESSION_LZ4,
    COMPRESSION_ZSTD,
} CompressionMethod;

/* What BACKUP_COMPRESSION asks for; backup/compression.h makes of it what is done. */
typedef struct CompressionWish {
    bool native; /* by pg_dump itself */
    CompressionMethod method;
    int level; /* 0: the method's default */
} CompressionWish;

/* What DRILL_FRESHNESS demands of one column. */
typedef struct Freshness {
    char *database; /* NULL: of every one */
    char *schema, *table, *column;
    uint64_t seconds;
} Freshness;

typedef struct FreshnessList {
    Freshness *items;
    size_t count;
} FreshnessList;
void freshness_list_done(FreshnessList *list);

#define BACKUP_JOBS_MAX 64

typedef struct Settings {
    char *instance; /* the instance's name, "main" */
    char *source;   /* path of the configuration file that was read, NULL if none */

    char *pg_host, *pg_port, *pg_user, *pg_password; /* NULL: libpq's default */
    char *pg_sslmode, *pg_sslrootcert, *pg_service;
    char *pg_maintenance_database; /* "postgres" */
    char *pg_bindir;               /* NULL: found by version */
    Strv pg_databases;             /* names and patterns, "!pattern" excludes; "*" by default */

    char *backup_dir, *state_dir; /* absolute */
    BackupFormat backup_format;
    CompressionWish backup_compression;
    uint64_t backup_jobs; /* 1 to BACKUP_JOBS_MAX; by default one for each processor */
    bool backup_decode_check;
    bool backup_globals;

    uint64_t keep_days, keep_min_count;
    uint64_t keep_daily, keep_weekly, keep_monthly, keep_yearly;
    uint64_t max_fall_percent; /* 0: contents may fall */
    char *backup_schedule;     /* NULL: something else schedules */
    char *drill_schedule;      /* likewise */
    bool backup_on_start;

    uint64_t max_backup_age_seconds, max_drill_age_seconds, health_grace_seconds;
    uint64_t stall_timeout_seconds, lock_wait_timeout_seconds;

    char *drill_dir;        /* absolute */
    char *drill_assertions; /* NULL: there are none */
    FreshnessList drill_freshness;
    uint64_t drill_timeout_seconds;

    char *pushgateway_url, *metrics_textfile, *metrics_instance;
    LogFormat log_format;
    LogLevel log_level;
} Settings;

/* Where to look. All pointers but instance may be NULL. */
typedef struct SettingsSource {
    const char *instance;     /* default for names and directories */
    const char *file;         /* configuration file; must exist if given */
    char *const *environment; /* like environ */
    const char *secrets_dir;  /* "/run/secrets" */
    bool without_server;
} SettingsSource;

/* ERR_SETTINGS; the message is all problems, one per line. */
int settings_load(const SettingsSource *source, Settings *ret, Err *err);
void settings_done(Settings *s); /* wipes the password */
#define _cleanup_settings_ _cleanup_(settings_done)

/* One row of the table, for documentation and tests. */
typedef struct SettingInfo {
    const char *key;
    const char *group;        /* heading in the documentation */
    const char *default_text; /* as documented, "" for none */
    const char *libpq;        /* libpq's own variable, NULL if none */
    bool secret_lookup;       /* also looked for among credentials and secrets */
    const char *values;       /* what it takes, in a few words */
    const char *description;  /* one or more full sentences */
} SettingInfo;

/* The i-th row, NULL past the end. */
const SettingInfo *settings_info(size_t i);
