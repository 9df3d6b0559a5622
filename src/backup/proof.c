#include "backup/proof.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sys/fs.h"
#include "sys/json-member.h"
#include "sys/mem.h"

#define PROOF_MAX_SIZE ((size_t)16 << 20)

/* Words */

/* A name is for programs, and forever; a title for people. */
typedef struct Word {
    const char *name, *title;
    bool required; /* of a level: nothing is proven without it */
} Word;

static const Word levels[] = {
    [PROOF_LEVEL_DIGEST] = { "digest", "stored digest", true },
    [PROOF_LEVEL_DECODE] = { "decode", "decode", true },
    [PROOF_LEVEL_CATALOGUE] = { "catalogue", "catalogue", true },
    [PROOF_LEVEL_RESTORE] = { "restore", "restore", true },
    [PROOF_LEVEL_FIXED_POINT] = { "fixed-point", "fixed point", true },
    [PROOF_LEVEL_AMCHECK] = { "amcheck", "amcheck", false },
    [PROOF_LEVEL_ASSERTIONS] = { "assertions", "assertions", false },
    [PROOF_LEVEL_FRESHNESS] = { "freshness", "freshness", false },
};
static_assert(ELEMENTSOF(levels) == _PROOF_LEVEL_MAX, "each level has its words");

static const Word outcomes[] = {
    [PROOF_NOT_ASKED_FOR] = { "not-asked-for", "not asked for", false },
    [PROOF_PASSED] = { "passed", "passed", false },
    [PROOF_FAILED] = { "failed", "FAILED", false },
    [PROOF_COULD_NOT_VERIFY] = { "could-not-verify", "could not verify", false },
};
static_assert(ELEMENTSOF(outcomes) == _PROOF_OUTCOME_MAX, "each outcome has its words");

static const Word results[] = {
    [PROOF_RESULT_UNDECIDED] = { "could-not-verify", "COULD NOT VERIFY", false },
    [PROOF_RESULT_FAILED] = { "failed", "FAILED", false },
    [PROOF_RESULT_PROVEN] = { "proven", "proven", false },
};
static_assert(ELEMENTSOF(results) == _PROOF_RESULT_MAX, "each result has its words");

static const Word makers[] = {
    [PROOF_MADE_BY_DRILL] = { "drill", "drill", false },
    [PROOF_MADE_BY_VERIFY] = { "verify", "verify", false },
};
static_assert(ELEMENTSOF(makers) == _PROOF_MAKER_MAX, "each maker has its words");

const char *proof_level_name(ProofLevel level)
{
    return levels[level].name;
}

const char *proof_level_title(ProofLevel level)
{
    return levels[level].title;
}

const char *proof_outcome_title(ProofOutcome outcome)
{
    return outcomes[outcome].title;
}

const char *proof_result_name(ProofResult result)
{
    return results[result].name;
}

const char *proof_result_title(ProofResult result)
{
    return results[result].title;
}

const char *proof_maker_name(ProofMaker maker)
{
    return makers[maker].name;
}

static int find_word(const Word *words, size_t count, const char *name, size_t *ret, Err *err)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i].name, name) == 0) {
            *ret = i;
            return 0;
        }
    return err_set(err, ERR_DAMAGED, "\"%s\" is not known", name);
}

/* The result */

static bool proves_nothing(const Proof *p, size_t level)
{
    ProofOutcome outcome = p->checks[level].outcome;

    return outcome == PROOF_COULD_NOT_VERIFY ||
           (outcome == PROOF_NOT_ASKED_FOR && levels[level].required);
}

static void decide(Proof *p, ProofResult result, size_t level)
{
    const char *why = p->checks[level].why;

    p->result = result;
    free(p->reason);
    p->reason = mem_printf("%s: %s", levels[level].title,
                           why ? why : outcomes[p->checks[level].outcome].title);
}

void proof_judge(Proof *p)
{
    for (size_t i = 0; i < _PROOF_LEVEL_MAX; i++)
        if (p->checks[i].outcome == PROOF_FAILED) {
            decide(p, PROOF_RESULT_FAILED, i);
            return;
        }
    for (size_t i = 0; i < _PROOF_LEVEL_MAX; i++)
        if (proves_nothing(p, i)) {
            decide(p, PROOF_RESULT_UNDECIDED, i);
            return;
        }
    p->result = PROOF_RESULT_PROVEN;
    mem_freep(&p->reason);
    p->reason = NULL;
}

