#include "archive/inventory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/mem.h"
#include "sys/utf8.h"

/* One line at a time is JSON, never the whole. Reading is strict by printing again: each line has
 * to be, byte for byte, what comes of the values that were read from it. So there is one
 * description of a line, that of how it is written. */

#define INVENTORY_FORMAT 1
#define PIECE_SIZE ((size_t)64 << 10) /* of lines that are written at once */

/* -- Writing -- */

static bool is_utf8(const char *text)
{
    while (*text) {
        bool is_ascii = (unsigned char)*text < 0x80; /* nearly every name, and all of it */
        size_t length = is_ascii ? 1 : utf8_next(text, /* ret_code= */ NULL);
        if (length == 0)
            return false;
        text += length;
    }
    return true;
}

/* JSON holds UTF-8 only, and names must come back as they were. */
void inventory_set_name(Json *json, const char *key, const char *name)
{
    if (is_utf8(name)) {
        json_set_text(json, key, name);
        return;
    }

    _cleanup_free_ char *hex_key = mem_printf("%s_hex", key);
    _cleanup_buf_ Buf hex = { 0 };
    for (; *name; name++)
        buf_addf(&hex, "%02x", (unsigned char)*name);
    json_set_text(json, hex_key, hex.data);
}

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
    if (is_utf8(name)) {
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

static void print_header(Buf *b, const Inventory *i)
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

static void print_table(Buf *b, const InventoryTable *t)
{
    begin_line(b, "table");
    add_name(b, "schema", t->schema);
    add_name(b, "name", t->name);
    add_uint(b, "rows", t->rows);
    add_uint(b, "bytes", t->bytes);
    add_digest(b, &t->digest);
    end_line(b);
}

static void print_sequence(Buf *b, const InventorySequence *s)
{
    begin_line(b, "sequence");
    add_name(b, "schema", s->schema);
    add_name(b, "name", s->name);
    add_int(b, "value", s->value);
    add_key(b, "called");
    buf_adds(b, s->called ? "true" : "false");
    end_line(b);
}

static void print_large_objects(Buf *b, const Inventory *i)
{
    begin_line(b, "large_objects");
    add_uint(b, "count", i->large_objects);
    add_uint(b, "bytes", i->large_object_bytes);
    add_digest(b, &i->large_object_digest);
    end_line(b);
}

static void print_definition(Buf *b, const InventoryDefinition *d)
{
    begin_line(b, "definition");
    add_name(b, "type", d->type);
    add_name(b, "schema", d->schema);
    add_name(b, "name", d->name);
    add_uint(b, "count", d->count);
    add_digest(b, &d->digest);
    end_line(b);
}

/* Where lines go when there are enough of them. */
typedef struct Writer {
    int (*write)(void *userdata, const void *data, size_t size, Err *err);
    void *userdata;
    Buf lines;
} Writer;

static int flush_beyond(Writer *w, size_t size, Err *err)
{
    if (w->lines.size <= size)
        return 0;
    int r = w->write(w->userdata, w->lines.data, w->lines.size, err);
    w->lines.size = 0;
    return r;
}

static int write_lines(Writer *w, const Inventory *i, Err *err)
{
    int r = 0;

    print_header(&w->lines, i);
    for (size_t t = 0; r >= 0 && t < i->table_count; t++) {
        print_table(&w->lines, &i->tables[t]);
        r = flush_beyond(w, PIECE_SIZE, err);
    }
    for (size_t s = 0; r >= 0 && s < i->sequence_count; s++) {
        print_sequence(&w->lines, &i->sequences[s]);
        r = flush_beyond(w, PIECE_SIZE, err);
    }
    print_large_objects(&w->lines, i);
    for (size_t d = 0; r >= 0 && d < i->definition_count; d++) {
        print_definition(&w->lines, &i->definitions[d]);
        r = flush_beyond(w, PIECE_SIZE, err);
    }
    return r < 0 ? r : flush_beyond(w, 0, err);
}

int inventory_write(const Inventory *i,
                    int (*write)(void *userdata, const void *data, size_t size, Err *err),
                    void *userdata, Err *err)
{
    Writer w = { .write = write, .userdata = userdata };

    int r = write_lines(&w, i, err);
    buf_done(&w.lines);
    return r;
}

static int add_to_buf(void *userdata, const void *data, size_t size, Err *err)
{
    (void)err;
    buf_add(userdata, data, size);
    return 0;
}

void inventory_print(const Inventory *i, Buf *ret)
{
    (void)inventory_write(i, add_to_buf, ret, /* err= */ NULL); /* which cannot fail */
}

/* -- Reading -- */

/* The names and the digest of a line, whichever it has; the reader of a line frees it. */
typedef struct Line {
    char *type, *schema, *name;
    Digest digest;
} Line;

static void line_done(Line *l)
{
    free(l->type);
    free(l->schema);
    free(l->name);
}
#define _cleanup_line_ _cleanup_(line_done)

/* NULL for what is no hexadecimal text, or that of a text with a NUL. */
static char *unhex(const char *hex)
{
    size_t size = strlen(hex);
    _cleanup_buf_ Buf b = { 0 };

    for (size_t i = 0; i + 1 < size; i += 2) {
        char digits[3] = { hex[i], hex[i + 1] }, *end;
        unsigned long byte = strtoul(digits, &end, 16);
        if (*end || byte == 0)
            return NULL;
        buf_addc(&b, (char)byte);
    }
    return buf_take(&b);
}

static int get_name(const Json *json, const char *key, char **ret, Err *err)
{
    _cleanup_free_ char *hex_key = mem_printf("%s_hex", key), *hex = NULL;

    int r = json_get_text_opt(json, hex_key, &hex, err);
    if (r < 0)
        return r;
    if (!hex)
        return json_get_text(json, key, ret, err);

    *ret = unhex(hex);
    if (!*ret)
        return err_set(err, ERR_DAMAGED, "member \"%s\" is not hexadecimal", hex_key);
    return 0;
}

static int get_object_name(const Json *json, Line *ret, Err *err)
{
    int r = get_name(json, "schema", &ret->schema, err);
    if (r >= 0)
        r = get_name(json, "name", &ret->name, err);
    return r;
}

static int get_digest(const Json *json, Digest *ret, Err *err)
{
    _cleanup_free_ char *text = NULL;

    int r = json_get_text(json, "digest", &text, err);
    if (r < 0)
        return r;
    if (digest_parse(text, ret) < 0)
        return err_set(err, ERR_DAMAGED, "member \"digest\" is not a digest: \"%s\"", text);
    return 0;
}

static int refuse_order(Err *err)
{
    return err_set(err, ERR_DAMAGED, "out of order, or a second time");
}

static int read_table(const Json *json, Inventory *i, Buf *ret_line, Err *err)
{
    _cleanup_line_ Line l = { 0 };
    uint64_t rows = 0, bytes = 0;

    int r = get_object_name(json, &l, err);
    if (r >= 0)
        r = json_get_uint(json, "rows", &rows, err);
    if (r >= 0)
        r = json_get_uint(json, "bytes", &bytes, err);
    if (r >= 0)
        r = get_digest(json, &l.digest, err);
    if (r < 0)
        return r;

    const InventoryTable t = { l.schema, l.name, rows, bytes, l.digest };
    if (i->table_count > 0 && inventory_table_order(&i->tables[i->table_count - 1], &t) >= 0)
        return refuse_order(err);
    inventory_add_table(i, t.schema, t.name, t.rows, t.bytes, &t.digest);
    print_table(ret_line, &t);
    return 0;
}

static int read_sequence(const Json *json, Inventory *i, Buf *ret_line, Err *err)
{
    _cleanup_line_ Line l = { 0 };
    int64_t value = 0;
    bool called = false;

    int r = get_object_name(json, &l, err);
    if (r >= 0)
        r = json_get_int(json, "value", &value, err);
    if (r >= 0)
        r = json_get_flag(json, "called", &called, err);
    if (r < 0)
        return r;

    const InventorySequence s = { l.schema, l.name, value, called };
    if (i->sequence_count > 0 &&
        inventory_sequence_order(&i->sequences[i->sequence_count - 1], &s) >= 0)
        return refuse_order(err);
    inventory_add_sequence(i, s.schema, s.name, s.value, s.called);
    print_sequence(ret_line, &s);
    return 0;
}

static int read_large_objects(const Json *json, Inventory *i, Buf *ret_line, Err *err)
{
    int r = json_get_uint(json, "count", &i->large_objects, err);
    if (r >= 0)
        r = json_get_uint(json, "bytes", &i->large_object_bytes, err);
    if (r >= 0)
        r = get_digest(json, &i->large_object_digest, err);
    if (r < 0)
        return r;

    print_large_objects(ret_line, i);
    return 0;
}

static int read_definition(const Json *json, Inventory *i, Buf *ret_line, Err *err)
{
    _cleanup_line_ Line l = { 0 };
    uint64_t count = 0;

    int r = get_name(json, "type", &l.type, err);
    if (r >= 0)
        r = get_object_name(json, &l, err);
    if (r >= 0)
        r = json_get_uint(json, "count", &count, err);
    if (r >= 0)
        r = get_digest(json, &l.digest, err);
    if (r < 0)
        return r;

    const InventoryDefinition d = { l.type, l.schema, l.name, count, l.digest };
    if (i->definition_count > 0 &&
        inventory_definition_order(&i->definitions[i->definition_count - 1], &d) >= 0)
        return refuse_order(err);
    inventory_add_definition(i, d.type, d.schema, d.name, &d.digest);
    i->definitions[i->definition_count - 1].count = count;
    print_definition(ret_line, &d);
    return 0;
}

/* In the order of the file. `read` adds what a line says, and prints how it has to look. */
static const struct {
    const char *name;
    int (*read)(const Json *json, Inventory *i, Buf *ret_line, Err *err);
} line_kinds[] = {
    { "table", read_table },
    { "sequence", read_sequence },
    { "large_objects", read_large_objects },
    { "definition", read_definition },
};
#define LARGE_OBJECTS_KIND 2

/* What has been read so far. */
typedef struct Reading {
    Inventory inventory;
    size_t kind; /* of the latest line */
    bool has_large_objects;
} Reading;

static int find_kind(const Json *json, size_t *ret, Err *err)
{
    _cleanup_free_ char *name = NULL;

    int r = json_get_text(json, "kind", &name, err);
    if (r < 0)
        return r;

    for (size_t k = 0; k < ELEMENTSOF(line_kinds); k++) {
        if (strcmp(line_kinds[k].name, name) == 0) {
            *ret = k;
            return 0;
        }
    }
    return err_set(err, ERR_DAMAGED, "kind \"%s\" is not known", name);
}

/* `size` includes the line feed. */
static int read_line(Reading *reading, const char *line, size_t size, Err *err)
{
    _cleanup_json_ Json *json = NULL;
    _cleanup_buf_ Buf printed = { 0 };
    size_t kind = 0;

    int r = json_parse_object(line, size, &json, err);
    if (r >= 0)
        r = find_kind(json, &kind, err);
    if (r < 0)
        return r;

    if (kind < reading->kind || (kind == LARGE_OBJECTS_KIND && reading->has_large_objects))
        return refuse_order(err);
    reading->kind = kind;
    reading->has_large_objects |= kind == LARGE_OBJECTS_KIND;

    r = line_kinds[kind].read(json, &reading->inventory, &printed, err);
    if (r < 0)
        return r;
    if (printed.size != size || memcmp(printed.data, line, size) != 0)
        return err_set(err, ERR_DAMAGED, "not the line that these values make");
    return 0;
}

static int read_format(const char *line, size_t size, Err *err)
{
    _cleanup_json_ Json *json = NULL;
    uint64_t format = 0;

    int r = json_parse_object(line, size, &json, err);
    if (r >= 0)
        r = json_get_uint(json, "inventory_format", &format, err);
    if (r < 0)
        return r;
    if (format == INVENTORY_FORMAT)
        return 0;

    r = err_set(err, ERR_DAMAGED, "format %" PRIu64 " is not known, only %d is", format,
                INVENTORY_FORMAT);
    err_hint(err, "A newer pg-backup has written this inventory: use that one.");
    return r;
}

static int check_header(const Reading *reading, const char *line, size_t size, Err *err)
{
    _cleanup_buf_ Buf printed = { 0 };

    if (!reading->has_large_objects)
        return err_set(err, ERR_DAMAGED, "the line of the large objects is missing");
    print_header(&printed, &reading->inventory);
    if (printed.size != size || memcmp(printed.data, line, size) != 0)
        return err_set(err, ERR_DAMAGED, "line 1 does not have the totals of the lines below it");
    return 0;
}

/* Of the line at `text`, with its line feed; 0 where there is none. */
static size_t line_size(const char *text, size_t size)
{
    const char *line_feed = size > 0 ? memchr(text, '\n', size) : NULL;
    return line_feed ? (size_t)(line_feed - text) + 1 : 0;
}

static int read_lines(Reading *reading, const char *text, size_t size, Err *err)
{
    size_t header = line_size(text, size);

    for (size_t number = 1, at = 0; number == 1 || at < size; number++) {
        size_t line = line_size(text + at, size - at);
        int r;

        if (line == 0)
            r = err_set(err, ERR_DAMAGED, "the text ends too early");
        else if (number == 1)
            r = read_format(text, header, err);
        else
            r = read_line(reading, text + at, line, err);
        if (r < 0) {
            err_prefix(err, "line %zu", number);
            return r;
        }
        at += line;
    }
    return check_header(reading, text, header, err);
}

int inventory_parse(const char *text, size_t size, Inventory *ret, Err *err)
{
    Reading reading = { 0 };

    int r = read_lines(&reading, text, size, err);
    if (r < 0) {
        err_prefix(err, "inventory");
        inventory_done(&reading.inventory);
        return r;
    }
    *ret = reading.inventory;
    return 0;
}
