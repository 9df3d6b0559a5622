#include "backups.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backup/proof.h"
#include "sys/mem.h"

#define STEM "appdb_20261122T020000Z"
#define MOMENT ((usec_t)1795312800 * USEC_PER_SEC)

/* A run that begins finds the next so many files before they are renamed, and sweeps them. */
static int sweeps;

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    if (sweeps > 0) {
        sweeps--;
        ck_assert_int_eq(unlinkat(from_fd, from, 0), 0);
    }
    return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

/* One that has everything and every outcome. */
static Proof sample(void)
{
    Proof p = {
        .stem = mem_strdup(STEM),
        .stored_sha256 = mem_strdup("ab12"),
        .made_by = PROOF_MADE_BY_VERIFY,
        .started = MOMENT,
        .finished = MOMENT + 90 * USEC_PER_SEC,
        .undecided = MOMENT + 100 * USEC_PER_SEC,
        .undecided_reason = mem_strdup("restore: no space"),
        .cluster_msec = 1,
        .globals_msec = 2,
        .recovery_msec = 33,
        .program_version = mem_strdup("0.1.0"),
        .server_version = mem_strdup("15.18"),
        .globals = mem_strdup("globals_20261122T020000Z"),
    };

    for (size_t i = 0; i < _PROOF_LEVEL_MAX; i++)
        p.checks[i] = (ProofCheck){
            .outcome = (ProofOutcome)(i % _PROOF_OUTCOME_MAX),
            .why = i % _PROOF_OUTCOME_MAX == PROOF_PASSED ? NULL : mem_printf("why %zu", i),
            .duration_msec = 100 + i,
        };
    proof_add_difference(&p, "table public.orders: 100 rows became 99");
    strv_add(&p.notes, "globals: a note");
    proof_judge(&p);
    return p;
}

START_TEST(a_proof_is_read_back_as_it_was_written)
{
    _cleanup_place_ Place place = place_new();
    _cleanup_proof_ Proof p = sample(), again = { 0 };
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(proof_save(&p, place.fd, place.path, &err), 0);
    ck_assert_int_eq(proof_load(place.fd, place.path, STEM, &again, &err), 0);

    _cleanup_json_ Json *written = proof_to_json(&p), *read = proof_to_json(&again);
    _cleanup_free_ char *before = json_print(written), *after = json_print(read);
    ck_assert_str_eq(before, after);
    ck_assert_int_eq(again.result, PROOF_RESULT_FAILED);
    ck_assert_str_eq(again.checks[_PROOF_LEVEL_MAX - 1].why, p.checks[_PROOF_LEVEL_MAX - 1].why);
}
END_TEST

START_TEST(a_later_proof_takes_the_place_of_an_older_one)
{
    _cleanup_place_ Place place = place_new();
    _cleanup_proof_ Proof p = sample(), again = { 0 };

    ck_assert_int_eq(proof_save(&p, place.fd, place.path, NULL), 0);
    p.recovery_msec = 44;
    ck_assert_int_eq(proof_save(&p, place.fd, place.path, NULL), 0);
    ck_assert_int_eq(proof_load(place.fd, place.path, STEM, &again, NULL), 0);
    ck_assert_uint_eq(again.recovery_msec, 44);
}
END_TEST

START_TEST(a_run_that_begins_and_sweeps_takes_no_proof_away)
{
    _cleanup_place_ Place place = place_new();
    _cleanup_proof_ Proof p = sample(), again = { 0 };

    sweeps = 1;
    ck_assert_int_eq(proof_save(&p, place.fd, place.path, NULL), 0);
    ck_assert_int_eq(sweeps, 0);
    ck_assert_int_eq(proof_load(place.fd, place.path, STEM, &again, NULL), 0);

    sweeps = 2;
    ck_assert_int_eq(proof_save(&p, place.fd, place.path, NULL), -ENOENT);
}
END_TEST

START_TEST(a_proof_that_does_not_say_who_made_it_is_a_drills)
{
    _cleanup_place_ Place place = place_new();
    _cleanup_proof_ Proof p = sample(), again = { 0 };
    static const char member[] = "  \"made_by\": \"verify\",\n";

    ck_assert_int_eq(proof_save(&p, place.fd, place.path, NULL), 0);
    _cleanup_free_ char *text = unit_read_file(place.path, STEM ".proof.json", NULL);
    char *found = strstr(text, member);
    ck_assert_ptr_nonnull(found);
    memmove(found, found + strlen(member), strlen(found + strlen(member)) + 1);
    unit_write_file(place.path, STEM ".proof.json", text, strlen(text));

    ck_assert_int_eq(proof_load(place.fd, place.path, STEM, &again, NULL), 0);
    ck_assert_int_eq(again.made_by, PROOF_MADE_BY_DRILL);
}
END_TEST

START_TEST(there_need_be_no_proof)
{
    _cleanup_place_ Place place = place_new();
    _cleanup_proof_ Proof p = { 0 };
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(proof_load(place.fd, place.path, STEM, &p, &err), -ENOENT);
}
END_TEST

