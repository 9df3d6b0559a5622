#include "archive/sql-scanner.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "archive/copy-rows.h"
#include "archive/sql-kind.h"
#include "archive/sql-lexer.h"
#include "archive/sql-lowrite.h"
#include "archive/sql-section.h"
#include "archive/sql-statement.h"
#include "sys/buf.h"
#include "sys/text.h"

/* The lexer says where a statement ends, its first bytes say what it is: those are held back until
 * they tell. After that a statement either streams on, into the digest of its section or the
 * decoder of large objects, or is kept whole, because all of it has to be read.
 *
 * The longest statement that is kept is a COPY of 1,600 columns with names of 63 bytes, each of
 * which may stand twice (a quote), or become two when the client's encoding is not the server's. */
#define STATEMENT_MAX ((size_t)256 << 10)
#define SHOWN_MAX 100 /* of it, in a message */

typedef enum Mode {
    MODE_SQL,
    MODE_LINE_FEED, /* behind COPY … FROM stdin; */
    MODE_ROWS,
} Mode;

struct SqlScanner {
    Inventory inventory;
    Mode mode;
    SqlLexer lexer;
    StatementKind kind;
    Buf statement;       /* what is held back or kept of it */
    uint64_t line;       /* line feeds so far */
    uint64_t begin_line; /* of the statement */

    char *key;                /* of \restrict; NULL: none */
    bool begun, unrestricted; /* a statement has come; \unrestrict has */
    bool in_header;           /* between the first and the last line of a section's comment */
    bool complete;            /* pg_dump's last comment has come */
    SqlSection section;

    char *schema, *name; /* of the table whose rows come */
    bool by_name;
    ColumnOrder order; /* of the rows; only by name */
    CopyRows *rows;

    bool object_open;
    Lowrite lowrite;
    DigestStream *object;
    uint64_t object_bytes;

    SqlPassOn *pass_on; /* or NULL */
    void *userdata;
};

SqlScanner *sql_scanner_new(void)
{
    SqlScanner *s = mem_zero(1, sizeof(*s));
    s->lexer = SQL_LEXER_INIT;
    s->rows = copy_rows_new();
    s->object = digest_stream_new();
    sql_section_init(&s->section);
    return s;
}

void sql_scanner_by_name(SqlScanner *s)
{
    s->by_name = s->section.by_name = true;
}

void sql_scanner_free(SqlScanner *s)
{
    if (!s)
        return;
    inventory_done(&s->inventory);
    buf_done(&s->statement);
    free(s->key);
    sql_section_done(&s->section);
    free(s->schema);
    free(s->name);
    column_order_done(&s->order);
    copy_rows_free(s->rows);
    digest_stream_free(s->object);
    free(s);
}

void sql_scanner_pass_on(SqlScanner *s, SqlPassOn *pass_on, void *userdata)
{
    s->pass_on = pass_on;
    s->userdata = userdata;
}

/* -- What a statement is -- */

/* Shows the first line of the statement, as far as it is here. */
static int refuse(const SqlScanner *s, Err *err)
{
    size_t shown = strcspn(s->statement.data, "\n");
    return err_set(
        err, ERR_DAMAGED, "line %" PRIu64 " of the SQL is not as pg_dump writes it: %.*s",
        s->begin_line + 1, (int)(shown < SHOWN_MAX ? shown : SHOWN_MAX), s->statement.data);
}

static void release_to_section(SqlScanner *s)
{
    sql_section_write(&s->section, s->statement.data, s->statement.size);
    s->statement.size = 0;
}

/* Outside of sections, and in one whose text makes no definition, nothing would know of a change:
 * the inventory of an archive has no digest of such text either. */
static bool is_out_of_place(const SqlScanner *s)
{
    const char *type = s->section.kind == SECTION_NONE && s->section.type ? s->section.type : "";

    if (s->complete)
        return s->kind != STATEMENT_COMMENT && s->kind != STATEMENT_COMMAND;
    if (s->kind == STATEMENT_TRANSACTION)
        return strcmp(type, "BLOBS") != 0;
    if (s->kind == STATEMENT_STATISTICS)
        return strcmp(type, "STATISTICS DATA") != 0;
    return s->kind == STATEMENT_TEXT && s->section.kind == SECTION_NONE;
}

