#include "unit.h"

#include "pg/cluster-log.h"
#include "sys/mem.h"

/* Written by a server 15 with log_line_prefix=%e and log_error_verbosity=terse. */
static const char log_text[] = "00000 LOG:  database system is ready to accept connections\n"
                               "42601 ERROR:  syntax error at or near \"here\" at character 5\n"
                               "P0001 ERROR:  one\n"
                               "\t53100 ERROR:  two\n"
                               "P0001 ERROR:  could not write\n"
                               "53100 ERROR:  could not write\n"
                               "57P01 FATAL:  terminating connection due to administrator command\n"
                               "sh: 1: nothing: not found";

static const struct {
    const char *error, *state;
} cases[] = {
    { "ERROR:  syntax error at or near \"here\"", "42601" },
    { "ERROR:  syntax error", NULL },
    { "ERROR:  one", "P0001" },
    { "ERROR:  two", NULL },
    { "ERROR:  could not write", "53100" },
    { "FATAL:  could not write", NULL },
    { "FATAL:  terminating connection due to administrator command", "57P01" },
    { "ERROR:  never said", NULL },
};

START_TEST(an_error_has_the_state_that_it_was_last_written_with)
{
    char state[SQLSTATE_SIZE + 1] = "";
    bool found = cluster_log_find_state(log_text, cases[_i].error, state);

    ck_assert_int_eq(found, cases[_i].state != NULL);
    ck_assert_str_eq(state, cases[_i].state ? cases[_i].state : "");
}
END_TEST

static const struct {
    const char *log, *line;
} endings[] = {
    { "00000 LOG:  starting\n58P01 FATAL:  could not open file\n00000 LOG:  shut down\n",
      "FATAL:  could not open file" },
    { "58P01 ERROR:  could not open file\n00000 LOG:  server process (PID 7) was terminated by "
      "signal "
      "9: Killed\n",
      "LOG:  server process (PID 7) was terminated by signal 9: Killed" },
    { "58P01 ERROR:  could not open file\n00000 LOG:  shut down\n", "" },
    { "00000 LOG:  starting\n53200 FATAL:  no memory\n", "FATAL:  no memory" },
    { "postgres: could not access the server configuration file\n",
      "postgres: could not access the server configuration file" },
    { "00000 LOG:  starting\n", "" },
    { "", "" },
};

START_TEST(the_line_that_tells_most_is_shown_without_its_state)
{
    _cleanup_free_ char *line = cluster_log_telling_line(endings[_i].log);
    ck_assert_str_eq(line, endings[_i].line);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(an_error_has_the_state_that_it_was_last_written_with, ELEMENTSOF(cases)),
    UNIT_LOOP(the_line_that_tells_most_is_shown_without_its_state, ELEMENTSOF(endings)),
};

UNIT_MAIN("cluster-log", tests)