bool proof_refutes(const Proof *p)
{
    for (size_t i = 0; i < PROOF_LEVEL_ASSERTIONS; i++)
        if (p->checks[i].outcome == PROOF_FAILED)
            return true;
    return false;
}

bool proof_shows_restore(const Proof *p)
{
    for (size_t i = 0; i < PROOF_LEVEL_ASSERTIONS; i++)
        if (p->checks[i].outcome == PROOF_FAILED || proves_nothing(p, i))
            return false;
    return true;
}

void proof_add_difference(Proof *p, const char *text)
{
    if (p->differences.count < PROOF_DIFFERENCES_MAX)
        strv_add(&p->differences, text);
    else
        p->differences_dropped++;
}

uint64_t proof_difference_count(const Proof *p)
{
    return p->differences.count + p->differences_dropped;
}

/* The members with a single value, in the order in which they are written */

static const JsonMember members[] = {
    { "stem", JSON_MEMBER_TEXT, offsetof(Proof, stem) },
    { "stored_sha256", JSON_MEMBER_TEXT, offsetof(Proof, stored_sha256) },
    { "reason", JSON_MEMBER_TEXT_OPT, offsetof(Proof, reason) },
    { "started", JSON_MEMBER_TIME, offsetof(Proof, started) },
    { "finished", JSON_MEMBER_TIME, offsetof(Proof, finished) },
    { "undecided", JSON_MEMBER_TIME_OPT, offsetof(Proof, undecided) },
    { "undecided_reason", JSON_MEMBER_TEXT_OPT, offsetof(Proof, undecided_reason) },
    { "recovery_ms", JSON_MEMBER_UINT, offsetof(Proof, recovery_msec) },
    { "cluster_ms", JSON_MEMBER_UINT, offsetof(Proof, cluster_msec) },
    { "globals_ms", JSON_MEMBER_UINT, offsetof(Proof, globals_msec) },
    { "program_version", JSON_MEMBER_TEXT, offsetof(Proof, program_version) },
    { "server_version", JSON_MEMBER_TEXT_OPT, offsetof(Proof, server_version) },
    { "globals", JSON_MEMBER_TEXT_OPT, offsetof(Proof, globals) },
    { "differences_dropped", JSON_MEMBER_UINT, offsetof(Proof, differences_dropped) },
};

void proof_done(Proof *p)
{
    json_members_free(members, ELEMENTSOF(members), p);
    for (size_t i = 0; i < _PROOF_LEVEL_MAX; i++)
        free(p->checks[i].why);
    strv_done(&p->differences);
    strv_done(&p->notes);
    *p = (Proof){ 0 };
}

/* The file */

char *proof_file_name(const char *stem)
{
    return mem_printf("%s.proof.json", stem);
}

Json *proof_to_json(const Proof *p)
{
    Json *json = json_new_object();

    json_set_uint(json, "format_version", PROOF_FORMAT_VERSION);
    json_set_text(json, "result", results[p->result].name);
    json_set_text(json, "made_by", makers[p->made_by].name);
    json_members_write(members, ELEMENTSOF(members), p, json);

    Json *list = json_set_child(json, "levels", json_new_array());
    for (size_t i = 0; i < _PROOF_LEVEL_MAX; i++) {
        Json *level = json_add_child(list, json_new_object());
        json_set_text(level, "level", levels[i].name);
        json_set_text(level, "outcome", outcomes[p->checks[i].outcome].name);
        json_set_text(level, "why", p->checks[i].why);
        json_set_uint(level, "duration_ms", p->checks[i].duration_msec);
    }
    json_set_strv(json, "differences", &p->differences);
    json_set_strv(json, "notes", &p->notes);
    return json;
}

int proof_save(const Proof *p, int dir_fd, const char *dir_path, Err *err)
{
    _cleanup_free_ char *name = proof_file_name(p->stem);
    _cleanup_json_ Json *json = proof_to_json(p);
    _cleanup_free_ char *text = json_print(json);

    int r = fs_write_durable(dir_fd, name, text, strlen(text), FS_PUBLISH_REPLACE);
    if (r == -ENOENT) /* swept as unfinished by a run that has just begun: it does so once */
        r = fs_write_durable(dir_fd, name, text, strlen(text), FS_PUBLISH_REPLACE);
    if (r < 0)
        return err_set_errno(err, -r, "could not write \"%s/%s\"", dir_path, name);
    return 0;
}

