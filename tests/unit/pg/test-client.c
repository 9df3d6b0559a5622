#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pg/client.h"
#include "sys/mem.h"

/* A directory with the four programs; pg_dump says this version. */
static char *make_bindir(const char *parent, const char *version)
{
    static const char *const programs[] = { "pg_dump", "pg_dumpall", "pg_restore", "psql" };
    char *dir = mem_printf("%s/%s", parent, version);
    _cleanup_free_ char *script =
        mem_printf("#!/bin/sh\necho 'pg_dump (PostgreSQL) %s'\n", version);

    ck_assert_int_eq(mkdir(dir, 0700), 0);
    for (size_t i = 0; i < ELEMENTSOF(programs); i++) {
        _cleanup_free_ char *path = mem_printf("%s/%s", dir, programs[i]);
        unit_write_file(dir, programs[i], script, strlen(script));
        ck_assert_int_eq(chmod(path, 0700), 0);
    }
    return dir;
}

START_TEST(a_named_directory_is_taken_when_it_is_new_enough)
{
    char *top = unit_mkdir();
    _cleanup_free_ char *dir = make_bindir(top, "17.4 (Debian 17.4-1)");
    PgClient client = { 0 };

    ck_assert_int_eq(pg_client_find(dir, 15, &client, NULL), 0);
    ck_assert_int_eq(client.major, 17);
    ck_assert_int_eq(client.version_num, 170004);
    ck_assert_str_eq(client.version, "17.4");
    ck_assert_str_eq(client.bindir, dir);
    pg_client_done(&client);
    unit_rmdir(top);
}
END_TEST

START_TEST(an_older_client_is_refused_with_both_versions)
{
    char *top = unit_mkdir();
    _cleanup_free_ char *dir = make_bindir(top, "14.2");
    _cleanup_err_ Err err = { 0 };
    PgClient client = { 0 };

    ck_assert_int_lt(pg_client_find(dir, 15, &client, &err), 0);
    ck_assert_int_eq(err.kind, ERR_CLIENT_TOO_OLD);
    ck_assert_ptr_nonnull(strstr(err.message, "14.2"));
    ck_assert_ptr_nonnull(strstr(err.hint, "postgresql-client-15"));
    unit_rmdir(top);
}
END_TEST

START_TEST(a_directory_without_the_programs_is_refused)
{
    char *top = unit_mkdir();
    _cleanup_err_ Err err = { 0 };
    PgClient client = { 0 };

    ck_assert_int_lt(pg_client_find(top, 15, &client, &err), 0);
    ck_assert_int_eq(err.kind, ERR_CLIENT_MISSING);
    ck_assert_ptr_nonnull(strstr(err.message, top));
    unit_rmdir(top);
}
END_TEST

START_TEST(a_beta_has_a_version)
{
    char *top = unit_mkdir();
    _cleanup_free_ char *dir = make_bindir(top, "19beta1");
    PgClient client = { 0 };

    ck_assert_int_eq(pg_client_find(dir, 15, &client, NULL), 0);
    ck_assert_int_eq(client.version_num, 190000);
    pg_client_done(&client);
    unit_rmdir(top);
}
END_TEST

START_TEST(a_minor_release_with_a_known_hole_gets_advice)
{
    ck_assert_ptr_nonnull(pg_client_advice(&(PgClient){ .major = 15, .version_num = 150018 }));
    ck_assert_ptr_null(pg_client_advice(&(PgClient){ .major = 15, .version_num = 150019 }));
}
END_TEST

/* As the release notes of August 2025 say. */
START_TEST(a_psql_knows_restrict_from_a_minor_release_on)
{
    static const struct {
        int major, version_num;
        bool knows;
    } cases[] = {
        { 12, 120022, false }, { 13, 130021, false }, { 13, 130022, true },
        { 15, 150013, false }, { 15, 150014, true },  { 17, 170005, false },
        { 17, 170006, true },  { 18, 180000, true },  { 19, 190000, true },
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        const PgClient client = { .major = cases[i].major, .version_num = cases[i].version_num };
        ck_assert_int_eq(pg_client_knows_restrict(&client), cases[i].knows);
    }
}
END_TEST

/* PostgreSQL manual, "Keyword/Value Connection Strings": \' and \\ inside quotes. */
START_TEST(no_name_can_add_parameters_to_a_connection_string)
{
    PgTarget target = { .host = "h", .user = "o'neill" };
    _cleanup_free_ char *text = pg_conninfo(&target, "x' host='evil", "/proc/self/fd/7");

    ck_assert_ptr_eq(strstr(text, "host='h' user='o\\'neill' dbname='x\\' host=\\'evil' "
                                  "passfile='/proc/self/fd/7'"),
                     text);
}
END_TEST

