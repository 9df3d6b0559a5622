#include "pg/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/message.h"
#include "sys/buf.h"
#include "sys/cancel.h"
#include "sys/clock.h"
#include "sys/mem.h"
#include "sys/progress.h"
#include "sys/text.h"

#define CONNECT_TIMEOUT (15 * USEC_PER_SEC) /* at most, however many addresses a name has */
#define TICK_MSEC 200

/* Where to connect */

/* libpq's parameters that every connection of ours has: a silently cut link is found within a
 * minute, because pg_dump only receives and would wait for ever (measured). */
static const char *const constant_parameters[][2] = {
    { "keepalives", "1" },       { "keepalives_idle", "30" }, { "keepalives_interval", "10" },
    { "keepalives_count", "3" }, { "connect_timeout", "10" }, { "application_name", "pg-backup" },
};

typedef struct Parameter {
    const char *name;
    const char *value; /* NULL: libpq's default */
} Parameter;

#define TARGET_PARAMETERS 9

static void target_parameters(const PgTarget *t, const char *database,
                              Parameter ret[TARGET_PARAMETERS])
{
    const Parameter all[TARGET_PARAMETERS] = {
        { "service", t->service },
        { "host", t->host },
        { "hostaddr", t->hostaddr },
        { "port", t->port },
        { "user", t->user },
        { "sslmode", t->sslmode },
        { "sslrootcert", t->sslrootcert },
        { "requirepeer", t->requirepeer },
        { "dbname", database },
    };
    memcpy(ret, all, sizeof(all));
}

static void add_quoted(Buf *b, const char *name, const char *value)
{
    if (!value)
        return;

    buf_addf(b, "%s%s='", b->size > 0 ? " " : "", name);
    for (const char *p = value; *p; p++) {
        if (*p == '\'' || *p == '\\')
            buf_addc(b, '\\');
        buf_addc(b, *p);
    }
    buf_addc(b, '\'');
}

char *pg_conninfo(const PgTarget *target, const char *database, const char *passfile)
{
    Parameter parameters[TARGET_PARAMETERS];
    Buf text = { 0 };

    target_parameters(target, database, parameters);
    for (size_t i = 0; i < ELEMENTSOF(parameters); i++)
        add_quoted(&text, parameters[i].name, parameters[i].value);
    add_quoted(&text, "passfile", passfile);
    for (size_t i = 0; i < ELEMENTSOF(constant_parameters); i++)
        add_quoted(&text, constant_parameters[i][0], constant_parameters[i][1]);
    return buf_take(&text);
}

char *pg_target_describe(const PgTarget *target)
{
    if (!target->host)
        return target->service ? mem_printf("service %s", target->service)
                               : mem_strdup("local socket");
    if (target->host[0] == '/')
        return mem_strdup(target->host);
    return mem_printf("%s:%s", target->host, target->port ? target->port : "5432");
}

/* What the server says, as an error */

