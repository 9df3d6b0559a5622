#include "backup/manifest-check.h"

#include <stdlib.h>
#include <string.h>

#include "backup/artifact.h"
#include "sys/json.h"
#include "sys/mem.h"

#define SHA256_HEX_LENGTH 64

/* What JSON makes of a name: the same, or with U+FFFD where it is not UTF-8. Caller frees. */
static char *as_json_text(const char *name)
{
    _cleanup_json_ Json *json = json_new_object();
    char *text = NULL;

    json_set_text(json, "name", name);
    return json_get_text(json, "name", &text, NULL) < 0 ? NULL : text;
}

/* The stem, which is the file's own name, is the truth: the manifest has to agree with it. JSON
 * cannot hold a name that is not UTF-8, so it is the decoded one that is kept. */
static int check_database(Manifest *m, const char *encoded, Err *err)
{
    bool globals = strcmp(encoded, ARTIFACT_GLOBALS) == 0;
    if (strcmp(m->kind, globals ? "globals" : "database") != 0)
        return err_set(err, ERR_DAMAGED, "\"kind\" is \"%s\", the name says otherwise", m->kind);

    if (globals)
        return m->database ? err_set(err, ERR_DAMAGED, "globals with a \"database\"") : 0;

    _cleanup_free_ char *database = artifact_decode(encoded);
    _cleanup_free_ char *text = as_json_text(database);
    if (!m->database || !text || strcmp(m->database, text) != 0)
        return err_set(err, ERR_DAMAGED, "\"database\" is \"%s\", the name says \"%s\"",
                       m->database ? m->database : "", database);

    free(m->database);
    m->database = TAKE_PTR(database);
    return 0;
}

/* The name is opened, removed and shown later: it can only be that of a data file of this stem. */
static int check_file(const Manifest *m, const char *encoded, Err *err)
{
    _cleanup_free_ char *stem = NULL;
    ArtifactKind kind;

    if (!artifact_parse_file(encoded, m->file, &kind, &stem) || kind != ARTIFACT_DATA ||
        strcmp(stem, m->stem) != 0 || artifact_is_directory(m->file) != manifest_is_directory(m))
        return err_set(err, ERR_DAMAGED, "\"file\" is no data file of this backup: \"%s\"",
                       m->file);
    return 0;
}

/* What is said of a directory as a whole is what its files come to. */
static int check_files(const Manifest *m, Err *err)
{
    char sha256[TAP_SHA256_HEX_SIZE];

    if (!manifest_is_directory(m))
        return 0;
    if (stored_files_bytes(&m->files) != m->stored_bytes)
        return err_set(err, ERR_DAMAGED, "\"stored_bytes\" is not the sum of its \"files\"");

    int r = stored_files_digest(&m->files, m->file, sha256, err);
    if (r >= 0 && strcmp(sha256, m->stored_sha256) != 0)
        r = err_set(err, ERR_DAMAGED, "\"stored_sha256\" is not that of its \"files\"");
    return r;
}

/* NULL, where the member may be, is fine. */
static int check_sha256(const char *key, const char *value, Err *err)
{
    if (!value)
        return 0;
    if (strlen(value) != SHA256_HEX_LENGTH ||
        strspn(value, "0123456789abcdef") != SHA256_HEX_LENGTH)
        return err_set(err, ERR_DAMAGED, "\"%s\" is no SHA-256: \"%s\"", key, value);
    return 0;
}

/* Likewise opened, removed and shown. */
static int check_inventory(const Manifest *m, Err *err)
{
    _cleanup_free_ char *name = artifact_inventory(m->stem);

    if (!m->inventory_file != !m->inventory_sha256)
        return err_set(err, ERR_DAMAGED, "\"inventory_file\" and \"inventory_sha256\" disagree");
    if (m->inventory_file && strcmp(m->inventory_file, name) != 0)
        return err_set(err, ERR_DAMAGED, "\"inventory_file\" is not that of this backup: \"%s\"",
                       m->inventory_file);
    return check_sha256("inventory_sha256", m->inventory_sha256, err);
}

/* NULL is fine; else the stem of an earlier backup of the same database. */
static int check_earlier(const Manifest *m, const char *key, const char *stem, Err *err)
{
    _cleanup_free_ char *ours = NULL, *theirs = NULL;
    usec_t now, before;

    if (!stem)
        return 0;
    if (!artifact_parse_stem(m->stem, &ours, &now) ||
        !artifact_parse_stem(stem, &theirs, &before) || strcmp(ours, theirs) != 0 || before >= now)
        return err_set(err, ERR_DAMAGED, "\"%s\" is no earlier backup of this database: \"%s\"",
                       key, stem);
    return 0;
}

/* Retention keeps a backup for the sake of it. */
static int check_fall(const Manifest *m, Err *err)
{
    int r = check_earlier(m, "fall_against", m->fall_against, err);
    if (r >= 0)
        r = check_earlier(m, "fall_baseline", m->fall_baseline, err);
    if (r < 0)
        return r;
    if (!m->fall_against != !m->fall_of)
        return err_set(err, ERR_DAMAGED, "\"fall_against\" and \"fall_of\" disagree");
    if (m->fall_against && m->fall_now >= m->fall_before)
        return err_set(err, ERR_DAMAGED, "\"fall_now\" is not below \"fall_before\"");
    return 0;
}

int manifest_check(Manifest *m, const char *stem, Err *err)
{
    _cleanup_free_ char *encoded = NULL;

    if (strcmp(m->stem, stem) != 0 || !artifact_parse_stem(stem, &encoded, NULL))
        return err_set(err, ERR_DAMAGED, "\"stem\" is \"%s\", not that of the file", m->stem);
    BackupFormat format;
    if (backup_format_from_string(m->format, &format) < 0)
        return err_set(err, ERR_DAMAGED, "\"format\" is not known: \"%s\"", m->format);
    if (m->stored_bytes == 0)
        return err_set(err, ERR_DAMAGED, "\"stored_bytes\" is 0: no dump is empty");

    int r = check_database(m, encoded, err);
    if (r >= 0)
        r = check_file(m, encoded, err);
    if (r >= 0)
        r = check_sha256("stored_sha256", m->stored_sha256, err);
    if (r >= 0)
        r = check_files(m, err);
    if (r >= 0)
        r = check_sha256("raw_sha256", m->raw_sha256, err);
    if (r >= 0)
        r = check_inventory(m, err);
    if (r >= 0)
        r = check_fall(m, err);
    return r;
}
