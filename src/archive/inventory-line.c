#include "archive/inventory-line.h"

#include <inttypes.h>
#include <stdio.h>

#include "sys/json.h"
#include "sys/mem.h"
#include "sys/utf8.h"

/* A line is its beginning, one add_…() for each further member, in order, and its end. There are as
 * many lines as the database has objects: they are written as they stand in the file, and no JSON
 * value is built for them. */
static void begin_line(Buf *b, const char *kind)
{
    buf_adds(b, "{\"kind\":\"");
    buf_adds(b, kind);
    buf_addc(b, '"');
}

static void end_line(Buf *b)
{
    buf_adds(b, "}\n");
}

static void add_key(Buf *b, const char *key)
{
    buf_adds(b, ",\"");
    buf_adds(b, key);
    buf_adds(b, "\":");
}

/* JSON holds UTF-8 only, and names must come back as they were: any other name is written in
 * hexadecimal, under the key with "_hex" behind it. */
static void add_name(Buf *b, const char *key, const char *name)
{
    if (utf8_is_valid(name)) {
        add_key(b, key);
        json_quote(b, name);
        return;
    }

    _cleanup_free_ char *hex_key = mem_printf("%s_hex", key);
    add_key(b, hex_key);
    buf_addc(b, '"');
    for (; *name; name++)
        buf_addf(b, "%02x", (unsigned char)*name);
    buf_addc(b, '"');
}

static void add_int(Buf *b, const char *key, int64_t value)
{
    char text[sizeof("-9223372036854775808")];

    snprintf(text, sizeof(text), "%" PRId64, value);
    add_key(b, key);
    buf_adds(b, text);
}

/* At most what a reader of JSON can be trusted with. */
static void add_uint(Buf *b, const char *key, uint64_t value)
{
    add_int(b, key, value < INT64_MAX ? (int64_t)value : INT64_MAX);
}

static void add_digest(Buf *b, const Digest *digest)
{
    char text[DIGEST_HEX_SIZE];

    digest_format(digest, text);
    add_key(b, "digest");
    buf_addc(b, '"');
    buf_adds(b, text);
    buf_addc(b, '"');
}

void inventory_print_header(Buf *b, const Inventory *i)
{
    buf_addf(b, "{\"inventory_format\":%d", INVENTORY_FORMAT);
    add_uint(b, "tables", i->table_count);
    add_uint(b, "rows", inventory_rows(i));
    add_uint(b, "bytes", inventory_bytes(i));
    add_uint(b, "sequences", i->sequence_count);
    add_uint(b, "large_objects", i->large_objects);
    add_uint(b, "definitions", i->definition_count);
    end_line(b);
}

void inventory_print_table(Buf *b, const InventoryTable *t)
{
    begin_line(b, "table");
    add_name(b, "schema", t->schema);
    add_name(b, "name", t->name);
    add_uint(b, "rows", t->rows);
    add_uint(b, "bytes", t->bytes);
    add_digest(b, &t->digest);
    end_line(b);
}

void inventory_print_sequence(Buf *b, const InventorySequence *s)
{
    begin_line(b, "sequence");
    add_name(b, "schema", s->schema);
    add_name(b, "name", s->name);
    add_int(b, "value", s->value);
    add_key(b, "called");
    buf_adds(b, s->called ? "true" : "false");
    end_line(b);
}

void inventory_print_large_objects(Buf *b, const Inventory *i)
{
    begin_line(b, "large_objects");
    add_uint(b, "count", i->large_objects);
    add_uint(b, "bytes", i->large_object_bytes);
    add_digest(b, &i->large_object_digest);
    end_line(b);
}

void inventory_print_definition(Buf *b, const InventoryDefinition *d)
{
    begin_line(b, "definition");
    add_name(b, "type", d->type);
    add_name(b, "schema", d->schema);
    add_name(b, "name", d->name);
    add_uint(b, "count", d->count);
    add_digest(b, &d->digest);
    end_line(b);
}
