#include "unit.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/settings.h"
#include "sys/mem.h"

/* A directory for one test: main.conf, files of values, credentials/ and secrets/. */
typedef struct Place {
    char *dir;
    char *conf; /* path of main.conf, NULL unless written */
    char *secrets;
    Strv environment;
    bool without_server;
} Place;

static Place place_init(void)
{
    Place p = { .dir = unit_mkdir() };
    p.secrets = mem_printf("%s/secrets", p.dir);
    return p;
}

static void place_done(Place *p)
{
    unit_rmdir(p->dir);
    free(p->conf);
    free(p->secrets);
    strv_done(&p->environment);
}
#define _cleanup_place_ _cleanup_(place_done)

static void write_text(const Place *p, const char *name, const char *text)
{
    unit_write_file(p->dir, name, text, strlen(text));
}

static void write_conf(Place *p, const char *text)
{
    write_text(p, "main.conf", text);
    p->conf = mem_printf("%s/main.conf", p->dir);
}

/* DIR/DIRECTORY/KEY, the directory included. */
static void write_secret(const Place *p, const char *directory, const char *key, const char *text)
{
    _cleanup_free_ char *path = mem_printf("%s/%s", p->dir, directory);
    mkdir(path, 0700);
    unit_write_file(path, key, text, strlen(text));
}

static int load(const Place *p, Settings *ret, Err *err)
{
    const SettingsSource source = {
        .instance = "main",
        .file = p->conf,
        .environment = p->environment.items,
        .secrets_dir = p->secrets,
        .without_server = p->without_server,
    };
    return settings_load(&source, ret, err);
}

static void assert_loads(const Place *p, Settings *ret)
{
    _cleanup_err_ Err err = { 0 };
    ck_assert_msg(load(p, ret, &err) == 0, "%s", err.message);
}

/* All of the message, which names files below the test's directory as "@/…". */
static void assert_refused(const Place *p, const char *expected)
{
    _cleanup_settings_ Settings s = { 0 };
    _cleanup_err_ Err err = { 0 };
    ck_assert_int_lt(load(p, &s, &err), 0);
    ck_assert_int_eq(err.kind, ERR_SETTINGS);

    _cleanup_free_ char *message = mem_strdup(err.message);
    size_t size = strlen(p->dir);
    for (char *at = message; (at = strstr(at, p->dir));) {
        *at = '@';
        memmove(at + 1, at + size, strlen(at + size) + 1);
    }
    ck_assert_str_eq(message, expected);
}

START_TEST(without_any_source_the_defaults_hold)
{
    _cleanup_place_ Place p = place_init();
    _cleanup_settings_ Settings s = { 0 };
    assert_loads(&p, &s);

    ck_assert_str_eq(s.instance, "main");
    ck_assert_ptr_null(s.source);
    ck_assert_ptr_null(s.pg_host);
    ck_assert_ptr_null(s.pg_password);
    ck_assert_ptr_null(s.pg_bindir);
    ck_assert_str_eq(s.pg_maintenance_database, "postgres");
    ck_assert_uint_eq(s.pg_databases.count, 1);
    ck_assert_str_eq(s.pg_databases.items[0], "*");
    ck_assert_str_eq(s.backup_dir, "/var/lib/pg-backup/main");
    ck_assert_str_eq(s.state_dir, "/var/lib/pg-backup/main/.state");
    ck_assert_int_eq(s.backup_format, BACKUP_FORMAT_CUSTOM);
    ck_assert_int_eq(s.backup_compression.method, COMPRESSION_AUTO);
    ck_assert(!s.backup_compression.native);
    ck_assert_uint_ge(s.backup_jobs, 1);
    ck_assert(s.backup_decode_check);
    ck_assert(s.backup_globals);
    ck_assert_uint_eq(s.keep_days, 14);
    ck_assert_uint_eq(s.keep_min_count, 3);
    ck_assert_uint_eq(s.keep_daily + s.keep_weekly + s.keep_monthly + s.keep_yearly, 0);
    ck_assert_uint_eq(s.max_fall_percent, 50);
    ck_assert_uint_eq(s.max_backup_age_seconds, 93600);
    ck_assert_uint_eq(s.stall_timeout_seconds, 900);
    ck_assert_uint_eq(s.lock_wait_timeout_seconds, 300);
    ck_assert_ptr_null(s.pushgateway_url);
    ck_assert_ptr_null(s.metrics_textfile);
    ck_assert_int_eq(s.log_format, LOG_FORMAT_AUTO);
    ck_assert_int_eq(s.log_level, LOG_LEVEL_INFO);
}
END_TEST

