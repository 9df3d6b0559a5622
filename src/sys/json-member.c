#include "sys/json-member.h"

#include <stdlib.h>

#include "sys/mem.h"

static void write_member(const JsonMember *m, const void *value, Json *into)
{
    switch (m->type) {
    case JSON_MEMBER_TEXT:
    case JSON_MEMBER_TEXT_OPT:
        json_set_text(into, m->key, *(char *const *)value);
        break;
    case JSON_MEMBER_UINT:
    case JSON_MEMBER_UINT_OPT:
        json_set_uint(into, m->key, *(const uint64_t *)value);
        break;
    case JSON_MEMBER_TIME:
    case JSON_MEMBER_TIME_OPT:
        json_set_time(into, m->key, *(const usec_t *)value);
        break;
    }
}

void json_members_write(const JsonMember *members, size_t count, const void *from, Json *into)
{
    for (size_t i = 0; i < count; i++)
        write_member(&members[i], (const char *)from + members[i].offset, into);
}

static int read_member(const JsonMember *m, const Json *from, void *value, Err *err)
{
    switch (m->type) {
    case JSON_MEMBER_TEXT:
        return json_get_text(from, m->key, value, err);
    case JSON_MEMBER_TEXT_OPT:
        return json_get_text_opt(from, m->key, value, err);
    case JSON_MEMBER_UINT:
        return json_get_uint(from, m->key, value, err);
    case JSON_MEMBER_UINT_OPT:
        return json_get_uint_opt(from, m->key, /* fallback= */ 0, value, err);
    case JSON_MEMBER_TIME:
        return json_get_time(from, m->key, value, err);
    case JSON_MEMBER_TIME_OPT:
        return json_get_time_opt(from, m->key, value, err);
    }
    return err_set(err, ERR_INTERNAL, "member \"%s\" has no type", m->key);
}

int json_members_read(const JsonMember *members, size_t count, const Json *from, void *into,
                      Err *err)
{
    int r = 0;

    for (size_t i = 0; i < count && r >= 0; i++)
        r = read_member(&members[i], from, (char *)into + members[i].offset, err);
    return r;
}

void json_members_free(const JsonMember *members, size_t count, void *of)
{
    for (size_t i = 0; i < count; i++) {
        if (members[i].type != JSON_MEMBER_TEXT && members[i].type != JSON_MEMBER_TEXT_OPT)
            continue;
        void *text = (char *)of + members[i].offset;
        mem_freep(text);
        *(char **)text = NULL;
    }
}
