#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/artifact.h"
#include "backup/catalog.h"
#include "backup/fall.h"
#include "cmd/cmd.h"
#include "cmd/table.h"
#include "sys/buf.h"
#include "sys/clock.h"
#include "sys/format.h"
#include "sys/json.h"
#include "sys/mem.h"

/* The series that were asked for, all without operands. A name that has no backups is an error:
 * silence would look like "none needed". */
static int select_series(const CmdContext *ctx, const Catalog *catalog, bool *ret_selected,
                         Err *err)
{
    for (size_t i = 0; i < catalog->count; i++)
        ret_selected[i] = ctx->args->operand_count == 0;

    for (size_t i = 0; i < ctx->args->operand_count; i++) {
        const char *name = ctx->args->operands[i];
        const Series *s =
            catalog_series(catalog, strcmp(name, ARTIFACT_GLOBALS) == 0 ? NULL : name);
        if (!s)
            return err_set(err, ERR_NOT_FOUND, "there is no backup of \"%s\" in \"%s\"", name,
                           catalog->path);
        ret_selected[s - catalog->series] = true;
    }
    return 0;
}

static const char *series_name(const Series *s)
{
    return s->database ? s->database : ARTIFACT_GLOBALS;
}

/* As JSON */

static Json *summary_of_proof(const Proof *p)
{
    Json *o = json_new_object();

    json_set_text(o, "result", proof_result_name(p->result));
    json_set_text(o, "made_by", proof_maker_name(p->made_by));
    json_set_flag(o, "restores", proof_shows_restore(p));
    json_set_time(o, "finished", p->finished);
    json_set_uint(o, "recovery_ms", p->recovery_msec);
    json_set_text(o, "reason", p->reason);
    return o;
}

static Json *fall_to_json(const Series *s, const Backup *b)
{
    const Manifest *m = &b->manifest;
    Json *o = json_new_object();

    json_set_text(o, "against", m->fall_against);
    json_set_text(o, "of", m->fall_of);
    json_set_uint(o, "before", m->fall_before);
    json_set_uint(o, "now", m->fall_now);
    json_set_flag(o, "pending", fall_is_pending(s, b));
    return o;
}

static Json *backup_to_json(const Series *s, const Backup *b)
{
    const Manifest *m = &b->manifest;
    Json *o = json_new_object();

    json_set_text(o, "stem", b->stem);
    json_set_text(o, "kind", s->database ? "database" : "globals");
    json_set_text(o, "database", s->database);
    json_set_text(o, "format", m->format);
    json_set_text(o, "compression", m->compression);
    json_set_text(o, "file", m->file);
    json_set_time(o, "when", b->when);
    json_set_time(o, "finished", m->finished);
    json_set_uint(o, "stored_bytes", m->stored_bytes);
    json_set_uint(o, "raw_bytes", m->raw_bytes);
    if (m->inventory_file) {
        json_set_uint(o, "tables", m->tables);
        json_set_uint(o, "rows", m->rows);
    }
    json_set_uint(o, "duration_ms", m->duration_msec);
    json_set_flag(o, "good", b->good);
    json_set_flag(o, "unreadable", b->unreadable);
    json_set_text(o, "problem", b->problem);
    json_set_uint(o, "warnings", m->warnings.count + m->warnings_dropped);
    json_set_uint(o, "omissions", m->omissions_count);
    json_set_child(o, "fall", m->fall_against ? fall_to_json(s, b) : NULL);
    json_set_child(o, "proof", b->proof ? summary_of_proof(b->proof) : NULL);
    return o;
}

static Json *unreadable_to_json(const Series *s)
{
    Json *o = json_new_object();

    json_set_text(o, "kind", s->database ? "database" : "globals");
    json_set_text(o, "database", s->database);
    json_set_text(o, "problem", s->problem);
    return o;
}

static void print_json(const Catalog *catalog, const bool *selected)
{
    _cleanup_json_ Json *root = json_new_object();
    _cleanup_free_ char *text = NULL;

    json_set_text(root, "backup_dir", catalog->path);
    Json *list = json_set_child(root, "backups", json_new_array());
    for (size_t i = 0; i < catalog->count; i++)
        for (size_t j = 0; selected[i] && j < catalog->series[i].count; j++)
            json_add_child(list,
                           backup_to_json(&catalog->series[i], &catalog->series[i].backups[j]));

    list = json_set_child(root, "unreadable", json_new_array());
    for (size_t i = 0; i < catalog->count; i++)
        if (selected[i] && catalog->series[i].problem)
            json_add_child(list, unreadable_to_json(&catalog->series[i]));

    text = json_print(root);
    fputs(text, stdout);
}

/* As a table */

/* Caller frees. */
static char *age_of(const Proof *p, usec_t now)
{
    return format_age(now > p->finished ? now - p->finished : 0);
}

