#include "backup/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "backup/artifact.h"
#include "backup/manifest-check.h"
#include "sys/fs.h"
#include "sys/json-member.h"
#include "sys/mem.h"

/* All members with a single value, in the order in which they are written. */
static const JsonMember members[] = {
    { "stem", JSON_MEMBER_TEXT, offsetof(Manifest, stem) },
    { "kind", JSON_MEMBER_TEXT, offsetof(Manifest, kind) },
    { "database", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, database) },
    { "format", JSON_MEMBER_TEXT, offsetof(Manifest, format) },
    { "compression", JSON_MEMBER_TEXT, offsetof(Manifest, compression) },
    { "compressed_by", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, compressed_by) },
    { "file", JSON_MEMBER_TEXT, offsetof(Manifest, file) },
    { "stored_bytes", JSON_MEMBER_UINT, offsetof(Manifest, stored_bytes) },
    { "stored_sha256", JSON_MEMBER_TEXT, offsetof(Manifest, stored_sha256) },
    { "raw_bytes", JSON_MEMBER_UINT, offsetof(Manifest, raw_bytes) },
    { "raw_sha256", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, raw_sha256) },
    { "inventory_file", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, inventory_file) },
    { "inventory_sha256", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, inventory_sha256) },
    { "tables", JSON_MEMBER_UINT_OPT, offsetof(Manifest, tables) },
    { "rows", JSON_MEMBER_UINT_OPT, offsetof(Manifest, rows) },
    { "contents_bytes", JSON_MEMBER_UINT_OPT, offsetof(Manifest, contents_bytes) },
    { "sequences", JSON_MEMBER_UINT_OPT, offsetof(Manifest, sequences) },
    { "large_objects", JSON_MEMBER_UINT_OPT, offsetof(Manifest, large_objects) },
    { "definitions", JSON_MEMBER_UINT_OPT, offsetof(Manifest, definitions) },
    { "started", JSON_MEMBER_TIME, offsetof(Manifest, started) },
    { "finished", JSON_MEMBER_TIME, offsetof(Manifest, finished) },
    { "duration_ms", JSON_MEMBER_UINT, offsetof(Manifest, duration_msec) },
    { "program_version", JSON_MEMBER_TEXT, offsetof(Manifest, program_version) },
    { "client_version", JSON_MEMBER_TEXT, offsetof(Manifest, client_version) },
    { "server_version", JSON_MEMBER_TEXT, offsetof(Manifest, server_version) },
    { "archive_version", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, archive_version) },
    { "system_identifier", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, system_identifier) },
    { "timeline", JSON_MEMBER_UINT_OPT, offsetof(Manifest, timeline) },
    { "lsn", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, lsn) },
    { "encoding", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, encoding) },
    { "collate", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, collate) },
    { "ctype", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, ctype) },
    { "locale_provider", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, locale_provider) },
    { "locale", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, locale) },
    { "icu_rules", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, icu_rules) },
    { "collation_version", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, collation_version) },
    { "bytea_output", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, bytea_output) },
    { "lc_monetary", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, lc_monetary) },
    { "quote_all_identifiers", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, quote_all_identifiers) },
    { "timezone", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, timezone) },
    { "date_style", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, date_style) },
    { "interval_style", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, interval_style) },
    { "max_locks_per_transaction", JSON_MEMBER_UINT_OPT, offsetof(Manifest, max_locks) },
    { "preload_libraries", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, preload_libraries) },
    { "database_properties", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, database_properties) },
    { "policy", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, policy) },
    { "fall_against", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, fall_against) },
    { "fall_of", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, fall_of) },
    { "fall_before", JSON_MEMBER_UINT_OPT, offsetof(Manifest, fall_before) },
    { "fall_now", JSON_MEMBER_UINT_OPT, offsetof(Manifest, fall_now) },
    { "fall_baseline", JSON_MEMBER_TEXT_OPT, offsetof(Manifest, fall_baseline) },
    { "warnings_dropped", JSON_MEMBER_UINT_OPT, offsetof(Manifest, warnings_dropped) },
};

static bool has_format(const Manifest *m, BackupFormat format)
{
    return m->format && strcmp(m->format, backup_format_to_string(format)) == 0;
}

bool manifest_is_directory(const Manifest *m)
{
    return has_format(m, BACKUP_FORMAT_DIRECTORY);
}

bool manifest_is_text(const Manifest *m)
{
    return has_format(m, BACKUP_FORMAT_PLAIN);
}

int manifest_major(const char *version)
{
    return version ? atoi(version) : 0;
}

uint64_t manifest_warning_count(const Manifest *m)
{
    uint64_t count = m->warnings.count + m->warnings_dropped;

    for (size_t i = 0; i < m->omissions_count; i++)
        count += m->omissions[i].warning;
    return count;
}

void manifest_add_omission(Manifest *m, const char *what, const char *why, bool warning)
{
    m->omissions = mem_resize(m->omissions, m->omissions_count + 1, sizeof(*m->omissions));
    m->omissions[m->omissions_count++] = (ManifestOmission){
        .what = mem_strdup(what),
        .why = mem_strdup(why),
        .warning = warning,
    };
}

void manifest_trim_warnings(Manifest *m, size_t max)
{
    Strv kept = { 0 };

    if (m->warnings.count <= max)
        return;
    for (size_t i = 0; i < max; i++)
        strv_add(&kept, m->warnings.items[i]);
    m->warnings_dropped += m->warnings.count - max;
    strv_done(&m->warnings);
    m->warnings = kept;
}

void manifest_done(Manifest *m)
{
    json_members_free(members, ELEMENTSOF(members), m);
    stored_files_done(&m->files);
    strv_done(&m->warnings);
    for (size_t i = 0; i < m->omissions_count; i++) {
        free(m->omissions[i].what);
        free(m->omissions[i].why);
    }
    free(m->omissions);
    *m = (Manifest){ 0 };
}

