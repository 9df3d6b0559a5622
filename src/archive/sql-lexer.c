#include "archive/sql-lexer.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "sys/mem.h"

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

static bool is_variable_byte(char c)
{
    return starts_word(c) || isdigit((unsigned char)c);
}

static void note_unclear(SqlLexer *l, const char *what)
{
    if (!l->unclear)
        l->unclear = what;
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
    l->expects_atomic = false;
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
    if (l->after_literal)
        note_unclear(l, "a literal that goes on in a second one");
    l->literal_escapes = escapes;
    l->literal_bits = false;
    l->after_literal = false;
    return enter(l, SQL_STATE_LITERAL, taken);
}

static size_t begin_dollar_quote(SqlLexer *l, size_t taken)
{
    l->tag[0] = '$';
    l->tag_size = 1;
    return enter(l, SQL_STATE_DOLLAR_TAG, taken);
}

/* Something that is no word. */
static void note_symbol(SqlLexer *l)
{
    if (l->expects_atomic)
        note_unclear(l, "a function with BEGIN and no ATOMIC");
}

/* What the first byte of a token begins. */
static size_t begin_token(SqlLexer *l, char c, size_t at)
{
    switch (c) {
    case '\'':
        return begin_literal(l, l->backslash_escapes, at + 1);
    case '"':
        return enter(l, SQL_STATE_NAME, at + 1);
    case '$':
        return begin_dollar_quote(l, at + 1);
    case ':':
        return enter(l, SQL_STATE_COLON, at + 1);
    case '&':
        return enter(l, SQL_STATE_AMPERSAND, at + 1);
    default:
        if (isdigit((unsigned char)c))
            return enter(l, SQL_STATE_NUMBER, at);
        return starts_word(c) ? begin_word(l, at) : at + 1;
    }
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

        if (!starts_word(c))
            note_symbol(l);
        size_t taken = begin_token(l, c, i);
        l->in_statement = true;
        l->after_literal = false;
        if (l->state != SQL_STATE_TEXT)
            return taken;

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

/* psql counts each "begin" of a routine, be it a name or not: the server does not. */
static void note_begin(SqlLexer *l)
{
    if (l->begins > 0)
        note_unclear(l, "a function with BEGIN inside of BEGIN ATOMIC");
    l->begins++;
    l->expects_atomic = true;
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

    if (l->expects_atomic && !word_is(l, "atomic"))
        note_unclear(l, "a function with BEGIN and no ATOMIC");
    l->expects_atomic = false;
    if (!makes_routine(l) || l->parentheses > 0)
        return;
    if (word_is(l, "begin"))
        note_begin(l);
    else if (word_is(l, "case") && l->begins > 0)
        l->begins++;
    else if (word_is(l, "end") && l->begins > 0)
        l->begins--;
}

/* E'…' and B'…' are what pg_dump writes; N'…', X'…' and the like have rules of their own. */
static size_t begin_prefixed_literal(SqlLexer *l, size_t taken)
{
    bool escapes = word_is(l, "e"), bits = word_is(l, "b");

    if (!escapes && !bits)
        note_unclear(l, "a literal behind a word");
    begin_literal(l, escapes, taken);
    l->literal_bits = bits;
    return taken;
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

        if (data[i] == '\'')
            return begin_prefixed_literal(l, i + 1);
        note_word(l);
        return enter(l, SQL_STATE_TEXT, i);
    }
    return size;
}

/* "1e+10" comes with INSERTs. What else touches a number belongs to it in some versions. */
static size_t read_number(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    size_t i = 0;

    (void)event;
    while (i < size && (isdigit((unsigned char)data[i]) || data[i] == '.' || data[i] == 'e'))
        i++;
    if (i == size)
        return size;
    if (continues_word(data[i]) || data[i] == '\'' || data[i] == '"')
        note_unclear(l, "a number that something touches");
    return enter(l, SQL_STATE_TEXT, i);
}

static size_t read_colon(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    (void)size, (void)event;
    if (data[0] == ':' || data[0] == '=')
        return enter(l, SQL_STATE_TEXT, 1);
    if (data[0] == '\'' || data[0] == '{')
        note_unclear(l, "a variable of psql's");
    if (!is_variable_byte(data[0]))
        return enter(l, SQL_STATE_TEXT, 0);

    l->capital = isupper((unsigned char)data[0]);
    l->word_size = 0;
    return enter(l, SQL_STATE_VARIABLE, 0);
}

/* psql's own variables have names in capitals, as among pg_dump's words only keywords are; those
 * here begin an expression, as in a[1:CASE …]. */
static bool may_be_set(const SqlLexer *l)
{
    static const char *const keywords[] = { "array",    "case",  "cast", "coalesce", "extract",
                                            "greatest", "least", "null", "nullif" };

    for (size_t i = 0; i < ELEMENTSOF(keywords); i++)
        if (word_is(l, keywords[i]))
            return false;
    return l->capital;
}

/* One that is not set stays as it is, and is no word. */
static size_t read_variable(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    (void)event;
    for (size_t i = 0; i < size; i++) {
        if (is_variable_byte(data[i])) {
            if (l->word_size < sizeof(l->word))
                l->word[l->word_size++] = (char)tolower((unsigned char)data[i]);
            continue;
        }

        if (may_be_set(l))
            note_unclear(l, "a variable of psql's");
        return enter(l, SQL_STATE_TEXT, i);
    }
    return size;
}

static size_t read_ampersand(SqlLexer *l, const char *data, size_t size, SqlEvent *event)
{
    (void)size, (void)event;
    if (data[0] == '\'' || data[0] == '"')
        note_unclear(l, "a literal or a name behind U&");
    return enter(l, SQL_STATE_TEXT, 0);
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
    if (data[0] == '\'' && !l->literal_bits)
        return enter(l, SQL_STATE_LITERAL, 1);
    l->after_literal = true;
    return enter(l, SQL_STATE_TEXT, 0);
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

    if (isdigit((unsigned char)data[0]) && l->tag_size == 1) /* a parameter, $1 */
        return enter(l, SQL_STATE_NUMBER, 0);
    if ((!closes && !continues) || l->tag_size == sizeof(l->tag)) {
        note_unclear(l, closes || continues ? "a dollar quote with a long delimiter"
                                            : "a dollar sign that begins no dollar quote");
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

    note_symbol(l);
    l->in_statement = true;
    l->after_literal = false;
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

    note_symbol(l);
    l->in_statement = true;
    l->after_literal = false;
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
    [SQL_STATE_NUMBER] = { read_number, "a statement" },
    [SQL_STATE_COLON] = { read_colon, "a statement" },
    [SQL_STATE_VARIABLE] = { read_variable, "a statement" },
    [SQL_STATE_AMPERSAND] = { read_ampersand, "a statement" },
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

const char *sql_lexer_inside(const SqlLexer *l)
{
    const char *inside = states[l->state].inside;
    return inside ? inside : l->in_statement ? "a statement" : NULL;
}