static bool is_sqlstate(const char *s)
{
    return strspn(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && s[5] == ':';
}

/* libpq's text of a failed connection, verbose so that it holds the SQLSTATE whatever the server's
 * language: `FATAL:  28P01: password authentication failed for user "x"\nLOCATION:  …`. Takes the
 * last attempt's line without its SQLSTATE, which goes to ret_state. */
static char *digest_connect_message(const char *text, char ret_state[static 6])
{
    _cleanup_free_ char *copy = mem_strdup(text);
    Buf message = { 0 };
    char *rest = copy, *line;

    ret_state[0] = '\0';
    while ((line = strsep(&rest, "\n"))) {
        if (line[0] == '\0' || strncmp(line, "LOCATION:", 9) == 0)
            continue;

        char *colon = strstr(line, ":  ");
        if (colon && is_sqlstate(colon + 3)) {
            memcpy(ret_state, colon + 3, 5);
            ret_state[5] = '\0';
            memmove(colon + 3, colon + 10, strlen(colon + 10) + 1);
        }
        line += strspn(line, " \t");
        if (message.size > 0)
            buf_adds(&message, "; ");
        buf_adds(&message, line);
    }
    return buf_take(&message);
}

static int connect_error(const PGconn *conn, const PgTarget *target, Err *err)
{
    char state[6];
    _cleanup_free_ char *message = digest_connect_message(PQerrorMessage(conn), state);
    const char *hint = "Check that the server runs, and PG_HOST, PG_PORT and the network.";
    ErrKind kind = ERR_UNREACHABLE;

    pg_classify_state(state, &kind, &hint);
    const char *remedy;
    if (pg_classify_message(message, &remedy) == ERR_SETTINGS) {
        kind = ERR_SETTINGS;
        hint = remedy;
    }
    if (PQconnectionNeedsPassword(conn)) {
        kind = ERR_AUTHENTICATION;
        hint = "Set PG_PASSWORD_FILE (or PG_PASSWORD) for this user.";
    }
    if (message[0])
        err_set(err, kind, "%s", message);
    else {
        _cleanup_free_ char *where = pg_target_describe(target);
        err_set(err, kind, "no connection to %s", where);
    }
    if (hint)
        err_hint(err, "%s", hint);
    return -ECONNREFUSED;
}

static int connect_timeout(const PgTarget *target, Err *err)
{
    _cleanup_free_ char *where = pg_target_describe(target);

    err_set(err, ERR_UNREACHABLE, "no answer from %s in time", where);
    err_hint(err, "Check that the server runs, and PG_HOST, PG_PORT and the network.");
    return -ETIMEDOUT;
}

static int result_error(PgSession *s, const PGresult *result, const char *doing, Err *err)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *hint = NULL;
    ErrKind kind = PQstatus(s->conn) == CONNECTION_BAD ? ERR_SERVER_LOST : ERR_SERVER;
    _cleanup_free_ char *text = mem_strdup(primary ? primary : PQerrorMessage(s->conn));

    pg_classify_state(state, &kind, &hint);
    snprintf(s->state, sizeof(s->state), "%s", state ? state : "");
    text[strcspn(text, "\n")] = '\0';
    err_set(err, kind, "could not %s: %s", doing, text);
    if (hint)
        err_hint(err, "%s", hint);
    return -EIO;
}

/* Waiting */

/* 1 when the socket is ready, 0 when the deadline has passed. */
static int wait_socket(const PgSession *s, short events, usec_t deadline, Err *err)
{
    for (;;) {
        struct pollfd fds[] = {
            { .fd = PQsocket(s->conn), .events = events },
            { .fd = s->ignore_cancel ? -1 : cancel_fd(), .events = POLLIN },
        };
        if (poll(fds, ELEMENTSOF(fds), TICK_MSEC) < 0 && errno != EINTR)
            return err_set_errno(err, errno, "could not wait for the server");

        progress_tick();
        if (fds[1].revents)
            return cancel_error(err);
        if (fds[0].revents)
            return 1;
        if (clock_monotonic() >= deadline)
            return 0;
    }
}

static usec_t deadline_in(usec_t timeout)
{
    return timeout > 0 ? clock_monotonic() + timeout : UINT64_MAX;
}

static int finish_connecting(PgSession *s, const PgTarget *target, Err *err)
{
    bool shorter = s->answer_timeout > 0 && s->answer_timeout < CONNECT_TIMEOUT;
    usec_t deadline = deadline_in(shorter ? s->answer_timeout : CONNECT_TIMEOUT);

    for (PostgresPollingStatusType status = PGRES_POLLING_WRITING;;) {
        if (status == PGRES_POLLING_OK)
            return 0;
        if (status == PGRES_POLLING_FAILED)
            return connect_error(s->conn, target, err);

        int r = wait_socket(s, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline, err);
        if (r < 0)
            return r;
        if (r == 0)
            return connect_timeout(target, err);
        status = PQconnectPoll(s->conn);
    }
}

/* A send that failed shows here, too: libpq then waits for the server to say why. */
static int wait_for_answer(PgSession *s, const char *doing, Err *err)
{
    usec_t deadline = deadline_in(s->answer_timeout);

    while (PQisBusy(s->conn)) {
        int r = wait_socket(s, POLLIN, deadline, err);
        if (r < 0)
            return r;
        if (r == 0)
            return err_set(err, ERR_STALLED,
                           "could not %s: the server did not answer for %llu seconds", doing,
                           (unsigned long long)(s->answer_timeout / USEC_PER_SEC));
        if (PQconsumeInput(s->conn) == 0)
            return result_error(s, NULL, doing, err);
    }
    return 0;
}

