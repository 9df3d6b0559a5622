#include "archive/sql-kind.h"

#include <string.h>

#include "sys/mem.h"

/* No start is another one's beginning. */
static const struct {
    const char *start;
    StatementKind kind;
} starts[] = {
    { "--", STATEMENT_COMMENT },
    { "\\", STATEMENT_COMMAND },
    { "SET ", STATEMENT_SET },
    { "SELECT pg_catalog.set_config('search_path', '', false);", STATEMENT_SEARCH_PATH },
    { "BEGIN;", STATEMENT_TRANSACTION },
    { "COMMIT;", STATEMENT_TRANSACTION },
    { "COPY ", STATEMENT_COPY },
    { "SELECT pg_catalog.setval(", STATEMENT_SETVAL },
    { "SELECT pg_catalog.lo_open(", STATEMENT_LO_OPEN },
    { "SELECT pg_catalog.lowrite(0, '", STATEMENT_LOWRITE },
    { "SELECT pg_catalog.lo_close(", STATEMENT_LO_CLOSE },
    { "SELECT * FROM pg_catalog.pg_restore_", STATEMENT_STATISTICS },
    { "SELECT pg_catalog.lo_create('", STATEMENT_TEXT },
    { "ALTER ", STATEMENT_TEXT },
    { "COMMENT ON ", STATEMENT_TEXT },
    { "CREATE ", STATEMENT_TEXT },
    { "GRANT ", STATEMENT_TEXT },
    { "INSERT INTO ", STATEMENT_TEXT },
    { "REFRESH MATERIALIZED VIEW ", STATEMENT_TEXT },
    { "RESET SESSION AUTHORIZATION;", STATEMENT_TEXT },
    { "REVOKE ", STATEMENT_TEXT },
    { "SECURITY LABEL ", STATEMENT_TEXT },
};

StatementKind statement_kind(const char *text, size_t size)
{
    StatementKind kind = STATEMENT_FOREIGN;

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
