#include "conf/setting-table.h"

#include <ctype.h>
#include <string.h>

#include "sys/mem.h"

/* What the table's rows have in common: the member that a row fills, what it looks up, its type.
 * Here alone is a range written, so that documentation, message and check cannot differ. */
#define ROW(setting_key, setting_group, member)                                                    \
    .info.key = (setting_key), .info.group = (setting_group), .offset = offsetof(Settings, member)

#define CONNECTION(variable) .info.secret_lookup = true, .info.libpq = (variable)

#define TYPE(parser, words) .parse = (parser), .info.values = (words)

#define NUMBER(low, high)                                                                          \
    .parse = setting_value_number, .range = { (low), (high) },                                     \
    .info.values = "a whole number from " TEXT_OF(low) " to " TEXT_OF(high)
#define TEXT_OF(number) TEXT_OF_1(number)
#define TEXT_OF_1(number) #number

#define FLAG TYPE(setting_value_flag, "yes or no (true, false, on, off, 1, 0)")
#define PATH TYPE(setting_value_path, "an absolute path")

/* Limits that only catch slips of the finger: 36500 days or 3153600000 seconds are a hundred years,
 * 86400 seconds a day. */
static const SettingRow rows[] = {
    {
        ROW("PG_HOST", "Server", pg_host),
        CONNECTION("PGHOST"),
        TYPE(setting_value_line, "a host name, an address, or the directory of a socket"),
        .info.default_text = "",
        .info.description = "Where the server is. Not set: the local socket, as libpq has it.",
    },
    {
        ROW("PG_PORT", "Server", pg_port),
        CONNECTION("PGPORT"),
        TYPE(setting_value_port, "a port number from 1 to 65535"),
        .range = { 1, 65535 },
        .info.default_text = "",
        .info.description = "Not set: 5432, as libpq has it.",
    },
    {
        ROW("PG_USER", "Server", pg_user),
        CONNECTION("PGUSER"),
        TYPE(setting_value_line, "a role's name"),
        .info.default_text = "",
        .info.description = "The role that reads the databases. Not set: the name of the system's "
                            "user, as libpq has it.",
    },
    {
        ROW("PG_PASSWORD", "Server", pg_password),
        CONNECTION("PGPASSWORD"),
        TYPE(setting_value_password, "a single line"),
        .value_is_a_secret = true,
        .info.default_text = "",
        .info.description = "The role's password. Keep it out of the environment: give "
                            "PG_PASSWORD_FILE, a credential or a secret. None is needed where "
                            "the server trusts the socket (peer authentication).",
    },
    {
        ROW("PG_SSLMODE", "Server", pg_sslmode),
        CONNECTION("PGSSLMODE"),
        TYPE(setting_value_sslmode, "disable, allow, prefer, require, verify-ca or verify-full"),
        .info.default_text = "",
        .info.description = "How TLS is used. Over a network only verify-full proves who the "
                            "server is. Not set: prefer, as libpq has it.",
    },
    {
        ROW("PG_SSLROOTCERT", "Server", pg_sslrootcert),
        CONNECTION("PGSSLROOTCERT"),
        TYPE(setting_value_line, "a path"),
        .info.default_text = "",
        .info.description = "The certificates that the server's own is verified against; libpq 16 "
                            "and newer take \"system\" for those of the operating system.",
    },
    {
        ROW("PG_SERVICE", "Server", pg_service),
        CONNECTION("PGSERVICE"),
        TYPE(setting_value_line, "the name of a service"),
        .info.default_text = "",
        .info.description = "A section of libpq's service file with the parameters that are not "
                            "set here.",
    },
    {
        ROW("PG_DATABASES", "Server", pg_databases),
        CONNECTION(NULL),
        TYPE(setting_value_databases, "names and patterns, separated by commas or white space"),
        .info.default_text = "*",
        .info.description =
            "What a run backs up. A shell pattern (*, ?, […]) stands for every database that it "
            "matches but templates and what a restore has not finished; \"!\" before a name or a "
            "pattern excludes. An entry that "
            "holds a comma, white space or a double quote, or begins with a \"!\" of its own, "
            "is in double quotes, with \"\" for a double quote inside: *, !test_*, \"my db\". In "
            "a file, put single quotes around a value with double quotes.",
    },
    {
        ROW("PG_MAINTENANCE_DATABASE", "Server", pg_maintenance_database),
        CONNECTION(NULL),
        TYPE(setting_value_line, "a database's name"),
        .info.default_text = "postgres",
        .info.description = "Where to connect for what concerns the whole server.",
    },
    {
        ROW("PG_BINDIR", "Server", pg_bindir),
        PATH,
        .info.default_text = "",
        .info.description =
            "The directory of pg_dump, pg_dumpall, pg_restore and psql. Not set: the version that "
            "fits the server, from /usr/lib/postgresql/N/bin, /usr/pgsql-N/bin and PATH.",
    },

    {
        ROW("BACKUP_DIR", "Backups", backup_dir),
        PATH,
        .default_is_made = true,
        .info.default_text = "/var/lib/pg-backup/INSTANCE",
        .info.description = "Where the backups are.",
    },
    {
        ROW("STATE_DIR", "Backups", state_dir),
        PATH,
        .default_is_made = true,
        .info.default_text = "BACKUP_DIR/.state",
        .info.description = "Where the report of the last run is.",
    },
    {
        ROW("BACKUP_FORMAT", "Backups", backup_format),
        TYPE(setting_value_backup_format, "custom, plain or directory"),
        .info.default_text = "custom",
        .info.description = "custom is pg_dump's archive (.dump), for pg_restore: single tables "
                            "and parallel restores. plain is an SQL script (.sql, .sql.gz, "
                            ".sql.zst or .sql.lz4), for psql. directory (.dir) is dumped over "
                            "BACKUP_JOBS connections at once, for databases that one connection "
                            "is too slow for.",
    },
    {
        ROW("BACKUP_COMPRESSION", "Backups", backup_compression),
        TYPE(setting_value_compression,
             "auto, none, gzip[:1 to 9], zstd[:1 to 19], lz4, or native[:METHOD[:LEVEL]]"),
        .info.default_text = "auto",
        .info.description =
            "Higher levels are slower and smaller; without one it is the method's fastest that "
            "is worth it. An archive holds zstd and lz4 from pg_dump 16 on. auto: zstd where "
            "archives can hold it, else gzip; SQL text gzip. native: pg_dump compresses, with a "
            "method and levels of its own version. A directory is always compressed by pg_dump.",
    },
    {
        ROW("BACKUP_JOBS", "Backups", backup_jobs),
        NUMBER(1, BACKUP_JOBS_MAX),
        .default_is_made = true,
        .info.default_text = "PROCESSORS",
        .info.description = "Threads that compress; as many as there are processors, unless it is "
                            "set. A directory is dumped over as many "
                            "connections, beside three others (the role's CONNECTION LIMIT, and "
                            "the server's max_connections, must have room for them), and read "
                            "back, and restored into a new database, by as many.",
    },
    {
        ROW("BACKUP_DECODE_CHECK", "Backups", backup_decode_check),
        FLAG,
        .info.default_text = "yes",
        .info.description = "Whether each compressed piece is decompressed again and compared "
                            "before it is written. It costs some processor time, and finds broken "
                            "memory while there is still something to be done about it.",
    },
    {
        ROW("BACKUP_GLOBALS", "Backups", backup_globals),
        FLAG,
        .info.default_text = "yes",
        .info.description = "Whether every run also backs up roles and tablespaces.",
    },

    {
        ROW("BACKUP_SCHEDULE", "Schedule", backup_schedule),
        TYPE(setting_value_schedule,
             "five fields as in a crontab, or @hourly, @daily, @weekly, @monthly or @yearly"),
        .info.default_text = "",
        .info.description =
            "When pg-backup schedule, the main process of the container, starts a run; the image "
            "sets \"0 2 * * *\". The time zone is that of TZ. What crons read in different ways, "
            "such as \"0-7\" for the days of the week, is refused, and so is what never comes. Not "
            "set: a timer of systemd, or whatever else starts runs, has the schedule.",
    },
    {
        ROW("DRILL_SCHEDULE", "Schedule", drill_schedule),
        TYPE(setting_value_schedule,
             "five fields as in a crontab, or @hourly, @daily, @weekly, @monthly or @yearly"),
        .info.default_text = "",
        .info.description =
            "When pg-backup schedule starts a drill of the newest good backup of each database. In "
            "compose.yaml a container of its own does that, without network and secrets, by "
            "default \"0 12 * * 6\". Not set: never.",
    },
    {
        ROW("BACKUP_ON_START", "Schedule", backup_on_start),
        FLAG,
        .info.default_text = "no",
        .info.description = "Whether pg-backup schedule begins with a run of its own.",
    },

    {
        ROW("BACKUP_KEEP_DAYS", "Retention", keep_days),
        NUMBER(0, 36500),
        .info.default_text = "14",
        .info.description = "A backup that is not older stays.",
    },
    {
        ROW("BACKUP_KEEP_MIN_COUNT", "Retention", keep_min_count),
        NUMBER(0, 36500),
        .info.default_text = "3",
        .info.description = "So many of the newest good backups of each database stay, however "
                            "old they are. The newest good one stays whatever is set. One that a "
                            "drill or verify has found wrong is not good: it stays for its days, "
                            "and until a newer one is good.",
    },
    {
        ROW("BACKUP_KEEP_DAILY", "Retention", keep_daily),
        NUMBER(0, 36500),
        .info.default_text = "0",
        .info.description = "Beside those, the newest good backup of each of so many days (UTC) "
                            "stays.",
    },
    {
        ROW("BACKUP_KEEP_WEEKLY", "Retention", keep_weekly),
        NUMBER(0, 36500),
        .info.default_text = "0",
        .info.description = "Likewise of weeks, which begin on Monday.",
    },
    {
        ROW("BACKUP_KEEP_MONTHLY", "Retention", keep_monthly),
        NUMBER(0, 36500),
        .info.default_text = "0",
        .info.description = "Likewise of months.",
    },
    {
        ROW("BACKUP_KEEP_YEARLY", "Retention", keep_yearly),
        NUMBER(0, 36500),
        .info.default_text = "0",
        .info.description = "Likewise of years.",
    },
    {
        ROW("BACKUP_MAX_FALL_PERCENT", "Retention", max_fall_percent),
        NUMBER(0, 99),
        .info.default_text = "50",
        .info.description =
            "When the rows or the bytes of a database are fewer by more than so many per cent than "
            "in an earlier backup that is still there, the run warns, and the last backup before "
            "the fall stays until \"pg-backup prune --accept STEM\". 0 compares nothing any more; "
            "what was found before stays until it is accepted.",
    },

    {
        ROW("MAX_BACKUP_AGE_SECONDS", "Health and time-outs", max_backup_age_seconds),
        NUMBER(1, 3153600000),
        .info.default_text = "93600",
        .info.description = "pg-backup health fails when the newest good backup of a database is "
                            "older, or the newest backup is not good. The default is 26 hours: a "
                            "day, and two hours for the run.",
    },
    {
        ROW("HEALTH_GRACE_SECONDS", "Health and time-outs", health_grace_seconds),
        NUMBER(0, 3153600000),
        .info.default_text = "93600",
        .info.description =
            "For so long after pg-backup schedule was first started, a database that has never "
            "had a good backup is no reason for pg-backup health to fail. The default is 26 hours.",
    },
    {
        ROW("MAX_DRILL_AGE_SECONDS", "Health and time-outs", max_drill_age_seconds),
        NUMBER(0, 3153600000),
        .info.default_text = "0",
        .info.description = "pg-backup health fails when the newest proof that a backup of a "
                            "database restores is older; 0: no proof is demanded. Of a database "
                            "that has never been drilled, the age of the oldest backup counts, as "
                            "long as BACKUP_KEEP_DAYS is longer. A drill that failed is unhealthy "
                            "in any case.",
    },
    {
        ROW("STALL_TIMEOUT_SECONDS", "Health and time-outs", stall_timeout_seconds),
        NUMBER(0, 86400),
        .info.default_text = "900",
        .info.description = "A dump that has not moved a byte for so long is stopped and has "
                            "failed, a drill whose server has neither written nor computed for so "
                            "long has proven nothing; 0 waits for ever.",
    },
    {
        ROW("LOCK_WAIT_TIMEOUT_SECONDS", "Health and time-outs", lock_wait_timeout_seconds),
        NUMBER(0, 86400),
        .info.default_text = "300",
        .info.description = "How long pg_dump waits for the lock of a table that another session "
                            "holds; 0 waits for ever.",
    },

    {
        ROW("DRILL_DIR", "Drill", drill_dir),
        PATH,
        .default_is_made = true,
        .info.default_text = "STATE_DIR/drill",
        .info.description =
            "Where a drill makes its throwaway server, in a directory that goes away again: a "
            "file system with two and a half times the size of the largest database free. It "
            "belongs to root or to the user that drills, and nobody else may write into it. What a "
            "backup holds is code, and runs as that user; for root as the user that owns "
            "DRILL_DIR, "
            "else as pg-backup, never as postgres.",
    },
    {
        ROW("DRILL_TIMEOUT_SECONDS", "Drill", drill_timeout_seconds),
        NUMBER(0, 2592000),
        .info.default_text = "43200",
        .info.description = "A drill of one backup that has not ended by then is stopped, and has "
                            "proven nothing; 0 waits for ever. The default is half a day.",
    },
    {
        ROW("DRILL_ASSERTIONS", "Drill", drill_assertions),
        PATH,
        .info.default_text = "",
        .info.description =
            "A directory of SQL files, NAME.sql, which are run in each restored copy; those in a "
            "directory DATABASE in it in the copies of that database alone (named as in "
            "BACKUP_DIR). The last statement of each must return one row with one column, true.",
    },
    {
        ROW("DRILL_FRESHNESS", "Drill", drill_freshness),
        TYPE(setting_value_freshness,
             "[DATABASE.]SCHEMA.TABLE.COLUMN=SECONDS, separated by commas or white space"),
        .info.default_text = "",
        .info.description =
            "The newest value of the column must not have been older when the backup began. For "
            "names with a dot, an equals sign, a comma or white space write an assertion.",
    },

    {
        ROW("PUSHGATEWAY_URL", "Metrics", pushgateway_url),
        TYPE(setting_value_url, "a URL that begins with http:// or https://"),
        .value_is_a_secret = true, /* it may hold a password */
        .info.default_text = "",
        .info.description = "A Prometheus Pushgateway that gets the metrics after each run.",
    },
    {
        ROW("METRICS_TEXTFILE", "Metrics", metrics_textfile),
        PATH,
        .info.default_text = "",
        .info.description = "A file that gets the metrics after each run, for node_exporter's "
                            "textfile collector, which reads names that end in .prom.",
    },
    {
        ROW("METRICS_INSTANCE", "Metrics", metrics_instance),
        TYPE(setting_value_line, "a line of text"),
        .default_is_made = true,
        .info.default_text = "HOSTNAME:INSTANCE",
        .info.description = "The metrics' label \"instance\" at the Pushgateway.",
    },

    {
        ROW("LOG_FORMAT", "Log", log_format),
        TYPE(setting_value_log_format, "auto, journal, human, logfmt or json"),
        .info.default_text = "auto",
        .info.description = "auto is the journal where stderr leads there, human on a terminal, "
                            "else logfmt.",
    },
    {
        ROW("LOG_LEVEL", "Log", log_level),
        TYPE(setting_value_log_level, "error, warning, notice, info or debug"),
        .info.default_text = "info",
        .info.description = "The least important messages that are logged.",
    },
};