/* Writing */

static void write_omissions(Json *json, const Manifest *m)
{
    Json *list = json_set_child(json, "omissions", json_new_array());

    for (size_t i = 0; i < m->omissions_count; i++) {
        Json *omission = json_add_child(list, json_new_object());
        json_set_text(omission, "what", m->omissions[i].what);
        json_set_text(omission, "why", m->omissions[i].why);
        json_set_flag(omission, "warning", m->omissions[i].warning);
    }
}

Json *manifest_to_json(const Manifest *m)
{
    Json *json = json_new_object();

    json_set_uint(json, "format_version", MANIFEST_FORMAT_VERSION);
    json_members_write(members, ELEMENTSOF(members), m, json);
    if (manifest_is_directory(m))
        stored_files_to_json(&m->files, json);
    json_set_strv(json, "warnings", &m->warnings);
    write_omissions(json, m);
    return json;
}

char *manifest_print(const Manifest *m)
{
    _cleanup_json_ Json *json = manifest_to_json(m);
    return json_print(json);
}

/* Reading. The text may come from anywhere: nothing in it is believed before it is checked. */

static int read_omission(const Json *item, Manifest *m, Err *err)
{
    _cleanup_free_ char *what = NULL, *why = NULL;
    bool warning;

    int r = json_get_text(item, "what", &what, err);
    if (r >= 0)
        r = json_get_text(item, "why", &why, err);
    if (r >= 0) /* not there before 0.2.0, when each was one */
        r = json_get_flag_opt(item, "warning", /* fallback= */ true, &warning, err);
    if (r >= 0)
        manifest_add_omission(m, what, why, warning);
    return r;
}

static int read_omissions(const Json *json, Manifest *m, Err *err)
{
    const Json *list;

    int r = json_get_array(json, "omissions", &list, err);
    for (size_t i = 0; r >= 0 && i < json_array_length(list); i++)
        r = read_omission(json_array_item(list, i), m, err);
    return r;
}

static int read_format_version(const Json *json, Err *err)
{
    uint64_t version;

    int r = json_get_uint(json, "format_version", &version, err);
    if (r < 0)
        return r;
    if (version == 0)
        return err_set(err, ERR_DAMAGED, "format version 0 is none");
    if (version > MANIFEST_FORMAT_VERSION)
        return err_set(err, ERR_ARCHIVE_VERSION,
                       "format version %" PRIu64 " needs a newer pg-backup: this one knows 1 to %d",
                       version, MANIFEST_FORMAT_VERSION);
    return 0;
}

static int read_members(const Json *json, Manifest *m, Err *err)
{
    int r = read_format_version(json, err);
    if (r >= 0)
        r = json_members_read(members, ELEMENTSOF(members), json, m, err);
    if (r >= 0 && manifest_is_directory(m))
        r = stored_files_from_json(json, &m->files, err);
    if (r >= 0)
        r = json_get_strv(json, "warnings", &m->warnings, err);
    if (r >= 0)
        r = read_omissions(json, m, err);
    return r;
}

static int parse_manifest(const char *text, size_t size, const char *stem, Manifest *ret, Err *err)
{
    _cleanup_json_ Json *json = NULL;
    _cleanup_manifest_ Manifest m = { 0 };

    int r = json_parse_object(text, size, &json, err);
    if (r >= 0)
        r = read_members(json, &m, err);
    if (r >= 0)
        r = manifest_check(&m, stem, err);
    if (r < 0)
        return r;

    *ret = m;
    m = (Manifest){ 0 };
    return 0;
}

int manifest_save(const Manifest *m, int dir_fd, const char *dir_path, Err *err)
{
    _cleanup_free_ char *name = mem_printf("%s.json", m->stem), *text = manifest_print(m);
    _cleanup_manifest_ Manifest read = { 0 };
    _cleanup_err_ Err reason = { 0 };
    size_t size = strlen(text);

    if (size > MANIFEST_MAX_SIZE)
        return err_set(err, ERR_INTERNAL, "manifest \"%s/%s\" would be larger than %zu bytes",
                       dir_path, name, MANIFEST_MAX_SIZE);
    if (parse_manifest(text, size, m->stem, &read, &reason) < 0)
        return err_set(err, ERR_INTERNAL, "manifest \"%s/%s\" would not be valid: %s", dir_path,
                       name, reason.message);

    int r = fs_write_durable(dir_fd, name, text, size, FS_PUBLISH_NEW);
    if (r < 0)
        return err_set_errno(err, -r, "could not write manifest \"%s/%s\"", dir_path, name);
    return 0;
}

int manifest_load(int dir_fd, const char *dir_path, const char *stem, Manifest *ret, Err *err)
{
    _cleanup_free_ char *name = mem_printf("%s.json", stem);
    _cleanup_free_ char *text = NULL;
    size_t size = 0;

    int r = fs_read_regular(dir_fd, name, MANIFEST_MAX_SIZE, &text, &size);
    if (r == -EFBIG)
        return err_set(err, ERR_DAMAGED, "manifest \"%s/%s\" is larger than %zu bytes", dir_path,
                       name, MANIFEST_MAX_SIZE);
    if (r == -EINVAL)
        return err_set(err, ERR_IO, "manifest \"%s/%s\" is not a regular file", dir_path, name);
    if (r < 0)
        return err_set_errno(err, -r, "could not read manifest \"%s/%s\"", dir_path, name);

    r = parse_manifest(text, size, stem, ret, err);
    if (r < 0)
        err_prefix(err, "manifest \"%s/%s\"", dir_path, name);
    return r;
}
