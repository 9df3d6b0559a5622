#include "sys/logfmt.h"

#include <stdbool.h>

#include "sys/utf8.h"

static bool is_bare(const char *value)
{
    if (!*value)
        return false;

    for (size_t size; *value; value += size) {
        uint32_t code;
        size = utf8_next(value, &code);
        if (size == 0 || utf8_is_control(code) || code == 0xFFFD)
            return false;
        if (code == ' ' || code == '=' || code == '"' || code == '\\')
            return false;
    }
    return true;
}

/* Control characters all lie in the basic plane: four digits hold each of them. */
static void add_escaped(Buf *line, uint32_t code)
{
    switch (code) {
    case '\n':
        buf_adds(line, "\\n");
        break;
    case '\r':
        buf_adds(line, "\\r");
        break;
    case '\t':
        buf_adds(line, "\\t");
        break;
    default:
        buf_addf(line, "\\u%04x", code);
    }
}

static void add_quoted(Buf *line, const char *value)
{
    buf_addc(line, '"');
    while (*value) {
        uint32_t code;
        size_t size = utf8_next(value, &code);
        if (size == 0) {
            buf_adds(line, "\\ufffd");
            size = 1;
        } else if (utf8_is_control(code)) {
            add_escaped(line, code);
        } else {
            if (code == '"' || code == '\\')
                buf_addc(line, '\\');
            buf_add(line, value, size);
        }
        value += size;
    }
    buf_addc(line, '"');
}

void logfmt_add(Buf *line, const char *key, const char *value)
{
    if (!value)
        return;

    if (line->size > 0)
        buf_addc(line, ' ');
    buf_adds(line, key);
    buf_addc(line, '=');
    if (is_bare(value))
        buf_adds(line, value);
    else
        add_quoted(line, value);
}
