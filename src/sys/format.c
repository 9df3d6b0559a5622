#include "sys/format.h"

#include <inttypes.h>
#include <string.h>

#include "sys/buf.h"
#include "sys/mem.h"
#include "sys/utf8.h"

char *format_count(uint64_t count)
{
    _cleanup_free_ char *digits = mem_printf("%" PRIu64, count);
    Buf b = { 0 };

    for (size_t left = strlen(digits), i = 0; left > 0; i++) {
        buf_addc(&b, digits[i]);
        left--;
        if (left > 0 && left % 3 == 0)
            buf_addc(&b, ',');
    }
    return buf_take(&b);
}

/* The next unit comes at 999.5, which would be rounded to four digits, not at 1024. */
char *format_bytes(uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 999.5) {
        value /= 1024;
        unit++;
    }

    if (unit == 0)
        return mem_printf("%" PRIu64 " B", bytes);
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return mem_printf("%.*f %s", decimals, value, units[unit]);
}

char *format_duration(usec_t span)
{
    uint64_t seconds = span / USEC_PER_SEC;
    uint64_t minutes = seconds / 60;
    uint64_t hours = minutes / 60;

    if (hours > 0)
        return mem_printf("%" PRIu64 " h %02" PRIu64 " min", hours, minutes % 60);
    if (minutes > 0)
        return mem_printf("%" PRIu64 " min %02" PRIu64 " s", minutes, seconds % 60);
    if (seconds >= 10)
        return mem_printf("%" PRIu64 " s", seconds);
    return mem_printf("%" PRIu64 ".%" PRIu64 " s", seconds, span % USEC_PER_SEC / 100000);
}

/* A unit serves from two of it on: "26 h" says more than "1 d". */
char *format_age(usec_t span)
{
    static const struct {
        uint64_t seconds;
        const char *name;
    } units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" } };

    uint64_t seconds = span / USEC_PER_SEC;
    for (size_t i = 0; i < ELEMENTSOF(units); i++) {
        if (seconds >= 2 * units[i].seconds)
            return mem_printf("%" PRIu64 " %s", seconds / units[i].seconds, units[i].name);
    }
    return mem_printf("%" PRIu64 " s", seconds);
}

/* The letter behind the backslash for a byte that has one, else 0. */
static char escape_letter(char c)
{
    static const char escaped[] = "\n\t\r\\";
    static const char letters[] = "ntr\\";

    const char *found = memchr(escaped, c, sizeof(escaped) - 1);
    return found ? letters[found - escaped] : '\0';
}

static void add_hex(Buf *b, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        buf_addf(b, "\\x%02X", (unsigned)(unsigned char)bytes[i]);
}

char *format_oneline(const char *text)
{
    Buf b = { 0 };

    while (*text) {
        uint32_t code = 0;
        size_t length = utf8_next(text, &code);
        char letter = escape_letter(*text);
        size_t taken = length > 0 ? length : 1;

        if (letter)
            buf_addf(&b, "\\%c", letter);
        else if (length > 0 && !utf8_is_control(code))
            buf_add(&b, text, length);
        else
            add_hex(&b, text, taken);
        text += taken;
    }
    return buf_take(&b);
}
