#include "backup/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "backup/artifact.h"
#include "sys/fs.h"
#include "sys/mem.h"

#define REPORT_FILE "last-run.json"
#define REPORT_MAX_SIZE ((size_t)16 << 20)

ReportEntry *report_add(Report *r, const char *database)
{
    r->entries = mem_resize(r->entries, r->count + 1, sizeof(*r->entries));
    r->entries[r->count] = (ReportEntry){ .database = mem_strdup(database) };
    return &r->entries[r->count++];
}

void report_done(Report *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->entries[i].database);
        free(r->entries[i].stem);
        err_done(&r->entries[i].err);
    }
    free(r->entries);
    free(r->run_id);
    free(r->instance);
    err_done(&r->err);
    strv_done(&r->databases);
    strv_done(&r->swept);
    strv_done(&r->pruned);
    strv_done(&r->warnings);
    *r = (Report){ 0 };
}

uint64_t report_stored_bytes(const Report *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->count; i++)
        sum += r->entries[i].stored_bytes;
    return sum;
}

/* Writing */

/* Three members, null where nothing failed. */
static void write_err(Json *json, const Err *err)
{
    json_set_text(json, "reason", err_is_set(err) ? err_kind_info(err->kind)->name : NULL);
    json_set_text(json, "message", err->message);
    json_set_text(json, "hint", err->hint);
}

static void write_entry(Json *json, const ReportEntry *entry)
{
    json_set_text(json, "database", entry->database);
    json_set_text(json, "kind", entry->database ? "database" : "globals");
    json_set_text(json, "stem", entry->stem);
    json_set_text(json, "result", err_is_set(&entry->err) ? "failed" : "done");
    write_err(json, &entry->err);
    json_set_uint(json, "stored_bytes", entry->stored_bytes);
    json_set_uint(json, "raw_bytes", entry->raw_bytes);
    json_set_uint(json, "duration_ms", entry->duration_msec);
    json_set_uint(json, "warnings", entry->warnings);
}

/* "databases" is for people. JSON cannot hold a name that is not UTF-8, so what is read back is
 * "series": the names as they stand in the catalog. */
static void write_databases(Json *json, const Strv *databases)
{
    json_set_strv(json, "databases", databases);

    Json *series = json_set_child(json, "series", json_new_array());
    for (size_t i = 0; i < databases->count; i++) {
        _cleanup_free_ char *encoded = artifact_encode(databases->items[i]);
        json_add_text(series, encoded);
    }
}

Json *report_to_json(const Report *r)
{
    Json *json = json_new_object();

    json_set_text(json, "run_id", r->run_id);
    json_set_text(json, "instance", r->instance);
    json_set_time(json, "started", r->started);
    json_set_time(json, "finished", r->finished);
    json_set_uint(json, "duration_ms",
                  r->finished > r->started ? (r->finished - r->started) / USEC_PER_MSEC : 0);
    json_set_uint(json, "missed_slots", r->missed_slots);
    json_set_uint(json, "exit_code", (uint64_t)r->exit_code);
    write_err(json, &r->err);
    write_databases(json, &r->databases);

    Json *backups = json_set_child(json, "backups", json_new_array());
    for (size_t i = 0; i < r->count; i++)
        write_entry(json_add_child(backups, json_new_object()), &r->entries[i]);

    json_set_strv(json, "swept", &r->swept);
    json_set_strv(json, "pruned", &r->pruned);
    json_set_strv(json, "warnings", &r->warnings);
    return json;
}

int report_save(const Report *r, const char *state_dir, Err *err)
{
    _cleanup_json_ Json *json = report_to_json(r);
    _cleanup_free_ char *text = json_print(json);
    _cleanup_close_ int fd = -1;

    int q = fs_open_dir(AT_FDCWD, state_dir, 0700, &fd);
    if (q < 0)
        return err_set_errno(err, -q, "could not open directory \"%s\"", state_dir);

    q = fs_write_durable(fd, REPORT_FILE, text, strlen(text), FS_PUBLISH_REPLACE);
    if (q < 0)
        return err_set_errno(err, -q, "could not write \"%s/" REPORT_FILE "\"", state_dir);
    return 0;
}

/* Reading */

static int say_damaged(const char *state_dir, const Err *reason, Err *err)
{
    return err_set(err, ERR_COULD_NOT_VERIFY, "\"%s/" REPORT_FILE "\" is damaged: %s", state_dir,
                   reason->message);
}

/* NULL where there is no report. */
static int load(const char *state_dir, Json **ret, Err *err)
{
    _cleanup_free_ char *path = mem_printf("%s/" REPORT_FILE, state_dir);
    _cleanup_free_ char *text = NULL;
    _cleanup_err_ Err reason = { 0 };
    size_t size = 0;

    int r = fs_read_regular(AT_FDCWD, path, REPORT_MAX_SIZE, &text, &size);
    if (r == -ENOENT)
        return 0;
    if (r == -EINVAL)
        return err_set(err, ERR_COULD_NOT_VERIFY, "\"%s\" is not a regular file", path);
    if (r < 0)
        return err_set(err, ERR_COULD_NOT_VERIFY, "could not read \"%s\": %s", path, strerror(-r));
    if (json_parse_object(text, size, ret, &reason) < 0)
        return say_damaged(state_dir, &reason, err);
    return 0;
}

static int read_databases(const Json *json, Strv *ret, Err *err)
{
    _cleanup_strv_ Strv series = { 0 }, databases = { 0 };

    int r = json_get_strv(json, "series", &series, err);
    if (r < 0)
        return r;

    for (size_t i = 0; i < series.count; i++) {
        char *database = artifact_decode(series.items[i]);
        if (!database)
            return err_set(err, ERR_DAMAGED, "\"%s\" is no series", series.items[i]);
        strv_take(&databases, database);
    }
    strv_copy(ret, &databases);
    return 0;
}

int report_load_databases(const char *state_dir, Strv *ret, Err *err)
{
    _cleanup_json_ Json *json = NULL;
    _cleanup_err_ Err reason = { 0 };

    int r = load(state_dir, &json, err);
    if (r < 0 || !json)
        return r;
    if (read_databases(json, ret, &reason) < 0)
        return say_damaged(state_dir, &reason, err);
    return 0;
}

int report_load_started(const char *state_dir, usec_t *ret, Err *err)
{
    _cleanup_json_ Json *json = NULL;
    _cleanup_err_ Err reason = { 0 };

    *ret = 0;
    int r = load(state_dir, &json, err);
    if (r < 0 || !json)
        return r;
    if (json_get_time(json, "started", ret, &reason) < 0)
        return say_damaged(state_dir, &reason, err);
    return 0;
}
