#include "conf/conf-file.h"

#include <stdbool.h>
#include <string.h>

#include "sys/mem.h"

/* The rules are those of systemd.exec(5), EnvironmentFile=, with a few refusals. Text behind a
 * closing quote ('a' "b" is one word to systemd, an error to a shell) and an unquoted value with "
 * #" in it (part of the value to systemd, a comment to docker compose) mean different things to
 * different readers of the same file: they are problems here, so that no setting is ever misread in
 * silence. A line without "=" is a problem, too; systemd skips it.
 *
 * Any line may hold a secret, well written or not: no problem quotes what it is about. */

typedef struct Parser {
    const char *at; /* what comes next */
    unsigned line;  /* of `at` */
    const char *name;
    char *
        value; /* being read: room for the whole text, so that no copy of a secret is left behind */
    size_t size; /* of value */
    Strv *problems;
} Parser;

static bool is_white(char c)
{
    return c == ' ' || c == '\t';
}

/* LF, CR LF, or the end of the text. */
static bool at_line_end(const Parser *p)
{
    const char *c = *p->at == '\r' ? p->at + 1 : p->at;
    return *c == '\0' || *c == '\n';
}

static void skip_white(Parser *p)
{
    while (is_white(*p->at))
        p->at++;
}

/* To the beginning of the next line, or the end of the text. */
static void skip_line(Parser *p)
{
    p->at += strcspn(p->at, "\n");
    if (*p->at == '\n') {
        p->at++;
        p->line++;
    }
}

/* Appends the next byte to the value. */
static void take_char(Parser *p)
{
    p->line += *p->at == '\n';
    p->value[p->size++] = *p->at++;
}

/* Where a CR that is not part of a line's end stands outside of quotes, systemd ends the line. */
static const char stray_cr[] = "there is a carriage return in the middle";

/* Each of the two value parsers returns NULL, or the problem as a sentence. */

static const char *parse_unquoted(Parser *p)
{
    size_t end = 0; /* of the value, without the white space behind it */

    while (!at_line_end(p)) {
        if (*p->at == '\r')
            return stray_cr;
        if (*p->at == '#' && is_white(p->at[-1]))
            return "a value that holds \" #\" must be in quotes, and a comment needs a line of its "
                   "own";

        if (*p->at == '\\') {
            p->at++;
            if (*p->at == '\n')
                skip_line(p);
            else if (*p->at == '\r')
                return stray_cr;
            else if (*p->at != '\0')
                take_char(p);
            end = p->size;
            continue;
        }

        bool white = is_white(*p->at);
        take_char(p);
        if (!white)
            end = p->size;
    }

    p->size = end;
    return NULL;
}

static const char *parse_quoted(Parser *p)
{
    char quote = *p->at++;

    while (*p->at != quote) {
        if (*p->at == '\0')
            return "the quote is never closed";

        if (quote == '"' && *p->at == '\\') {
            p->at++;
            if (*p->at == '\n') {
                skip_line(p);
                continue;
            }
            if (*p->at == '\r')
                return stray_cr;
            /* Before any other character a backslash is just one, as in a shell. */
            if (*p->at == '\0' || strchr("\"\\`$", *p->at) == NULL)
                p->value[p->size++] = '\\';
        }
        if (*p->at != '\0')
            take_char(p);
    }

    p->at++;
    skip_white(p);
    if (!at_line_end(p))
        return "there is text behind the closing quote";
    return NULL;
}

static const char *parse_value(Parser *p)
{
    p->size = 0;
    skip_white(p);
    return *p->at == '"' || *p->at == '\'' ? parse_quoted(p) : parse_unquoted(p);
}

/* Takes what is before the next "=": NULL where there is none. */
static char *parse_key(Parser *p)
{
    size_t size = strcspn(p->at, "=\n");
    if (p->at[size] != '=')
        return NULL;

    const char *key = p->at;
    p->at += size + 1;
    while (size > 0 && is_white(key[size - 1]))
        size--;
    return mem_strndup(key, size);
}

static bool key_is_valid(const char *key)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    static const char digits[] = "0123456789";

    if (*key == '\0' || strchr(letters, *key) == NULL)
        return false;
    for (const char *c = key; *c; c++)
        if (strchr(letters, *c) == NULL && strchr(digits, *c) == NULL)
            return false;
    return true;
}

/* One KEY=VALUE. A problem costs the line where it begins and no more: a quote that is never closed
 * does not hide what is below it. */
static void parse_assignment(Parser *p, ConfFile *f)
{
    const Parser start = *p;

    _cleanup_free_ char *key = parse_key(p);
    const char *problem = !key                 ? "this is not KEY=VALUE"
                          : !key_is_valid(key) ? "a key is made of letters, digits and underscores"
                                               : parse_value(p);
    if (problem) {
        strv_addf(p->problems, "%s:%u: %s", start.name, start.line, problem);
        *p = start;
        skip_line(p);
        return;
    }

    f->entries = mem_resize(f->entries, f->count + 1, sizeof(*f->entries));
    f->entries[f->count++] = (ConfEntry){
        .key = TAKE_PTR(key),
        .value = mem_strndup(p->value, p->size),
        .line = start.line,
    };
}

void conf_file_parse(const char *text, const char *name, ConfFile *ret, Strv *problems)
{
    size_t room = strlen(text) + 1;
    Parser p = {
        .at = text, .line = 1, .name = name, .value = mem_zero(room, 1), .problems = problems
    };
    ConfFile f = { 0 };

    while (*p.at) {
        skip_white(&p);
        if (at_line_end(&p) || *p.at == '#' || *p.at == ';')
            skip_line(&p);
        else if (*p.at)
            parse_assignment(&p, &f);
    }

    explicit_bzero(p.value, room);
    free(p.value);
    *ret = f;
}

void conf_file_done(ConfFile *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->entries[i].key);
        mem_wipe_free(f->entries[i].value);
    }
    free(f->entries);
    *f = (ConfFile){ 0 };
}
