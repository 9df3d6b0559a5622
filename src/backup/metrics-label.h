#pragma once

/* Labels of Prometheus's text exposition format. */

#include "sys/buf.h"

/* Appends NAME="VALUE". The format knows three escapes. Bytes that are not UTF-8, which it does not
 * allow, become "\xHH", so that names that differ stay different. */
void metrics_add_label(Buf *out, const char *name, const char *value);
