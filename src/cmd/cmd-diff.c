#include <string.h>

#include "backup/catalog.h"
#include "backup/diff.h"
#include "backup/verify.h"
#include "cmd/cmd.h"
#include "cmd/diff-print.h"
#include "sys/mem.h"

/* Which two */

static int find_backup(const Catalog *catalog, const char *name, DiffSides *sides, int side,
                       Err *err)
{
    int r = catalog_find(catalog, name, &sides->series[side], &sides->backup[side], err);
    if (r < 0)
        return r;
    if (sides->series[side]->database)
        return 0;

    r = err_set(err, ERR_USAGE, "\"%s\" holds no database", name);
    err_hint(err, "The globals have no inventory: compare their text, which `pg-backup restore "
                  "BACKUP --stdout` writes.");
    return r;
}

static int find_predecessor(DiffSides *sides, Err *err)
{
    const Series *series = sides->series[1];

    for (const Backup *b = sides->backup[1]; b > series->backups; b--) {
        if (!b[-1].good)
            continue;
        sides->series[0] = series;
        sides->backup[0] = &b[-1];
        sides->chosen = true;
        return 0;
    }
    int r = err_set(err, ERR_NOT_FOUND, "there is no good backup of \"%s\" before %s",
                    series->database, sides->backup[1]->stem);
    err_hint(err, "Name two backups; `pg-backup list` shows all of them.");
    return r;
}

static int find_sides(const Args *args, const Catalog *catalog, DiffSides *ret, Err *err)
{
    size_t count = args->operand_count;

    int r = find_backup(catalog, args->operands[count - 1], ret, 1, err);
    if (r < 0)
        return r;
    return count == 1 ? find_predecessor(ret, err)
                      : find_backup(catalog, args->operands[0], ret, 0, err);
}

/* What is in them */

/* Caller frees. */
static char *why_no_inventory(const Manifest *m)
{
    for (size_t i = 0; i < m->omissions_count; i++)
        if (strcmp(m->omissions[i].what, MANIFEST_INVENTORY_OMITTED) == 0)
            return mem_strdup(m->omissions[i].why);
    return mem_printf("pg-backup %s, which has made it, does not say why", m->program_version);
}

static int refuse_without_inventory(const Backup *b, Err *err)
{
    _cleanup_free_ char *why = why_no_inventory(&b->manifest);

    int r = err_set(err, ERR_COULD_NOT_VERIFY, "%s has no inventory: %s", b->stem, why);
    err_hint(err, "Compare later backups, which an up-to-date pg-backup takes with one; what is in "
                  "this one, `pg_restore --list` tells.");
    return r;
}

static int load_inventory(const Catalog *catalog, const DiffSides *sides, int side, Inventory *ret,
                          Err *err)
{
    const Backup *b = sides->backup[side];

    if (!b->manifest.file) {
        int r = backup_error(b, err);
        err_prefix(err, "%s", b->stem);
        return r;
    }
    if (!b->manifest.inventory_file)
        return refuse_without_inventory(b, err);
    int r = verify_load_inventory(catalog, sides->series[side], b, ret, err);
    if (r < 0)
        err_prefix(err, "%s", b->stem);
    return r;
}

static int compare(const CmdContext *ctx, const Catalog *catalog, const DiffSides *sides, Err *err)
{
    _cleanup_inventory_ Inventory a = { 0 }, b = { 0 };
    _cleanup_diff_ Diff diff = { 0 };

    int r = load_inventory(catalog, sides, 0, &a, err);
    if (r >= 0)
        r = load_inventory(catalog, sides, 1, &b, err);
    if (r < 0)
        return r;

    _cleanup_diff_basis_ DiffBasis basis =
        diff_basis(&sides->backup[0]->manifest, &sides->backup[1]->manifest);
    diff_make(&a, &b, &basis, &diff);
    if (ctx->args->flags & ARG_JSON)
        diff_print_json(sides, &diff);
    else
        diff_print_text(sides, &diff);
    return EXIT_CODE_DONE;
}

static int run_diff(const CmdContext *ctx, Err *err)
{
    _cleanup_catalog_ Catalog catalog = CATALOG_INIT;
    DiffSides sides = { 0 };

    if (ctx->args->operand_count == 0)
        return err_set(err, ERR_USAGE, "diff takes one BACKUP or two");
    int r = catalog_load(ctx->settings->backup_dir, &catalog, err);
    if (r >= 0)
        r = find_sides(ctx->args, &catalog, &sides, err);
    return r < 0 ? r : compare(ctx, &catalog, &sides, err);
}

const Command command_diff = {
    .name = "diff",
    .operands = "[A] B",
    .max_operands = 2,
    .summary = "what changed between two backups, table by table",
    .help = "Compares what was found in two backups while they were made: tables that vanished, "
            "appeared,\n"
            "shrank, grew or changed, the largest change first; sequences, large objects, "
            "definitions. A and\n"
            "B are BACKUPs; without A: the newest good backup of the same database before B. "
            "What cannot be\n"
            "compared, because the two were written otherwise, is named and not called a "
            "difference. The\n"
            "dumps themselves are not read.\n"
            "\n"
            "Exits with 0 whether there are differences or not: they are no failure. With 5 when "
            "one of the\n"
            "two has no inventory.",
    .options = ARG_JSON,
    .run = run_diff,
};