static const struct {
    const char *from, *to;
} forgeries[] = {
    { "\"format_version\": 1", "\"format_version\": 2" },
    { "\"stem\": \"" STEM "\"", "\"stem\": \"appdb_20261122T020001Z\"" },
    { "\"result\": \"failed\"", "\"result\": \"fine\"" },
    { "\"made_by\": \"verify\"", "\"made_by\": \"me\"" },
    { "\"level\": \"decode\"", "\"level\": \"digest\"" },
    { "\"outcome\": \"passed\"", "\"outcome\": \"good\"" },
    { "\"finished\": \"20", "\"finished\": \"soon" },
    { "\"differences\": [", "\"differences\": [[]," },
    { "{", "" },
};

START_TEST(what_is_not_a_proof_of_this_backup_is_refused)
{
    _cleanup_place_ Place place = place_new();
    _cleanup_proof_ Proof p = sample(), again = { 0 };
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_eq(proof_save(&p, place.fd, place.path, NULL), 0);
    _cleanup_free_ char *text = unit_read_file(place.path, STEM ".proof.json", NULL);
    char *found = strstr(text, forgeries[_i].from);
    ck_assert_ptr_nonnull(found);
    _cleanup_free_ char *forged = mem_printf("%.*s%s%s", (int)(found - text), text,
                                             forgeries[_i].to, found + strlen(forgeries[_i].from));
    unit_write_file(place.path, STEM ".proof.json", forged, strlen(forged));

    ck_assert_int_lt(proof_load(place.fd, place.path, STEM, &again, &err), 0);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
}
END_TEST

START_TEST(differences_beyond_a_thousand_are_counted)
{
    _cleanup_proof_ Proof p = { 0 };

    for (size_t i = 0; i < PROOF_DIFFERENCES_MAX + 5; i++)
        proof_add_difference(&p, "x");
    ck_assert_uint_eq(p.differences.count, PROOF_DIFFERENCES_MAX);
    ck_assert_uint_eq(p.differences_dropped, 5);
    ck_assert_uint_eq(proof_difference_count(&p), PROOF_DIFFERENCES_MAX + 5);
}
END_TEST

/* The judgement: P passed, F failed, U could not verify, - not asked for; a letter a level. */
static const struct {
    const char *levels;
    ProofResult result;
    const char *reason; /* begins with; NULL: none */
    char of_backup;     /* what it says of the backup: + it restores, ! it does not, ? nothing */
} judgements[] = {
    { "PPPPPPPP", PROOF_RESULT_PROVEN, NULL, '+' },
    { "PPPPPP--", PROOF_RESULT_PROVEN, NULL, '+' },
    { "PPPPP---", PROOF_RESULT_PROVEN, NULL, '+' },
    { "PPPPPPPF", PROOF_RESULT_FAILED, "freshness: ", '+' },
    { "PPPPPPFP", PROOF_RESULT_FAILED, "assertions: ", '+' },
    { "PUPPPPF-", PROOF_RESULT_FAILED, "assertions: ", '?' },
    { "FUUUUUUU", PROOF_RESULT_FAILED, "stored digest: ", '!' },
    { "PF------", PROOF_RESULT_FAILED, "decode: ", '!' },
    { "PPPPFFPP", PROOF_RESULT_FAILED, "fixed point: ", '!' },
    { "PPPPPFPF", PROOF_RESULT_FAILED, "amcheck: ", '!' },
    { "PPPUUUUU", PROOF_RESULT_UNDECIDED, "restore: ", '?' },
    { "PPPPPUPP", PROOF_RESULT_UNDECIDED, "amcheck: ", '?' },
    { "PPPPPPU-", PROOF_RESULT_UNDECIDED, "assertions: ", '+' },
    { "PUPPPF--", PROOF_RESULT_FAILED, "amcheck: ", '!' },
    { "PPPP-PPP", PROOF_RESULT_UNDECIDED, "fixed point: ", '?' },
    { "-PPPPPPP", PROOF_RESULT_UNDECIDED, "stored digest: ", '?' },
    { "--------", PROOF_RESULT_UNDECIDED, "stored digest: ", '?' },
};

START_TEST(the_levels_make_the_result)
{
    static const char letters[] = "-PFU";
    _cleanup_proof_ Proof p = { 0 };

    for (size_t i = 0; i < _PROOF_LEVEL_MAX; i++)
        p.checks[i].outcome = (ProofOutcome)(strchr(letters, judgements[_i].levels[i]) - letters);
    proof_judge(&p);

    ck_assert_int_eq(p.result, judgements[_i].result);
    ck_assert_int_eq(proof_refutes(&p), judgements[_i].of_backup == '!');
    ck_assert_int_eq(proof_shows_restore(&p), judgements[_i].of_backup == '+');
    if (judgements[_i].reason)
        ck_assert_int_eq(strncmp(p.reason, judgements[_i].reason, strlen(judgements[_i].reason)),
                         0);
    else
        ck_assert_ptr_null(p.reason);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_proof_is_read_back_as_it_was_written),
    UNIT_TEST(a_later_proof_takes_the_place_of_an_older_one),
    UNIT_TEST(a_run_that_begins_and_sweeps_takes_no_proof_away),
    UNIT_TEST(a_proof_that_does_not_say_who_made_it_is_a_drills),
    UNIT_TEST(there_need_be_no_proof),
    UNIT_LOOP(what_is_not_a_proof_of_this_backup_is_refused, ELEMENTSOF(forgeries)),
    UNIT_TEST(differences_beyond_a_thousand_are_counted),
    UNIT_LOOP(the_levels_make_the_result, ELEMENTSOF(judgements)),
};

UNIT_MAIN("proof", tests)
