#include "archive/wording.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sys/buf.h"
#include "sys/mem.h"
#include "sys/strv.h"

/* One pass over the text, with a stack of the open brackets; all of it is linear in the text's
 * size, whatever that is made of. What cannot be understood stays as it is. */

#define CASTS_MAX 16     /* of arrays, one inside the other */
#define DIMENSIONS_MAX 6 /* of an array: PostgreSQL's MAXDIM */
#define TYPE_MAX 256     /* bytes of a type's name */
#define GROWTH_MAX 32    /* how many times as long a text may become */

/* A bracket that is left out in the end. */
#define LEFT_OUT '\0'

static const char array_start[] = "ARRAY[";

/* -- Tokens -- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool starts(const char *p, const char *end, const char *text)
{
    size_t size = strlen(text);
    return (size_t)(end - p) >= size && memcmp(p, text, size) == 0;
}

/* A doubled quote is inside. */
static const char *skip_quotes(const char *p, const char *end, bool backslashes)
{
    const char quote = *p++;

    for (; p < end; p++) {
        bool doubled = *p == quote && p + 1 < end && p[1] == quote;
        if (doubled || (*p == '\\' && backslashes && p + 1 < end))
            p++;
        else if (*p == quote)
            return p + 1;
    }
    return end;
}

/* $$…$$, $tag$…$tag$; the dollar alone where it begins nothing of the kind. */
static const char *skip_dollars(const char *p, const char *end)
{
    const char *tag_end = p + 1;

    while (tag_end < end && is_word(*tag_end))
        tag_end++;
    if (tag_end == end || *tag_end != '$' || isdigit((unsigned char)p[1]))
        return p + 1;

    size_t size = (size_t)(tag_end + 1 - p);
    const char *close = memmem(tag_end + 1, (size_t)(end - tag_end - 1), p, size);
    return close ? close + size : end;
}

/* Past a quotation, a word, or one other byte. */
static const char *skip_token(const char *p, const char *end)
{
    if (*p == '\'' || *p == '"')
        return skip_quotes(p, end, /* backslashes= */ false);
    if (starts(p, end, "E'"))
        return skip_quotes(p + 1, end, /* backslashes= */ true);
    if (*p == '$')
        return skip_dollars(p, end);
    if (!is_word(*p))
        return p + 1;
    while (p < end && (is_word(*p) || *p == '$'))
        p++;
    return p;
}

/* The first `wanted` that is in no bracket of its own and no quotation; NULL where there is none.
 */
static const char *find_at_top(const char *p, const char *end, char wanted)
{
    size_t depth = 0;

    for (; p < end; p = skip_token(p, end)) {
        if (depth == 0 && *p == wanted)
            return p;
        if (*p == '(' || *p == '[')
            depth++;
        else if ((*p == ')' || *p == ']') && depth-- == 0)
            return NULL;
    }
    return NULL;
}

/* -- Casts of arrays become casts of their elements -- */

typedef struct Cast {
    const char *type;
    bool sparing; /* with parentheses only where they are needed */
} Cast;

typedef enum Element { ELEMENT_UNKNOWN, ELEMENT_SCALAR, ELEMENT_ARRAY } Element;

static bool has_operator(const char *p, const char *end)
{
    size_t depth = 0;

    for (; p < end; p = skip_token(p, end)) {
        depth += *p == '(' || *p == '[';
        depth -= depth > 0 && (*p == ')' || *p == ']');
        if (depth == 0 && memchr("+-*/<>=~!@#%^&|`?", *p, sizeof("+-*/<>=~!@#%^&|`?") - 1))
            return true;
    }
    return false;
}

/* The type of the last cast, at the end of the element; NULL where that has no cast. */
static const char *find_last_cast(const char *p, const char *end)
{
    const char *type = NULL;

    while ((p = find_at_top(p, end, ':')) && starts(p, end, "::"))
        p = type = p + strlen("::");
    return type;
}

