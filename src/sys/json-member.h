#pragma once

/* The fields of a struct as members of a JSON object, by a table: those with a single value, in the
 * order in which they are written.
 *
 *     static const JsonMember members[] = {
 *         { "stem", JSON_MEMBER_TEXT, offsetof(Manifest, stem) }, … };
 *
 * Reading is that of sys/json.h: what is missing or of another type is ERR_DAMAGED, unless it is
 * one of the optional kinds. */

#include "sys/err.h"
#include "sys/json.h"

#include <stddef.h>

typedef enum JsonMemberType {
    JSON_MEMBER_TEXT,
    JSON_MEMBER_TEXT_OPT, /* null where there is none */
    JSON_MEMBER_UINT,
    JSON_MEMBER_UINT_OPT, /* 0 where there is none */
    JSON_MEMBER_TIME,
    JSON_MEMBER_TIME_OPT, /* null where there is none, which is 0 */
} JsonMemberType;

typedef struct JsonMember {
    const char *key;
    JsonMemberType type;
    size_t offset; /* of a char *, uint64_t or usec_t in the struct */
} JsonMember;

void json_members_write(const JsonMember *members, size_t count, const void *from, Json *into);
/* On failure, some of the fields are filled. */
int json_members_read(const JsonMember *members, size_t count, const Json *from, void *into,
                      Err *err);
/* Frees the texts, and leaves no pointer to them. */
void json_members_free(const JsonMember *members, size_t count, void *of);
