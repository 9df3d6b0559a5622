#include "archive/inventory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "archive/inventory-line.h"
#include "sys/json.h"
#include "sys/mem.h"

/* One line at a time is JSON, never the whole. Reading is strict by printing again: each line has
 * to be, byte for byte, what comes of the values that were read from it. So there is one
 * description of a line, that of how it is written. */

#define PIECE_SIZE ((size_t)64 << 10) /* of lines that are written at once */
#define LINE_SIZE ((size_t)1 << 20)   /* at most; a function of 100 arguments takes 13 KiB */

/* -- Writing -- */

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

    inventory_print_header(&w->lines, i);
    for (size_t t = 0; r >= 0 && t < i->table_count; t++) {
        inventory_print_table(&w->lines, &i->tables[t]);
        r = flush_beyond(w, PIECE_SIZE, err);
    }
    for (size_t s = 0; r >= 0 && s < i->sequence_count; s++) {
        inventory_print_sequence(&w->lines, &i->sequences[s]);
        r = flush_beyond(w, PIECE_SIZE, err);
    }
    inventory_print_large_objects(&w->lines, i);
    for (size_t d = 0; r >= 0 && d < i->definition_count; d++) {
        inventory_print_definition(&w->lines, &i->definitions[d]);
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
    inventory_print_table(ret_line, &t);
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
    inventory_print_sequence(ret_line, &s);
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

    inventory_print_large_objects(ret_line, i);
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
    inventory_print_definition(ret_line, &d);
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

struct InventoryReader {
    Inventory inventory; /* so far */
    size_t kind;         /* of the latest line */
    bool has_large_objects;
    Buf header, line; /* the first line; the one whose line feed has not come */
    size_t number;    /* of lines that were read */
};

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
static int read_line(InventoryReader *reading, const char *line, size_t size, Err *err)
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
    if (format > INVENTORY_FORMAT)
        return err_set(err, ERR_ARCHIVE_VERSION,
                       "format %" PRIu64 " needs a newer pg-backup: this one knows %d", format,
                       INVENTORY_FORMAT);
    if (format < INVENTORY_FORMAT)
        return err_set(err, ERR_DAMAGED, "format %" PRIu64 " is not known, only %d is", format,
                       INVENTORY_FORMAT);
    return 0;
}

static int check_header(const InventoryReader *r, Err *err)
{
    _cleanup_buf_ Buf printed = { 0 };

    if (!r->has_large_objects)
        return err_set(err, ERR_DAMAGED, "the line of the large objects is missing");
    inventory_print_header(&printed, &r->inventory);
    if (printed.size != r->header.size || memcmp(printed.data, r->header.data, printed.size) != 0)
        return err_set(err, ERR_DAMAGED, "line 1 does not have the totals of the lines below it");
    return 0;
}

/* Of the line that is whole now. */
static int end_line_read(InventoryReader *r, Err *err)
{
    int n;

    if (r->number++ == 0) {
        buf_add(&r->header, r->line.data, r->line.size);
        n = read_format(r->line.data, r->line.size, err);
    } else {
        n = read_line(r, r->line.data, r->line.size, err);
    }
    r->line.size = 0;
    if (n < 0)
        err_prefix(err, "inventory: line %zu", r->number);
    return n;
}

static int refuse_length(const InventoryReader *r, Err *err)
{
    return err_set(err, ERR_DAMAGED, "inventory: line %zu: longer than the line of any object",
                   r->number + 1);
}

InventoryReader *inventory_reader_new(void)
{
    return mem_zero(1, sizeof(InventoryReader));
}

int inventory_reader_write(InventoryReader *r, const void *data, size_t size, Err *err)
{
    const char *at = data, *end = at + size;

    while (at < end) {
        const char *line_feed = memchr(at, '\n', (size_t)(end - at));
        const char *next = line_feed ? line_feed + 1 : end;

        if ((size_t)(next - at) > LINE_SIZE - r->line.size)
            return refuse_length(r, err);
        buf_add(&r->line, at, (size_t)(next - at));
        at = next;
        int n = line_feed ? end_line_read(r, err) : 0;
        if (n < 0)
            return n;
    }
    return 0;
}

int inventory_reader_finish(InventoryReader *r, Inventory *ret, Err *err)
{
    if (r->number == 0 || r->line.size > 0)
        return err_set(err, ERR_DAMAGED, "inventory: line %zu: the text ends too early",
                       r->number + 1);
    int n = check_header(r, err);
    if (n < 0) {
        err_prefix(err, "inventory");
        return n;
    }

    *ret = r->inventory;
    r->inventory = (Inventory){ 0 };
    return 0;
}

void inventory_reader_free(InventoryReader *r)
{
    if (!r)
        return;
    inventory_done(&r->inventory);
    buf_done(&r->header);
    buf_done(&r->line);
    free(r);
}

int inventory_parse(const char *text, size_t size, Inventory *ret, Err *err)
{
    _cleanup_inventory_reader_ InventoryReader *reader = inventory_reader_new();

    int r = inventory_reader_write(reader, text, size, err);
    return r < 0 ? r : inventory_reader_finish(reader, ret, err);
}
