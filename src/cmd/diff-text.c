#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/diff-print.h"
#include "cmd/table.h"
#include "pg/sql-quote.h"
#include "sys/clock.h"
#include "sys/format.h"
#include "sys/mem.h"

/* -- Numbers: each is the caller's to free -- */

/* How a number is written, and the difference of two: format_count or format_bytes. */
typedef char *Write(uint64_t number);

/* "-333", "+16.2 KiB", "0" */
static char *change(uint64_t a, uint64_t b, Write *write)
{
    _cleanup_free_ char *distance = write(a > b ? a - b : b - a);
    return mem_printf("%s%s", a > b ? "-" : a < b ? "+" : "", distance);
}

/* "1,204,331 -> 1,203,998 (-333)", "12" */
static char *transition(uint64_t a, uint64_t b, Write *write)
{
    _cleanup_free_ char *in_a = write(a), *in_b = write(b), *difference = change(a, b, write);

    return a == b ? TAKE_PTR(in_a) : mem_printf("%s -> %s (%s)", in_a, in_b, difference);
}

static char *number_of(bool is_there, uint64_t number, Write *write)
{
    return is_there ? write(number) : mem_strdup("-");
}

/* -- Names -- */

/* As SQL has it; behind a schema, not even the reserved words need quotes. */
static bool needs_quotes(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_", digits[] = "0123456789";

    if (!*name || strchr(digits, *name))
        return true;
    for (; *name; name++)
        if (!strchr(letters, *name) && !strchr(digits, *name))
            return true;
    return false;
}

static char *quote(const char *name)
{
    return needs_quotes(name) ? pg_quote_name(name) : mem_strdup(name);
}

/* 'public.orders', 'public."Orders"' */
static char *qualified(const char *schema, const char *name)
{
    _cleanup_free_ char *of = quote(schema), *called = quote(name);
    return mem_printf("%s.%s", of, called);
}

/* -- The heading -- */

static bool are_of_different_majors(const DiffSides *s)
{
    const char *a = s->backup[0]->manifest.server_version;
    const char *b = s->backup[1]->manifest.server_version;

    return a && b && manifest_major(a) != manifest_major(b);
}

static bool are_of_different_databases(const DiffSides *s)
{
    return s->series[0] != s->series[1];
}

