#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "backup/restore-select.h"
#include "sys/buf.h"
#include "sys/mem.h"

#define ATTACH                                                                                     \
    "ALTER TABLE ONLY shop.events ATTACH PARTITION shop.events_2026 FOR VALUES FROM ('2026') TO "  \
    "('2027')"

/* The entries that pg_dump 15 writes of a small shop, with their dump ids and dependencies. */
static const struct {
    int32_t dump_id;
    const char *desc, *schema, *tag, *defn;
    int32_t dependencies[4];
} entries[] = {
    { 1, "ENCODING", NULL, "ENCODING", NULL, { 0 } },
    { 7, "SCHEMA", NULL, "shop", NULL, { 0 } },
    { 8, "TYPE", "shop", "kind", NULL, { 7 } },
    { 9, "FUNCTION", "shop", "check_order()", NULL, { 7 } },
    { 10, "TABLE", "shop", "customers", NULL, { 7 } },
    { 11, "TABLE", "shop", "orders", NULL, { 7, 8 } },
    { 12, "SEQUENCE", "shop", "orders_id_seq", NULL, { 11, 7 } },
    { 13, "SEQUENCE OWNED BY", "shop", "orders_id_seq", NULL, { 12 } },
    { 14, "COMMENT", "shop", "TABLE orders", NULL, { 11 } },
    { 15, "ACL", "shop", "TABLE orders", NULL, { 11 } },
    { 16, "VIEW", "shop", "report", NULL, { 11, 7 } },
    { 17, "TABLE", "shop", "events", NULL, { 7 } },
    { 18, "TABLE", "shop", "events_2026", NULL, { 17, 7 } },
    { 19, "TABLE", "shop", "orders old", NULL, { 7 } },
    { 20, "TABLE", "archive", "orders", NULL, { 0 } },
    { 21, "TABLE", "shop", "heir", NULL, { 7, 10 } },
    { 22, "SEQUENCE", "till", "numbers", NULL, { 0 } },
    { 23, "TABLE", "till", "bills", NULL, { 22 } },
    { 30, "TABLE ATTACH", "shop", "events_2026", ATTACH ";\n", { 18, 17 } },
    { 31, "DEFAULT", "shop", "orders id", NULL, { 11, 12, 11 } },
    { 40, "TABLE DATA", "shop", "customers", NULL, { 10 } },
    { 41, "TABLE DATA", "shop", "orders", NULL, { 11 } },
    { 42, "TABLE DATA", "shop", "events_2026", NULL, { 18 } },
    { 43, "SEQUENCE SET", "shop", "orders_id_seq", NULL, { 12 } },
    { 44, "SEQUENCE SET", "till", "numbers", NULL, { 22 } },
    { 50, "CONSTRAINT", "shop", "customers customers_pkey", NULL, { 10 } },
    { 51, "CONSTRAINT", "shop", "orders orders_pkey", NULL, { 11 } },
    { 52, "INDEX", "shop", "events_at", NULL, { 17 } },
    { 53, "INDEX", "shop", "events_2026_at", NULL, { 18, 52 } },
    { 54, "INDEX ATTACH", "shop", "events_2026_at", NULL, { 53, 52, 18, 17 } },
    { 55, "TRIGGER", "shop", "orders guard", NULL, { 9, 11 } },
    { 56, "COMMENT", "shop", "TRIGGER guard ON orders", NULL, { 55 } },
    { 57, "FK CONSTRAINT", "shop", "orders orders_customer_fkey", NULL, { 10, 50, 11 } },
    { 58, "COMMENT", "shop", "CONSTRAINT orders_customer_fkey ON orders", NULL, { 57 } },
    { 59, "POLICY", "shop", "orders old hidden", NULL, { 11, 19 } },
    { 60, "PUBLICATION TABLE", "shop", "changes orders", NULL, { 11 } },
};

/* Of the ATTACH, in place of pg_dump's. */
static const char *hostile_defn;

static void make_toc(ArchiveToc *toc)
{
    for (size_t i = 0; i < ELEMENTSOF(entries); i++) {
        ArchiveEntry e = {
            .dump_id = entries[i].dump_id,
            .desc = entries[i].desc,
            .schema = entries[i].schema,
            .tag = entries[i].tag,
            .defn = entries[i].defn && hostile_defn ? hostile_defn : entries[i].defn,
            .dependencies = entries[i].dependencies,
        };
        while (e.dependency_count < 4 && entries[i].dependencies[e.dependency_count] != 0)
            e.dependency_count++;
        archive_toc_add(toc, &e);
    }
}

/* Patterns between blanks. */
static int select_words(const char *words, bool into_new_database, RestoreSelection *ret,
                        char **ret_ids, Err *err)
{
    _cleanup_archive_toc_ ArchiveToc toc = { 0 };
    _cleanup_strv_ Strv patterns = { 0 };
    _cleanup_free_ char *copy = mem_strdup(words);
    char *rest = copy, *word;

    make_toc(&toc);
    while ((word = strsep(&rest, " ")))
        strv_add(&patterns, word);
    int r = restore_select(&toc, &patterns, into_new_database, ret, err);
    if (r < 0)
        return r;
    *ret_ids = restore_selection_list(ret, &toc);
    for (char *c = *ret_ids; *c; c++)
        if (*c == ';')
            *c = ' ';
        else if (*c == '\n')
            memmove(c, c + 1, strlen(c)), c--;
    return r;
}

