#pragma once

/* What a statement of an SQL dump is, by its first bytes. pg_dump begins its statements in few
 * ways, always with the same words, in capitals. Whatever begins in another way is not pg_dump's,
 * and is never run: psql and its lexer follow, say, "copy" and "set" in any case and spelling. */

#include <stddef.h>

typedef enum StatementKind {
    STATEMENT_UNKNOWN, /* so far it may be several of these */
    STATEMENT_FOREIGN, /* none of these */
    STATEMENT_TEXT,    /* of a definition, or INSERT */
    STATEMENT_COMMENT, /* between statements */
    STATEMENT_COMMAND, /* of psql's: \restrict */
    STATEMENT_SET,
    STATEMENT_SEARCH_PATH,
    STATEMENT_TRANSACTION, /* around large objects */
    STATEMENT_COPY,
    STATEMENT_SETVAL,
    STATEMENT_LO_OPEN,
    STATEMENT_LOWRITE,
    STATEMENT_LO_CLOSE,
    STATEMENT_STATISTICS,
} StatementKind;

StatementKind statement_kind(const char *text, size_t size);