/* "proven 3 d ago": what the last drill of a good one has come to. */
static void add_proof(Buf *text, const Proof *p, usec_t now)
{
    static const char *const words[] = {
        [PROOF_RESULT_PROVEN] = "proven",
        [PROOF_RESULT_FAILED] = "restores but FAILED",
        [PROOF_RESULT_UNDECIDED] = "drill undecided",
    };
    _cleanup_free_ char *age = age_of(p, now);

    buf_addf(text, ", %s", words[p->result]);
    for (ProofLevel i = 0; i < _PROOF_LEVEL_MAX; i++)
        if (p->checks[i].outcome == PROOF_FAILED)
            buf_addf(text, " %s", proof_level_title(i));
    buf_addf(text, " %s ago", age);
}

/* "DRILL FAILED 3 d ago: …". */
static char *describe_flaw(const Backup *b, usec_t now)
{
    if (!backup_is_refuted(b))
        return mem_printf("%s: %s", backup_flaw(b), b->problem);

    _cleanup_free_ char *age = age_of(b->proof, now);
    return mem_printf("%s%s %s ago: %s", backup_flaw(b), backup_is_drilled(b) ? "" : ", verified",
                      age, b->proof->reason);
}

static char *describe_state(const Series *s, const Backup *b, usec_t now)
{
    uint64_t warnings = manifest_warning_count(&b->manifest);
    Buf text = { 0 };

    if (!b->good)
        return describe_flaw(b, now);
    buf_adds(&text, "good");
    if (warnings > 0)
        buf_addf(&text, ", %llu warning%s", (unsigned long long)warnings, warnings > 1 ? "s" : "");
    if (fall_is_pending(s, b))
        buf_adds(&text, ", contents FELL");
    if (b->proof)
        add_proof(&text, b->proof, now);
    return buf_take(&text);
}

static void add_notes(Table *table, const Series *s, const Backup *b)
{
    const Manifest *m = &b->manifest;

    if (fall_is_pending(s, b)) {
        _cleanup_free_ char *text = fall_describe(m);
        table_note(table, text);
    }
    for (size_t i = 0; i < m->omissions_count; i++) {
        _cleanup_free_ char *text =
            mem_printf("without %s: %s", m->omissions[i].what, m->omissions[i].why);
        table_note(table, text);
    }
    for (size_t i = 0; i < m->warnings.count; i++)
        table_note(table, m->warnings.items[i]);
    if (m->warnings_dropped > 0) {
        _cleanup_free_ char *text = mem_printf("and %llu more in %s.json",
                                               (unsigned long long)m->warnings_dropped, m->stem);
        table_note(table, text);
    }
}

static void add_backup(Table *table, const Series *s, const Backup *b, usec_t now)
{
    const Manifest *m = &b->manifest;
    char *cells[] = {
        mem_strdup(series_name(s)),
        mem_strdup(b->stem),
        now >= b->when ? format_age(now - b->when) : mem_strdup("future"),
        m->file ? format_bytes(m->stored_bytes) : mem_strdup("-"),
        m->inventory_file ? mem_printf("%" PRIu64, m->rows) : mem_strdup("-"),
        mem_strdup(m->format ? m->format : "-"),
        describe_state(s, b, now),
    };
    table_add(table, cells);
    add_notes(table, s, b);
}

/* Returns how many rows it has. */
static size_t add_series(Table *table, const Series *s, usec_t now)
{
    for (size_t i = 0; i < s->count; i++)
        add_backup(table, s, &s->backups[i], now);
    if (!s->problem)
        return s->count;

    char *cells[] = {
        mem_strdup(series_name(s)),
        mem_strdup("-"),
        mem_strdup("-"),
        mem_strdup("-"),
        mem_strdup("-"),
        mem_strdup("-"),
        mem_printf("UNREADABLE: %s", s->problem),
    };
    table_add(table, cells);
    return s->count + 1;
}

static void print_table(const Catalog *catalog, const bool *selected)
{
    static const char *const headings[] = { "DATABASE", "BACKUP", ">AGE",  ">SIZE",
                                            ">ROWS",    "FORMAT", "STATE", NULL };
    _cleanup_table_ Table *table = table_new(headings);
    usec_t now = clock_now();
    size_t shown = 0;

    for (size_t i = 0; i < catalog->count; i++)
        if (selected[i])
            shown += add_series(table, &catalog->series[i], now);
    if (shown > 0)
        table_print(table);
    else
        printf("There are no backups in %s.\n", catalog->path);
}

static int run_list(const CmdContext *ctx, Err *err)
{
    _cleanup_catalog_ Catalog catalog = CATALOG_INIT;

    int r = catalog_load(ctx->settings->backup_dir, &catalog, err);
    if (r < 0)
        return r;
    _cleanup_free_ bool *selected = mem_zero(catalog.count, sizeof(*selected));
    r = select_series(ctx, &catalog, selected, err);
    if (r < 0)
        return r;

    if (ctx->args->flags & ARG_JSON)
        print_json(&catalog, selected);
    else
        print_table(&catalog, selected);
    return EXIT_CODE_DONE;
}

const Command command_list = {
    .name = "list",
    .operands = "[DATABASE…]",
    .max_operands = -1,
    .summary = "what there is: name, age, size, rows, state",
    .help = "Lists the backups, oldest first, of all databases or of those named. What pg_dump "
            "warned of,\n"
            "what a backup does not contain, and how far its contents fell while nobody has "
            "accepted that,\n"
            "stands below its line.",
    .options = ARG_JSON,
    .run = run_list,
};
