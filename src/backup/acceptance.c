#include "backup/acceptance.h"

#include <inttypes.h>
#include <string.h>

#include "sys/fs.h"
#include "sys/json.h"
#include "sys/mem.h"

#define MAX_SIZE ((size_t)64 << 10)

char *acceptance_file_name(const char *stem)
{
    return mem_printf("%s.accepted.json", stem);
}

int acceptance_save(int dir_fd, const char *dir_path, const char *stem, usec_t when, Err *err)
{
    _cleanup_free_ char *name = acceptance_file_name(stem);
    _cleanup_json_ Json *json = json_new_object();

    json_set_uint(json, "format_version", ACCEPTANCE_FORMAT_VERSION);
    json_set_text(json, "stem", stem);
    json_set_time(json, "accepted", when);

    _cleanup_free_ char *text = json_print(json);
    int r = fs_write_durable(dir_fd, name, text, strlen(text), FS_PUBLISH_REPLACE);
    if (r < 0)
        return err_set_errno(err, -r, "could not write \"%s/%s\"", dir_path, name);
    return 0;
}

static int parse_acceptance(const char *text, size_t size, const char *stem, Err *err)
{
    _cleanup_json_ Json *json = NULL;
    _cleanup_free_ char *named = NULL;
    uint64_t version = 0;
    usec_t when;

    int r = json_parse_object(text, size, &json, err);
    if (r >= 0)
        r = json_get_uint(json, "format_version", &version, err);
    if (r >= 0 && version != ACCEPTANCE_FORMAT_VERSION)
        r = err_set(err, ERR_DAMAGED, "format version %" PRIu64 " is not known, only %d is",
                    version, ACCEPTANCE_FORMAT_VERSION);
    if (r >= 0)
        r = json_get_text(json, "stem", &named, err);
    if (r >= 0 && strcmp(named, stem) != 0)
        r = err_set(err, ERR_DAMAGED, "\"stem\" is \"%s\", not that of the file", named);
    if (r >= 0)
        r = json_get_time(json, "accepted", &when, err);
    return r;
}

int acceptance_load(int dir_fd, const char *dir_path, const char *stem, Err *err)
{
    _cleanup_free_ char *name = acceptance_file_name(stem), *text = NULL;
    size_t size = 0;

    int r = fs_read_regular(dir_fd, name, MAX_SIZE, &text, &size);
    if (r < 0) {
        err_set_errno(err, -r, "could not read \"%s/%s\"", dir_path, name);
        return r;
    }
    r = parse_acceptance(text, size, stem, err);
    if (r < 0)
        err_prefix(err, "acceptance \"%s/%s\"", dir_path, name);
    return r;
}
