#include "backup/dump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive-reader.h"
#include "backup/artifact.h"
#include "backup/compression.h"
#include "backup/coverage.h"
#include "backup/dump-directory.h"
#include "backup/dump-stream.h"
#include "backup/fall.h"
#include "pg/survey.h"
#include "sys/mem.h"

/* The last comment of pg_dump and of pg_dumpall; newer minor releases add a \unrestrict line. */
#define CLOSING_DATABASE "-- PostgreSQL database dump complete"
#define CLOSING_GLOBALS "-- PostgreSQL database cluster dump complete"

/* One dump under way. */
typedef struct Dump {
    const DumpContext *ctx;
    const char *database; /* NULL: the globals */
    BackupFormat format;  /* plain for the globals, whatever the settings say */
    CompressionPlan compression;
    char *encoded;
    char *series_path;
    int series_fd;
    Manifest manifest;
    PgSession *session;  /* NULL for the globals */
    PgSurvey survey;     /* empty for them; begun before the dump, and finished behind it */
    Inventory inventory; /* where there is one, which then has a file in the manifest */
} Dump;

static void dump_done(Dump *d)
{
    compression_plan_done(&d->compression);
    free(d->encoded);
    free(d->series_path);
    mem_closep(&d->series_fd);
    manifest_done(&d->manifest);
    pg_survey_done(&d->survey);
    pg_disconnect(d->session);
    inventory_done(&d->inventory);
}

/* Before the stream */

static int choose_compression(Dump *d, bool archive_known, Err *err)
{
    CompressionRequest request = d->ctx->compression;

    request.format = d->format;
    request.archive_known = archive_known;
    /* The globals are SQL text, for which pg_dumpall has no compression. */
    if (!d->database)
        request.wish.native = false;

    compression_plan_done(&d->compression);
    return compression_plan(&request, &d->compression, err);
}

static void describe_file(Dump *d)
{
    Manifest *m = &d->manifest;
    const char *extension = artifact_extension(d->format, d->compression.codec.codec);

    free(m->file);
    free(m->compression);
    free(m->compressed_by);
    m->file = mem_printf("%s%s", m->stem, extension);
    m->compression = mem_strdup(d->compression.text);
    m->compressed_by = mem_strdup(d->compression.by);
}

static int begin_dump(Dump *d, Err *err)
{
    const DumpContext *ctx = d->ctx;
    Manifest *m = &d->manifest;

    d->format = d->database ? ctx->format : BACKUP_FORMAT_PLAIN;
    d->encoded = d->database ? artifact_encode(d->database) : mem_strdup(ARTIFACT_GLOBALS);
    int r = choose_compression(d, archive_reader_knows_major(ctx->client->major), err);
    if (r < 0)
        return r;

    m->stem = artifact_stem(d->encoded, ctx->when);
    m->kind = mem_strdup(d->database ? "database" : "globals");
    m->database = mem_strdup(d->database);
    m->format = mem_strdup(backup_format_to_string(d->format));
    m->server_version = mem_strdup(ctx->server->version);
    m->client_version = mem_strdup(ctx->client->version);
    m->program_version = mem_strdup(ctx->program_version);
    m->system_identifier = mem_strdup(ctx->server->system_identifier);
    m->timeline = ctx->server->timeline;
    m->policy = mem_strdup(ctx->policy);
    describe_file(d);

    return catalog_open_series_dir(ctx->catalog->dir_fd, ctx->catalog->path, d->encoded,
                                   &d->series_fd, &d->series_path, err);
}

/* The stream */

/* What the inventory comes to stands in the manifest, which also vouches for its file. */
static void take_inventory(Dump *d, Inventory *inventory)
{
    Manifest *m = &d->manifest;

    m->inventory_file = artifact_inventory(m->stem);
    m->tables = inventory->table_count;
    m->rows = inventory_rows(inventory);
    m->contents_bytes = inventory_bytes(inventory) + inventory->large_object_bytes;
    m->sequences = inventory->sequence_count;
    m->large_objects = inventory->large_objects;
    m->definitions = inventory->definition_count;
    d->inventory = *inventory;
    *inventory = (Inventory){ 0 };
}

/* The contents against the catalogue of their snapshot. A dump without an inventory may be whole,
 * but nothing here can show it. */
