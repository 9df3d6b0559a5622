#pragma once

/* JSON, the only user of jansson. Values are built top down and owned by their root; members keep
 * the order in which they were set. Text that is not UTF-8 is stored with U+FFFD for each bad byte.
 *
 * Reading is strict: json_get_*() fail with the member's name when it is missing or of another
 * type; the _opt forms give the default when it is missing or null. */

#include "sys/buf.h"
#include "sys/clock.h"
#include "sys/err.h"
#include "sys/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct json_t Json;

#define _cleanup_json_ _cleanup_(json_freep)

Json *json_new_object(void);
Json *json_new_array(void);
void json_free(Json *value);
static inline void json_freep(Json **value)
{
    json_free(*value);
}

/* Setting a NULL string or a NULL child stores null. Children are taken over. */
void json_set_text(Json *object, const char *key, const char *value);
/* One that need not be UTF-8 and has to come back as it was: in hexadecimal then, two digits a
 * byte, under the key with "_hex" behind it. */
void json_set_name(Json *object, const char *key, const char *name);
void json_set_uint(Json *object, const char *key, uint64_t value); /* at most INT64_MAX */
void json_set_int(Json *object, const char *key, int64_t value);
void json_set_flag(Json *object, const char *key, bool value);
void json_set_time(Json *object, const char *key, usec_t when); /* of RFC 3339; 0: null */
void json_set_strv(Json *object, const char *key, const Strv *values);
Json *json_set_child(Json *object, const char *key, Json *child); /* returns child */
Json *json_add_child(Json *array, Json *child);                   /* returns child */
void json_add_text(Json *array, const char *value);

/* As a file holds it: indented by two, with a newline at the end. Or on one line, without it.
 * Caller frees. */
char *json_print(const Json *value);
char *json_print_line(const Json *value);

/* For who writes much of it: appends the text, which is UTF-8, as a JSON string in its quotes, the
 * same bytes as json_print() writes. */
void json_quote(Buf *b, const char *text);

/* Parses exactly one object; ERR_DAMAGED with line and column otherwise. Duplicate keys are
 * refused. */
int json_parse_object(const char *text, size_t size, Json **ret, Err *err);

int json_get_text(const Json *object, const char *key, char **ret, Err *err);     /* a copy */
int json_get_text_opt(const Json *object, const char *key, char **ret, Err *err); /* or NULL */
int json_get_uint(const Json *object, const char *key, uint64_t *ret, Err *err);
int json_get_int(const Json *object, const char *key, int64_t *ret, Err *err);
int json_get_flag(const Json *object, const char *key, bool *ret, Err *err);
int json_get_flag_opt(const Json *object, const char *key, bool fallback, bool *ret, Err *err);
int json_get_uint_opt(const Json *object, const char *key, uint64_t fallback, uint64_t *ret,
                      Err *err);
int json_get_time(const Json *object, const char *key, usec_t *ret, Err *err);
int json_get_time_opt(const Json *object, const char *key, usec_t *ret, Err *err); /* or 0 */
int json_get_strv(const Json *object, const char *key, Strv *ret, Err *err); /* appends copies */
/* Borrowed from the object. */
int json_get_array(const Json *object, const char *key, const Json **ret, Err *err);
size_t json_array_length(const Json *array);
const Json *json_array_item(const Json *array, size_t i); /* borrowed; NULL past the end */