START_TEST(the_metrics_instance_is_named_by_host_and_instance)
{
    _cleanup_place_ Place p = place_init();
    _cleanup_settings_ Settings s = { 0 };
    assert_loads(&p, &s);

    char host[HOST_NAME_MAX + 1] = { 0 };
    ck_assert_int_eq(gethostname(host, sizeof(host) - 1), 0);
    _cleanup_free_ char *expected = mem_printf("%s:main", host);
    ck_assert_str_eq(s.metrics_instance, expected);
}
END_TEST

START_TEST(the_state_directory_is_in_the_backup_directory_by_default)
{
    _cleanup_place_ Place p = place_init();
    strv_add(&p.environment, "BACKUP_DIR=/backups/");
    _cleanup_settings_ Settings s = { 0 };
    assert_loads(&p, &s);
    ck_assert_str_eq(s.state_dir, "/backups/.state");
}
END_TEST

START_TEST(every_setting_reaches_its_member)
{
    _cleanup_place_ Place p = place_init();
    write_conf(&p, "PG_HOST=h\nPG_PORT=5433\nPG_USER=u\nPG_PASSWORD=p\nPG_SSLMODE=verify-full\n"
                   "PG_SSLROOTCERT=/ca\nPG_SERVICE=s\nPG_DATABASES=a\nPG_MAINTENANCE_DATABASE=m\n"
                   "PG_BINDIR=/bin\nBACKUP_DIR=/b\nSTATE_DIR=/s\nBACKUP_FORMAT=plain\n"
                   "BACKUP_COMPRESSION=gzip:9\nBACKUP_JOBS=7\nBACKUP_DECODE_CHECK=no\nBACKUP_"
                   "GLOBALS=no\nBACKUP_KEEP_DAYS=1\n"
                   "BACKUP_KEEP_MIN_COUNT=2\nBACKUP_KEEP_DAILY=3\nBACKUP_KEEP_WEEKLY=4\n"
                   "BACKUP_KEEP_MONTHLY=5\nBACKUP_KEEP_YEARLY=6\n"
                   "BACKUP_MAX_FALL_PERCENT=10\nMAX_BACKUP_AGE_SECONDS=7\n"
                   "STALL_TIMEOUT_SECONDS=8\nLOCK_WAIT_TIMEOUT_SECONDS=9\n"
                   "PUSHGATEWAY_URL=http://g:9091\nMETRICS_TEXTFILE=/m.prom\nMETRICS_INSTANCE=i\n"
                   "LOG_FORMAT=json\nLOG_LEVEL=debug\nBACKUP_SCHEDULE=@daily\n"
                   "DRILL_SCHEDULE=@weekly\n");
    _cleanup_settings_ Settings s = { 0 };
    assert_loads(&p, &s);

    ck_assert_str_eq(s.source, p.conf);
    ck_assert_str_eq(s.pg_host, "h");
    ck_assert_str_eq(s.pg_port, "5433");
    ck_assert_str_eq(s.pg_user, "u");
    ck_assert_str_eq(s.pg_password, "p");
    ck_assert_str_eq(s.pg_sslmode, "verify-full");
    ck_assert_str_eq(s.pg_sslrootcert, "/ca");
    ck_assert_str_eq(s.pg_service, "s");
    ck_assert_str_eq(s.pg_databases.items[0], "a");
    ck_assert_str_eq(s.pg_maintenance_database, "m");
    ck_assert_str_eq(s.pg_bindir, "/bin");
    ck_assert_str_eq(s.backup_dir, "/b");
    ck_assert_str_eq(s.state_dir, "/s");
    ck_assert_int_eq(s.backup_format, BACKUP_FORMAT_PLAIN);
    ck_assert_int_eq(s.backup_compression.method, COMPRESSION_GZIP);
    ck_assert_int_eq(s.backup_compression.level, 9);
    ck_assert_uint_eq(s.backup_jobs, 7);
    ck_assert(!s.backup_decode_check);
    ck_assert(!s.backup_globals);
    ck_assert_uint_eq(s.keep_days, 1);
    ck_assert_uint_eq(s.keep_min_count, 2);
    ck_assert_uint_eq(s.keep_daily, 3);
    ck_assert_uint_eq(s.keep_weekly, 4);
    ck_assert_uint_eq(s.keep_monthly, 5);
    ck_assert_uint_eq(s.keep_yearly, 6);
    ck_assert_uint_eq(s.max_fall_percent, 10);
    ck_assert_uint_eq(s.max_backup_age_seconds, 7);
    ck_assert_uint_eq(s.stall_timeout_seconds, 8);
    ck_assert_uint_eq(s.lock_wait_timeout_seconds, 9);
    ck_assert_str_eq(s.pushgateway_url, "http://g:9091");
    ck_assert_str_eq(s.metrics_textfile, "/m.prom");
    ck_assert_str_eq(s.metrics_instance, "i");
    ck_assert_int_eq(s.log_format, LOG_FORMAT_JSON);
    ck_assert_int_eq(s.log_level, LOG_LEVEL_DEBUG);
    ck_assert_str_eq(s.backup_schedule, "@daily");
    ck_assert_str_eq(s.drill_schedule, "@weekly");
}
END_TEST

