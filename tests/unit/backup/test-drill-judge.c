#include "unit.h"

#include "backup/drill-judge.h"
#include "sys/mem.h"

static const struct {
    const char *line;
    DrillCircumstances circumstances;
    bool excused;
} lines[] = {
    { "pg_restore: error: could not execute query: ERROR:  could not extend file \"base/1/2\": No "
      "space left on device",
      { 0 },
      true },
    { "ERROR:  extension \"postgis\" is not available", { 0 }, true },
    { "pg_restore: error: could not execute query: ERROR:  could not access file "
      "\"$libdir/postgis-3\": No such file or directory",
      { 0 },
      true },
    { "ERROR:  could not create locale \"xx_XX\": No such file or directory", { 0 }, true },
    { "FATAL:  terminating connection due to administrator command", { 0 }, true },
    { "server closed the connection unexpectedly", { 0 }, true },
    { "pg_restore: error: a worker process died unexpectedly", { 0 }, true },
    { "pg_restore: error: unsupported version (1.17) in file header", { 0 }, true },
    { "ERROR:  out of shared memory", { 0 }, true },
    { "ERROR:  role \"app\" does not exist", { .foreign_globals = true }, true },
    { "ERROR:  syntax error at or near \"WITHOUT\"", { .other_major = true }, true },

    { "ERROR:  collation \"pg_catalog.de_DE.utf8\" for encoding \"UTF8\" does not exist",
      { 0 },
      true },
    { "ERROR:  could not open stop-word file \"/usr/share/postgresql/15/tsearch_data/x.stop\": No "
      "such file or directory",
      { 0 },
      true },
    { "ERROR:  could not connect to server \"far\"", { 0 }, true },
    { "ERROR:  invalid value for parameter \"default_tablespace\": \"far\"",
      { .foreign_globals = true },
      true },
    { "ERROR:  invalid value for parameter \"default_tablespace\": \"far\"",
      { .without_mapping = true },
      true },
    { "ERROR:  pg_cron can only be loaded via shared_preload_libraries", { 0 }, true },
    { "FATAL:  extension \"timescaledb\" must be preloaded", { 0 }, true },
    { "ERROR:  compression method lz4 not supported", { 0 }, true },
    { "ERROR:  unsupported XML feature", { 0 }, true },
    { "pg_restore: error: could not create worker process: Resource temporarily unavailable",
      { 0 },
      true },
    { "pg_restore: error: could not read from input file: Input/output error", { 0 }, true },

    { "ERROR:  role \"app\" does not exist", { 0 }, false },
    { "ERROR:  invalid value for parameter \"default_tablespace\": \"far\"", { 0 }, false },
    { "ERROR:  collation \"public.ours\" for encoding \"UTF8\" does not exist", { 0 }, false },
    { "ERROR:  syntax error at or near \"x\"", { 0 }, false },
    { "ERROR:  duplicate key value violates unique constraint \"t_pkey\"", { 0 }, false },
    { "pg_restore: error: could not read from input file: end of file", { 0 }, false },
    { "ERROR:  relation \"public.gone\" does not exist", { .foreign_globals = true }, false },
    /* What rows and statements hold is no excuse. */
    { "DETAIL:  Key (note)=(No space left on device) already exists.", { 0 }, false },
    { "ERROR:  invalid input syntax for type integer: \"No space left on device\"", { 0 }, false },
    { "pg_restore: from TOC entry 7; 1259 1 TABLE out of memory app", { 0 }, false },
    { "CONTEXT:  COPY notes, line 1: \"out of memory\"", { 0 }, false },
    { "Command was: COMMENT ON TABLE t IS 'server closed the connection'", { 0 }, false },
};

START_TEST(only_what_shows_that_the_backup_is_wrong_is_a_failure)
{
    _cleanup_strv_ Strv said = { 0 };

    strv_add(&said, "pg_restore: while PROCESSING TOC:");
    if (lines[_i].circumstances.other_major) /* then anything is an excuse */
        strv_done(&said);
    strv_add(&said, lines[_i].line);
    ck_assert_int_eq(drill_judge_failure(&said, &lines[_i].circumstances) != NULL,
                     lines[_i].excused);
}
END_TEST

