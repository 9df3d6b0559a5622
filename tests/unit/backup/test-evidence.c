#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sample-backup.h"

#include "backup/evidence.h"
#include "backup/verify.h"
#include "sys/mem.h"

#define WHEN ((usec_t)1795312800 * USEC_PER_SEC)
#define TEXT                                                                                       \
    "--\n-- Name: t; Type: TABLE; Schema: public; Owner: postgres\n--\n\n"                         \
    "CREATE TABLE t (a int);\nINSERT INTO t VALUES (42);\n" SAMPLE_CLOSING

/* The file system lets nothing be made or removed. */
static bool read_only;

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    if (read_only) {
        errno = EROFS;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

int unlinkat(int fd, const char *name, int flags)
{
    if (read_only) {
        errno = EROFS;
        return -1;
    }
    return (int)syscall(SYS_unlinkat, fd, name, flags);
}

typedef struct Site {
    char *dir, *stem;
    Catalog catalog;
    const Series *series;
    const Backup *backup;
} Site;

static void load(Site *s)
{
    catalog_done(&s->catalog);
    ck_assert_int_eq(catalog_load(s->dir, &s->catalog, NULL), 0);
    ck_assert_int_eq(catalog_find(&s->catalog, s->stem, &s->series, &s->backup, NULL), 0);
}

static Site site_new(void)
{
    Site s = { .dir = unit_mkdir(), .catalog = CATALOG_INIT };

    s.stem = sample_backup(s.dir, "appdb", WHEN, TEXT);
    load(&s);
    return s;
}

static void site_done(Site *s)
{
    catalog_done(&s->catalog);
    free(s->stem);
    read_only = false;
    unit_rmdir(s->dir);
}
#define _cleanup_site_ _cleanup_(site_done)

/* The last byte of the data file, whose size stays. */
static void flip(const Site *s)
{
    _cleanup_free_ char *name = mem_printf("appdb/%s.sql.gz", s->stem);
    size_t size;
    _cleanup_free_ char *bytes = unit_read_file(s->dir, name, &size);

    bytes[size - 1] ^= 1;
    unit_write_file(s->dir, name, bytes, size);
}

static int record(const Site *s, Err *err)
{
    _cleanup_err_ Err damage = { 0 };

    ck_assert_int_lt(verify_decoded(&s->catalog, s->series, s->backup, NULL, 0, &damage), 0);
    ck_assert_int_eq(damage.kind, ERR_DAMAGED);
    return evidence_record_damage(&s->catalog, s->series, s->backup, &damage, WHEN, err);
}

static bool withdraw(const Site *s)
{
    bool withdrawn;

    ck_assert_int_eq(evidence_withdraw_damage(&s->catalog, s->series, s->backup, &withdrawn, NULL),
                     0);
    return withdrawn;
}

/* A drill of it that has failed at the level, or, beyond all levels, has proven it. */
static void drill(Site *s, ProofLevel level, bool undecided)
{
    _cleanup_proof_ Proof p = {
        .stem = mem_strdup(s->stem),
        .stored_sha256 = mem_strdup(s->backup->manifest.stored_sha256),
        .program_version = mem_strdup("0.1.0"),
        .started = WHEN,
        .finished = WHEN,
    };
    bool kept;

    for (ProofLevel i = 0; i < _PROOF_LEVEL_MAX; i++)
        p.checks[i].outcome = i < level    ? PROOF_PASSED
                              : undecided  ? PROOF_COULD_NOT_VERIFY
                              : i == level ? PROOF_FAILED
                                           : PROOF_NOT_ASKED_FOR;
    proof_judge(&p);
    ck_assert_int_eq(evidence_publish(&s->catalog, s->series, s->backup, &p, &kept, NULL), 0);
    load(s);
}

START_TEST(damage_that_verify_has_found_makes_the_backup_not_good)
{
    _cleanup_site_ Site s = site_new();

    flip(&s);
    load(&s);
    ck_assert(s.backup->good);
    ck_assert_int_eq(record(&s, NULL), 0);
    load(&s);
    ck_assert(!s.backup->good);
    ck_assert_int_eq(s.backup->proof->made_by, PROOF_MADE_BY_VERIFY);
    ck_assert_int_eq(s.backup->proof->checks[PROOF_LEVEL_DIGEST].outcome, PROOF_FAILED);
    ck_assert_str_eq(backup_flaw(s.backup), "DAMAGED");
    ck_assert_ptr_null(series_newest_drill(s.series, UINT64_MAX));
}
END_TEST

START_TEST(it_goes_when_the_bytes_are_right_again)
{
    _cleanup_site_ Site s = site_new();

    ck_assert(!withdraw(&s));
    flip(&s);
    ck_assert_int_eq(record(&s, NULL), 0);
    flip(&s);
    load(&s);
    ck_assert(!s.backup->good);
    ck_assert(withdraw(&s));
    load(&s);
    ck_assert(s.backup->good);
    ck_assert_ptr_null(s.backup->proof);
}
END_TEST

START_TEST(what_a_drill_has_refuted_only_a_drill_takes_back)
{
    _cleanup_site_ Site s = site_new();

    drill(&s, PROOF_LEVEL_FIXED_POINT, /* undecided= */ false);
    flip(&s);
    ck_assert_int_eq(record(&s, NULL), 0);
    flip(&s);
    ck_assert(!withdraw(&s));
    load(&s);
    ck_assert_int_eq(s.backup->proof->made_by, PROOF_MADE_BY_DRILL);
    ck_assert(!s.backup->good);

    drill(&s, _PROOF_LEVEL_MAX, /* undecided= */ false);
    ck_assert(s.backup->good);
}
END_TEST

START_TEST(damage_takes_the_place_of_what_was_proven_before)
{
    static const ProofLevel proven[] = { _PROOF_LEVEL_MAX, PROOF_LEVEL_ASSERTIONS };
    _cleanup_site_ Site s = site_new();

    drill(&s, proven[_i], /* undecided= */ false);
    ck_assert(s.backup->good);
    flip(&s);
    ck_assert_int_eq(record(&s, NULL), 0);
    load(&s);
    ck_assert(!s.backup->good);
    ck_assert_int_eq(s.backup->proof->made_by, PROOF_MADE_BY_VERIFY);
}
END_TEST

START_TEST(a_drill_that_could_not_decide_leaves_what_verify_has_found)
{
    _cleanup_site_ Site s = site_new();

    flip(&s);
    ck_assert_int_eq(record(&s, NULL), 0);
    drill(&s, PROOF_LEVEL_DIGEST, /* undecided= */ true);
    ck_assert(!s.backup->good);
    ck_assert_int_eq(s.backup->proof->made_by, PROOF_MADE_BY_VERIFY);
    ck_assert_uint_eq(s.backup->proof->undecided, WHEN);
}
END_TEST

START_TEST(what_sizes_tell_needs_no_record)
{
    _cleanup_site_ Site s = site_new();
    _cleanup_free_ char *name = mem_printf("appdb/%s.sql.gz", s.stem);

    unit_write_file(s.dir, name, "ab", 2);
    load(&s);
    ck_assert_int_eq(record(&s, NULL), 0);
    _cleanup_free_ char *proof = mem_printf("%s/appdb/%s.proof.json", s.dir, s.stem);
    ck_assert_int_ne(access(proof, F_OK), 0);
}
END_TEST

START_TEST(where_nothing_can_be_written_that_is_said_and_nothing_is_left)
{
    _cleanup_site_ Site s = site_new();
    _cleanup_err_ Err recorded = { 0 }, withdrawn = { 0 };
    bool done;

    flip(&s);
    read_only = true;
    ck_assert_int_lt(record(&s, &recorded), 0);
    ck_assert_ptr_nonnull(strstr(recorded.message, ".proof.json\": Read-only file system"));
    read_only = false;
    ck_assert_int_eq(record(&s, NULL), 0);
    read_only = true;
    ck_assert_int_lt(evidence_withdraw_damage(&s.catalog, s.series, s.backup, &done, &withdrawn),
                     0);
    ck_assert_ptr_nonnull(strstr(withdrawn.message, "Read-only file system"));
    ck_assert(!done);
}
END_TEST

START_TEST(beside_a_backup_that_was_removed_meanwhile_nothing_is_left)
{
    _cleanup_site_ Site s = site_new();
    _cleanup_err_ Err damage = { 0 }, err = { 0 };
    _cleanup_free_ char *manifest = mem_printf("%s/appdb/%s.json", s.dir, s.stem);
    _cleanup_free_ char *proof = mem_printf("%s/appdb/%s.proof.json", s.dir, s.stem);

    err_set(&damage, ERR_DAMAGED, "as it was before");
    ck_assert_int_eq(unlink(manifest), 0);
    ck_assert_int_lt(evidence_record_damage(&s.catalog, s.series, s.backup, &damage, WHEN, &err),
                     0);
    ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
    ck_assert_int_ne(access(proof, F_OK), 0);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(damage_that_verify_has_found_makes_the_backup_not_good),
    UNIT_TEST(it_goes_when_the_bytes_are_right_again),
    UNIT_TEST(what_a_drill_has_refuted_only_a_drill_takes_back),
    UNIT_LOOP(damage_takes_the_place_of_what_was_proven_before, 2),
    UNIT_TEST(a_drill_that_could_not_decide_leaves_what_verify_has_found),
    UNIT_TEST(what_sizes_tell_needs_no_record),
    UNIT_TEST(where_nothing_can_be_written_that_is_said_and_nothing_is_left),
    UNIT_TEST(beside_a_backup_that_was_removed_meanwhile_nothing_is_left),
};

UNIT_MAIN("evidence", tests)