static const struct {
    const char *patterns;
    bool into_new_database;
    const char *ids;
} selections[] = {
    /* All that belongs to it, and a foreign key to what is surely there. */
    { "shop.orders", false, "11 12 13 14 15 31 41 43 51 55 56 57 58 " },
    /* With what it needs, and without a foreign key to what is not. */
    { "shop.orders", true, "7 8 9 11 12 13 14 15 31 41 43 51 55 56 " },
    { "shop.orders shop.customers", true,
      "7 8 9 10 11 12 13 14 15 31 40 41 43 50 51 55 56 57 58 " },
    /* A partitioned table comes with its partitions, a partition alone. */
    { "shop.events", false, "17 18 30 42 52 53 54 " },
    { "shop.events_2026", false, "18 42 53 " },
    { "shop.events_2026", true, "7 18 42 53 " },
    /* The definition of an ancestor, without its rows. */
    { "heir", true, "7 10 21 " },
    { "heir", false, "21 " },
    /* A sequence that nobody owns, with where it stands. */
    { "till.bills", true, "22 23 44 " },
    { "till.bills", false, "23 " },
    /* The longest name decides whose part it is. */
    { "shop.orders?old", false, "19 59 " },
    /* A view takes nothing with it that would be empty. */
    { "report", true, "7 16 " },
    { "*.orders", false, "11 12 13 14 15 20 31 41 43 51 55 56 57 58 " },
    { "[c]ustomers", false, "10 40 50 " },
};

START_TEST(a_table_comes_with_all_that_belongs_to_it)
{
    _cleanup_restore_selection_ RestoreSelection s = { 0 };
    _cleanup_free_ char *ids = NULL;

    ck_assert_int_eq(
        select_words(selections[_i].patterns, selections[_i].into_new_database, &s, &ids, NULL), 0);
    ck_assert_str_eq(ids, selections[_i].ids);
}
END_TEST

static const struct {
    const char *pattern, *near;
} misses[] = {
    { "shop.order", "\"shop.heir\", \"shop.orders\"" },
    { "order", "\"orders\", \"orders\"" },
    { "shops.orders", "\"shop.orders_id_seq\", \"shop.report\"" },
    { "shop.check_order*", "\"archive.orders\", \"shop.customers\"" },
};

START_TEST(a_pattern_that_fits_nothing_is_answered_with_what_is_near)
{
    _cleanup_restore_selection_ RestoreSelection s = { 0 };
    _cleanup_err_ Err err = { 0 };
    char *ids;

    ck_assert_int_lt(select_words(misses[_i].pattern, false, &s, &ids, &err), 0);
    ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.message, misses[_i].pattern));
    ck_assert_msg(strstr(err.hint, misses[_i].near) != NULL, "%s", err.hint);
}
END_TEST

START_TEST(one_pattern_of_several_that_fits_nothing_is_an_error)
{
    _cleanup_restore_selection_ RestoreSelection s = { 0 };
    char *ids;

    ck_assert_int_lt(select_words("shop.orders nothing", false, &s, &ids, NULL), 0);
}
END_TEST

START_TEST(what_somebody_may_miss_is_noted)
{
    _cleanup_restore_selection_ RestoreSelection s = { 0 };
    _cleanup_free_ char *ids = NULL;

    ck_assert_int_eq(select_words("shop.orders events_2026", true, &s, &ids, NULL), 0);
    ck_assert_uint_eq(s.notes.count, 2);
    ck_assert_ptr_nonnull(strstr(s.notes.items[0], "\"shop.orders orders_customer_fkey\""));
    ck_assert_ptr_nonnull(strstr(s.notes.items[0], "\"shop.customers\""));
    ck_assert_ptr_nonnull(strstr(s.notes.items[1], "to attach it: " ATTACH ";"));
}
END_TEST

static const char *const hostile[] = {
    "DROP TABLE shop.orders;\n",
    "ALTER TABLE ONLY shop.events OWNER TO mallory;\n",
    ATTACH "; DROP TABLE shop.orders;\n",
    ATTACH "\n\\! touch obeyed\n;\n",
    ATTACH " \\! touch obeyed;\n",
    ATTACH ";\nDROP TABLE shop.orders;\n",
    ATTACH,
    "",
};

START_TEST(nothing_but_one_attach_is_named_as_what_attaches_a_partition)
{
    _cleanup_restore_selection_ RestoreSelection s = { 0 };
    _cleanup_free_ char *ids = NULL;

    hostile_defn = hostile[_i];
    int r = select_words("events_2026", true, &s, &ids, NULL);
    hostile_defn = NULL;
    ck_assert_int_eq(r, 0);
    ck_assert_uint_eq(s.notes.count, 1);
    ck_assert_ptr_nonnull(strstr(s.notes.items[0], "comes back as a table of its own"));
    ck_assert_ptr_null(strstr(s.notes.items[0], "to attach it"));
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(nothing_but_one_attach_is_named_as_what_attaches_a_partition, ELEMENTSOF(hostile)),
    UNIT_LOOP(a_table_comes_with_all_that_belongs_to_it, ELEMENTSOF(selections)),
    UNIT_LOOP(a_pattern_that_fits_nothing_is_answered_with_what_is_near, ELEMENTSOF(misses)),
    UNIT_TEST(one_pattern_of_several_that_fits_nothing_is_an_error),
    UNIT_TEST(what_somebody_may_miss_is_noted),
};

UNIT_MAIN("restore-select", tests)
