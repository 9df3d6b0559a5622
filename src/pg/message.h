#pragma once

/* Which failure a message of the server or of a client program tells of. */

#include "sys/err.h"

/* By SQLSTATE (PostgreSQL manual, appendix A): sets both when the table knows it, else leaves them
 * as they are. `state` may be NULL; hints are static and may be NULL. */
void pg_classify_state(const char *state, ErrKind *kind, const char **hint);

/* By the words of a client program's stderr (it runs with LC_ALL=C): ERR_CHILD when they tell
 * nothing in particular. *ret_hint is static, NULL if there is none. */
ErrKind pg_classify_message(const char *text, const char **ret_hint);
