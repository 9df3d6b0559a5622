#include "conf/crontab.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "sys/mem.h"

#define BLANKS " \t"

static const char *const nicknames[] = {
    "@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually",
};

static const char *const months[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul",
                                      "aug", "sep", "oct", "nov", "dec", NULL };
static const char *const days[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL };

static const struct Field {
    unsigned min, max;
    const char *const *names; /* the first stands for `min`; NULL: numbers only */
} fields[] = {
    { 0, 59, NULL }, { 0, 23, NULL }, { 1, 31, NULL }, { 1, 12, months }, { 0, 7, days },
};

/* Each of these takes what it reads from the front of *at, or returns false. */

static bool take_number(const char **at, unsigned *ret)
{
    size_t digits = strspn(*at, "0123456789");
    if (digits < 1 || digits > 2)
        return false;

    *ret = 0;
    for (size_t i = 0; i < digits; i++)
        *ret = *ret * 10 + (unsigned)((*at)[i] - '0');
    *at += digits;
    return true;
}

static bool take_name(const char **at, const struct Field *field, unsigned *ret)
{
    for (unsigned i = 0; field->names && field->names[i]; i++)
        if (strncasecmp(*at, field->names[i], 3) == 0) {
            *ret = field->min + i;
            *at += 3;
            return true;
        }
    return false;
}

static bool take_value(const char **at, const struct Field *field, unsigned *ret)
{
    if (take_name(at, field, ret))
        return true;
    return take_number(at, ret) && *ret >= field->min && *ret <= field->max;
}

static bool take_character(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool take_step(const char **at, const struct Field *field)
{
    unsigned step;
    return take_number(at, &step) && step >= 1 && step <= field->max;
}

/* "*", "5", "mon-fri", "0-30/10", or an asterisk with a step */
static bool take_item(const char **at, const struct Field *field)
{
    unsigned first, last;

    if (!take_character(at, '*')) {
        if (!take_value(at, field, &first))
            return false;
        if (!take_character(at, '-'))
            return true;
        if (!take_value(at, field, &last) || last < first)
            return false;
    }
    return !take_character(at, '/') || take_step(at, field);
}

static bool take_field(const char **at, const struct Field *field)
{
    do
        if (!take_item(at, field))
            return false;
    while (take_character(at, ','));
    return true;
}

static bool is_nickname(const char *text)
{
    for (size_t i = 0; i < ELEMENTSOF(nicknames); i++)
        if (strcmp(text, nicknames[i]) == 0)
            return true;
    return false;
}

bool crontab_is_schedule(const char *text)
{
    const char *at = text;

    if (is_nickname(text))
        return true;
    for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
        size_t blanks = strspn(at, BLANKS);
        if (i > 0 && blanks == 0)
            return false;
        at += blanks;
        if (!take_field(&at, &fields[i]))
            return false;
    }
    return at[strspn(at, BLANKS)] == '\0';
}