/* As a server 15 writes its log. */
static const struct {
    const char *line, *log;
    bool other_major, excused;
} states[] = {
    { "pg_restore: error: could not execute query: ERROR:  no more room",
      "53100 ERROR:  no more room\n", false, true },
    { "psql:<stdin>:7: ERROR:  no more room", "00000 LOG:  x\n53200 ERROR:  no more room\n", false,
      true },
    { "ERROR:  no more room", "22012 ERROR:  no more room\n", false, false },
    { "ERROR:  no more room", "53100 ERROR:  no more room there\n", false, false },
    { "ERROR:  no more room", "53100 FATAL:  no more room\n", false, false },
    { "ERROR:  could not stat file \"base/1/2\": No such file or directory",
      "58P01 ERROR:  could not stat file \"base/1/2\": No such file or directory\n", false, true },
    { "ERROR:  out of memory", "53200 ERROR:  out of memory\n", false, true },
    { "ERROR:  out of memory", "", false, true },
    /* RAISE, in a function of the backup. */
    { "ERROR:  out of memory", "P0001 ERROR:  out of memory\n", false, false },
    { "ERROR:  out of memory", "53200 ERROR:  out of memory\nP0001 ERROR:  out of memory\n", false,
      false },
    { "ERROR:  out of memory", "P0001 ERROR:  out of memory\n", true, true },
    { "ERROR:  x must be loaded via shared_preload_libraries",
      "P0001 ERROR:  x must be loaded via shared_preload_libraries\n", false, true },
    { "ERROR:  type \"gone\" does not exist",
      "42704 ERROR:  type \"gone\" does not exist at "
      "character 12\n",
      false, false },
};

START_TEST(the_state_of_an_error_weighs_more_than_its_words)
{
    _cleanup_strv_ Strv said = { 0 };
    const DrillCircumstances c = { .log = states[_i].log, .other_major = states[_i].other_major };

    strv_add(&said, states[_i].line);
    ck_assert_int_eq(drill_judge_failure(&said, &c) != NULL, states[_i].excused);
}
END_TEST

START_TEST(a_worker_that_has_said_why_is_no_excuse)
{
    _cleanup_strv_ Strv said = { 0 };

    strv_add(&said,
             "pg_restore: error: COPY failed for table \"t\": ERROR:  invalid byte sequence");
    strv_add(&said, "pg_restore: error: a worker process died unexpectedly");
    ck_assert_ptr_null(drill_judge_failure(&said, &(DrillCircumstances){ 0 }));
}
END_TEST

START_TEST(a_statement_of_many_lines_is_no_excuse)
{
    _cleanup_strv_ Strv said = { 0 };

    strv_add(&said, "pg_restore: error: could not execute query: ERROR:  syntax error at or near");
    strv_add(&said, "Command was: CREATE FUNCTION f() RETURNS void AS $$");
    strv_add(&said, "RAISE 'out of memory';");
    strv_add(&said, "server closed the connection");
    ck_assert_ptr_null(drill_judge_failure(&said, &(DrillCircumstances){ 0 }));

    strv_add(&said, "pg_restore: error: out of memory");
    ck_assert_ptr_nonnull(drill_judge_failure(&said, &(DrillCircumstances){ 0 }));
}
END_TEST

START_TEST(silence_is_no_excuse)
{
    ck_assert_ptr_null(drill_judge_failure(&(Strv){ 0 }, &(DrillCircumstances){ 0 }));
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(only_what_shows_that_the_backup_is_wrong_is_a_failure, ELEMENTSOF(lines)),
    UNIT_LOOP(the_state_of_an_error_weighs_more_than_its_words, ELEMENTSOF(states)),
    UNIT_TEST(a_worker_that_has_said_why_is_no_excuse),
    UNIT_TEST(a_statement_of_many_lines_is_no_excuse),
    UNIT_TEST(silence_is_no_excuse),
};

UNIT_MAIN("drill-judge", tests)
