#include "backup/dump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backup/artifact.h"
#include "backup/catalog.h"
#include "pg/message.h"
#include "stream/pump.h"
#include "stream/sink-child.h"
#include "stream/sink-file.h"
#include "stream/stage-check.h"
#include "stream/stage-gzip.h"
#include "stream/stage-tap.h"
#include "stream/stage.h"
#include "sys/child.h"
#include "sys/mem.h"

/* What zlib calls its default; written out, so that the manifest can name it. */
#define DEFAULT_GZIP_LEVEL 6

/* Custom archives begin with this and the version: major, minor, revision. */
#define ARCHIVE_MAGIC "PGDMP"

/* The last comment of pg_dump and of pg_dumpall; newer minor releases add a \unrestrict line. */
#define CLOSING_DATABASE "-- PostgreSQL database dump complete"
#define CLOSING_GLOBALS "-- PostgreSQL database cluster dump complete"

/* One dump under way. */
typedef struct Dump {
    const DumpContext *ctx;
    const char *database; /* NULL: the globals */
    const char *closing;  /* the line that ends plain text; NULL for an archive */
    bool gzip;            /* our own stage */
    char *encoded;
    char *extension;
    char *series_path;
    int series_fd;
    Stage *raw, *stored; /* taps; owned by the pipeline */
    Manifest manifest;
} Dump;

static void dump_done(Dump *d)
{
    free(d->encoded);
    free(d->extension);
    free(d->series_path);
    mem_closep(&d->series_fd);
    manifest_done(&d->manifest);
}

/* What pg_dump wrote, looked at once its exit status was 0 */

static int check_archive(Dump *d, Err *err)
{
    size_t size;
    const char *head = stage_tap_head(d->raw, &size);

    if (size < strlen(ARCHIVE_MAGIC) + 3 || memcmp(head, ARCHIVE_MAGIC, strlen(ARCHIVE_MAGIC)) != 0)
        return err_set(err, ERR_DUMP_INCOMPLETE, "what pg_dump wrote is not a custom archive");
    d->manifest.archive_version = mem_printf("%d.%d", head[5], head[6]);
    return 0;
}

static int check_text(Dump *d, Err *err)
{
    size_t size;
    const char *tail = stage_tap_tail(d->raw, &size);

    if (!strstr(tail, d->closing))
        return err_set(err, ERR_DUMP_INCOMPLETE, "the dump does not end with \"%s\"", d->closing);
    return 0;
}

static int check_raw(void *userdata, Err *err)
{
    Dump *d = userdata;

    if (stage_tap_bytes(d->raw) == 0)
        return err_set(err, ERR_DUMP_INCOMPLETE, "the client program succeeded but wrote nothing");
    return d->closing ? check_text(d, err) : check_archive(d, err);
}

/* The stream */

static Pipeline *build_pipeline(Dump *d, Child *witness)
{
    const DumpContext *ctx = d->ctx;
    Pipeline *p = pipeline_new();

    d->raw = d->stored = pipeline_add(p, stage_tap_new());
    pipeline_add(p, stage_check_new(check_raw, d));
    if (!d->closing)
        pipeline_add(p, sink_child_new(witness));
    if (d->gzip) {
        int level = ctx->compression_level > 0 ? ctx->compression_level : DEFAULT_GZIP_LEVEL;
        pipeline_add(p, stage_gzip_new(level));
        d->stored = pipeline_add(p, stage_tap_new());
    }
    pipeline_add(p, sink_file_new(&(SinkFileSpec){
                        .dir_fd = d->series_fd,
                        .dir_path = d->series_path,
                        .name = d->manifest.file,
                    }));
    return p;
}

/* An archive is decoded by pg_restore while it is written: what is published can be read. */
static int spawn_witness(Dump *d, Child *ret, Err *err)
{
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;

    if (d->closing)
        return 0;
    pg_command_decode_archive(d->ctx->client, &command);
    return pg_command_spawn(&command, CHILD_STDIN, d->ctx->stall_timeout, ret, err);
}

/* A client program's failure gets the kind that its words tell of. */
static void classify(const Child *dumper, const Child *witness, Err *err)
{
    bool by_witness = witness->name && witness->pid == 0;

    if (err->kind == ERR_CHILD && by_witness) {
        err->kind = ERR_DUMP_INCOMPLETE;
        err_prefix(err, "the archive cannot be read");
    }
    for (size_t i = 0; err->kind == ERR_CHILD && i < dumper->stderr_lines.count; i++) {
        const char *hint;
        err->kind = pg_classify_message(dumper->stderr_lines.items[i], &hint);
        if (hint)
            err_hint(err, "%s", hint);
    }
}

static void take_stream_facts(Dump *d, const Child *dumper, usec_t begin)
{
    Manifest *m = &d->manifest;

    m->finished = clock_now();
    m->duration_msec = (clock_monotonic() - begin) / USEC_PER_MSEC;
    m->raw_bytes = stage_tap_bytes(d->raw);
    m->raw_sha256 = mem_strdup(stage_tap_sha256(d->raw));
    m->stored_bytes = stage_tap_bytes(d->stored);
    m->stored_sha256 = mem_strdup(stage_tap_sha256(d->stored));
    strv_copy(&m->warnings, &dumper->stderr_lines);
    m->warnings_dropped = dumper->stderr_dropped;
}

