#pragma once

/* Looks at the bytes and passes them on unchanged: how many, their SHA-256, the first and the last
 * few. A dump has two: one on what pg_dump wrote (raw), one on what is stored. */

#include "stream/stage.h"

#include <stdint.h>

#define TAP_SHA256_HEX_SIZE 65 /* 64 hex digits and a NUL */
#define TAP_EDGE_SIZE 256      /* bytes remembered at each end */

Stage *stage_tap_new(void);
/* Without the SHA-256, for bytes that nobody will ever be able to compare with it. */
Stage *stage_tap_new_counting(void);

uint64_t stage_tap_bytes(const Stage *s);
/* Lower-case hex; valid after finish; NULL of a counting one. */
const char *stage_tap_sha256(const Stage *s);
/* The first and the last TAP_EDGE_SIZE bytes, or all of them when there are fewer; NUL-terminated.
 */
const char *stage_tap_head(Stage *s, size_t *ret_size);
const char *stage_tap_tail(Stage *s, size_t *ret_size);

/* The digest of a few bytes at once, in the same form. */
int tap_sha256_of(const void *data, size_t size, char ret[static TAP_SHA256_HEX_SIZE], Err *err);