/* -- Where values come from -- */

enum {
    FROM_ENVIRONMENT,
    FROM_ENVIRONMENT_FILE,
    FROM_CONF,
    FROM_CONF_FILE,
    FROM_CREDENTIALS,
    FROM_SECRETS,
    FROM_LIBPQ,
    FROM_DEFAULT,
};

START_TEST(the_first_source_that_has_a_value_wins)
{
    static const char *const expected[] = {
        "environment", "environment-file", "conf", "conf-file", "credentials", "secrets", "libpq",
    };
    _cleanup_place_ Place p = place_init();

    /* The source in question and all that come after it; a pair in one place would be refused. */
    if (_i == FROM_ENVIRONMENT)
        strv_add(&p.environment, "PG_HOST=environment");
    if (_i == FROM_ENVIRONMENT_FILE)
        strv_addf(&p.environment, "PG_HOST_FILE=%s/environment-file", p.dir);
    write_text(&p, "environment-file", "environment-file\n");
    _cleanup_free_ char *conf_file = mem_printf("PG_HOST_FILE=%s/conf-file", p.dir);
    write_conf(&p, _i <= FROM_CONF ? "PG_HOST=conf" : _i == FROM_CONF_FILE ? conf_file : "");
    write_text(&p, "conf-file", "conf-file\n");
    strv_addf(&p.environment, "CREDENTIALS_DIRECTORY=%s/credentials", p.dir);
    if (_i <= FROM_CREDENTIALS)
        write_secret(&p, "credentials", "pg_host", "credentials\n");
    if (_i <= FROM_SECRETS)
        write_secret(&p, "secrets", "pg_host", "secrets\n");
    if (_i <= FROM_LIBPQ)
        strv_add(&p.environment, "PGHOST=libpq");

    _cleanup_settings_ Settings s = { 0 };
    assert_loads(&p, &s);
    if (_i == FROM_DEFAULT)
        ck_assert_ptr_null(s.pg_host);
    else
        ck_assert_str_eq(s.pg_host, expected[_i]);
}
END_TEST

START_TEST(an_empty_value_counts_as_not_set)
{
    _cleanup_place_ Place p = place_init();
    strv_add(&p.environment, "PG_HOST=");
    strv_add(&p.environment, "PG_USER_FILE=");
    strv_addf(&p.environment, "PG_SERVICE_FILE=%s/empty", p.dir);
    strv_add(&p.environment, "BACKUP_KEEP_DAYS=");
    strv_add(&p.environment, "PGPORT=");
    write_text(&p, "empty", "\n");
    write_conf(&p, "PG_HOST=conf\nPG_USER=conf\nPG_SERVICE=\nPG_PORT=''\n");
    write_secret(&p, "secrets", "pg_service", "secrets");

    _cleanup_settings_ Settings s = { 0 };
    assert_loads(&p, &s);
    ck_assert_str_eq(s.pg_host, "conf");
    ck_assert_str_eq(s.pg_user, "conf");
    ck_assert_str_eq(s.pg_service, "secrets");
    ck_assert_uint_eq(s.keep_days, 14);
    ck_assert_ptr_null(s.pg_port);
}
END_TEST

START_TEST(only_connection_parameters_are_looked_for_among_secrets)
{
    _cleanup_place_ Place p = place_init();
    write_secret(&p, "secrets", "backup_keep_days", "99");
    write_secret(&p, "secrets", "pg_password", "s3cret");

    _cleanup_settings_ Settings s = { 0 };
    assert_loads(&p, &s);
    ck_assert_uint_eq(s.keep_days, 14);
    ck_assert_str_eq(s.pg_password, "s3cret");
}
END_TEST

