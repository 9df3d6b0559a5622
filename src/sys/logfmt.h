#pragma once

/* logfmt: `key=value key="a value"`, one event per line. A value that needs it is written as a JSON
 * string in ASCII escapes, which is what the readers of this format (go-logfmt, so Loki, too)
 * decode. */

#include "sys/buf.h"

/* Appends a pair, with a space before it unless it starts the line. No byte of `value` can end the
 * line or the value; what is not UTF-8 becomes U+FFFD. NULL adds nothing. */
void logfmt_add(Buf *line, const char *key, const char *value);
