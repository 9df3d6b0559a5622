#include "unit.h"

#include "pg/session.h"
#include "pg/sql-quote.h"
#include "sys/mem.h"

/* libpq quotes for a session that never came to be as for any other, byte by byte. */
static PgSession unconnected(void)
{
    return (PgSession){ .conn = PQconnectStart("host=/nonexistent") };
}

START_TEST(a_name_in_a_statement_cannot_end_it)
{
    PgSession s = unconnected();
    _cleanup_free_ char *plain = pg_quote_identifier(&s, "Shop"),
                        *odd = pg_quote_identifier(&s, "a\"; DROP \"b");

    ck_assert_str_eq(plain, "\"Shop\"");
    ck_assert_str_eq(odd, "\"a\"\"; DROP \"\"b\"");
    PQfinish(s.conn);
}
END_TEST

START_TEST(a_value_in_a_statement_cannot_end_it)
{
    PgSession s = unconnected();
    _cleanup_free_ char *plain = pg_quote_literal(&s, "shop"),
                        *odd = pg_quote_literal(&s, "a'; DROP 'b"),
                        *backslash = pg_quote_literal(&s, "a\\' OR true");

    ck_assert_str_eq(plain, "'shop'");
    ck_assert_str_eq(odd, "'a''; DROP ''b'");
    ck_assert_str_eq(backslash, " E'a\\\\'' OR true'"); /* whatever standard_conforming_strings */
    PQfinish(s.conn);
}
END_TEST

START_TEST(a_name_that_somebody_is_shown_is_quoted_in_the_same_way)
{
    _cleanup_free_ char *plain = pg_quote_name("Shop"), *odd = pg_quote_name("a\"; DROP \"b");

    ck_assert_str_eq(plain, "\"Shop\"");
    ck_assert_str_eq(odd, "\"a\"\"; DROP \"\"b\"");
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_name_in_a_statement_cannot_end_it),
    UNIT_TEST(a_value_in_a_statement_cannot_end_it),
    UNIT_TEST(a_name_that_somebody_is_shown_is_quoted_in_the_same_way),
};

UNIT_MAIN("sql-quote", tests)
