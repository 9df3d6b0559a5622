#include "sys/json.h"

#include <jansson.h>
#include <string.h>

#include "sys/mem.h"
#include "sys/utf8.h"

/* jansson's constructors and setters fail for want of memory, or for a value or key that they
 * refuse: bad UTF-8, which is replaced below before it gets there. Keys are the program's own. */
static Json *checked(Json *value)
{
    if (!value)
        mem_fail();
    return value;
}

Json *json_new_object(void)
{
    return checked(json_object());
}

Json *json_new_array(void)
{
    return checked(json_array());
}

void json_free(Json *value)
{
    json_decref(value);
}

/* -- Writing -- */

static Json *new_text(const char *value)
{
    if (!value)
        return json_null();

    _cleanup_buf_ Buf b = { 0 };
    while (*value) {
        size_t length = utf8_next(value, /* ret_code= */ NULL);
        if (length > 0)
            buf_add(&b, value, length);
        else
            buf_adds(&b, "\xef\xbf\xbd"); /* U+FFFD */
        value += length > 0 ? length : 1;
    }
    return checked(json_string(b.data ? b.data : ""));
}

static void set(Json *object, const char *key, Json *value)
{
    if (json_object_set_new(object, key, value) < 0)
        mem_fail();
}

static void add(Json *array, Json *value)
{
    if (json_array_append_new(array, value) < 0)
        mem_fail();
}

void json_set_text(Json *object, const char *key, const char *value)
{
    set(object, key, new_text(value));
}

void json_set_name(Json *object, const char *key, const char *name)
{
    if (utf8_is_valid(name)) {
        json_set_text(object, key, name);
        return;
    }

    _cleanup_free_ char *hex_key = mem_printf("%s_hex", key);
    _cleanup_buf_ Buf hex = { 0 };
    for (; *name; name++)
        buf_addf(&hex, "%02x", (unsigned char)*name);
    json_set_text(object, hex_key, hex.data);
}

void json_set_uint(Json *object, const char *key, uint64_t value)
{
    json_set_int(object, key, value < INT64_MAX ? (int64_t)value : INT64_MAX);
}

void json_set_int(Json *object, const char *key, int64_t value)
{
    set(object, key, checked(json_integer(value)));
}

void json_set_flag(Json *object, const char *key, bool value)
{
    set(object, key, json_boolean(value));
}