/* Whether it is a type's name alone; key words of expressions are upper case. */
static bool is_type(const char *p, const char *end)
{
    for (; p < end; p = skip_token(p, end))
        if (!(is_word(*p) && !isupper((unsigned char)*p)) && !strchr("\". ()[],", *p))
            return false;
    return true;
}

/* What the text tells of its type: a column, a call or an expression may be an array. */
static Element judge_element(const char *p, const char *end)
{
    const char *type = find_last_cast(p, end);

    if (type && is_type(type, end))
        return end - type > 2 && starts(end - 2, end, "[]") ? ELEMENT_ARRAY : ELEMENT_SCALAR;
    bool number = isdigit((unsigned char)*p) && !has_operator(p, end);
    return number || (end - p == 4 && starts(p, end, "NULL")) ? ELEMENT_SCALAR : ELEMENT_UNKNOWN;
}

/* False when it may be an array that nobody sees. */
static bool write_element(Buf *b, const char *p, const char *end, const Cast *cast)
{
    bool parentheses = !cast->sparing || has_operator(p, end);
    Element element = judge_element(p, end);

    if (parentheses)
        buf_addc(b, '(');
    buf_add(b, p, (size_t)(end - p));
    if (parentheses)
        buf_addc(b, ')');
    buf_addf(b, "::%s%s", cast->type, element == ELEMENT_ARRAY ? "[]" : "");
    return element != ELEMENT_UNKNOWN;
}

/* Likewise. */
static bool write_array(Buf *b, const char *p, const char *end, const Cast *cast,
                        unsigned dimension)
{
    bool sure = true;

    buf_adds(b, array_start);
    for (;;) {
        while (p < end && *p == ' ')
            p++;
        const char *comma = find_at_top(p, end, ','), *stop = comma ? comma : end;
        const char *inside = p + strlen(array_start);

        if (dimension < DIMENSIONS_MAX && starts(p, stop, array_start) &&
            find_at_top(inside, stop, ']') == stop - 1)
            sure &= write_array(b, inside, stop - 1, cast, dimension + 1);
        else
            sure &= write_element(b, p, stop, cast);
        if (!comma)
            break;
        buf_adds(b, ", ");
        p = comma + 1;
    }
    buf_addc(b, ']');
    return sure;
}

/* Of the name of an array's type, the part before its brackets: "character varying(10)". NULL where
 * none is. Caller frees. */
static char *read_element_type(const char *start, const char *end)
{
    const char *p = start;

    if (end - p > TYPE_MAX)
        end = p + TYPE_MAX;
    while (p < end && (is_word(*p) || strchr("\". (", *p))) {
        const char *close = *p == '(' ? find_at_top(p + 1, end, ')') : NULL;
        if (*p == '(' && !close)
            return NULL;
        p = close ? close + 1 : skip_token(p, end);
    }
    return p > start && starts(p, end, "[]") ? mem_strndup(start, (size_t)(p - start)) : NULL;
}

/* -- The brackets -- */

typedef enum Connective {
    CONNECTIVE_NONE,
    CONNECTIVE_AND,
    CONNECTIVE_OR,
    CONNECTIVE_MIXED, /* one binds tighter than the other: the parentheses say which belong together
                       */
} Connective;

/* Places are offsets in what has been written. */
typedef struct Group {
    size_t open;
    Connective connective; /* between its parts */
    unsigned casts;        /* of arrays inside it, one inside the other */

    /* The end of the array, and the closing parenthesis of the expression, that it begins with; 0
     * where it begins with none. */
    size_t array_end, close;
    Connective inner; /* of that expression */
} Group;

typedef struct Wording {
    const char *p, *end; /* what is to be read */
    Buf out;
    Group *groups; /* the open ones; the first stands for the whole text */
    size_t count, capacity;
    size_t size_max;
    bool loose; /* casts are distributed where that cannot be known to be right, too */
} Wording;

static Group *innermost(Wording *w)
{
    return &w->groups[w->count - 1];
}

static void copy(Wording *w, const char *to)
{
    buf_add(&w->out, w->p, (size_t)(to - w->p));
    w->p = to;
}