const SettingRow *setting_table_row(size_t i)
{
    return i < ELEMENTSOF(rows) ? &rows[i] : NULL;
}

#define FILE_SUFFIX "_FILE"

const SettingRow *setting_table_find(const char *key, bool *ret_is_file)
{
    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        size_t size = strlen(rows[i].info.key);
        if (strncmp(key, rows[i].info.key, size) != 0)
            continue;

        bool is_file = strcmp(key + size, FILE_SUFFIX) == 0;
        if (is_file || key[size] == '\0') {
            *ret_is_file = is_file;
            return &rows[i];
        }
    }
    return NULL;
}

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many characters are to be inserted, dropped, replaced or swapped with their neighbour to make
 * one of the other, whatever their case (the optimal string alignment distance). */
static size_t distance(const char *a, const char *b)
{
    size_t rows_count = strlen(a) + 1, width = strlen(b) + 1;
    _cleanup_free_ size_t *d = mem_zero(rows_count * width, sizeof(*d));

    for (size_t i = 0; i < rows_count; i++)
        for (size_t j = 0; j < width; j++) {
            size_t *here = &d[i * width + j];
            if (i == 0 || j == 0) {
                *here = i + j;
                continue;
            }

            size_t replaced = here[-(ptrdiff_t)width - 1] + !same_letter(a[i - 1], b[j - 1]);
            *here = min_size(replaced, min_size(here[-1], here[-(ptrdiff_t)width]) + 1);
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
                same_letter(a[i - 2], b[j - 1]))
                *here = min_size(*here, d[(i - 2) * width + j - 2] + 1);
        }
    return d[rows_count * width - 1];
}

char *setting_table_nearest(const char *key)
{
    size_t size = strlen(key);
    if (size > 64) /* no slip of the finger; and the search is quadratic */
        return NULL;

    /* Beyond a third of its letters a name is another one, not a misspelt one. */
    size_t least = size / 3 + 1;
    _cleanup_free_ char *nearest = NULL;
    for (size_t i = 0; i < 2 * ELEMENTSOF(rows); i++) {
        _cleanup_free_ char *known =
            mem_printf("%s%s", rows[i / 2].info.key, i % 2 == 0 ? "" : FILE_SUFFIX);
        size_t d = distance(key, known);
        if (d < least) {
            least = d;
            free(nearest);
            nearest = TAKE_PTR(known);
        }
    }
    return TAKE_PTR(nearest);
}
