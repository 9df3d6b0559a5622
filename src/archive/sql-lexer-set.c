#include <string.h>

#include "archive/sql-lexer.h"
#include "sys/mem.h"
#include "sys/text.h"

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
