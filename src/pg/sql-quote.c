#include "pg/sql-quote.h"

#include <string.h>

#include "pg/session.h"
#include "sys/buf.h"
#include "sys/mem.h"

/* Into memory of ours: libpq's is freed in another way. */
static char *take(char *quoted)
{
    char *copy = mem_strdup(quoted);

    PQfreemem(quoted);
    return copy;
}

char *pg_quote_identifier(PgSession *s, const char *name)
{
    return take(PQescapeIdentifier(s->conn, name, strlen(name)));
}

char *pg_quote_literal(PgSession *s, const char *text)
{
    return take(PQescapeLiteral(s->conn, text, strlen(text)));
}

char *pg_quote_name(const char *name)
{
    Buf quoted = { 0 };

    buf_addc(&quoted, '"');
    for (const char *p = name; *p; p++) {
        if (*p == '"')
            buf_addc(&quoted, '"');
        buf_addc(&quoted, *p);
    }
    buf_addc(&quoted, '"');
    return buf_take(&quoted);
}
