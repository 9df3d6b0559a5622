#include "sys/utf8.h"

#include "sys/mem.h"

/* A lead byte says how many bytes there are; the smallest code point that needs so many tells an
 * overlong form. */
static const struct {
    uint8_t mask, lead;
    uint32_t smallest;
} forms[] = {
    { 0x80, 0x00, 0x0 },
    { 0xE0, 0xC0, 0x80 },
    { 0xF0, 0xE0, 0x800 },
    { 0xF8, 0xF0, 0x10000 },
};

size_t utf8_next(const char *s, uint32_t *ret_code)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t form = 0;

    while (form < ELEMENTSOF(forms) && (p[0] & forms[form].mask) != forms[form].lead)
        form++;
    if (form == ELEMENTSOF(forms))
        return 0;

    uint32_t code = p[0] & (uint8_t)~forms[form].mask;
    for (size_t i = 1; i <= form; i++) {
        if ((p[i] & 0xC0) != 0x80) /* the string's end, too */
            return 0;
        code = code << 6 | (p[i] & 0x3F);
    }

    if (code < forms[form].smallest || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    if (ret_code)
        *ret_code = code;
    return form + 1;
}

bool utf8_is_valid(const char *s)
{
    while (*s) {
        bool is_ascii = (unsigned char)*s < 0x80; /* nearly every name, and all of it */
        size_t length = is_ascii ? 1 : utf8_next(s, /* ret_code= */ NULL);
        if (length == 0)
            return false;
        s += length;
    }
    return true;
}

bool utf8_is_control(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        { 0x00, 0x1F },     { 0x7F, 0x9F }, { 0x200E, 0x200F }, /* marks of writing direction */
        { 0x2028, 0x2029 },                                     /* line and paragraph separator */
        { 0x202A, 0x202E }, /* embeddings and overrides of writing direction */
        { 0x2066, 0x2069 }, /* isolates */
    };

    for (size_t i = 0; i < ELEMENTSOF(ranges); i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}