/* Takes a statement's first bytes until it is known; returns how many. */
static size_t find_kind(SqlScanner *s, const char *data, size_t size)
{
    size_t taken = 0;

    while (taken < size && s->kind == STATEMENT_UNKNOWN) {
        char c = data[taken++];
        if (s->statement.size == 0 && isspace((unsigned char)c)) {
            sql_section_write(&s->section, &c, 1);
            s->line += c == '\n';
            continue;
        }
        if (s->statement.size == 0)
            s->begin_line = s->line;
        buf_addc(&s->statement, c);
        s->kind = statement_kind(s->statement.data, s->statement.size);
    }
    return taken;
}

static int begin_statement(SqlScanner *s, const char *data, size_t size, Err *err)
{
    if (s->kind == STATEMENT_FOREIGN || is_out_of_place(s)) {
        buf_add(&s->statement, data, size < SHOWN_MAX ? size : SHOWN_MAX);
        return refuse(s, err);
    }
    s->begun |= s->kind != STATEMENT_COMMENT && s->kind != STATEMENT_COMMAND;
    if (s->kind == STATEMENT_TEXT)
        release_to_section(s);
    if (s->kind == STATEMENT_LOWRITE)
        lowrite_begin(&s->lowrite, s->lexer.backslash_escapes);
    return 0;
}

/* The whole statement has to be read. */
static int keep(SqlScanner *s, const char *data, size_t size, Err *err)
{
    size_t room = STATEMENT_MAX - s->statement.size;

    buf_add(&s->statement, data, size < room ? size : room);
    if (size > room)
        return err_set(err, ERR_DAMAGED, "a statement is longer than %zu bytes: %.100s",
                       STATEMENT_MAX, s->statement.data);
    return 0;
}

static uint64_t count_lines(const char *data, size_t size)
{
    uint64_t lines = 0;

    for (const char *end = data + size; (data = memchr(data, '\n', (size_t)(end - data))); data++)
        lines++;
    return lines;
}

/* Bytes of the current statement, and of none behind it. */
static int take_statement(SqlScanner *s, const char *data, size_t size, Err *err)
{
    if (s->kind == STATEMENT_UNKNOWN) {
        size_t taken = find_kind(s, data, size);
        data += taken;
        size -= taken;
        int r = s->kind == STATEMENT_UNKNOWN ? 0 : begin_statement(s, data, size, err);
        if (r < 0)
            return r;
    }

    s->line += count_lines(data, size);
    switch (s->kind) {
    case STATEMENT_UNKNOWN:
    case STATEMENT_FOREIGN:
    case STATEMENT_STATISTICS:
        break;
    case STATEMENT_TEXT:
        sql_section_write(&s->section, data, size);
        break;
    case STATEMENT_LOWRITE:
        if (!s->object_open ||
            lowrite_take(&s->lowrite, data, size, s->object, &s->object_bytes) < 0)
            return refuse(s, err);
        break;
    case STATEMENT_COMMAND:
    case STATEMENT_COMMENT:
    case STATEMENT_SET:
    case STATEMENT_SEARCH_PATH:
    case STATEMENT_TRANSACTION:
    case STATEMENT_COPY:
    case STATEMENT_SETVAL:
    case STATEMENT_LO_OPEN:
    case STATEMENT_LO_CLOSE:
        return keep(s, data, size, err);
    }
    return 0;
}

/* -- What it does -- */

/* A section's header stands between two lines "--". */
static int end_comment(SqlScanner *s, Err *err)
{
    static const char last[] = "-- PostgreSQL database dump complete";
    char *line = s->statement.data;
    line[strcspn(line, "\n")] = '\0';

    if (strcmp(line, "--") == 0) {
        s->in_header = !s->in_header;
        if (s->in_header && sql_section_end(&s->section, &s->inventory) < 0)
            return err_set(err, ERR_DAMAGED,
                           "line %" PRIu64 " of the SQL ends a section of rows that has other "
                           "statements, too",
                           s->begin_line + 1);
        if (!s->in_header)
            sql_section_begin(&s->section);
    } else if (s->in_header) {
        sql_section_read_name(&s->section, line);
        s->complete |= strcmp(line, last) == 0;
    }
    return 0;
}

/* They stand between objects and hold from there on: none of them belongs to an object. */
static int end_set(SqlScanner *s, Err *err)
{
    Digest digest = { 0 };

    if (!sql_lexer_follow_set(&s->lexer, s->statement.data))
        return refuse(s, err);
    digest_add(&digest, s->statement.data, s->statement.size);
    inventory_add_definition(&s->inventory, "SET", "", "", &digest);
    return 0;
}