/* The client's output to a published file, and what was learnt on the way to the manifest. */
static int stream_dump(Dump *d, PgCommand *command, Err *err)
{
    _cleanup_child_ Child dumper = CHILD_INIT, witness = CHILD_INIT;
    usec_t begin = clock_monotonic();

    d->manifest.started = clock_now();
    int r = spawn_witness(d, &witness, err);
    if (r < 0)
        return r;
    _cleanup_pipeline_ Pipeline *pipeline = build_pipeline(d, &witness);
    r = pg_command_spawn(command, CHILD_STDOUT, d->ctx->stall_timeout, &dumper, err);
    if (r < 0)
        return r;

    r = pump_child(&dumper, pipeline, err);
    if (r < 0)
        classify(&dumper, &witness, err);
    else
        take_stream_facts(d, &dumper, begin);
    return r;
}

/* Before and after it */

static char *describe_compression(const Dump *d)
{
    int level = d->ctx->compression_level;

    if (level == 0)
        return mem_strdup("none");
    if (level > 0)
        return mem_printf("gzip:%d", level);
    return d->gzip ? mem_printf("gzip:%d", DEFAULT_GZIP_LEVEL) : mem_strdup("gzip");
}

static int begin_dump(Dump *d, Err *err)
{
    const DumpContext *ctx = d->ctx;
    Manifest *m = &d->manifest;
    bool plain = d->closing != NULL;

    d->gzip = plain && ctx->compression_level != 0;
    d->encoded = d->database ? artifact_encode(d->database) : mem_strdup(ARTIFACT_GLOBALS);
    d->extension = mem_strdup(artifact_extension(plain, d->gzip));

    m->stem = artifact_stem(d->encoded, ctx->when);
    m->kind = mem_strdup(d->database ? "database" : "globals");
    m->database = mem_strdup(d->database);
    m->format = mem_strdup(plain ? "plain" : "custom");
    m->compression = describe_compression(d);
    m->file = mem_printf("%s%s", m->stem, d->extension);
    m->server_version = mem_strdup(ctx->server->version);
    m->client_version = mem_strdup(ctx->client->version);
    m->program_version = mem_strdup(ctx->program_version);
    m->system_identifier = mem_strdup(ctx->server->system_identifier);
    m->timeline = ctx->server->timeline;
    m->policy = mem_strdup(ctx->policy);

    return catalog_open_series_dir(ctx->dir_fd, ctx->dir_path, d->encoded, &d->series_fd,
                                   &d->series_path, err);
}

static int commit_dump(Dump *d, Manifest *ret, Err *warning, Err *err)
{
    int r = catalog_commit(d->series_fd, d->series_path, d->encoded, &d->manifest, warning, err);
    if (r < 0)
        return r;

    *ret = d->manifest;
    d->manifest = (Manifest){ 0 };
    return 0;
}

/* pg_dump writes the properties of the database itself only with --create, which ties SQL text to
 * the name; a custom archive holds them all the same. */
static int take_properties(Dump *d, PgSession *session, Err *err)
{
    Manifest *m = &d->manifest;

    int r = pg_database_properties(session, &m->database_properties, err);
    if (r < 0 || !m->database_properties || !d->ctx->plain)
        return r;

    _cleanup_free_ char *what =
        mem_printf("database settings and privileges: %s", m->database_properties);
    manifest_add_omission(
        m, what, "SQL text that restores under any name cannot hold them; custom format does");
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
}

int dump_database(const DumpContext *ctx, const char *database, Manifest *ret, Err *warning,
                  Err *err)
{
    _cleanup_(dump_done) Dump d = {
        .ctx = ctx,
        .database = database,
        .closing = ctx->plain ? CLOSING_DATABASE : NULL,
        .series_fd = -1,
    };
    _cleanup_pg_session_ PgSession *session = NULL;
    _cleanup_(pg_snapshot_done) PgSnapshot snapshot = { 0 };
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;

    int r = begin_dump(&d, err);
    if (r < 0)
        return r;
    r = pg_connect(ctx->target, database, &session, err);
    if (r < 0)
        return r;
    r = pg_snapshot_export(session, &snapshot, err);
    if (r < 0)
        return r;
    r = take_properties(&d, session, err);
    if (r < 0)
        return r;

    PgDumpOptions options = {
        .database = database,
        .snapshot = snapshot.id,
        .plain = ctx->plain,
        .compression_level = ctx->compression_level,
        .lock_wait_timeout_seconds = ctx->lock_wait_timeout_seconds,
    };
    r = pg_command_dump(ctx->client, ctx->target, &options, &command, err);
    if (r < 0)
        return r;
    r = stream_dump(&d, &command, err);
    if (r < 0)
        return r;

    take_snapshot_facts(&d.manifest, &snapshot);
    return commit_dump(&d, ret, warning, err);
}

int dump_globals(const DumpContext *ctx, Manifest *ret, Err *warning, Err *err)
{
    const bool passwords = ctx->server->read_passwords;
    _cleanup_(dump_done) Dump d = { .ctx = ctx, .closing = CLOSING_GLOBALS, .series_fd = -1 };
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;

    int r = begin_dump(&d, err);
    if (r < 0)
        return r;
    r = pg_command_dump_globals(ctx->client, ctx->target, passwords, &command, err);
    if (r < 0)
        return r;
    r = stream_dump(&d, &command, err);
    if (r < 0)
        return r;

    if (!passwords)
        manifest_add_omission(&d.manifest, "role passwords",
                              "permission denied: the role may not read pg_authid");
    return commit_dump(&d, ret, warning, err);
}
