#include "archive/sql-scanner.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/copy-rows.h"
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

typedef enum StatementKind {
    STATEMENT_UNKNOWN, /* so far it may be several of these */
    STATEMENT_TEXT,    /* of a definition, or INSERT */
    STATEMENT_COMMENT, /* between statements */
    STATEMENT_COMMAND, /* of psql's: \restrict */
    STATEMENT_SET,
    STATEMENT_COPY,
    STATEMENT_SETVAL,
    STATEMENT_LO_OPEN,
    STATEMENT_LOWRITE,
    STATEMENT_LO_CLOSE,
} StatementKind;

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
    Buf statement; /* what is held back or kept of it */

    bool in_header; /* between the first and the last line of a section's comment */
    bool complete;  /* pg_dump's last comment has come */
    SqlSection section;

    char *schema, *name; /* of the table whose rows come */
    bool by_name;
    ColumnOrder order; /* of the rows; only by name */
    CopyRows *rows;

    bool object_open;
    Lowrite lowrite;
    DigestStream *object;
    uint64_t object_bytes;
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
    sql_section_done(&s->section);
    free(s->schema);
    free(s->name);
    column_order_done(&s->order);
    copy_rows_free(s->rows);
    digest_stream_free(s->object);
    free(s);
}

/* -- What a statement is -- */

static const struct {
    const char *start;
    StatementKind kind;
} starts[] = {
    { "--", STATEMENT_COMMENT },
    { "\\", STATEMENT_COMMAND },
    { "SET ", STATEMENT_SET },
    { "COPY ", STATEMENT_COPY },
    { "SELECT pg_catalog.setval(", STATEMENT_SETVAL },
    { "SELECT pg_catalog.lo_open(", STATEMENT_LO_OPEN },
    { "SELECT pg_catalog.lowrite(0, '", STATEMENT_LOWRITE },
    { "SELECT pg_catalog.lo_close(", STATEMENT_LO_CLOSE },
};

static StatementKind classify(const char *text, size_t size)
{
    StatementKind kind = STATEMENT_TEXT;

    for (size_t i = 0; i < ELEMENTSOF(starts); i++) {
        size_t length = strlen(starts[i].start);
        if (memcmp(text, starts[i].start, size < length ? size : length) != 0)
            continue;
        if (size >= length)
            return starts[i].kind;
        kind = STATEMENT_UNKNOWN;
    }
    return kind;
}

static void release_to_section(SqlScanner *s)
{
    sql_section_write(&s->section, s->statement.data, s->statement.size);
    s->statement.size = 0;
}

/* Takes a statement's first bytes until it is known; returns how many. */
static size_t find_kind(SqlScanner *s, const char *data, size_t size)
{
    size_t taken = 0;

    while (taken < size && s->kind == STATEMENT_UNKNOWN) {
        char c = data[taken++];
        if (s->statement.size == 0 && isspace((unsigned char)c)) {
            sql_section_write(&s->section, &c, 1);
            continue;
        }
        buf_addc(&s->statement, c);
        s->kind = classify(s->statement.data, s->statement.size);
    }

    if (s->kind == STATEMENT_TEXT)
        release_to_section(s);
    if (s->kind == STATEMENT_LOWRITE)
        lowrite_begin(&s->lowrite, s->lexer.backslash_escapes);
    return taken;
}