static int end_copy(SqlScanner *s, Err *err)
{
    _cleanup_free_ char *schema = NULL, *name = NULL;

    if (sql_read_copy(s->statement.data, &schema, &name) < 0)
        return refuse(s, err);
    if (!schema)
        schema = mem_strdup(s->section.schema ? s->section.schema : "");

    if (s->by_name)
        column_order_read(s->statement.data, &s->order);
    s->schema = TAKE_PTR(schema);
    s->name = TAKE_PTR(name);
    s->section.copied = true;
    s->mode = MODE_LINE_FEED;
    return 0;
}

static int end_setval(SqlScanner *s, Err *err)
{
    _cleanup_free_ char *schema = NULL, *name = NULL;
    int64_t value;
    bool called;

    if (sql_read_setval(s->statement.data, !s->lexer.backslash_escapes, &schema, &name, &value,
                        &called) < 0)
        return refuse(s, err);
    if (!schema)
        schema = mem_strdup(s->section.schema ? s->section.schema : "");
    inventory_add_sequence(&s->inventory, schema, name, value, called);
    return 0;
}

static int end_lo_open(SqlScanner *s, Err *err)
{
    uint32_t oid;

    if (s->object_open || sql_read_lo_open(s->statement.data, &oid) < 0)
        return refuse(s, err);

    uint32_t bytes = htole32(oid);
    s->object_open = true;
    s->object_bytes = 0;
    digest_stream_begin(s->object);
    digest_stream_write(s->object, &bytes, sizeof(bytes));
    return 0;
}

static int end_lo_close(SqlScanner *s, Err *err)
{
    Digest digest = { 0 };

    if (!s->object_open || strcmp(s->statement.data, "SELECT pg_catalog.lo_close(0);") != 0)
        return refuse(s, err);

    s->object_open = false;
    digest_stream_end(s->object, &digest);
    inventory_add_large_object(&s->inventory, s->object_bytes, &digest);
    return 0;
}

/* psql runs programs by such a line, or puts something else in place of what stands there. */
static int refuse_for_psql(const SqlScanner *s, const char *what, Err *err)
{
    size_t shown = s->statement.size > 0 ? strcspn(s->statement.data, "\n") : 0;
    return err_set(
        err, ERR_DUMP_INCOMPLETE, "as psql reads it, line %" PRIu64 " of the SQL holds %s%s%.*s",
        s->begin_line + 1, what, shown > 0 ? ": " : "",
        (int)(shown < SHOWN_MAX ? shown : SHOWN_MAX), shown > 0 ? s->statement.data : "");
}

/* Around all statements; nothing else of that kind comes from pg_dump. */
static int end_command(SqlScanner *s, Err *err)
{
    _cleanup_free_ char *key = NULL;
    bool begins;

    int r = sql_read_restrict(s->statement.data, &begins, &key);
    if (r >= 0 && begins && !s->key && !s->begun) {
        s->key = TAKE_PTR(key);
        return 0;
    }
    if (r < 0 || begins || !s->complete || s->unrestricted || !s->key || strcmp(s->key, key) != 0)
        return refuse_for_psql(s, "a command of psql's", err);
    s->unrestricted = true;
    return 0;
}

static int end_statement(SqlScanner *s, Err *err)
{
    switch (s->kind) {
    case STATEMENT_UNKNOWN:
    case STATEMENT_FOREIGN:
        return refuse(s, err);
    case STATEMENT_TEXT:
    case STATEMENT_STATISTICS:
        return 0;
    case STATEMENT_SEARCH_PATH:
    case STATEMENT_TRANSACTION:
        release_to_section(s);
        return 0;
    case STATEMENT_COMMAND:
        return end_command(s, err);
    case STATEMENT_COMMENT:
        return end_comment(s, err);
    case STATEMENT_SET:
        return end_set(s, err);
    case STATEMENT_COPY:
        return end_copy(s, err);
    case STATEMENT_SETVAL:
        return end_setval(s, err);
    case STATEMENT_LO_OPEN:
        return end_lo_open(s, err);
    case STATEMENT_LOWRITE:
        return s->object_open && lowrite_ended(&s->lowrite) ? 0 : refuse(s, err);
    case STATEMENT_LO_CLOSE:
        return end_lo_close(s, err);
    }
    return 0;
}