static int judge_contents(void *userdata, Inventory *inventory, const Err *why_none, Err *err)
{
    Dump *d = userdata;
    _cleanup_coverage_ Coverage coverage = { 0 };

    /* Text that psql would not read to its end restores nothing, or worse, half. */
    if (!inventory && why_none->kind == ERR_DUMP_INCOMPLETE) {
        err_copy(err, why_none);
        err_hint(err,
                 "psql, which restores SQL text, would not do what is meant. Look on the server "
                 "for what that line comes from, and set BACKUP_FORMAT=custom, which pg_restore "
                 "reads.");
        return -EIO;
    }
    int r = d->session ? pg_survey_finish(d->session, &d->survey, err) : 0;
    if (r < 0)
        return r;
    r = coverage_judge(&d->survey, inventory, d->format == BACKUP_FORMAT_PLAIN, &coverage, err);
    pg_survey_done(&d->survey); /* megabytes, where there are many tables */
    if (r < 0)
        return r;

    for (size_t i = 0; i < coverage.count; i++)
        manifest_add_omission(&d->manifest, coverage.items[i].what, coverage.items[i].why,
                              coverage.items[i].warning);
    if (inventory)
        take_inventory(d, inventory);
    else
        manifest_add_omission(&d->manifest, MANIFEST_INVENTORY_OMITTED, why_none->message,
                              /* warning= */ true);
    return 0;
}

static const char *closing_line(const Dump *d)
{
    if (d->format != BACKUP_FORMAT_PLAIN)
        return NULL;
    return d->database ? CLOSING_DATABASE : CLOSING_GLOBALS;
}

static int run_stream(Dump *d, PgCommand *command, Err *err)
{
    const DumpContext *ctx = d->ctx;
    const DumpStream stream = {
        .client = ctx->client,
        .compression = &d->compression,
        .closing = closing_line(d),
        .contents = d->database != NULL,
        .threads = (unsigned)ctx->jobs,
        .decode_check = ctx->decode_check,
        .stall_timeout = ctx->stall_timeout,
        .series_fd = d->series_fd,
        .series_path = d->series_path,
        .judge = judge_contents,
        .userdata = d,
    };
    return dump_stream(&stream, command, &d->manifest, err);
}

static int run_directory(Dump *d, PgCommand *command, Err *err)
{
    const DumpContext *ctx = d->ctx;
    const DumpDirectory directory = {
        .client = ctx->client,
        .threads = (unsigned)ctx->jobs,
        .stall_timeout = ctx->stall_timeout,
        .series_fd = d->series_fd,
        .series_path = d->series_path,
        .judge = judge_contents,
        .userdata = d,
    };
    return dump_directory(&directory, command, &d->manifest, err);
}

static int dump_contents(Dump *d, const PgSnapshot *snapshot, Err *err)
{
    const bool directory = d->format == BACKUP_FORMAT_DIRECTORY;
    _cleanup_free_ char *path =
        directory ? dump_directory_path(d->series_path, d->manifest.file) : NULL;
    const DumpContext *ctx = d->ctx;
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;
    const PgDumpOptions options = {
        .database = d->database,
        .snapshot = snapshot->id,
        .encoding = snapshot->traits.encoding,
        .format = backup_format_to_string(d->format),
        .compress = d->compression.client_option,
        .directory = path,
        .jobs = directory ? ctx->jobs : 1,
        .lock_wait_timeout_seconds = ctx->lock_wait_timeout_seconds,
    };

    int r = pg_command_dump(ctx->client, ctx->target, &options, &command, err);
    if (r < 0)
        return r;
    return directory ? run_directory(d, &command, err) : run_stream(d, &command, err);
}

/* The version of the archives is known from the client's; should its first bytes say otherwise,
 * before a row has come, pg_dump is asked to do all of it. */
static int dump_as_planned(Dump *d, const PgSnapshot *snapshot, Err *err)
{
    _cleanup_err_ Err surprise = { 0 };

    int r = dump_contents(d, snapshot, &surprise);
    if (r >= 0 || !d->compression.rewrite || surprise.kind != ERR_ARCHIVE_VERSION) {
        err_move(err, &surprise);
        return r;
    }

    r = choose_compression(d, /* archive_known= */ false, err);
    if (r < 0)
        return r;
    describe_file(d);
    return dump_contents(d, snapshot, err);
}

/* Behind the stream */

static int commit_dump(Dump *d, Manifest *ret, Err *warning, Err *err)
{
    const CatalogCommit commit = {
        .series_fd = d->series_fd,
        .series_path = d->series_path,
        .encoded = d->encoded,
        .manifest = &d->manifest,
        .inventory = d->manifest.inventory_file ? &d->inventory : NULL,
    };

    int r = catalog_commit(&commit, warning, err);
    if (r < 0)
        return r;

    *ret = d->manifest;
    d->manifest = (Manifest){ 0 };
    return 0;
}