START_TEST(a_key_beside_its_file_in_one_place_is_refused)
{
    _cleanup_place_ Place p = place_init();
    strv_add(&p.environment, "PG_HOST=h");
    strv_add(&p.environment, "PG_HOST_FILE=/nowhere");
    write_conf(&p, "PG_USER_FILE=/nowhere\n\nPG_USER=u\n");

    assert_refused(&p, "@/main.conf:3: PG_USER is set beside PG_USER_FILE; give one of them\n"
                       "environment: PG_HOST is set beside PG_HOST_FILE; give one of them");
}
END_TEST

START_TEST(a_key_in_the_environment_overrides_a_file_in_the_configuration)
{
    _cleanup_place_ Place p = place_init();
    strv_add(&p.environment, "PG_USER=u");
    write_conf(&p, "PG_USER_FILE=/nowhere\n");

    _cleanup_settings_ Settings s = { 0 };
    assert_loads(&p, &s);
    ck_assert_str_eq(s.pg_user, "u");
}
END_TEST

/* -- Files of values -- */

START_TEST(the_line_break_at_the_end_of_a_file_is_dropped)
{
    static const char *const texts[] = { "pass word", "pass word\n", "pass word\r\n" };
    _cleanup_place_ Place p = place_init();
    write_secret(&p, "secrets", "pg_password", texts[_i]);

    _cleanup_settings_ Settings s = { 0 };
    assert_loads(&p, &s);
    ck_assert_str_eq(s.pg_password, "pass word");
}
END_TEST

START_TEST(white_space_of_a_password_stays)
{
    _cleanup_place_ Place p = place_init();
    write_secret(&p, "secrets", "pg_password", " \tp'\"\\$ #\x01 \n");

    _cleanup_settings_ Settings s = { 0 };
    assert_loads(&p, &s);
    ck_assert_str_eq(s.pg_password, " \tp'\"\\$ #\x01 ");
}
END_TEST

START_TEST(a_password_of_two_lines_is_refused_and_not_shown)
{
    static const char *const texts[] = { "one\ntwo", "one\n\n", "one\rtwo" };
    _cleanup_place_ Place p = place_init();
    write_secret(&p, "secrets", "pg_password", texts[_i]);

    assert_refused(&p, "@/secrets/pg_password: PG_PASSWORD must be a single line");
}
END_TEST

START_TEST(a_password_file_that_others_can_read_is_accepted)
{
    _cleanup_place_ Place p = place_init();
    write_secret(&p, "secrets", "pg_password", "p");
    _cleanup_free_ char *path = mem_printf("%s/pg_password", p.secrets);
    ck_assert_int_eq(chmod(path, 0644), 0);

    _cleanup_settings_ Settings s = { 0 };
    assert_loads(&p, &s);
    ck_assert_str_eq(s.pg_password, "p");
}
END_TEST

START_TEST(a_file_can_list_databases_line_by_line)
{
    _cleanup_place_ Place p = place_init();
    write_text(&p, "list", "app\nmy_db\n\n!x\n");
    strv_addf(&p.environment, "PG_DATABASES_FILE=%s/list", p.dir);
    _cleanup_settings_ Settings s = { 0 };
    assert_loads(&p, &s);
    ck_assert_uint_eq(s.pg_databases.count, 3);
    ck_assert_str_eq(s.pg_databases.items[1], "my_db");
}
END_TEST

START_TEST(files_that_cannot_be_read_are_named_with_the_reason)
{
    _cleanup_place_ Place p = place_init();
    strv_addf(&p.environment, "PG_PASSWORD_FILE=%s/missing", p.dir);
    _cleanup_free_ char *text = mem_printf("PG_USER_FILE=%s/nul\nPG_HOST_FILE=%s\n"
                                           "PG_PORT_FILE=/dev/zero\n",
                                           p.dir, p.dir);
    write_conf(&p, text);
    unit_write_file(p.dir, "nul", "a\0b", 3);
    ck_assert_int_eq(mkdir(p.secrets, 0700), 0);
    _cleanup_free_ char *directory = mem_printf("%s/pg_service", p.secrets);
    ck_assert_int_eq(mkdir(directory, 0700), 0);

    assert_refused(
        &p, "@/main.conf:1: could not read \"@/nul\" for PG_USER: the file holds a NUL byte\n"
            "@/main.conf:2: could not read \"@\" for PG_HOST: Is a directory\n"
            "@/main.conf:3: could not read \"/dev/zero\" for PG_PORT: the file is too large\n"
            "could not read \"@/secrets/pg_service\" for PG_SERVICE: Is a directory\n"
            "environment: could not read \"@/missing\" for PG_PASSWORD: No such file or directory");
}
END_TEST

