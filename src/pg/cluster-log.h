#pragma once

/* What a throwaway server writes to its log, a text of lines: "53100 ERROR:  could not extend …".
 * An error is known by its SQLSTATE (PostgreSQL manual, appendix A), which stands before it. A line
 * break in a message is followed by a tab, so that no message begins with what looks like one. */

#include <stdbool.h>

#define CLUSTER_LOG_PREFIX "%e " /* log_line_prefix */
#define SQLSTATE_SIZE 5

/* The SQLSTATE of the last error of these words, "ERROR:  could not …", as a client program has
 * told them; false where the log has none. */
bool cluster_log_find_state(const char *log, const char *error, char ret[static SQLSTATE_SIZE + 1]);

/* The line that tells most of why the server has ended, without its SQLSTATE, or "". Caller frees.
 */
char *cluster_log_telling_line(const char *log);
