#include "archive/sql-statement.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sys/buf.h"
#include "sys/mem.h"

/* Each skip_…() and take_…() reads at *text and moves it behind what it has read. */

static int skip(const char **text, const char *expected)
{
    size_t size = strlen(expected);
    if (strncmp(*text, expected, size) != 0)
        return -EINVAL;
    *text += size;
    return 0;
}

static bool is_plain_name_byte(char c)
{
    return islower((unsigned char)c) || isdigit((unsigned char)c) || c == '_';
}

/* A text between two of `quote`, which stands twice for itself; so does a backslash if asked. */
static int take_quoted(const char **text, char quote, bool double_backslash, char **ret)
{
    _cleanup_buf_ Buf b = { 0 };
    const char *p = *text;

    if (*p++ != quote)
        return -EINVAL;
    for (; *p; p++) {
        if (*p == quote && *++p != quote) {
            *text = p;
            *ret = buf_take(&b);
            return 0;
        }
        if (*p == '\\' && double_backslash && *++p != '\\')
            return -EINVAL;
        buf_addc(&b, *p);
    }
    return -EINVAL;
}

/* A name as fmtId() writes it: lower-case as it is, anything else in double quotes. */
static int take_identifier(const char **text, char **ret)
{
    size_t length = 0;

    if (**text == '"')
        return take_quoted(text, '"', /* double_backslash= */ false, ret);
    while (is_plain_name_byte((*text)[length]))
        length++;
    if (length == 0)
        return -EINVAL;

    *ret = mem_strndup(*text, length);
    *text += length;
    return 0;
}

/* "name" or "schema.name" */
static int take_qualified_name(const char **text, char **ret_schema, char **ret_name)
{
    _cleanup_free_ char *first = NULL, *second = NULL;

    int r = take_identifier(text, &first);
    if (r < 0)
        return r;
    if (skip(text, ".") >= 0) {
        r = take_identifier(text, &second);
        if (r < 0)
            return r;
    }

    *ret_schema = second ? TAKE_PTR(first) : NULL;
    *ret_name = second ? TAKE_PTR(second) : TAKE_PTR(first);
    return 0;
}

static int take_column_list(const char **text, Strv *ret)
{
    int r = skip(text, " (");
    while (r >= 0) {
        char *column = NULL;
        r = take_identifier(text, &column);
        if (r < 0)
            return r;
        strv_take(ret, column);
        if (skip(text, ")") >= 0)
            return 0;
        r = skip(text, ", ");
    }
    return r;
}

static int read_copy(const char *text, char **ret_schema, char **ret_name, Strv *ret_columns)
{
    int r = skip(&text, "COPY ");
    if (r >= 0)
        r = take_qualified_name(&text, ret_schema, ret_name);
    /* A table without columns has no list, but the blank in front of it. */
    if (r >= 0 && skip(&text, "  FROM stdin;") < 0) {
        r = take_column_list(&text, ret_columns);
        if (r >= 0)
            r = skip(&text, " FROM stdin;");
    }
    return r < 0 || text[strspn(text, "\n")] ? -EINVAL : 0;
}

int sql_read_copy(const char *text, char **ret_schema, char **ret_name)
{
    _cleanup_free_ char *schema = NULL, *name = NULL;
    _cleanup_strv_ Strv columns = { 0 };

    int r = read_copy(text, &schema, &name, &columns);
    if (r < 0)
        return r;
    *ret_schema = TAKE_PTR(schema);
    *ret_name = TAKE_PTR(name);
    return 0;
}

int sql_read_copy_columns(const char *text, Strv *ret)
{
    _cleanup_free_ char *schema = NULL, *name = NULL;
    _cleanup_strv_ Strv columns = { 0 };

    int r = read_copy(text, &schema, &name, &columns);
    if (r < 0)
        return r;
    *ret = columns;
    columns = (Strv){ 0 };
    return 0;
}

/* ", 42, true);", and what may follow in an archive: blank lines. */
static int read_value(const char *text, int64_t *ret_value, bool *ret_called)
{
    char *end;

    if (skip(&text, ", ") < 0 || (*text != '-' && !isdigit((unsigned char)*text)))
        return -EINVAL;
    errno = 0;
    intmax_t value = strtoimax(text, &end, 10);
    if (errno != 0 || value < INT64_MIN || value > INT64_MAX)
        return -EINVAL;

    text = end;
    bool called = skip(&text, ", true);") >= 0;
    if (!called && skip(&text, ", false);") < 0)
        return -EINVAL;
    if (text[strspn(text, "\n")])
        return -EINVAL;

    *ret_value = value;
    *ret_called = called;
    return 0;
}

int sql_read_setval(const char *text, bool plain_backslash, char **ret_schema, char **ret_name,
                    int64_t *ret_value, bool *ret_called)
{
    _cleanup_free_ char *literal = NULL, *schema = NULL, *name = NULL;
    const char *qualified;

    int r = skip(&text, "SELECT pg_catalog.setval(");
    if (r >= 0)
        r = take_quoted(&text, '\'', !plain_backslash, &literal);
    if (r < 0)
        return r;

    qualified = literal;
    r = take_qualified_name(&qualified, &schema, &name);
    if (r >= 0)
        r = *qualified ? -EINVAL : read_value(text, ret_value, ret_called);
    if (r < 0)
        return r;

    *ret_schema = TAKE_PTR(schema);
    *ret_name = TAKE_PTR(name);
    return 0;
}

/* Whether a backslash hides what stands behind it is not known here. pg_dump writes it so that the
 * literal ends in the same place either way. */
int sql_read_setval_value(const char *text, int64_t *ret_value, bool *ret_called)
{
    _cleanup_free_ char *literal = NULL;

    int r = skip(&text, "SELECT pg_catalog.setval(");
    if (r >= 0)
        r = take_quoted(&text, '\'', /* double_backslash= */ false, &literal);
    return r < 0 ? r : read_value(text, ret_value, ret_called);
}

int sql_read_restrict(const char *text, bool *ret_begins, char **ret_key)
{
    bool begins = skip(&text, "\\restrict ") >= 0;
    if (!begins && skip(&text, "\\unrestrict ") < 0)
        return -EINVAL;
    size_t size = strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    if (size == 0 || strcmp(text + size, "\n") != 0)
        return -EINVAL;

    *ret_begins = begins;
    *ret_key = mem_strndup(text, size);
    return 0;
}

int sql_read_lo_open(const char *text, uint32_t *ret_oid)
{
    char *end;

    if (skip(&text, "SELECT pg_catalog.lo_open('") < 0 || !isdigit((unsigned char)*text))
        return -EINVAL;
    errno = 0;
    uintmax_t oid = strtoumax(text, &end, 10);
    if (errno != 0 || oid == 0 || oid > UINT32_MAX)
        return -EINVAL;

    text = end;
    if (skip(&text, "', 131072);") < 0 || *text)
        return -EINVAL;
    *ret_oid = (uint32_t)oid;
    return 0;
}