START_TEST(a_configuration_file_that_is_missing_is_a_problem)
{
    _cleanup_place_ Place p = place_init();
    p.conf = mem_printf("%s/other.conf", p.dir);
    assert_refused(&p, "could not read \"@/other.conf\": No such file or directory");
}
END_TEST

/* -- Problems -- */

START_TEST(all_problems_are_reported_at_once)
{
    _cleanup_place_ Place p = place_init();
    write_conf(&p, "nonsense\n"
                   "BACKUP_KEEP_DAY=7\n"
                   "PG_PORT=0\n"
                   "LOG_LEVEL=info\n"
                   "LOG_LEVEL=debug\n"
                   "STATE_DIR=state\n");
    strv_add(&p.environment, "BACKUP_GLOBALS=maybe");
    strv_add(&p.environment, "BACKUP_FROMAT=plain");
    strv_add(&p.environment, "HOME=/root");
    strv_add(&p.environment, "PGSSLMODE=on");

    assert_refused(
        &p, "@/main.conf:1: this is not KEY=VALUE\n"
            "@/main.conf:2: unknown setting \"BACKUP_KEEP_DAY\"; did you mean "
            "\"BACKUP_KEEP_DAYS\"?\n"
            "@/main.conf:3: PG_PORT must be a port number from 1 to 65535, not \"0\"\n"
            "@/main.conf:5: LOG_LEVEL is set already in line 4\n"
            "@/main.conf:6: STATE_DIR must be an absolute path, not \"state\"\n"
            "environment: BACKUP_GLOBALS must be yes or no (true, false, on, off, 1, 0), not "
            "\"maybe\"\n"
            "environment: PGSSLMODE: PG_SSLMODE must be disable, allow, prefer, require, "
            "verify-ca or verify-full, not \"on\"\n"
            "environment: unknown setting \"BACKUP_FROMAT\"; did you mean \"BACKUP_FORMAT\"?");
}
END_TEST

START_TEST(nothing_is_stored_when_there_is_a_problem)
{
    _cleanup_place_ Place p = place_init();
    write_conf(&p, "PG_HOST=h\nPG_PORT=x\n");
    Settings s = { 0 }, untouched = { 0 };
    ck_assert_int_lt(load(&p, &s, NULL), 0);
    ck_assert_mem_eq(&s, &untouched, sizeof(s));
}
END_TEST

START_TEST(a_key_that_does_not_exist_yet_is_refused)
{
    static const char *const keys[] = { "BACKUP_RECIPIENTS", "BACKUP_IDENTITY",
                                        "BACKUP_KEEP_HOURLY" };
    for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
        _cleanup_place_ Place p = place_init();
        strv_addf(&p.environment, "%s=x", keys[i]);
        _cleanup_settings_ Settings s = { 0 };
        _cleanup_err_ Err err = { 0 };
        ck_assert_int_lt(load(&p, &s, &err), 0);

        _cleanup_free_ char *expected = mem_printf("environment: unknown setting \"%s\"", keys[i]);
        ck_assert_ptr_nonnull(strstr(err.message, expected));
    }
}
END_TEST

START_TEST(a_hostile_value_stays_on_its_line_of_the_message)
{
    _cleanup_place_ Place p = place_init();
    strv_add(&p.environment, "LOG_LEVEL=a\nenvironment: all is well\x1b[31m");
    assert_refused(&p, "environment: LOG_LEVEL must be error, warning, notice, info or debug, not "
                       "\"a\\nenvironment: all is well\\x1B[31m\"");
}
END_TEST

START_TEST(no_message_shows_a_secret)
{
    static const char *const environments[] = {
        "PG_PASSWORD=hunter2\nx",
        "PGPASSWORD=hunter2\nx",
        "PUSHGATEWAY_URL=ftp://me:hunter2@gateway",
        "PG_PORT_FILE=%s/secret", /* in the wrong place */
        "PG_DATABASES_FILE=%s/secret",
    };
    _cleanup_place_ Place p = place_init();
    write_text(&p, "secret", "\"hunter2\n");
    _cleanup_free_ char *with_dir = mem_strdup(environments[_i]);
    char *at = strstr(with_dir, "%s");
    if (at) {
        *at = '\0';
        strv_addf(&p.environment, "%s%s%s", with_dir, p.dir, at + 2);
    } else
        strv_add(&p.environment, with_dir);

    _cleanup_settings_ Settings s = { 0 };
    _cleanup_err_ Err err = { 0 };
    ck_assert_int_lt(load(&p, &s, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.message, " must be "));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_ptr_null(err.hint);
}
END_TEST

