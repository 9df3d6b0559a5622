#pragma once

/* What a drill, or a verification that found damage, has found out about a backup: STEM.proof.json
 * beside it. docs/PROOF.md describes each member, backup/evidence.h who writes it when.
 *
 * A proof belongs to the stored bytes, whose SHA-256 it holds: it says nothing about another file
 * that has come in their place. It is evidence, not part of the backup, and goes with it. */

#include "sys/clock.h"
#include "sys/err.h"
#include "sys/json.h"
#include "sys/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROOF_FORMAT_VERSION 1
#define PROOF_DIFFERENCES_MAX 1000

typedef enum ProofLevel {
    PROOF_LEVEL_DIGEST,      /* the stored files are what the manifest says */
    PROOF_LEVEL_DECODE,      /* all of it decodes, to what the inventory says */
    PROOF_LEVEL_CATALOGUE,   /* it was measured against the catalogue of its snapshot */
    PROOF_LEVEL_RESTORE,     /* it restores without an error */
    PROOF_LEVEL_FIXED_POINT, /* the copy, dumped again, has the same inventory */
    PROOF_LEVEL_AMCHECK,     /* the copy's tables and indexes agree */
    PROOF_LEVEL_ASSERTIONS,  /* the administrator's: this and the next are of what was backed up */
    PROOF_LEVEL_FRESHNESS,
    _PROOF_LEVEL_MAX,
} ProofLevel;

typedef enum ProofOutcome {
    PROOF_NOT_ASKED_FOR,
    PROOF_PASSED,
    PROOF_FAILED,
    PROOF_COULD_NOT_VERIFY,
    _PROOF_OUTCOME_MAX,
} ProofOutcome;

typedef enum ProofResult {
    PROOF_RESULT_UNDECIDED,
    PROOF_RESULT_FAILED,
    PROOF_RESULT_PROVEN,
    _PROOF_RESULT_MAX,
} ProofResult;

typedef enum ProofMaker {
    PROOF_MADE_BY_DRILL,
    PROOF_MADE_BY_VERIFY, /* which has found damage */
    _PROOF_MAKER_MAX,
} ProofMaker;

typedef struct ProofCheck {
    ProofOutcome outcome;
    char *why; /* for any but "passed"; NULL where there is nothing to say */
    uint64_t duration_msec;
} ProofCheck;

typedef struct Proof {
    char *stem;
    char *stored_sha256;
    ProofMaker made_by;
    ProofResult result;
    char *reason; /* NULL: proven */
    usec_t started, finished;
    usec_t undecided;       /* a later drill ended then that could not decide; 0: there is none */
    char *undecided_reason; /* why not */
    uint64_t cluster_msec, globals_msec, recovery_msec; /* until the server answers; … */
    char *program_version, *server_version;             /* of pg-backup; of the throwaway server */
    char *globals;                                      /* the stem of the globals; or NULL */
    ProofCheck checks[_PROOF_LEVEL_MAX];
    Strv differences; /* at most PROOF_DIFFERENCES_MAX */
    uint64_t differences_dropped;
    Strv notes;
} Proof;

/* "fixed-point" and "fixed point"; "could-not-verify" and "could not verify"; "proven" likewise. */
const char *proof_level_name(ProofLevel level);
const char *proof_level_title(ProofLevel level);
const char *proof_outcome_title(ProofOutcome outcome);
const char *proof_result_name(ProofResult result);
const char *proof_result_title(ProofResult result);
const char *proof_maker_name(ProofMaker maker);

/* Fills result and reason from the levels: one that failed decides; what could not be verified, or
 * was not asked for although it is part of every proof, proves nothing. */
void proof_judge(Proof *p);

/* A level has failed that is about the backup: it does not restore to what it was. A drill that
 * failed by an assertion or a freshness alone does not refute the backup. */
bool proof_refutes(const Proof *p);
/* All of these levels have passed: it restores, whatever the others say. */
bool proof_shows_restore(const Proof *p);

void proof_add_difference(Proof *p, const char *text);
/* Those that are kept and those beyond. */
uint64_t proof_difference_count(const Proof *p);

/* "appdb_20261122T020000Z.proof.json". Caller frees. */
char *proof_file_name(const char *stem);

Json *proof_to_json(const Proof *p);
/* Publishes it durably in the directory, in the place of an older one. `dir_path` for messages. */
int proof_save(const Proof *p, int dir_fd, const char *dir_path, Err *err);
/* ERR_DAMAGED when it is not a proof of this stem. -ENOENT, with an Err, when there is none. */
int proof_load(int dir_fd, const char *dir_path, const char *stem, Proof *ret, Err *err);
void proof_done(Proof *p);
#define _cleanup_proof_ _cleanup_(proof_done)