/* PQgetResult() would give the same result for ever. The session is of no use any more. */
static bool has_begun_copy(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

int pg_query_begin(PgSession *s, const char *sql, const char *doing, Err *err)
{
    return PQsendQuery(s->conn, sql) == 0 ? result_error(s, NULL, doing, err) : 0;
}

int pg_query_finish(PgSession *s, const char *doing, PGresult **ret, Err *err)
{
    _cleanup_pg_result_ PGresult *result = NULL;
    PGresult *next;

    do {
        int r = wait_for_answer(s, doing, err);
        if (r < 0)
            return r;
        next = PQgetResult(s->conn);
        if (next) {
            PQclear(result);
            result = next;
        }
        if (has_begun_copy(next))
            return err_set(err, ERR_REFUSED,
                           "could not %s: COPY from or to a client is not run here", doing);
    } while (next);

    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        return result_error(s, result, doing, err);
    if (ret)
        *ret = TAKE_PTR(result);
    return 0;
}

int pg_query(PgSession *s, const char *sql, const char *doing, PGresult **ret, Err *err)
{
    int r = pg_query_begin(s, sql, doing, err);
    return r < 0 ? r : pg_query_finish(s, doing, ret, err);
}

int pg_query_row(PgSession *s, const char *sql, const char *doing, PGresult **ret, Err *err)
{
    _cleanup_pg_result_ PGresult *result = NULL;

    int r = pg_query(s, sql, doing, &result, err);
    if (r < 0)
        return r;
    if (PQntuples(result) != 1)
        return err_set(err, ERR_INTERNAL, "could not %s: %d rows instead of one", doing,
                       PQntuples(result));
    *ret = TAKE_PTR(result);
    return 0;
}

bool pg_refused_with(const PgSession *s, const char *const *states, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_starts_with(s->state, states[i]))
            return true;
    return false;
}

char *pg_value_text(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? NULL : mem_strdup(PQgetvalue(result, row, column));
}

bool pg_value_flag(const PGresult *result, int row, int column)
{
    return PQgetvalue(result, row, column)[0] == 't';
}

uint64_t pg_value_number(const PGresult *result, int row, int column)
{
    return strtoull(PQgetvalue(result, row, column), NULL, 10); /* of null it is "" */
}

/* Sessions */

static PGconn *start_connecting(const PgTarget *target, const char *database)
{
    enum { EXTRA = 3 }; /* password, client_encoding, the NULL at the end */
    const char *names[TARGET_PARAMETERS + ELEMENTSOF(constant_parameters) + EXTRA];
    const char *values[ELEMENTSOF(names)];
    Parameter parameters[TARGET_PARAMETERS];
    size_t n = 0;

    target_parameters(target, database, parameters);
    for (size_t i = 0; i < ELEMENTSOF(parameters); i++) {
        names[n] = parameters[i].name;
        values[n++] = parameters[i].value;
    }
    for (size_t i = 0; i < ELEMENTSOF(constant_parameters); i++) {
        names[n] = constant_parameters[i][0];
        values[n++] = constant_parameters[i][1];
    }
    names[n] = "password";
    values[n++] = target->password;
    names[n] = "client_encoding";
    values[n++] = "UTF8";
    names[n] = NULL;
    values[n] = NULL;
    return PQconnectStartParams(names, values, /* expand_dbname= */ 0);
}

static void ignore_notice(void *userdata, const PGresult *result)
{
    (void)userdata;
    (void)result;
}

/* A role's or a database's own settings must not end a snapshot in mid-dump, nor lend names to our
 * queries. */
static int prepare_session(PgSession *s, Err *err)
{
    static const char settings[] =
        "SELECT set_config(name, CASE name WHEN 'search_path' THEN '' ELSE '0' END, false)"
        " FROM pg_catalog.pg_settings WHERE name IN ('search_path', 'statement_timeout',"
        " 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout',"
        " 'transaction_timeout')";
    return pg_query(s, settings, "prepare the session", NULL, err);
}

int pg_connect(const PgTarget *target, const char *database, PgSession **ret, Err *err)
{
    _cleanup_pg_session_ PgSession *s = mem_zero(1, sizeof(*s));

    s->answer_timeout = target->answer_timeout;
    s->ignore_cancel = target->ignore_cancel;
    s->conn = start_connecting(target, database);
    if (!s->conn)
        mem_fail();
    PQsetErrorVerbosity(s->conn, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(s->conn, ignore_notice, NULL);
    if (PQstatus(s->conn) == CONNECTION_BAD)
        return connect_error(s->conn, target, err);

    int r = finish_connecting(s, target, err);
    if (r < 0)
        return r;
    r = prepare_session(s, err);
    if (r < 0)
        return r;

    *ret = TAKE_PTR(s);
    return 0;
}

void pg_disconnect(PgSession *s)
{
    if (!s)
        return;
    PQfinish(s->conn);
    free(s);
}