static int refuse(const SqlScanner *s, Err *err)
{
    return err_set(err, ERR_DAMAGED, "not a statement as pg_dump writes it: %.100s",
                   s->statement.data);
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

/* Bytes of the current statement, and of none behind it. */
static int take_statement(SqlScanner *s, const char *data, size_t size, Err *err)
{
    size_t taken = s->kind == STATEMENT_UNKNOWN ? find_kind(s, data, size) : 0;
    data += taken;
    size -= taken;

    switch (s->kind) {
    case STATEMENT_UNKNOWN:
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
static void end_comment(SqlScanner *s)
{
    static const char last[] = "-- PostgreSQL database dump complete";
    char *line = s->statement.data;
    line[strcspn(line, "\n")] = '\0';

    if (strcmp(line, "--") == 0) {
        s->in_header = !s->in_header;
        if (s->in_header)
            sql_section_end(&s->section, &s->inventory);
        else
            sql_section_begin(&s->section);
    } else if (s->in_header) {
        sql_section_read_name(&s->section, line);
        s->complete |= strcmp(line, last) == 0;
    }
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

static int end_lowrite(SqlScanner *s, Err *err)
{
    return s->object_open && lowrite_ended(&s->lowrite) ? 0 : refuse(s, err);
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

/* The text is of no use to a restore, whatever else is in it. */
static int refuse_for_psql(Err *err)
{
    err_hint(err, "psql would not restore all of it. Set BACKUP_FORMAT=custom.");
    return -EINVAL;
}

/* psql runs programs by such a line, several by one: nothing else of that kind comes from pg_dump.
 */
static int end_command(const SqlScanner *s, Err *err)
{
    static const char *const known[] = { "\\restrict ", "\\unrestrict " };

    for (size_t i = 0; i < ELEMENTSOF(known); i++)
        if (text_starts_with(s->statement.data, known[i]) && !strchr(s->statement.data + 1, '\\'))
            return 0;
    err_set(err, ERR_DUMP_INCOMPLETE, "as psql reads it, the SQL holds a command of psql's: %.*s",
            (int)strcspn(s->statement.data, "\n"), s->statement.data);
    return refuse_for_psql(err);
}

static int end_statement(SqlScanner *s, Err *err)
{
    if (s->statement.size > 0 && memchr(s->statement.data, '\0', s->statement.size))
        return refuse(s, err);

    switch (s->kind) {
    case STATEMENT_UNKNOWN:
        release_to_section(s);
        return 0;
    case STATEMENT_TEXT:
        return 0;
    case STATEMENT_COMMAND:
        return end_command(s, err);
    case STATEMENT_COMMENT:
        end_comment(s);
        return 0;
    case STATEMENT_SET:
        return end_set(s, err);
    case STATEMENT_COPY:
        return end_copy(s, err);
    case STATEMENT_SETVAL:
        return end_setval(s, err);
    case STATEMENT_LO_OPEN:
        return end_lo_open(s, err);
    case STATEMENT_LOWRITE:
        return end_lowrite(s, err);
    case STATEMENT_LO_CLOSE:
        return end_lo_close(s, err);
    }
    return 0;
}

/* -- The stream: each takes some of the bytes and says how many -- */

static int take_sql(SqlScanner *s, const char *data, size_t size, size_t *ret_taken, Err *err)
{
    SqlEvent event;
    size_t taken = sql_lexer_run(&s->lexer, data, size, &event);
    if (s->lexer.tag_too_long)
        return err_set(err, ERR_DAMAGED, "the delimiter of a dollar quote is longer than %d bytes",
                       SQL_TAG_MAX);
    if (s->lexer.command_inside) {
        err_set(err, ERR_DUMP_INCOMPLETE,
                "as psql reads it, a command of psql's stands inside a statement");
        return refuse_for_psql(err);
    }

    int r = take_statement(s, data, taken, err);
    if (r >= 0 && event != SQL_EVENT_NONE) {
        r = end_statement(s, err);
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
    *ret_taken = 1;
    return 0;
}

static void take_rows(SqlScanner *s, const char *data, size_t size, size_t *ret_taken)
{
    *ret_taken = copy_rows_take(s->rows, data, size);
    if (!copy_rows_ended(s->rows))
        return;

    inventory_add_table(&s->inventory, s->schema, s->name, copy_rows_count(s->rows),
                        copy_rows_bytes(s->rows), copy_rows_digest(s->rows));
    free(TAKE_PTR(s->schema));
    free(TAKE_PTR(s->name));
    column_order_done(&s->order);
    s->mode = MODE_SQL;
}

int sql_scanner_write(SqlScanner *s, const void *data, size_t size, Err *err)
{
    const char *bytes = data;
    int r = 0;

    for (size_t at = 0, taken = 0; r >= 0 && at < size; at += taken) {
        switch (s->mode) {
        case MODE_SQL:
            r = take_sql(s, bytes + at, size - at, &taken, err);
            break;
        case MODE_LINE_FEED:
            r = take_line_feed(s, bytes + at, &taken, err);
            break;
        case MODE_ROWS:
            take_rows(s, bytes + at, size - at, &taken);
            break;
        }
    }
    return r;
}

int sql_scanner_finish(SqlScanner *s, Err *err)
{
    const char *inside = s->mode != MODE_SQL ? "a table's rows"
                         : s->object_open    ? "a large object"
                                             : sql_lexer_inside(&s->lexer);
    if (inside || !s->complete) {
        err_set(err, ERR_DUMP_INCOMPLETE, "as psql reads it, the SQL ends %s%s",
                inside ? "inside " : "without pg_dump's last comment", inside ? inside : "");
        return refuse_for_psql(err);
    }

    sql_section_end(&s->section, &s->inventory);
    return 0;
}

void sql_scanner_take(SqlScanner *s, Inventory *ret)
{
    inventory_sort(&s->inventory);
    *ret = s->inventory;
    s->inventory = (Inventory){ 0 };
}
