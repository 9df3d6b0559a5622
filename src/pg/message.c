#include "pg/message.h"

#include <stddef.h>
#include <string.h>

#include "sys/mem.h"
#include "sys/text.h"

#define CONNECTIONS_HINT                                                                           \
    "Raise the role's CONNECTION LIMIT or the server's max_connections. A run takes three "        \
    "connections, one with BACKUP_FORMAT=directory BACKUP_JOBS more."

/* SQLSTATE, or its class where two characters are given. */
static const struct {
    const char *state;
    ErrKind kind;
    const char *hint;
} states[] = {
    { "28", ERR_AUTHENTICATION,
      "Check PG_USER and PG_PASSWORD, and the server's pg_hba.conf for this user, database and "
      "host." },
    { "3D000", ERR_NO_DATABASE,
      "Correct the name; \"pg-backup check\" lists what the server has." },
    { "42501", ERR_PERMISSION,
      "Grant the role what it lacks (CONNECT and pg_read_all_data to back up, CREATEDB to "
      "restore), "
      "or use another." },
    { "25006", ERR_PERMISSION,
      "The role or the server can only read: restore with one that may create databases." },
    { "42P04", ERR_REFUSED, "Choose another name, or drop the database first." },
    { "55000", ERR_NO_DATABASE, NULL },
    { "53300", ERR_UNREACHABLE, CONNECTIONS_HINT },
    { "57P", ERR_UNREACHABLE, NULL },
    { "08", ERR_SERVER_LOST, NULL },
};

void pg_classify_state(const char *state, ErrKind *kind, const char **hint)
{
    for (size_t i = 0; i < ELEMENTSOF(states) && state; i++)
        if (text_starts_with(state, states[i].state)) {
            *kind = states[i].kind;
            *hint = states[i].hint;
            return;
        }
}

/* In this order: the first that occurs decides. A server whose messages are in another language is
 * not understood here; its words still reach the user. */
static const struct {
    const char *words;
    ErrKind kind;
    const char *hint;
} messages[] = {
    { "definition of service", ERR_SETTINGS, "Correct PG_SERVICE, or libpq's service file." },
    { "server does not support SSL", ERR_SETTINGS,
      "Correct PG_SSLMODE, or switch on \"ssl\" in the server's configuration." },
    { "root certificate file", ERR_SETTINGS, "Correct PG_SSLROOTCERT." },
    { "certificate verify failed", ERR_SETTINGS,
      "The server's certificate is not signed by what PG_SSLROOTCERT holds." },
    { "row-level security policy", ERR_ROW_SECURITY,
      "Give the backup's role BYPASSRLS: ALTER ROLE … BYPASSRLS." },
    { "permission denied for large object", ERR_PERMISSION,
      "Let the role read every large object: ALTER ROLE … SET lo_compat_privileges = on." },
    { "permission denied for database", ERR_PERMISSION,
      "GRANT CONNECT ON DATABASE … to the role." },
    { "permission denied", ERR_PERMISSION, "GRANT pg_read_all_data to the backup's role." },
    { "due to lock timeout", ERR_LOCK_TIMEOUT, NULL },
    { "due to statement timeout", ERR_LOCK_TIMEOUT,
      "Another session holds a lock on a table: end it, back up at a quieter time, or raise "
      "LOCK_WAIT_TIMEOUT_SECONDS." },
    { "password authentication failed", ERR_AUTHENTICATION, "Check PG_USER and PG_PASSWORD." },
    { "no password supplied", ERR_AUTHENTICATION, "Set PG_PASSWORD_FILE (or PG_PASSWORD)." },
    { "no pg_hba.conf entry", ERR_AUTHENTICATION, "Add a line to the server's pg_hba.conf." },
    { "server version mismatch", ERR_CLIENT_TOO_OLD, "Install the server's own major version." },
    { "too many connections for ", ERR_UNREACHABLE, CONNECTIONS_HINT },
    { "too many clients already", ERR_UNREACHABLE, CONNECTIONS_HINT },
    { "connection slots are reserved", ERR_UNREACHABLE, CONNECTIONS_HINT },
    { "server closed the connection unexpectedly", ERR_SERVER_LOST, NULL },
    { "terminating connection", ERR_SERVER_LOST, NULL },
    { "could not receive data from server", ERR_SERVER_LOST, NULL },
    { "SSL connection has been closed", ERR_SERVER_LOST, NULL },
    { "no connection to the server", ERR_SERVER_LOST, NULL },
    { "connection to server", ERR_SERVER_LOST, NULL },
};

ErrKind pg_classify_message(const char *text, const char **ret_hint)
{
    for (size_t i = 0; i < ELEMENTSOF(messages); i++)
        if (strstr(text, messages[i].words)) {
            *ret_hint = messages[i].hint;
            return messages[i].kind;
        }
    *ret_hint = NULL;
    return ERR_CHILD;
}
