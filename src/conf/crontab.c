#include "conf/crontab.h"

#include <stddef.h>
#include <stdint.h>
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

enum { MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK, FIELDS };

static const struct Field {
    unsigned min, max;
    unsigned range_max;       /* of a range's end, and of a step */
    const char *const *names; /* the first stands for `min`; NULL: numbers only */
} fields[FIELDS] = {
    [MINUTE] = { 0, 59, 59, NULL },
    [HOUR] = { 0, 23, 23, NULL },
    [DAY_OF_MONTH] = { 1, 31, 31, NULL },
    [MONTH] = { 1, 12, 12, months },
    /* 7 is Sunday, as 0 is. supercronic takes it for 0 in a range, too: "0-7" would be Sundays. */
    [DAY_OF_WEEK] = { 0, 7, 6, days },
};

/* What a field says. */
typedef struct Times {
    uint64_t set; /* a bit for each of its values */
    bool every;   /* it is "*" and nothing else */
    bool star;    /* there is one in it */
} Times;

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

static bool take_step(const char **at, const struct Field *field, unsigned *ret)
{
    return take_number(at, ret) && *ret >= 1 && *ret <= field->range_max;
}

/* "*", "5", "mon-fri", "0-30/10", or an asterisk with a step */
static bool take_item(const char **at, const struct Field *field, Times *times)
{
    unsigned first = field->min, last = field->range_max, step = 1;
    bool many = take_character(at, '*');

    times->star |= many;
    if (!many) {
        if (!take_value(at, field, &first))
            return false;
        last = first;
        many = take_character(at, '-');
        if (many && (!take_value(at, field, &last) || last < first || last > field->range_max))
            return false;
    }
    if (many && take_character(at, '/') && !take_step(at, field, &step))
        return false;

    for (unsigned i = first; i <= last; i += step)
        times->set |= UINT64_C(1) << i;
    return true;
}

static bool take_field(const char **at, const struct Field *field, Times *times)
{
    const char *begin = *at;

    do
        if (!take_item(at, field, times))
            return false;
    while (take_character(at, ','));
    times->every = times->star && *at - begin == 1;
    return true;
}

/* With both days restricted, either will do; but whether a star among others restricts, each cron
 * answers in its own way. */
static bool is_clear(const Times *day, const Times *other)
{
    return !day->star || day->every || other->every;
}

/* A day that no month has never comes, and supercronic would look for it without a pause. */
static bool ever_comes(const Times times[static FIELDS])
{
    static const unsigned lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool comes = !times[DAY_OF_WEEK].every;

    for (unsigned i = 0; i < ELEMENTSOF(lengths); i++)
        if (times[MONTH].set >> (i + 1) & 1)
            comes |= (times[DAY_OF_MONTH].set & ((UINT64_C(2) << lengths[i]) - 1)) != 0;
    return comes;
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
    Times times[FIELDS] = { 0 };
    const char *at = text;

    if (is_nickname(text))
        return true;
    for (size_t i = 0; i < FIELDS; i++) {
        size_t blanks = strspn(at, BLANKS);
        if (i > 0 && blanks == 0)
            return false;
        at += blanks;
        if (!take_field(&at, &fields[i], &times[i]))
            return false;
    }
    return at[strspn(at, BLANKS)] == '\0' && is_clear(&times[DAY_OF_MONTH], &times[DAY_OF_WEEK]) &&
           is_clear(&times[DAY_OF_WEEK], &times[DAY_OF_MONTH]) && ever_comes(times);
}
