#pragma once

/* Finds where statements end in SQL text that comes in pieces of any size, by the rules of psql
 * (PostgreSQL's psqlscan.l): not inside a literal, a quoted name, a dollar quote, a comment,
 * parentheses, or the BEGIN ATOMIC … END of a function. COPY data is no SQL: it is to be kept away.
 *
 * Where versions of psql part, or psql and the server do, nothing is guessed: pg_dump never writes
 * such a text, and the lexer says what in it is `unclear`. */

#include <stdbool.h>
#include <stddef.h>

#define SQL_TAG_MAX 256 /* bytes of a dollar quote's delimiter; pg_dump's are two to ten */
#define SQL_WORD_MAX 16 /* of a word that matters; "procedure" is the longest */

typedef enum SqlState {
    SQL_STATE_TEXT, /* none of those below */
    SQL_STATE_WORD,
    SQL_STATE_LITERAL,        /* '…' */
    SQL_STATE_LITERAL_ESCAPE, /* a backslash has come that hides the next byte */
    SQL_STATE_LITERAL_QUOTE,  /* a quote has come: the end, or one half of a quote inside */
    SQL_STATE_NAME,           /* "…" */
    SQL_STATE_DOLLAR_TAG,     /* $…, which may become $tag$ */
    SQL_STATE_DOLLAR_BODY,
    SQL_STATE_NUMBER,
    SQL_STATE_COLON,     /* of a cast, or of one of psql's variables */
    SQL_STATE_VARIABLE,  /* :name */
    SQL_STATE_AMPERSAND, /* of an operator, or of U&'…' */
    SQL_STATE_DASH,      /* which may begin a comment */
    SQL_STATE_SLASH,     /* likewise */
    SQL_STATE_LINE_COMMENT,
    SQL_STATE_BLOCK_COMMENT,
    SQL_STATE_COMMAND, /* of psql's: a backslash, and the rest of the line */
    _SQL_STATE_MAX,
} SqlState;

typedef enum SqlEvent {
    SQL_EVENT_NONE,      /* the piece has ended, nothing else */
    SQL_EVENT_STATEMENT, /* a statement has ended, with its semicolon */
    SQL_EVENT_COMMENT,   /* a comment between statements has ended, that of a line with its LF or CR
                          */
    SQL_EVENT_COMMAND,   /* a command of psql's has ended, with its LF */
} SqlEvent;

/* Start from SQL_LEXER_INIT. */
typedef struct SqlLexer {
    SqlState state;
    bool backslash_escapes; /* in plain literals: standard_conforming_strings = off */
    bool in_statement;      /* something other than blanks and comments has come */
    size_t parentheses;     /* open ones */
    bool command_inside;    /* a command of psql's has stood inside a statement */
    const char *unclear;    /* "a number that touches …": nobody can say where the text ends */

    /* The words of CREATE [OR REPLACE] FUNCTION | PROCEDURE, by their first letters, as psql keeps
     * them; in such a statement the depth of BEGIN and CASE. */
    char words[4];
    size_t word_count;
    size_t begins;
    bool expects_atomic;     /* BEGIN was the latest word */
    char word[SQL_WORD_MAX]; /* the current one, in lower case */
    size_t word_size;

    bool capital; /* a variable's first letter */

    bool literal_escapes; /* in the current one */
    bool literal_bits;    /* the current one is B'…': it has no quotes inside */
    bool after_literal;   /* and blanks and comments: another would go on with it */
    size_t comment_depth;
    char comment_last; /* its latest byte, which may be half of a delimiter */
    char tag[SQL_TAG_MAX];
    size_t tag_size, tag_matched;
} SqlLexer;

#define SQL_LEXER_INIT ((SqlLexer){ .state = SQL_STATE_TEXT })

/* Reads up to the next event; returns how many bytes that took. */
size_t sql_lexer_run(SqlLexer *l, const char *data, size_t size, SqlEvent *ret);

/* A statement that begins with "SET ", whole, which holds for what comes behind it. False: it
 * changes where statements end in a way that this lexer does not follow (an encoding that only
 * clients can have, or a form that is not pg_dump's). */
bool sql_lexer_follow_set(SqlLexer *l, const char *statement);

/* What an end of the text would cut: "a literal", "a statement"; NULL for nothing. */
const char *sql_lexer_inside(const SqlLexer *l);