START_TEST(without_a_server_no_secret_is_read_and_no_way_to_one_needed)
{
    _cleanup_place_ Place p = place_init();
    _cleanup_settings_ Settings s = { 0 };

    p.without_server = true;
    write_conf(&p, "PG_PASSWORD_FILE=/run/credentials/that/are/not/here\n"
                   "PG_HOST_FILE=/nonexistent\n"
                   "PG_BINDIR=/opt/pg/bin\n"
                   "PUSHGATEWAY_URL=http://user:secret@gateway/\n");
    write_secret(&p, "secrets", "pg_user", "somebody\n");
    strv_add(&p.environment, "PGPASSWORD=secret");
    assert_loads(&p, &s);
    ck_assert_ptr_null(s.pg_password);
    ck_assert_ptr_null(s.pg_host);
    ck_assert_ptr_null(s.pg_user);
    ck_assert_ptr_null(s.pushgateway_url);
    ck_assert_str_eq(s.pg_bindir, "/opt/pg/bin");
}
END_TEST

START_TEST(without_a_server_a_misspelt_setting_is_one_all_the_same)
{
    _cleanup_place_ Place p = place_init();

    p.without_server = true;
    write_conf(&p, "PG_PASWORD=x\n");
    assert_refused(&p, "@/main.conf:1: unknown setting \"PG_PASWORD\"; did you mean "
                       "\"PG_PASSWORD\"?");
}
END_TEST

START_TEST(an_instance_must_be_a_plain_name)
{
    static const char *const instances[] = { "", ".", "..", ".x", "a/b", "../x" };
    for (size_t i = 0; i < ELEMENTSOF(instances); i++) {
        _cleanup_settings_ Settings s = { 0 };
        _cleanup_err_ Err err = { 0 };
        const SettingsSource source = { .instance = instances[i] };
        ck_assert_int_lt(settings_load(&source, &s, &err), 0);
        ck_assert_int_eq(err.kind, ERR_SETTINGS);
    }
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(without_any_source_the_defaults_hold),
    UNIT_TEST(the_metrics_instance_is_named_by_host_and_instance),
    UNIT_TEST(the_state_directory_is_in_the_backup_directory_by_default),
    UNIT_TEST(every_setting_reaches_its_member),
    UNIT_LOOP(the_first_source_that_has_a_value_wins, FROM_DEFAULT + 1),
    UNIT_TEST(an_empty_value_counts_as_not_set),
    UNIT_TEST(only_connection_parameters_are_looked_for_among_secrets),
    UNIT_TEST(a_key_beside_its_file_in_one_place_is_refused),
    UNIT_TEST(a_key_in_the_environment_overrides_a_file_in_the_configuration),
    UNIT_LOOP(the_line_break_at_the_end_of_a_file_is_dropped, 3),
    UNIT_TEST(white_space_of_a_password_stays),
    UNIT_LOOP(a_password_of_two_lines_is_refused_and_not_shown, 3),
    UNIT_TEST(a_password_file_that_others_can_read_is_accepted),
    UNIT_TEST(a_file_can_list_databases_line_by_line),
    UNIT_TEST(files_that_cannot_be_read_are_named_with_the_reason),
    UNIT_TEST(a_configuration_file_that_is_missing_is_a_problem),
    UNIT_TEST(all_problems_are_reported_at_once),
    UNIT_TEST(nothing_is_stored_when_there_is_a_problem),
    UNIT_TEST(a_key_that_does_not_exist_yet_is_refused),
    UNIT_TEST(a_hostile_value_stays_on_its_line_of_the_message),
    UNIT_LOOP(no_message_shows_a_secret, 5),
    UNIT_TEST(without_a_server_no_secret_is_read_and_no_way_to_one_needed),
    UNIT_TEST(without_a_server_a_misspelt_setting_is_one_all_the_same),
    UNIT_TEST(an_instance_must_be_a_plain_name),
};
UNIT_MAIN("settings", tests)