static bool is_named_by_omission(const Manifest *m, const char *line)
{
    for (size_t i = 0; i < m->omissions_count; i++)
        if (coverage_names(m->omissions[i].what, line))
            return true;
    return false;
}

/* What is missing is one warning, not two: an omission tells it by name. */
static void drop_named_warnings(Manifest *m)
{
    Strv kept = { 0 };

    for (size_t i = 0; i < m->warnings.count; i++)
        if (!is_named_by_omission(m, m->warnings.items[i]))
            strv_add(&kept, m->warnings.items[i]);
    strv_done(&m->warnings);
    m->warnings = kept;
}

/* pg_dump writes the properties of the database itself only with --create, which ties SQL text to
 * the name; a custom archive holds them all the same. */
static int take_properties(Dump *d, Err *err)
{
    Manifest *m = &d->manifest;

    int r = pg_database_properties(d->session, &m->database_properties, err);
    if (r < 0 || !m->database_properties || d->format != BACKUP_FORMAT_PLAIN)
        return r;

    _cleanup_free_ char *what =
        mem_printf("database settings and privileges: %s", m->database_properties);
    manifest_add_omission(
        m, what, "SQL text that restores under any name cannot hold them; custom format does",
        /* warning= */ true);
    return 0;
}

static void take_snapshot_facts(Manifest *m, PgSnapshot *snapshot)
{
    m->lsn = TAKE_PTR(snapshot->lsn);
    m->encoding = TAKE_PTR(snapshot->traits.encoding);
    m->collate = TAKE_PTR(snapshot->traits.collate);
    m->ctype = TAKE_PTR(snapshot->traits.ctype);
    m->locale_provider = TAKE_PTR(snapshot->traits.locale_provider);
    m->locale = TAKE_PTR(snapshot->traits.locale);
    m->icu_rules = TAKE_PTR(snapshot->traits.icu_rules);
    m->collation_version = TAKE_PTR(snapshot->collation_version);
    m->bytea_output = TAKE_PTR(snapshot->bytea_output);
    m->lc_monetary = TAKE_PTR(snapshot->lc_monetary);
    m->quote_all_identifiers = TAKE_PTR(snapshot->quote_all_identifiers);
    m->timezone = TAKE_PTR(snapshot->timezone);
    m->date_style = TAKE_PTR(snapshot->date_style);
    m->interval_style = TAKE_PTR(snapshot->interval_style);
    m->max_locks = snapshot->max_locks;
    m->preload_libraries = TAKE_PTR(snapshot->preload_libraries);
}

int dump_database(const DumpContext *ctx, const char *database, Manifest *ret, Err *warning,
                  Err *err)
{
    _cleanup_(dump_done) Dump d = { .ctx = ctx, .database = database, .series_fd = -1 };
    _cleanup_(pg_snapshot_done) PgSnapshot snapshot = { 0 };

    int r = begin_dump(&d, err);
    if (r < 0)
        return r;
    r = pg_connect(ctx->target, database, &d.session, err);
    if (r < 0)
        return r;
    r = pg_snapshot_export(d.session, &snapshot, err);
    if (r < 0)
        return r;
    r = take_properties(&d, err);
    if (r < 0)
        return r;
    r = pg_survey_begin(d.session, &d.survey, err);
    if (r < 0)
        return r;
    r = dump_as_planned(&d, &snapshot, err);
    if (r < 0)
        return r;

    drop_named_warnings(&d.manifest);
    take_snapshot_facts(&d.manifest, &snapshot);
    fall_judge(catalog_series(ctx->catalog, database), ctx->max_fall_percent, &d.manifest);
    return commit_dump(&d, ret, warning, err);
}

int dump_globals(const DumpContext *ctx, Manifest *ret, Err *warning, Err *err)
{
    const bool passwords = ctx->server->read_passwords;
    _cleanup_(dump_done) Dump d = { .ctx = ctx, .series_fd = -1 };
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;

    int r = begin_dump(&d, err);
    if (r < 0)
        return r;
    r = pg_command_dump_globals(ctx->client, ctx->target, passwords, &command, err);
    if (r < 0)
        return r;
    r = run_stream(&d, &command, err);
    if (r < 0)
        return r;

    if (!passwords)
        manifest_add_omission(&d.manifest, "role passwords",
                              "permission denied: the role may not read pg_authid",
                              /* warning= */ true);
    return commit_dump(&d, ret, warning, err);
}
