#include "sample-backup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "backup/artifact.h"
#include "stream/sink-file.h"
#include "stream/stage-compress.h"
#include "stream/stage-observe.h"
#include "stream/stage-tap.h"
#include "sys/mem.h"

static void fill_manifest(Manifest *m, const char *encoded, const char *database, usec_t when)
{
    m->stem = artifact_stem(encoded, when);
    m->kind = mem_strdup(database ? "database" : "globals");
    m->database = mem_strdup(database);
    m->format = mem_strdup("plain");
    m->compression = mem_strdup("gzip:1");
    m->file = mem_printf("%s%s", m->stem, artifact_extension(BACKUP_FORMAT_PLAIN, CODEC_GZIP));
    m->started = when;
    m->finished = when;
    m->server_version = mem_strdup("15.18");
    m->client_version = mem_strdup("15.18");
    m->program_version = mem_strdup("test");
    m->policy = mem_strdup("");
}

/* Stores the text as a run does; what is in it goes to `contents`. */
static void store(int fd, const char *path, const char *text, Manifest *m, Inventory *contents)
{
    const StageCompressSpec gzip = { .compression = { CODEC_GZIP, 1 }, .threads = 1 };
    const SinkFileSpec file = { .dir_fd = fd, .dir_path = path, .name = m->file };
    Pipeline *p = pipeline_new();
    Stage *raw = pipeline_add(p, stage_tap_new());
    Stage *observed = pipeline_add(p, stage_observe_sql_new(CODEC_NONE));
    pipeline_add(p, stage_compress_new(&gzip));
    Stage *stored = pipeline_add(p, stage_tap_new());
    pipeline_add(p, sink_file_new(&file));

    ck_assert_int_eq(pipeline_write(p, text, strlen(text), NULL), 0);
    ck_assert_int_eq(pipeline_finish(p, NULL), 0);
    m->raw_bytes = stage_tap_bytes(raw);
    m->raw_sha256 = mem_strdup(stage_tap_sha256(raw));
    m->stored_bytes = stage_tap_bytes(stored);
    m->stored_sha256 = mem_strdup(stage_tap_sha256(stored));
    ck_assert_int_eq(stage_observe_take_inventory(observed, contents, NULL), 0);
    pipeline_free(p);
}

/* The globals have none. */
static void describe_inventory(const Inventory *contents, Manifest *m)
{
    m->inventory_file = artifact_inventory(m->stem);
    m->definitions = contents->definition_count;
}

char *sample_backup(const char *backup_dir, const char *database, usec_t when, const char *text)
{
    _cleanup_free_ char *encoded =
        database ? artifact_encode(database) : mem_strdup(ARTIFACT_GLOBALS);
    _cleanup_close_ int dir_fd = open(backup_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
    _cleanup_free_ char *path = NULL;
    _cleanup_manifest_ Manifest m = { 0 };
    _cleanup_inventory_ Inventory contents = { 0 };
    _cleanup_err_ Err warning = { 0 };

    fill_manifest(&m, encoded, database, when);
    ck_assert_int_eq(catalog_open_series_dir(dir_fd, backup_dir, encoded, &fd, &path, NULL), 0);

    store(fd, path, text, &m, &contents);
    if (database)
        describe_inventory(&contents, &m);
    const CatalogCommit commit = {
        .series_fd = fd,
        .series_path = path,
        .encoded = encoded,
        .manifest = &m,
        .inventory = database ? &contents : NULL,
    };
    ck_assert_int_eq(catalog_commit(&commit, &warning, NULL), 0);
    ck_assert(!err_is_set(&warning));
    return TAKE_PTR(m.stem);
}
