#include "unit.h"

#include <string.h>
#include <unistd.h>

#include "pg/cluster-program.h"
#include "sys/mem.h"

static char bindir[] = "/usr/lib/postgresql/N/bin";

static PgCommand initdb(int major, const PgDatabaseTraits *traits)
{
    PgClient client = { .bindir = bindir, .major = major };
    PgClusterSpec spec = { .programs = &client, .traits = traits };
    PgAccount account = { .uid = 101, .gid = 104, .other = true };
    PgCommand command = PG_COMMAND_INIT;

    ck_assert_int_eq(pg_command_initdb(&spec, &account, "/d/data", "drill_1", &command, NULL), 0);
    return command;
}

static PgCommand postgres(int major, const Strv *settings, bool other)
{
    PgClient client = { .bindir = bindir, .major = major };
    PgClusterSpec spec = { .programs = &client, .settings = settings };
    PgAccount account = { .uid = 101, .gid = 104, .other = other };
    PgCommand command = PG_COMMAND_INIT;

    ck_assert_int_eq(pg_command_postgres(&spec, &account, "/d/data", "/d/pg-backup-drill-x/socket",
                                         "pg-backup-drill-x", &command, NULL),
                     0);
    return command;
}

static bool has(const PgCommand *command, const char *argument)
{
    return strv_contains(&command->argv, argument);
}

static bool has_like(const PgCommand *command, const char *start)
{
    for (size_t i = 0; i < command->argv.count; i++)
        if (strncmp(command->argv.items[i], start, strlen(start)) == 0)
            return true;
    return false;
}

/* Of two settings of one name, PostgreSQL takes the last. */
static const char *last_value(const PgCommand *command, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < command->argv.count; i++)
        if (strncmp(command->argv.items[i], name, strlen(name)) == 0 &&
            command->argv.items[i][strlen(name)] == '=')
            value = command->argv.items[i] + strlen(name) + 1;
    return value ? value : "";
}

START_TEST(no_provider_is_named_before_15)
{
    char encoding[] = "LATIN1", collate[] = "de_DE", ctype[] = "C";
    PgDatabaseTraits traits = { .encoding = encoding, .collate = collate, .ctype = ctype };
    _cleanup_pg_command_ PgCommand command = initdb(14, &traits);

    ck_assert(has(&command, "--encoding=LATIN1"));
    ck_assert(has(&command, "--locale=de_DE"));
    ck_assert(has(&command, "--lc-ctype=C"));
    ck_assert(!has_like(&command, "--locale-provider"));
}
END_TEST

static PgDatabaseTraits traits_of(char *provider, char *locale)
{
    static char encoding[] = "UTF8", c[] = "C";
    return (PgDatabaseTraits){
        .encoding = encoding,
        .collate = c,
        .ctype = c,
        .locale_provider = provider,
        .locale = locale,
    };
}

START_TEST(each_provider_has_its_own_option_for_the_locale)
{
    char icu[] = "icu", builtin[] = "builtin", locale[] = "C.UTF-8";
    PgDatabaseTraits by_icu = traits_of(icu, locale), by_itself = traits_of(builtin, locale);
    _cleanup_pg_command_ PgCommand a = initdb(15, &by_icu), b = initdb(17, &by_itself);

    ck_assert(has(&a, "--locale-provider=icu"));
    ck_assert(has(&a, "--icu-locale=C.UTF-8"));
    ck_assert(!has_like(&a, "--icu-rules"));
    ck_assert(has(&b, "--locale-provider=builtin"));
    ck_assert(has(&b, "--builtin-locale=C.UTF-8"));
}
END_TEST

START_TEST(rules_of_icu_are_the_originals_from_16_on)
{
    char icu[] = "icu", locale[] = "de", rules[] = "&a < g";
    PgDatabaseTraits traits = traits_of(icu, locale);

    traits.icu_rules = rules;
    _cleanup_pg_command_ PgCommand old = initdb(15, &traits), new = initdb(16, &traits);
    ck_assert(!has_like(&old, "--icu-rules"));
    ck_assert(has(&new, "--icu-rules=&a < g"));
}
END_TEST

START_TEST(without_traits_the_machine_has_no_say)
{
    _cleanup_pg_command_ PgCommand command = initdb(15, NULL);

    ck_assert(has(&command, "--encoding=UTF8"));
    ck_assert(has(&command, "--locale=C"));
    ck_assert(strv_contains(&command.env, "LC_ALL=C"));
}
END_TEST

START_TEST(the_callers_settings_win_where_they_may)
{
    _cleanup_strv_ Strv settings = { 0 };
    strv_add(&settings, "shared_buffers=1GB");
    strv_add(&settings, "max_locks_per_transaction=4096");
    strv_add(&settings, "listen_addresses=*");
    strv_add(&settings, "dynamic_shared_memory_type=posix");
    _cleanup_pg_command_ PgCommand command = postgres(15, &settings, /* other= */ false);

    ck_assert_str_eq(last_value(&command, "shared_buffers"), "1GB");
    ck_assert_str_eq(last_value(&command, "max_locks_per_transaction"), "4096");
    ck_assert_str_eq(last_value(&command, "listen_addresses"), "");
    ck_assert_str_eq(last_value(&command, "dynamic_shared_memory_type"), "mmap");
    ck_assert_str_eq(last_value(&command, "unix_socket_directories"),
                     "/d/pg-backup-drill-x/socket");
    ck_assert_str_eq(last_value(&command, "cluster_name"), "pg-backup-drill-x");
}
END_TEST

START_TEST(event_triggers_do_not_fire)
{
    _cleanup_pg_command_ PgCommand old = postgres(16, NULL, false), new = postgres(17, NULL, false);

    ck_assert_str_eq(last_value(&old, "event_triggers"), "");
    ck_assert_str_eq(last_value(&old, "session_replication_role"), "replica");
    ck_assert_str_eq(last_value(&new, "event_triggers"), "off");
    ck_assert_str_eq(last_value(&new, "session_replication_role"), "");
}
END_TEST

START_TEST(root_hands_over_to_the_other_user)
{
    _cleanup_pg_command_ PgCommand other = postgres(15, NULL, true),
                                   same = postgres(15, NULL, false);

    ck_assert(has(&other, "--reuid=101"));
    ck_assert(has(&other, "--regid=104"));
    ck_assert(has(&other, "--clear-groups"));
    ck_assert(!has_like(&same, "--reuid"));
    ck_assert(has(&same, "--pdeathsig=QUIT"));
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(no_provider_is_named_before_15),
    UNIT_TEST(each_provider_has_its_own_option_for_the_locale),
    UNIT_TEST(rules_of_icu_are_the_originals_from_16_on),
    UNIT_TEST(without_traits_the_machine_has_no_say),
    UNIT_TEST(the_callers_settings_win_where_they_may),
    UNIT_TEST(event_triggers_do_not_fire),
    UNIT_TEST(root_hands_over_to_the_other_user),
};

UNIT_MAIN("cluster-program", tests)
