#include "unit.h"

#include <string.h>

#include "pg/message.h"

/* Words as pg_dump 15 and its server print them. */
static const struct {
    const char *text;
    ErrKind kind;
} said[] = {
    { "pg_dump: error: query failed: ERROR:  permission denied for table secret", ERR_PERMISSION },
    { "pg_dump: error: query failed: ERROR:  query would be affected by row-level security policy "
      "for "
      "table \"t\"",
      ERR_ROW_SECURITY },
    { "pg_dump: error: query failed: ERROR:  canceling statement due to statement timeout",
      ERR_LOCK_TIMEOUT },
    { "pg_dump: detail: Error message from server: server closed the connection unexpectedly",
      ERR_SERVER_LOST },
    { "FATAL:  terminating connection due to administrator command", ERR_SERVER_LOST },
    { "pg_dump: error: aborting because of server version mismatch", ERR_CLIENT_TOO_OLD },
    { "definition of service \"shop\" not found", ERR_SETTINGS },
    { "connection to server at \"h\" failed: server does not support SSL, but SSL was required",
      ERR_SETTINGS },
    { "pg_dump: error: something nobody has seen", ERR_CHILD },
};

START_TEST(the_words_of_a_client_program_tell_the_kind)
{
    const char *hint;
    ck_assert_int_eq(pg_classify_message(said[_i].text, &hint), said[_i].kind);
}
END_TEST

START_TEST(large_objects_have_a_remedy_of_their_own)
{
    const char *hint;
    ck_assert_int_eq(pg_classify_message("ERROR:  permission denied for large object 16400", &hint),
                     ERR_PERMISSION);
    ck_assert_ptr_nonnull(strstr(hint, "lo_compat_privileges"));
}
END_TEST

/* PostgreSQL manual, appendix A. */
static const struct {
    const char *state;
    ErrKind kind;
} states[] = {
    { "28P01", ERR_AUTHENTICATION }, { "28000", ERR_AUTHENTICATION }, { "3D000", ERR_NO_DATABASE },
    { "42501", ERR_PERMISSION },     { "25006", ERR_PERMISSION },     { "57P03", ERR_UNREACHABLE },
    { "53300", ERR_UNREACHABLE },    { "08006", ERR_SERVER_LOST },    { "42601", ERR_INTERNAL },
};

START_TEST(an_sqlstate_tells_the_kind)
{
    const char *hint = NULL;
    ErrKind kind = ERR_INTERNAL;

    pg_classify_state(states[_i].state, &kind, &hint);
    ck_assert_int_eq(kind, states[_i].kind);
}
END_TEST

START_TEST(no_sqlstate_leaves_the_kind_as_it_is)
{
    const char *hint = "kept";
    ErrKind kind = ERR_UNREACHABLE;

    pg_classify_state(NULL, &kind, &hint);
    ck_assert_int_eq(kind, ERR_UNREACHABLE);
    ck_assert_str_eq(hint, "kept");
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(the_words_of_a_client_program_tell_the_kind, sizeof(said) / sizeof(said[0])),
    UNIT_TEST(large_objects_have_a_remedy_of_their_own),
    UNIT_LOOP(an_sqlstate_tells_the_kind, sizeof(states) / sizeof(states[0])),
    UNIT_TEST(no_sqlstate_leaves_the_kind_as_it_is),
};

UNIT_MAIN("message", tests)
