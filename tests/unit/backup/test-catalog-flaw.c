#include "backups.h"
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/catalog.h"
#include "stream/stage-tap.h"
#include "sys/mem.h"

/* What makes a backup no good one although its files are all there. */

/* The stem that a name on the command line finds; NULL if none. */
static const char *found(const Catalog *c, const char *name)
{
    const Series *s;
    const Backup *b;
    return catalog_find(c, name, &s, &b, NULL) < 0 ? NULL : b->stem;
}

/* A proof of the newest of appdb whose level that is has failed. */
static void fail_drill(const Place *p, const char *sha256, ProofLevel level)
{
    _cleanup_free_ char *path = mem_printf("%s/appdb", p->path);
    _cleanup_close_ int fd = openat(p->fd, "appdb", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _cleanup_proof_ Proof proof = {
        .stem = mem_strdup("appdb_19700103T020000Z"),
        .stored_sha256 = mem_strdup(sha256),
        .program_version = mem_strdup("0.1.0"),
        .started = DAY(3),
        .finished = DAY(3),
    };

    for (ProofLevel i = 0; i < level; i++)
        proof.checks[i].outcome = PROOF_PASSED;
    proof.checks[level] = (ProofCheck){ PROOF_FAILED, mem_strdup("why"), 0 };
    proof_judge(&proof);
    ck_assert_int_eq(proof_save(&proof, fd, path, NULL), 0);
}

START_TEST(a_backup_that_its_drill_has_refuted_is_not_good)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_commit(&p, "appdb", DAY(1));
    place_commit(&p, "appdb", DAY(2));
    fail_drill(&p, SHA256_ABC, (ProofLevel)_i);
    place_load(&p, &c);
    const Series *s = catalog_series(&c, "appdb");
    ck_assert(!s->backups[1].good);
    ck_assert(!s->backups[1].unreadable);
    ck_assert(backup_is_refuted(&s->backups[1]));
    ck_assert_ptr_nonnull(strstr(s->backups[1].problem, "why"));
    ck_assert_str_eq(backup_flaw(&s->backups[1]), "DRILL FAILED");
    ck_assert_str_eq(found(&c, "appdb"), "appdb_19700102T020000Z");
    ck_assert_str_eq(found(&c, "appdb_19700103T020000Z"), "appdb_19700103T020000Z");
    ck_assert_str_eq(series_newest_flawed_until(s, DAY(9))->stem, "appdb_19700103T020000Z");
    ck_assert_ptr_null(series_newest_flawed_until(s, DAY(1)));
}
END_TEST

START_TEST(the_latest_link_passes_over_a_refuted_backup)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;
    _cleanup_err_ Err warning = { 0 }, err = { 0 };

    for (unsigned day = 0; day < 3; day++)
        place_commit(&p, "appdb", DAY(day));
    fail_drill(&p, SHA256_ABC, PROOF_LEVEL_RESTORE);
    place_load(&p, &c);
    const Series *s = catalog_series(&c, "appdb");
    ck_assert_int_eq(catalog_remove(&c, s, &s->backups[0], &warning, &err), 0);
    _cleanup_free_ char *link = place_link(&p, "appdb/appdb_latest.dump");
    ck_assert_str_eq(link, "appdb_19700102T020000Z.dump");
}
END_TEST

START_TEST(a_proof_of_other_bytes_refutes_nothing)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_commit(&p, "appdb", DAY(2));
    fail_drill(&p, "ab12", PROOF_LEVEL_RESTORE);
    place_load(&p, &c);
    ck_assert(catalog_series(&c, "appdb")->backups[0].good);
}
END_TEST

START_TEST(an_assertion_that_failed_does_not_refute_the_backup)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_commit(&p, "appdb", DAY(2));
    fail_drill(&p, SHA256_ABC, PROOF_LEVEL_ASSERTIONS + (ProofLevel)_i);
    place_load(&p, &c);
    const Backup *b = &catalog_series(&c, "appdb")->backups[0];
    ck_assert(b->good);
    ck_assert(proof_shows_restore(b->proof));
    ck_assert(!backup_is_proven(b));
}
END_TEST

/* The manifest's version is one up, and its digest that of the text, or of what it was. */
static void make_newer(const Place *p, bool with_digest)
{
    static const char name[] = "appdb/appdb_19700103T020000Z.json",
                      beside[] = "appdb/appdb_19700103T020000Z.dump.sha256";
    char sha256[TAP_SHA256_HEX_SIZE];
    size_t size;
    _cleanup_free_ char *text = unit_read_file(p->path, name, &size);
    char *version = strstr(text, "\"format_version\": ") + strlen("\"format_version\": ");

    ++*version;
    unit_write_file(p->path, name, text, size);
    ck_assert_int_eq(tap_sha256_of(text, size, sha256, NULL), 0);
    _cleanup_free_ char *checksums = mem_printf("%s  appdb_19700103T020000Z.json\n", sha256);
    if (with_digest)
        unit_write_file(p->path, beside, checksums, strlen(checksums));
}

START_TEST(what_a_newer_program_has_written_is_neither_good_nor_damaged)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;
    _cleanup_err_ Err err = { 0 }, refused = { 0 };

    place_commit(&p, "appdb", DAY(1));
    place_commit(&p, "appdb", DAY(2));
    make_newer(&p, /* with_digest= */ true);
    place_load(&p, &c);
    const Series *s = catalog_series(&c, "appdb");
    const Backup *b = &s->backups[1];
    ck_assert(!b->good);
    ck_assert(b->unreadable);
    ck_assert(b->newer);
    ck_assert_str_eq(backup_flaw(b), "UNKNOWN");
    ck_assert_int_lt(backup_error(b, &err), 0);
    ck_assert_int_eq(err.kind, ERR_ARCHIVE_VERSION);
    ck_assert_str_eq(found(&c, "appdb"), "appdb_19700102T020000Z");
    ck_assert_int_lt(catalog_remove(&c, s, b, NULL, &refused), 0);
    ck_assert_int_eq(refused.kind, ERR_REFUSED);
}
END_TEST

START_TEST(a_version_that_one_flipped_bit_has_made_is_damage)
{
    _cleanup_place_ Place p = place_new();
    _cleanup_catalog_ Catalog c = CATALOG_INIT;

    place_commit(&p, "appdb", DAY(2));
    make_newer(&p, /* with_digest= */ false);
    place_load(&p, &c);
    const Backup *b = &catalog_series(&c, "appdb")->backups[0];
    ck_assert(!b->good);
    ck_assert(!b->unreadable);
    ck_assert(!b->newer);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(a_backup_that_its_drill_has_refuted_is_not_good, PROOF_LEVEL_ASSERTIONS),
    UNIT_TEST(the_latest_link_passes_over_a_refuted_backup),
    UNIT_TEST(a_proof_of_other_bytes_refutes_nothing),
    UNIT_LOOP(an_assertion_that_failed_does_not_refute_the_backup, 2),
    UNIT_TEST(what_a_newer_program_has_written_is_neither_good_nor_damaged),
    UNIT_TEST(a_version_that_one_flipped_bit_has_made_is_damage),
};
UNIT_MAIN("catalog-flaw", tests)
