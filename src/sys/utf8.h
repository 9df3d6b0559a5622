#pragma once

/* UTF-8, one character at a time (RFC 3629). Names of databases and words of other programs are
 * bytes until this has judged them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number of bytes of the character at the start of a NUL-terminated string, 1 to 4; 0 when what
 * stands there is not UTF-8 (a stray or missing continuation byte, an overlong form, a surrogate,
 * anything above U+10FFFF). *ret_code is set only on success and may be NULL. */
size_t utf8_next(const char *s, uint32_t *ret_code);

/* The whole of a string is UTF-8. */
bool utf8_is_valid(const char *s);

/* True for what would steer a terminal or end a line instead of being seen: the control characters
 * of ASCII and of Latin-1 (U+0080 to U+009F, which terminals obey in UTF-8, too), DEL, the line and
 * paragraph separators, and the overrides of writing direction. */
bool utf8_is_control(uint32_t code);
