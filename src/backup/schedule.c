#include "backup/schedule.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "sys/fs.h"
#include "sys/json.h"
#include "sys/mem.h"

#define SCHEDULE_FILE "schedule.json"
#define SCHEDULE_MAX_SIZE ((size_t)1 << 20)

void schedule_done(Schedule *s)
{
    free(s->problem);
    *s = (Schedule){ 0 };
}

static int parse(const char *text, size_t size, Schedule *ret, Err *err)
{
    _cleanup_json_ Json *json = NULL;

    int r = json_parse_object(text, size, &json, err);
    if (r < 0)
        return r;
    r = json_get_time(json, "first_start", &ret->first_start, err);
    if (r < 0)
        return r;
    return json_get_text_opt(json, "problem", &ret->problem, err);
}

int schedule_load(const char *state_dir, Schedule *ret, Err *err)
{
    _cleanup_free_ char *path = mem_printf("%s/" SCHEDULE_FILE, state_dir), *text = NULL;
    _cleanup_schedule_ Schedule s = { 0 };
    _cleanup_err_ Err reason = { 0 };
    size_t size = 0;

    int r = fs_read_regular(AT_FDCWD, path, SCHEDULE_MAX_SIZE, &text, &size);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return err_set(err, ERR_COULD_NOT_VERIFY, "could not read \"%s\": %s", path, strerror(-r));
    r = parse(text, size, &s, &reason);
    if (r < 0)
        return err_set(err, ERR_COULD_NOT_VERIFY, "\"%s\" is damaged: %s", path, reason.message);

    *ret = s;
    s = (Schedule){ 0 };
    return 0;
}

int schedule_save(const char *state_dir, const Schedule *s, Err *err)
{
    _cleanup_json_ Json *json = json_new_object();
    _cleanup_close_ int fd = -1;

    json_set_time(json, "first_start", s->first_start);
    json_set_text(json, "problem", s->problem);
    _cleanup_free_ char *text = json_print(json);

    int r = fs_open_dir(AT_FDCWD, state_dir, 0700, &fd);
    if (r < 0)
        return err_set_errno(err, -r, "could not open directory \"%s\"", state_dir);
    r = fs_write_durable(fd, SCHEDULE_FILE, text, strlen(text), FS_PUBLISH_REPLACE);
    if (r < 0)
        return err_set_errno(err, -r, "could not write \"%s/" SCHEDULE_FILE "\"", state_dir);
    return 0;
}