void json_set_time(Json *object, const char *key, usec_t when)
{
    char text[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(when, text);
    json_set_text(object, key, when > 0 ? text : NULL);
}

void json_set_strv(Json *object, const char *key, const Strv *values)
{
    Json *array = json_set_child(object, key, json_new_array());
    for (size_t i = 0; i < values->count; i++)
        json_add_text(array, values->items[i]);
}

Json *json_set_child(Json *object, const char *key, Json *child)
{
    set(object, key, child ? child : json_null());
    return child;
}

Json *json_add_child(Json *array, Json *child)
{
    add(array, child ? child : json_null());
    return child;
}

void json_add_text(Json *array, const char *value)
{
    add(array, new_text(value));
}

static char *print(const Json *value, size_t flags)
{
    char *text = json_dumps(value, flags);
    if (!text)
        mem_fail();
    return text;
}

char *json_print(const Json *value)
{
    _cleanup_free_ char *text = print(value, JSON_INDENT(2));
    return mem_printf("%s\n", text);
}

char *json_print_line(const Json *value)
{
    return print(value, JSON_COMPACT);
}

/* RFC 8259, section 7; what has no short form is \u and four digits. */
static void escape(Buf *b, unsigned char c)
{
    static const char characters[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *at = strchr(characters, c);

    if (at)
        buf_addf(b, "\\%c", letters[at - characters]);
    else
        buf_addf(b, "\\u%04X", c);
}

static bool must_be_escaped(unsigned char c)
{
    return c < ' ' || c == '"' || c == '\\';
}

void json_quote(Buf *b, const char *text)
{
    const char *plain = text; /* up to `text`, what needs no escape and was not written yet */

    buf_addc(b, '"');
    for (; *text; text++) {
        if (!must_be_escaped((unsigned char)*text))
            continue;
        buf_add(b, plain, (size_t)(text - plain));
        escape(b, (unsigned char)*text);
        plain = text + 1;
    }
    buf_add(b, plain, (size_t)(text - plain));
    buf_addc(b, '"');
}

/* -- Reading -- */

int json_parse_object(const char *text, size_t size, Json **ret, Err *err)
{
    json_error_t error;
    _cleanup_json_ Json *value = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!value && json_error_code(&error) == json_error_out_of_memory)
        mem_fail();
    if (!value)
        return err_set(err, ERR_DAMAGED, "line %d, column %d: %s", error.line, error.column,
                       error.text);
    if (!json_is_object(value))
        return err_set(err, ERR_DAMAGED, "line 1, column 1: not a JSON object");

    *ret = TAKE_PTR(value);
    return 0;
}

/* The member, or NULL when it is missing or null. */
static const Json *find(const Json *object, const char *key)
{
    const Json *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

/* The member, which must be there and of the type. */
static int get(const Json *object, const char *key, json_type type, const Json **ret, Err *err)
{
    static const char *const names[] = {
        [JSON_ARRAY] = "an array",
        [JSON_STRING] = "a string",
        [JSON_INTEGER] = "an integer",
    };

    const Json *value = json_object_get(object, key);
    if (!value)
        return err_set(err, ERR_DAMAGED, "member \"%s\" is missing", key);
    if (json_typeof(value) != type)
        return err_set(err, ERR_DAMAGED, "member \"%s\" is not %s", key, names[type]);

    *ret = value;
    return 0;
}

int json_get_text(const Json *object, const char *key, char **ret, Err *err)
{
    const Json *value = NULL;
    int r = get(object, key, JSON_STRING, &value, err);
    if (r < 0)
        return r;

    *ret = mem_strdup(json_string_value(value));
    return 0;
}

int json_get_text_opt(const Json *object, const char *key, char **ret, Err *err)
{
    if (find(object, key))
        return json_get_text(object, key, ret, err);

    *ret = NULL;
    return 0;
}

int json_get_uint(const Json *object, const char *key, uint64_t *ret, Err *err)
{
    int64_t n;
    int r = json_get_int(object, key, &n, err);
    if (r < 0)
        return r;
    if (n < 0)
        return err_set(err, ERR_DAMAGED, "member \"%s\" is negative", key);

    *ret = (uint64_t)n;
    return 0;
}

int json_get_int(const Json *object, const char *key, int64_t *ret, Err *err)
{
    const Json *value = NULL;
    int r = get(object, key, JSON_INTEGER, &value, err);
    if (r < 0)
        return r;

    *ret = json_integer_value(value);
    return 0;
}

int json_get_flag(const Json *object, const char *key, bool *ret, Err *err)
{
    const Json *value = json_object_get(object, key);
    if (!value)
        return err_set(err, ERR_DAMAGED, "member \"%s\" is missing", key);
    if (!json_is_boolean(value))
        return err_set(err, ERR_DAMAGED, "member \"%s\" is neither true nor false", key);

    *ret = json_is_true(value);
    return 0;
}

int json_get_flag_opt(const Json *object, const char *key, bool fallback, bool *ret, Err *err)
{
    const Json *value = json_object_get(object, key);
    if (!value || json_is_null(value)) {
        *ret = fallback;
        return 0;
    }
    return json_get_flag(object, key, ret, err);
}

int json_get_uint_opt(const Json *object, const char *key, uint64_t fallback, uint64_t *ret,
                      Err *err)
{
    if (find(object, key))
        return json_get_uint(object, key, ret, err);

    *ret = fallback;
    return 0;
}

int json_get_time(const Json *object, const char *key, usec_t *ret, Err *err)
{
    _cleanup_free_ char *text = NULL;

    int r = json_get_text(object, key, &text, err);
    if (r < 0)
        return r;
    if (clock_parse_rfc3339(text, ret) < 0)
        return err_set(err, ERR_DAMAGED, "\"%s\" is no time: \"%s\"", key, text);
    return 0;
}

int json_get_time_opt(const Json *object, const char *key, usec_t *ret, Err *err)
{
    if (find(object, key))
        return json_get_time(object, key, ret, err);

    *ret = 0;
    return 0;
}

int json_get_strv(const Json *object, const char *key, Strv *ret, Err *err)
{
    const Json *array = NULL;
    int r = json_get_array(object, key, &array, err);
    if (r < 0)
        return r;

    size_t count = json_array_size(array);
    for (size_t i = 0; i < count; i++) {
        if (!json_is_string(json_array_get(array, i)))
            return err_set(err, ERR_DAMAGED, "member \"%s\" holds something that is not a string",
                           key);
    }

    for (size_t i = 0; i < count; i++)
        strv_add(ret, json_string_value(json_array_get(array, i)));
    return 0;
}

int json_get_array(const Json *object, const char *key, const Json **ret, Err *err)
{
    return get(object, key, JSON_ARRAY, ret, err);
}

size_t json_array_length(const Json *array)
{
    return json_array_size(array);
}

const Json *json_array_item(const Json *array, size_t i)
{
    return json_array_get(array, i);
}