/* "A  appdb_20261122T020000Z  2026-11-22T02:00:00Z, 3 d ago" */
static void print_time(const DiffSides *s, int side, usec_t now)
{
    const Backup *b = s->backup[side];
    size_t other = strlen(s->backup[!side]->stem), own = strlen(b->stem);
    _cleanup_free_ char *age = format_age(now > b->when ? now - b->when : 0);
    char when[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(b->when, when);
    printf("%s  %-*s  %s, ", side == 0 ? "A" : "B", (int)(own > other ? own : other), b->stem,
           when);
    if (now < b->when)
        printf("in the future");
    else
        printf("%s ago", age);
}

static void print_side(const DiffSides *s, int side, usec_t now)
{
    const Backup *b = s->backup[side];

    print_time(s, side, now);
    if (are_of_different_databases(s)) {
        _cleanup_free_ char *name = format_oneline(s->series[side]->database);
        printf(", database \"%s\"", name);
    }
    if (are_of_different_majors(s))
        printf(", server %s", b->manifest.server_version);
    if (s->chosen && side == 0)
        printf(", the newest good backup before B");
    if (b->problem) {
        _cleanup_free_ char *problem = format_oneline(b->problem);
        printf(", %s: %s", backup_flaw(b), problem);
    }
    printf("\n");
}

static void print_reason(const char *what, const char *reason)
{
    _cleanup_free_ char *text = format_oneline(reason);
    printf("%s could not be compared: %s.\n", what, text);
}

static void print_notes(const DiffSides *s, const Diff *d)
{
    if (are_of_different_databases(s))
        printf("A and B are of different databases.\n");
    if (d->undecided > 0)
        print_reason("Where rows are as many, contents", d->basis->contents);
    if (d->basis->definitions)
        print_reason("Definitions", d->basis->definitions);
}

/* -- The lists -- */

static char *verdict_of(const DiffChange *c)
{
    return mem_strdup(diff_verdict_name(c->verdict));
}

static void add_table(Table *t, const DiffChange *c)
{
    const InventoryTable *a = c->what.table[0], *b = c->what.table[1], *any = b ? b : a;
    char *cells[] = {
        verdict_of(c),
        qualified(any->schema, any->name),
        number_of(a, diff_rows(c, 0), format_count),
        number_of(b, diff_rows(c, 1), format_count),
        change(diff_rows(c, 0), diff_rows(c, 1), format_count),
        number_of(a, diff_bytes(c, 0), format_bytes),
        number_of(b, diff_bytes(c, 1), format_bytes),
        change(diff_bytes(c, 0), diff_bytes(c, 1), format_bytes),
    };
    table_add(t, cells);
}

/* "42", "1, not called yet", "-" where there is none */
static char *sequence_value(const InventorySequence *s)
{
    return s ? mem_printf("%" PRId64 "%s", s->value, s->called ? "" : ", not called yet")
             : mem_strdup("-");
}

static void add_sequence(Table *t, const DiffChange *c)
{
    const InventorySequence *a = c->what.sequence[0], *b = c->what.sequence[1], *any = b ? b : a;
    char *cells[] = {
        verdict_of(c),
        qualified(any->schema, any->name),
        sequence_value(a),
        sequence_value(b),
    };
    table_add(t, cells);
}

/* Type, schema and name as `pg_restore --list` has them. */
static void add_definition(Table *t, const DiffChange *c)
{
    const InventoryDefinition *any =
        c->what.definition[1] ? c->what.definition[1] : c->what.definition[0];
    char *cells[] = {
        verdict_of(c),
        mem_strdup(any->type),
        mem_strdup(any->schema[0] ? any->schema : "-"),
        mem_strdup(any->name[0] ? any->name : "-"),
    };
    table_add(t, cells);
}

static void print_list(const DiffList *list, const char *const *headings,
                       void (*add)(Table *t, const DiffChange *c))
{
    _cleanup_table_ Table *t = table_new(headings);

    if (list->count == 0)
        return;
    for (size_t i = 0; i < list->count; i++)
        add(t, &list->items[i]);
    printf("\n");
    table_print(t);
}

static void print_large_objects(const Diff *d)
{
    if (d->large_objects.count == 0)
        return;

    _cleanup_free_ char *count = transition(d->a->large_objects, d->b->large_objects, format_count);
    _cleanup_free_ char *bytes =
        transition(d->a->large_object_bytes, d->b->large_object_bytes, format_bytes);
    printf("\nLarge objects %s: %s; bytes %s\n",
           diff_verdict_name(d->large_objects.items[0].verdict), count, bytes);
}

static void print_lists(const Diff *d)
{
    static const char *const tables[] = { "VERDICT",  "TABLE",    ">ROWS A", ">ROWS B", ">CHANGE",
                                          ">BYTES A", ">BYTES B", ">CHANGE", NULL };
    static const char *const sequences[] = { "VERDICT", "SEQUENCE", ">A", ">B", NULL };
    static const char *const definitions[] = { "VERDICT", "DEFINITION", "SCHEMA", "NAME", NULL };

    print_list(&d->tables, tables, add_table);
    print_list(&d->sequences, sequences, add_sequence);
    print_large_objects(d);
    print_list(&d->definitions, definitions, add_definition);
}

/* -- The last line -- */

static void print_counted(size_t count, const char *noun)
{
    if (count > 0)
        printf("; %zu %s%s", count, noun, count == 1 ? "" : "s");
}

static void print_totals(const Diff *d)
{
    _cleanup_free_ char *rows =
        transition(inventory_rows(d->a), inventory_rows(d->b), format_count);
    _cleanup_free_ char *bytes =
        transition(inventory_bytes(d->a), inventory_bytes(d->b), format_bytes);

    if (diff_count(d) == 0) {
        printf("\nno differences%s\n", diff_is_partial(d) ? " in what could be compared" : "");
        return;
    }
    printf("\n%zu of %zu tables differ; rows %s; bytes %s", d->tables.count - d->undecided,
           d->table_count, rows, bytes);
    print_counted(d->undecided, "undecided table");
    print_counted(d->sequences.count, "sequence");
    if (d->large_objects.count > 0)
        printf("; large objects");
    print_counted(d->definitions.count, "definition");
    printf("\n");
}

void diff_print_text(const DiffSides *sides, const Diff *d)
{
    usec_t now = clock_now();

    print_side(sides, 0, now);
    print_side(sides, 1, now);
    print_notes(sides, d);
    print_lists(d);
    print_totals(d);
}
