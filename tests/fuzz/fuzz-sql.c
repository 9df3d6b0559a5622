/* The scanner of SQL dumps on anything: it does not crash, a refusal says why, and the inventory
 * does not depend on the pieces in which the text came. The first byte is their size. */

#include "fuzz.h"

#include <string.h>

#include "archive/sql-scanner.h"
#include "sys/buf.h"
#include "sys/mem.h"

/* What came of it, as text: the inventory, or the refusal. Caller frees. */
static char *scan(const uint8_t *data, size_t size, size_t piece)
{
    _cleanup_sql_scanner_ SqlScanner *s = sql_scanner_new();
    _cleanup_inventory_ Inventory inventory = { 0 };
    _cleanup_err_ Err err = { 0 };
    Buf b = { 0 };
    int r = 0;

    for (size_t at = 0; r >= 0 && at < size; at += piece)
        r = sql_scanner_write(s, data + at, piece < size - at ? piece : size - at, &err);
    if (r >= 0)
        r = sql_scanner_finish(s, &err);
    if (r < 0) {
        require(err.kind == ERR_DAMAGED || err.kind == ERR_DUMP_INCOMPLETE, "a refusal has a kind");
        require(*err.message, "a refusal says why");
        return mem_strdup("refused");
    }

    sql_scanner_take(s, &inventory);
    inventory_print(&inventory, &b);
    return buf_take(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;

    _cleanup_free_ char *whole = scan(data + 1, size - 1, size);
    _cleanup_free_ char *pieces = scan(data + 1, size - 1, (size_t)data[0] + 1);
    require(strcmp(whole, pieces) == 0, "pieces make no difference");
    return 0;
}
