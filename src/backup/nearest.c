#include "backup/nearest.h"

#include <string.h>

#include "sys/buf.h"

char *nearest_names(const Strv *sorted, const char *name)
{
    Buf text = { 0 };
    size_t place = 0;

    while (place < sorted->count && strcmp(sorted->items[place], name) < 0)
        place++;
    size_t first = place > 2 ? place - 2 : 0;
    for (size_t i = first; i < sorted->count && i < place + 2; i++)
        buf_addf(&text, "%s\"%s\"", i > first ? ", " : "", sorted->items[i]);
    return buf_take(&text);
}
