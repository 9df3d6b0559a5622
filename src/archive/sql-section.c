#include "archive/sql-section.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/definition.h"
#include "archive/wording.h"
#include "sys/mem.h"
#include "sys/text.h"

void sql_section_init(SqlSection *s)
{
    *s = (SqlSection){ 0 };
    text_digest_init(&s->text);
}

static void forget_name(SqlSection *s)
{
    free(TAKE_PTR(s->type));
    free(TAKE_PTR(s->schema));
    free(TAKE_PTR(s->name));
}

void sql_section_done(SqlSection *s)
{
    forget_name(s);
    buf_done(&s->definition);
    text_digest_done(&s->text);
}

/* Where `text` starts last, from `start` on and before `end`; NULL where it does not. */
static const char *find_last(const char *start, const char *end, const char *text)
{
    size_t size = strlen(text);
    if ((size_t)(end - start) < size)
        return NULL;

    for (const char *p = end - size; p >= start; p--)
        if (memcmp(p, text, size) == 0)
            return p;
    return NULL;
}

static const char *skip_prefix(const char *line)
{
    static const char *const prefixes[] = { "-- Name: ", "-- Data for Name: " };

    for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
        if (text_starts_with(line, prefixes[i]))
            return line + strlen(prefixes[i]);
    return NULL;
}

/* From the right, since a name may hold anything, while types are pg_dump's own words and only an
 * odd owner or schema has the name of a field in it. pg_dump has put blanks in place of line breaks
 * in the names. */
void sql_section_read_name(SqlSection *s, const char *line)
{
    static const char type_key[] = "; Type: ", schema_key[] = "; Schema: ";
    const char *name = skip_prefix(line);
    if (!name)
        return;

    const char *owner = find_last(name, name + strlen(name), "; Owner: ");
    const char *schema = owner ? find_last(name, owner, schema_key) : NULL;
    const char *type = schema ? find_last(name, schema, type_key) : NULL;
    if (!type)
        return;

    forget_name(s);
    s->name = mem_strndup(name, (size_t)(type - name));
    type += strlen(type_key);
    s->type = mem_strndup(type, (size_t)(schema - type));
    schema += strlen(schema_key);
    s->schema = mem_strndup(schema, (size_t)(owner - schema));
    if (strcmp(s->schema, "-") == 0) /* none */
        *s->schema = '\0';
}

void sql_section_begin(SqlSection *s)
{
    s->copied = s->too_long = false;
    text_digest_begin(&s->text);
    if (!s->type)
        s->kind = SECTION_NONE;
    else if (strcmp(s->type, "TABLE DATA") == 0)
        s->kind = SECTION_TABLE_DATA;
    else
        s->kind = definition_name(s->type, s->name) ? SECTION_DEFINITION : SECTION_NONE;
}

static void pass_on(SqlSection *s)
{
    if (s->definition.size > 0)
        text_digest_write(&s->text, s->definition.data, s->definition.size);
    s->definition.size = 0;
}

void sql_section_write(SqlSection *s, const void *data, size_t size)
{
    if (s->kind == SECTION_TABLE_DATA)
        text_digest_write(&s->text, data, size);
    if (s->kind != SECTION_DEFINITION)
        return;

    buf_add(&s->definition, data, size);
    s->too_long |= s->definition.size > WORDING_MAX;
    if (s->too_long)
        pass_on(s);
}

static void end_definition(SqlSection *s)
{
    _cleanup_free_ char *normal =
        s->definition.size > 0
            ? definition_wording(s->definition.data, s->definition.size, s->by_name)
            : NULL;

    if (normal) {
        text_digest_write(&s->text, normal, strlen(normal));
        s->definition.size = 0;
    }
    pass_on(s);
}

int sql_section_end(SqlSection *s, Inventory *i)
{
    Digest digest = { 0 };
    int r = s->kind == SECTION_TABLE_DATA && s->copied && s->text.bytes > 0 ? -EINVAL : 0;

    if (s->kind == SECTION_DEFINITION)
        end_definition(s);
    text_digest_end(&s->text, &digest);
    if (s->kind == SECTION_DEFINITION)
        inventory_add_definition(i, s->type, s->schema, definition_name(s->type, s->name), &digest);
    else if (s->kind == SECTION_TABLE_DATA && !s->copied)
        inventory_add_table(i, s->schema, s->name, /* rows= */ 0, s->text.bytes, &digest);

    s->kind = SECTION_NONE;
    forget_name(s);
    return r;
}
