/* inventory_parse() on anything: it does not crash, a refusal says why, and what it accepts is
 * exactly what is written for it. */

#include "fuzz.h"

#include <string.h>

#include "archive/inventory.h"
#include "sys/buf.h"
#include "sys/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_inventory_ Inventory inventory = { 0 };
    _cleanup_err_ Err err = { 0 };
    _cleanup_buf_ Buf printed = { 0 };

    if (inventory_parse((const char *)data, size, &inventory, &err) < 0) {
        require(err.kind == ERR_DAMAGED || err.kind == ERR_ARCHIVE_VERSION, "a refusal has a kind");
        require(*err.message, "a refusal says why");
        return 0;
    }

    inventory_print(&inventory, &printed);
    require(printed.size == size && memcmp(printed.data, data, size) == 0,
            "what was accepted is what would have been written");
    return 0;
}
