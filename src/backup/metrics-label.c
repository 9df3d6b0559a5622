#include "backup/metrics-label.h"

#include "sys/utf8.h"

void metrics_add_label(Buf *out, const char *name, const char *value)
{
    buf_addf(out, "%s=\"", name);
    while (*value) {
        size_t size = utf8_next(value, /* ret_code= */ NULL);
        if (size == 0)
            buf_addf(out, "\\\\x%02X", (unsigned char)*value);
        else if (*value == '\n')
            buf_adds(out, "\\n");
        else if (*value == '"' || *value == '\\')
            buf_addf(out, "\\%c", *value);
        else
            buf_add(out, value, size);
        value += size > 0 ? size : 1;
    }
    buf_addc(out, '"');
}