static int read_level(const Json *item, Proof *p, Err *err)
{
    _cleanup_free_ char *level = NULL, *outcome = NULL;
    size_t i = 0, o = 0;

    int r = json_get_text(item, "level", &level, err);
    if (r >= 0)
        r = json_get_text(item, "outcome", &outcome, err);
    if (r >= 0)
        r = find_word(levels, ELEMENTSOF(levels), level, &i, err);
    if (r >= 0)
        r = find_word(outcomes, ELEMENTSOF(outcomes), outcome, &o, err);
    if (r < 0)
        return r;
    if (p->checks[i].why)
        return err_set(err, ERR_DAMAGED, "level \"%s\" comes twice", level);

    p->checks[i].outcome = (ProofOutcome)o;
    r = json_get_text_opt(item, "why", &p->checks[i].why, err);
    if (r >= 0)
        r = json_get_uint(item, "duration_ms", &p->checks[i].duration_msec, err);
    return r;
}

static int read_levels(const Json *json, Proof *p, Err *err)
{
    const Json *list;

    int r = json_get_array(json, "levels", &list, err);
    for (size_t i = 0; r >= 0 && i < json_array_length(list); i++)
        r = read_level(json_array_item(list, i), p, err);
    return r;
}

static int read_result(const Json *json, Proof *p, Err *err)
{
    _cleanup_free_ char *name = NULL;
    size_t i = 0;

    int r = json_get_text(json, "result", &name, err);
    if (r >= 0)
        r = find_word(results, ELEMENTSOF(results), name, &i, err);
    p->result = (ProofResult)i;
    return r;
}

/* Drills alone made proofs once, and did not say so. */
static int read_maker(const Json *json, Proof *p, Err *err)
{
    _cleanup_free_ char *name = NULL;
    size_t i = PROOF_MADE_BY_DRILL;

    int r = json_get_text_opt(json, "made_by", &name, err);
    if (r >= 0 && name)
        r = find_word(makers, ELEMENTSOF(makers), name, &i, err);
    p->made_by = (ProofMaker)i;
    return r;
}

static int read_format_version(const Json *json, Err *err)
{
    uint64_t version = 0;

    int r = json_get_uint(json, "format_version", &version, err);
    if (r >= 0 && version != PROOF_FORMAT_VERSION)
        return err_set(err, ERR_DAMAGED, "format version %" PRIu64 " is not known, only %d is",
                       version, PROOF_FORMAT_VERSION);
    return r;
}

static int parse_proof(const char *text, size_t size, const char *stem, Proof *p, Err *err)
{
    _cleanup_json_ Json *json = NULL;

    int r = json_parse_object(text, size, &json, err);
    if (r >= 0)
        r = read_format_version(json, err);
    if (r >= 0)
        r = read_result(json, p, err);
    if (r >= 0)
        r = read_maker(json, p, err);
    if (r >= 0)
        r = json_members_read(members, ELEMENTSOF(members), json, p, err);
    if (r >= 0)
        r = read_levels(json, p, err);
    if (r >= 0)
        r = json_get_strv(json, "differences", &p->differences, err);
    if (r >= 0)
        r = json_get_strv(json, "notes", &p->notes, err);
    if (r >= 0 && strcmp(p->stem, stem) != 0)
        r = err_set(err, ERR_DAMAGED, "\"stem\" is \"%s\", not that of the file", p->stem);
    return r;
}

int proof_load(int dir_fd, const char *dir_path, const char *stem, Proof *ret, Err *err)
{
    _cleanup_free_ char *name = proof_file_name(stem), *text = NULL;
    _cleanup_proof_ Proof p = { 0 };
    size_t size = 0;

    int r = fs_read_regular(dir_fd, name, PROOF_MAX_SIZE, &text, &size);
    if (r < 0) {
        err_set_errno(err, -r, "could not read \"%s/%s\"", dir_path, name);
        return r;
    }
    r = parse_proof(text, size, stem, &p, err);
    if (r < 0) {
        err_prefix(err, "proof \"%s/%s\"", dir_path, name);
        return r;
    }

    *ret = p;
    p = (Proof){ 0 };
    return 0;
}