static void add_group(Wording *w)
{
    if (w->count == w->capacity) {
        w->capacity = w->capacity > 0 ? w->capacity * 2 : 16;
        w->groups = mem_resize(w->groups, w->capacity, sizeof(*w->groups));
    }
    w->groups[w->count++] = (Group){ .open = w->out.size };
}

static bool is_behind_name(const Wording *w, size_t place)
{
    return place > 0 && (is_word(w->out.data[place - 1]) || w->out.data[place - 1] == '"');
}

/* Whether the innermost group, which is not the whole text, begins at that place. */
static bool is_beginning(Wording *w, size_t place)
{
    return w->count > 1 && place == innermost(w)->open + 1;
}

/* Writes what there is from `from` on anew: the array at `array`, which ends what has been written.
 * False when its cast to an array's type does not come next, with `before` in front. */
static bool distribute_cast(Wording *w, size_t from, size_t array, const char *before)
{
    size_t start = array + strlen(array_start), end = w->out.size - 1;

    if (start == end || is_behind_name(w, from) || !starts(w->p, w->end, before))
        return false;
    _cleanup_free_ char *type = read_element_type(w->p + strlen(before), w->end);
    if (!type)
        return false;

    const Cast cast = { .type = type, .sparing = from == array };
    _cleanup_buf_ Buf rewritten = { 0 };
    bool sure = write_array(&rewritten, w->out.data + start, w->out.data + end, &cast,
                            /* dimension= */ 1);
    if ((!sure && !w->loose) || from + rewritten.size > w->size_max)
        return false;
    w->out.size = from;
    buf_add(&w->out, rewritten.data, rewritten.size);
    w->p += strlen(before) + strlen(type) + strlen("[]");
    return true;
}

/* True when a cast behind it was distributed. */
static bool close_bracket(Wording *w, const Group *group)
{
    size_t size = group->open + 1, array = size - strlen(array_start);

    copy(w, w->p + 1);
    if (size < strlen(array_start) ||
        memcmp(w->out.data + array, array_start, strlen(array_start)) != 0)
        return false;
    if (group->casts < CASTS_MAX && distribute_cast(w, array, array, "::"))
        return true;
    if (is_beginning(w, array))
        innermost(w)->array_end = w->out.size;
    return false;
}

/* Likewise. */
static bool close_parenthesis(Wording *w, const Group *group)
{
    bool array_alone = group->array_end > 0 && group->array_end == w->out.size;

    if (array_alone && group->casts < CASTS_MAX &&
        distribute_cast(w, group->open, group->open + 1, ")::"))
        return true;

    copy(w, w->p + 1);
    if (is_beginning(w, group->open)) {
        innermost(w)->close = w->out.size - 1;
        innermost(w)->inner = group->connective;
    }
    return false;
}

static void close_group(Wording *w)
{
    const Group group = *innermost(w);

    w->count--;
    bool distributed = *w->p == ']' ? close_bracket(w, &group) : close_parenthesis(w, &group);
    unsigned casts = group.casts + distributed;
    if (casts > innermost(w)->casts)
        innermost(w)->casts = casts;
}

/* The parentheses of what stands in front are not needed when it is joined by the same word. */
static void join(Wording *w, Connective connective, size_t size)
{
    Group *group = innermost(w);

    if (group->connective == CONNECTIVE_NONE)
        group->connective = connective;
    else if (group->connective != connective)
        group->connective = CONNECTIVE_MIXED;
    if (group->close > 0 && group->close + 1 == w->out.size && group->inner == connective) {
        w->out.data[group->open + 1] = LEFT_OUT;
        w->out.data[group->close] = LEFT_OUT;
    }
    copy(w, w->p + size);
}

/* In front of CASE a line feed stands in place of the blank. */
static bool comes(const Wording *w, const char *connective)
{
    const char *behind = w->p + strlen(connective);
    return starts(w->p, w->end, connective) && behind < w->end && !is_word(*behind);
}