START_TEST(a_password_is_in_no_argument_and_no_variable)
{
    PgClient client = { .bindir = mem_strdup("/nowhere") };
    PgTarget target = { .host = "h", .password = "can:ary\\42" };
    PgDumpOptions options = { .database = "-rf", .snapshot = "1-2-3", .format = "custom" };
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;
    char data[64] = "";

    ck_assert_int_eq(setenv("PGPASSWORD", "can:ary\\42", 1), 0);
    ck_assert_int_eq(pg_command_dump(&client, &target, &options, &command, NULL), 0);
    for (size_t i = 0; i < command.argv.count; i++)
        ck_assert_ptr_null(strstr(command.argv.items[i], "ary"));
    for (size_t i = 0; i < command.env.count; i++)
        ck_assert_ptr_null(strstr(command.env.items[i], "ary"));

    /* libpq, "The Password File": ':' and '\' are escaped. */
    ck_assert_int_gt(pread(command.passfile_fd, data, sizeof(data) - 1, 0), 0);
    ck_assert_str_eq(data, "*:*:*:*:can\\:ary\\\\42\n");
    struct stat st;
    ck_assert_int_eq(fstat(command.passfile_fd, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    free(client.bindir);
}
END_TEST

START_TEST(the_encoding_of_a_dump_is_not_left_to_the_environment)
{
    PgClient client = { .bindir = mem_strdup("/nowhere") };
    PgTarget target = { 0 };
    PgDumpOptions options = { .database = "appdb", .format = "custom", .encoding = "LATIN1" };
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;

    ck_assert_int_eq(pg_command_dump(&client, &target, &options, &command, NULL), 0);
    ck_assert(strv_contains(&command.argv, "--encoding=LATIN1"));
    free(client.bindir);
}
END_TEST

START_TEST(a_database_called_like_an_option_is_none)
{
    PgClient client = { .bindir = mem_strdup("/nowhere") };
    PgTarget target = { 0 };
    PgDumpOptions options = { .database = "-rf", .format = "custom", .compress = "0" };
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;

    ck_assert_int_eq(pg_command_dump(&client, &target, &options, &command, NULL), 0);
    for (size_t i = 0; i < command.argv.count; i++)
        ck_assert_int_ne(strncmp(command.argv.items[i], "-rf", 3), 0);
    ck_assert(strv_contains(&command.argv, "--compress=0"));
    free(client.bindir);
}
END_TEST

START_TEST(a_directory_is_dumped_over_several_connections)
{
    PgClient client = { .bindir = mem_strdup("/nowhere") };
    PgTarget target = { 0 };
    PgDumpOptions options = {
        .database = "appdb",
        .snapshot = "1-2-3",
        .format = "directory",
        .directory = "/backups/.x.dir.tmp",
        .jobs = 4,
    };
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;

    ck_assert_int_eq(pg_command_dump(&client, &target, &options, &command, NULL), 0);
    ck_assert(strv_contains(&command.argv, "--file=/backups/.x.dir.tmp"));
    ck_assert(strv_contains(&command.argv, "--jobs=4"));
    ck_assert(strv_contains(&command.argv, "--snapshot=1-2-3"));
    ck_assert(strv_contains(&command.argv, "--no-sync"));
    free(client.bindir);
}
END_TEST

/* pg_restore has no --jobs with --single-transaction. */
START_TEST(a_directory_is_restored_over_several_connections_or_in_one_transaction)
{
    PgClient client = { .bindir = mem_strdup("/nowhere") };
    PgTarget target = { 0 };
    PgRestoreOptions options = {
        .database = "copy",
        .archive = "/backups/x.dir",
        .jobs = 4,
        .one_transaction = _i == 1,
    };
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;

    ck_assert_int_eq(pg_command_restore(&client, &target, &options, &command, NULL), 0);
    ck_assert_str_eq(command.argv.items[command.argv.count - 1], "/backups/x.dir");
    ck_assert_int_eq(strv_contains(&command.argv, "--jobs=4"), _i == 0);
    ck_assert_int_eq(strv_contains(&command.argv, "--single-transaction"), _i == 1);
    free(client.bindir);
}
END_TEST

START_TEST(what_is_forgotten_is_libpqs_and_nothing_else)
{
    ck_assert_int_eq(setenv("PGHOSTADDR", "192.0.2.1", 1), 0);
    ck_assert_int_eq(setenv("PGSERVICE", "production", 1), 0);
    ck_assert_int_eq(setenv("PG_HOST", "ours", 1), 0);
    pg_forget_environment();
    ck_assert_ptr_null(getenv("PGHOSTADDR"));
    ck_assert_ptr_null(getenv("PGSERVICE"));
    ck_assert_str_eq(getenv("PG_HOST"), "ours");
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(what_is_forgotten_is_libpqs_and_nothing_else),
    UNIT_TEST(a_named_directory_is_taken_when_it_is_new_enough),
    UNIT_TEST(an_older_client_is_refused_with_both_versions),
    UNIT_TEST(a_directory_without_the_programs_is_refused),
    UNIT_TEST(a_beta_has_a_version),
    UNIT_TEST(a_minor_release_with_a_known_hole_gets_advice),
    UNIT_TEST(a_psql_knows_restrict_from_a_minor_release_on),
    UNIT_TEST(no_name_can_add_parameters_to_a_connection_string),
    UNIT_TEST(a_password_is_in_no_argument_and_no_variable),
    UNIT_TEST(the_encoding_of_a_dump_is_not_left_to_the_environment),
    UNIT_TEST(a_database_called_like_an_option_is_none),
    UNIT_TEST(a_directory_is_dumped_over_several_connections),
    UNIT_LOOP(a_directory_is_restored_over_several_connections_or_in_one_transaction, 2),
};

UNIT_MAIN("client", tests)
