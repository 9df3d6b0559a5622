#include "archive/sql-lexer.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "sys/mem.h"
#include "sys/text.h"

/* A state's function reads from a piece that is not empty, returns how many bytes it has taken, and
 * has changed the state if that is none. */
typedef size_t StateFunction(SqlLexer *l, const char *data, size_t size, SqlEvent *event);

/* A carriage return of its own ends a comment, too. */
static bool is_newline(char c)
{
    return c == '\n' || c == '\r';
}

static bool starts_word(char c)
{
    return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool continues_word(char c)
{
    return starts_word(c) || isdigit((unsigned char)c) || c == '$';
}

static size_t enter(SqlLexer *l, SqlState state, size_t taken)
{
    l->state = state;
    return taken;
}

/* Takes all up to and with the byte `last` and enters `state`; all there is, where it is not there.
 */
static size_t take_up_to(SqlLexer *l, const char *data, size_t size, char last, SqlState state)
{
    const char *found = memchr(data, last, size);
    return found ? enter(l, state, (size_t)(found - data) + 1) : size;
}

static void end_statement(SqlLexer *l)
{
    l->in_statement = false;
    l->word_count = 0;
    memset(l->words, 0, sizeof(l->words));
    assert(l->parentheses == 0 && l->begins == 0);
}

static size_t begin_word(SqlLexer *l, size_t taken)
{
    l->word_size = 0;
    return enter(l, SQL_STATE_WORD, taken);
}

static size_t begin_literal(SqlLexer *l, bool escapes, size_t taken)
{
    l->literal_escapes = escapes;
    return enter(l, SQL_STATE_LITERAL, taken);
}

static size_t begin_dollar_quote(SqlLexer *l, size_t taken)
{
    l->tag[0] = '$';
    l->tag_size = 1;
    return enter(l, SQL_STATE_DOLLAR_TAG, taken);
}

static size_t read_text(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    for (size_t i = 0; i < size; i++) {
        char c = data[i];
        if (c == '-')
            return enter(l, SQL_STATE_DASH, i + 1);
        if (c == '/')
            return enter(l, SQL_STATE_SLASH, i + 1);
        if (isspace((unsigned char)c))
            continue;
        if (c == '\\') {
            l->command_inside |= l->in_statement;
            return enter(l, SQL_STATE_COMMAND, i + 1);
        }

        l->in_statement = true;
        if (starts_word(c))
            return begin_word(l, i);
        if (c == '\'')
            return begin_literal(l, l->backslash_escapes, i + 1);
        if (c == '"')
            return enter(l, SQL_STATE_NAME, i + 1);
        if (c == '$')
            return begin_dollar_quote(l, i + 1);
        if (c == '(')
            l->parentheses++;
        if (c == ')' && l->parentheses > 0)
            l->parentheses--;
        if (c == ';' && l->parentheses == 0 && l->begins == 0) {
            end_statement(l);
            *event = SQL_EVENT_STATEMENT;
            return i + 1;
        }
    }
    return size;
}

static bool word_is(const SqlLexer *l, const char *word)
{
    return l->word_size == strlen(word) && memcmp(l->word, word, l->word_size) == 0;
}

/* Whether the statement so far is CREATE [OR REPLACE] FUNCTION or PROCEDURE. */
static bool makes_routine(const SqlLexer *l)
{
    size_t at = l->words[1] == 'o' && l->words[2] == 'r' ? 3 : 1;
    return l->words[0] == 'c' && (l->words[at] == 'f' || l->words[at] == 'p');
}

/* psql's heuristic for bodies in standard SQL, which have semicolons of their own. */
static void note_word(SqlLexer *l)
{
    static const char *const opening[] = { "create", "function", "procedure", "or", "replace" };

    if (l->word_count < sizeof(l->words))
        for (size_t i = 0; i < ELEMENTSOF(opening); i++)
            if (word_is(l, opening[i]))
                l->words[l->word_count] = opening[i][0];
    l->word_count++;

    if (!makes_routine(l) || l->parentheses > 0)
        return;
    if (word_is(l, "begin") || (word_is(l, "case") && l->begins > 0))
        l->begins++;
    else if (word_is(l, "end") && l->begins > 0)
        l->begins--;
}

static size_t read_word(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    (void)event;
    for (size_t i = 0; i < size; i++) {
        if (continues_word(data[i])) {
            if (l->word_size < sizeof(l->word))
                l->word[l->word_size++] = (char)tolower((unsigned char)data[i]);
            continue;
        }

        note_word(l);
        if (data[i] == '\'')
            return begin_literal(l, l->backslash_escapes || word_is(l, "e"), i + 1);
        return enter(l, SQL_STATE_TEXT, i);
    }
    return size;
}

static size_t read_literal(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    (void)event;
    if (!l->literal_escapes)
        return take_up_to(l, data, size, '\'', SQL_STATE_LITERAL_QUOTE);

    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\'')
            return enter(l, SQL_STATE_LITERAL_QUOTE, i + 1);
        if (data[i] == '\\')
            return enter(l, SQL_STATE_LITERAL_ESCAPE, i + 1);
    }
    return size;
}