static void take_token(Wording *w)
{
    static const char both[] = " AND", either[] = " OR";

    if (*w->p == '(' || *w->p == '[') {
        add_group(w);
        copy(w, w->p + 1);
    } else if ((*w->p == ')' || *w->p == ']') && w->count > 1) {
        close_group(w);
    } else if (comes(w, both)) {
        join(w, CONNECTIVE_AND, strlen(both));
    } else if (comes(w, either)) {
        join(w, CONNECTIVE_OR, strlen(either));
    } else {
        copy(w, skip_token(w->p, w->end));
    }
}

static void leave_out(Buf *b)
{
    char *kept = b->data;

    for (size_t i = 0; i < b->size; i++)
        if (b->data[i] != LEFT_OUT)
            *kept++ = b->data[i];
    b->size = (size_t)(kept - b->data);
    buf_adds(b, "");
}

static void leave_out_brackets(Buf *b)
{
    for (size_t i = 0; i + 1 < b->size; i++)
        if (b->data[i] == '[' && b->data[i + 1] == ']')
            b->data[i] = b->data[i + 1] = LEFT_OUT;
}

static bool may_differ(const char *text, size_t size)
{
    static const char *const signs[] = { "])::", "]::", ") AND", ") OR", "[]" };

    for (size_t i = 0; i < ELEMENTSOF(signs); i++)
        if (memmem(text, size, signs[i], strlen(signs[i])))
            return size <= WORDING_MAX && !memchr(text, LEFT_OUT, size);
    return false;
}

static char *reword(const char *text, size_t size, bool loose)
{
    if (!may_differ(text, size))
        return NULL;

    Wording w = { .p = text, .end = text + size, .size_max = size * GROWTH_MAX, .loose = loose };
    add_group(&w);
    while (w.p < w.end)
        take_token(&w);
    free(w.groups);

    if (loose)
        leave_out_brackets(&w.out);
    leave_out(&w.out);
    if (w.out.size == size && memcmp(w.out.data, text, size) == 0) {
        buf_done(&w.out);
        return NULL;
    }
    return buf_take(&w.out);
}

char *wording_normal(const char *text, size_t size)
{
    return reword(text, size, /* loose= */ false);
}

char *wording_loose(const char *text, size_t size)
{
    return reword(text, size, /* loose= */ true);
}

/* -- Columns -- */

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && isspace((unsigned char)*p))
        p++;
    return p;
}

static void split_columns(const char *p, const char *end, Strv *ret)
{
    while (p < end) {
        const char *comma = find_at_top(p, end, ','), *stop = comma ? comma : end;

        p = skip_blanks(p, stop);
        strv_take(ret, mem_strndup(p, (size_t)(stop - p)));
        p = stop + (comma != NULL);
    }
}

static int order_of_columns(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool creates_table(const char *p, const char *end)
{
    static const char *const starts_of[] = { "CREATE TABLE ", "CREATE UNLOGGED TABLE ",
                                             "CREATE FOREIGN TABLE " };

    for (size_t i = 0; i < ELEMENTSOF(starts_of); i++)
        if (starts(skip_blanks(p, end), end, starts_of[i]))
            return true;
    return false;
}

char *wording_by_name(const char *text, size_t size)
{
    static const char inherits[] = ")\nINHERITS (";
    const char *end = text + size, *open = find_at_top(text, end, '('),
               *close = open ? find_at_top(open + 1, end, ')') : NULL;
    _cleanup_strv_ Strv columns = { 0 };
    Buf b = { 0 };

    if (size > WORDING_MAX || memchr(text, '\0', size) || !creates_table(text, end) || !close ||
        !starts(close, end, inherits))
        return NULL;

    split_columns(open + 1, close - 1, &columns); /* a line feed stands in front of it */
    if (columns.count > 0)
        qsort(columns.items, columns.count, sizeof(*columns.items), order_of_columns);
    buf_add(&b, text, (size_t)(open + 1 - text));
    for (size_t i = 0; i < columns.count; i++)
        buf_addf(&b, "%s%s", i > 0 ? ", " : "", columns.items[i]);
    buf_add(&b, close, (size_t)(end - close));
    return buf_take(&b);
}