static int pass_on(const SqlScanner *s, const char *data, size_t size, Err *err)
{
    return s->pass_on ? s->pass_on(s->userdata, data, size, err) : 0;
}

/* -- The stream: each takes some of the bytes and says how many -- */

/* What is wrong with a piece is known before any of it is passed on. */
static int take_sql(SqlScanner *s, const char *data, size_t size, size_t *ret_taken, Err *err)
{
    SqlEvent event;
    size_t taken = sql_lexer_run(&s->lexer, data, size, &event);
    bool psqls = s->lexer.command_inside || s->lexer.unclear;

    int r = take_statement(s, data, taken, psqls ? NULL : err);
    if (psqls)
        return refuse_for_psql(
            s, s->lexer.unclear ? s->lexer.unclear : "a command of psql's inside", err);
    if (r >= 0 && event != SQL_EVENT_NONE)
        r = end_statement(s, err);
    if (r >= 0 && s->kind != STATEMENT_COMMAND)
        r = pass_on(s, data, taken, err);
    if (event != SQL_EVENT_NONE) {
        s->kind = STATEMENT_UNKNOWN;
        s->statement.size = 0;
    }
    *ret_taken = taken;
    return r;
}

static int take_line_feed(SqlScanner *s, const char *data, size_t *ret_taken, Err *err)
{
    if (*data != '\n')
        return err_set(err, ERR_DAMAGED, "the rows of the table \"%s\" do not begin in a new line",
                       s->name);
    copy_rows_begin_in_order(s->rows, &s->order);
    s->mode = MODE_ROWS;
    s->line++;
    *ret_taken = 1;
    return pass_on(s, data, 1, err);
}

static void end_rows(SqlScanner *s)
{
    inventory_add_table(&s->inventory, s->schema, s->name, copy_rows_count(s->rows),
                        copy_rows_bytes(s->rows), copy_rows_digest(s->rows));
    s->line += copy_rows_count(s->rows) + 1;
    free(TAKE_PTR(s->schema));
    free(TAKE_PTR(s->name));
    column_order_done(&s->order);
    s->mode = MODE_SQL;
}

static int take_rows(SqlScanner *s, const char *data, size_t size, size_t *ret_taken, Err *err)
{
    *ret_taken = copy_rows_take(s->rows, data, size);
    if (copy_rows_damaged(s->rows))
        return err_set(err, ERR_DAMAGED,
                       "line %" PRIu64
                       " of the SQL is no row, but ends them with a carriage return",
                       s->line + copy_rows_count(s->rows) + 1);
    if (copy_rows_ended(s->rows))
        end_rows(s);
    return pass_on(s, data, *ret_taken, err);
}

int sql_scanner_write(SqlScanner *s, const void *data, size_t size, Err *err)
{
    const char *bytes = data;
    int r = 0;

    if (memchr(data, '\0', size)) /* psql loses what stands behind it in the line */
        return err_set(err, ERR_DAMAGED, "the SQL holds a byte of value 0");

    for (size_t at = 0, taken = 0; r >= 0 && at < size; at += taken) {
        switch (s->mode) {
        case MODE_SQL:
            r = take_sql(s, bytes + at, size - at, &taken, err);
            break;
        case MODE_LINE_FEED:
            r = take_line_feed(s, bytes + at, &taken, err);
            break;
        case MODE_ROWS:
            r = take_rows(s, bytes + at, size - at, &taken, err);
            break;
        }
    }
    return r;
}

int sql_scanner_finish(SqlScanner *s, Err *err)
{
    const char *inside = s->mode != MODE_SQL ? "inside a table's rows"
                         : s->object_open    ? "inside a large object"
                                             : NULL;
    const char *cut = sql_lexer_inside(&s->lexer);

    if (!inside && !cut && !s->complete)
        inside = "without pg_dump's last comment";
    if (!inside && !cut && s->key && !s->unrestricted)
        inside = "without \\unrestrict";
    if (inside || cut)
        return err_set(err, ERR_DUMP_INCOMPLETE, "as psql reads it, the SQL ends %s%s",
                       inside ? inside : "inside ", inside ? "" : cut);
    return 0;
}

void sql_scanner_take(SqlScanner *s, Inventory *ret)
{
    inventory_sort(&s->inventory);
    *ret = s->inventory;
    s->inventory = (Inventory){ 0 };
}