static size_t read_literal_escape(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    (void)data, (void)size, (void)event;
    return enter(l, SQL_STATE_LITERAL, 1);
}

static size_t read_literal_quote(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    (void)size, (void)event;
    return data[0] == '\'' ? enter(l, SQL_STATE_LITERAL, 1) : enter(l, SQL_STATE_TEXT, 0);
}

/* A quote inside stands twice: the name ends, and another begins at once, with the same effect. */
static size_t read_name(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    (void)event;
    return take_up_to(l, data, size, '"', SQL_STATE_TEXT);
}

static size_t read_dollar_tag(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    (void)size, (void)event;
    bool closes = data[0] == '$';
    bool continues = starts_word(data[0]) || (isdigit((unsigned char)data[0]) && l->tag_size > 1);

    if (!closes && !continues) /* a parameter, $1 */
        return enter(l, SQL_STATE_TEXT, 0);
    if (l->tag_size == sizeof(l->tag)) {
        l->tag_too_long = true;
        return enter(l, SQL_STATE_TEXT, 0);
    }

    l->tag[l->tag_size++] = data[0];
    l->tag_matched = 0;
    return enter(l, closes ? SQL_STATE_DOLLAR_BODY : SQL_STATE_DOLLAR_TAG, 1);
}

/* The delimiter has a dollar sign at both ends and none between: where a match fails, the only
 * place at which another may have begun is the byte that it failed at. */
static size_t read_dollar_body(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    (void)event;
    for (size_t i = 0; i < size; i++) {
        if (l->tag_matched == 0) {
            const char *dollar = memchr(data + i, '$', size - i);
            if (!dollar)
                return size;
            i = (size_t)(dollar - data);
        }

        if (data[i] == l->tag[l->tag_matched])
            l->tag_matched++;
        else
            l->tag_matched = data[i] == '$';
        if (l->tag_matched == l->tag_size)
            return enter(l, SQL_STATE_TEXT, i + 1);
    }
    return size;
}

static size_t read_dash(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    (void)size, (void)event;
    if (data[0] == '-')
        return enter(l, SQL_STATE_LINE_COMMENT, 1);

    l->in_statement = true;
    return enter(l, SQL_STATE_TEXT, 0);
}

static size_t read_slash(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    (void)size, (void)event;
    if (data[0] == '*') {
        l->comment_depth = 1;
        l->comment_last = '\0';
        return enter(l, SQL_STATE_BLOCK_COMMENT, 1);
    }

    l->in_statement = true;
    return enter(l, SQL_STATE_TEXT, 0);
}

static void end_line(const SqlLexer *l, SqlEvent which, SqlEvent *event)
{
    if (l->state == SQL_STATE_TEXT && !l->in_statement)
        *event = which;
}

static size_t read_line_comment(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    size_t taken = 0;

    while (taken < size && l->state == SQL_STATE_LINE_COMMENT)
        if (is_newline(data[taken++]))
            l->state = SQL_STATE_TEXT;
    end_line(l, SQL_EVENT_COMMENT, event);
    return taken;
}

static size_t read_block_comment(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    for (size_t i = 0; i < size; i++) {
        bool opens = l->comment_last == '/' && data[i] == '*';
        bool closes = l->comment_last == '*' && data[i] == '/';

        l->comment_depth += opens;
        l->comment_depth -= closes;
        l->comment_last = '\0';
        if (!opens && !closes)
            l->comment_last = data[i];
        if (l->comment_depth == 0) {
            l->state = SQL_STATE_TEXT;
            end_line(l, SQL_EVENT_COMMENT, event);
            return i + 1;
        }
    }
    return size;
}

static size_t read_command(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    size_t taken = take_up_to(l, data, size, '\n', SQL_STATE_TEXT);
    end_line(l, SQL_EVENT_COMMAND, event);
    return taken;
}

static const struct {
    StateFunction *read;
    const char *inside; /* what is cut if the text ends here */
} states[] = {
    [SQL_STATE_TEXT] = { read_text, NULL },
    [SQL_STATE_WORD] = { read_word, "a statement" },
    [SQL_STATE_LITERAL] = { read_literal, "a literal" },
    [SQL_STATE_LITERAL_ESCAPE] = { read_literal_escape, "a literal" },
    [SQL_STATE_LITERAL_QUOTE] = { read_literal_quote, "a statement" },
    [SQL_STATE_NAME] = { read_name, "a quoted name" },
    [SQL_STATE_DOLLAR_TAG] = { read_dollar_tag, "a statement" },
    [SQL_STATE_DOLLAR_BODY] = { read_dollar_body, "a dollar quote" },
    [SQL_STATE_DASH] = { read_dash, "a statement" },
    [SQL_STATE_SLASH] = { read_slash, "a statement" },
    [SQL_STATE_LINE_COMMENT] = { read_line_comment, "a comment" },
    [SQL_STATE_BLOCK_COMMENT] = { read_block_comment, "a comment" },
    [SQL_STATE_COMMAND] = { read_command, "a command of psql" },
};
static_assert(ELEMENTSOF(states) == _SQL_STATE_MAX, "each state has its function");

size_t sql_lexer_run(SqlLexer *l, const char *data, size_t size, SqlEvent *ret)
{
    size_t taken = 0;

    *ret = SQL_EVENT_NONE;
    while (taken < size && *ret == SQL_EVENT_NONE)
        taken += states[l->state].read(l, data + taken, size - taken, ret);
    return taken;
}

/* Those that a server can have, as pg_dump writes them: each byte of a character of theirs that has
 * several is beyond ASCII. The others (SJIS, BIG5, GBK …) have backslashes and letters inside. */
static bool is_server_encoding(const char *value)
{
    static const char *const starts[] = { "'UTF8'", "'SQL_ASCII'", "'EUC_", "'LATIN", "'ISO_8859_",
                                          "'WIN1",  "'WIN8",       "'KOI8", "'MULE_" };

    if (strcmp(value + 1 + strspn(value + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), "';") != 0)
        return false;
    for (size_t i = 0; i < ELEMENTSOF(starts); i++)
        if (text_starts_with(value, starts[i]))
            return true;
    return false;
}

bool sql_lexer_follow_set(SqlLexer *l, const char *statement)
{
    const char *name = statement + strlen("SET ");
    const char *value = name + strspn(name, "abcdefghijklmnopqrstuvwxyz_");

    if (strncmp(value, " = ", 3) != 0 || !value[3]) /* before a GRANT by another role */
        return strncmp(name, "SESSION AUTHORIZATION ", 22) == 0;
    value += 3;
    if (strncmp(name, "client_encoding ", 16) == 0)
        return is_server_encoding(value);
    if (strncmp(name, "standard_conforming_strings ", 28) != 0)
        return true;
    l->backslash_escapes = strcmp(value, "off;") == 0;
    return l->backslash_escapes || strcmp(value, "on;") == 0;
}

const char *sql_lexer_inside(const SqlLexer *l)
{
    const char *inside = states[l->state].inside;
    return inside ? inside : l->in_statement ? "a statement" : NULL;
}
