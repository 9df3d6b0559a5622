/* Publishes backups as fast as it can, through the very functions that a run publishes with, and
 * tells of each step on stdout once it is done (of a removal also before): what stood there when
 * the power was cut must still be true afterwards.
 *
 *     powercut-publisher BACKUP_DIR SEED
 *
 *     swept             the leftovers of the previous cut are gone
 *     committed STEM    catalog_commit() has returned, the latest link included
 *     removing STEM     the oldest goes, since more than KEEP_COUNT are there
 *     removed STEM
 *
 * A backup's data proves itself: the line "STEM NUMBER" for 0, 1, 2 …, then "STEM end COUNT".
 * It runs until something fails, which is what a cut makes happen, and then exits with 1. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "archive/inventory.h"
#include "backup/artifact.h"
#include "backup/catalog.h"
#include "stream/sink-file.h"
#include "stream/stage-tap.h"
#include "sys/buf.h"
#include "sys/fs.h"
#include "sys/mem.h"

#define SERIES "app"
#define KEEP_COUNT 6
#define LINES_MAX 4000 /* about 120 KiB, so that a cut may fall between two writes */
#define FIRST_STAMP "20261122T020000Z"

/* A short line to a pipe goes out whole or not at all. */
static int say(const char *what, const char *stem, Err *err)
{
    _cleanup_buf_ Buf line = { 0 };
    buf_addf(&line, stem ? "%s %s\n" : "%s\n", what, stem);
    int r = fs_write_all(STDOUT_FILENO, line.data, line.size);
    return r < 0 ? err_set_errno(err, r, "could not write to stdout") : 0;
}

static int write_data(Pipeline *p, const char *stem, long lines, Err *err)
{
    _cleanup_buf_ Buf text = { 0 };
    for (long i = 0; i < lines; i++) {
        buf_addf(&text, "%s %ld\n", stem, i);
        if (text.size < 16384)
            continue;
        int r = pipeline_write(p, text.data, text.size, err);
        if (r < 0)
            return r;
        buf_done(&text);
    }

    buf_addf(&text, "%s end %ld\n", stem, lines);
    return pipeline_write(p, text.data, text.size, err);
}

/* As a run dumps: tap(raw), tap(stored), sink. */
static int write_backup(int dir_fd, const char *dir_path, Manifest *m, Err *err)
{
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    Stage *raw = pipeline_add(p, stage_tap_new());
    Stage *stored = pipeline_add(p, stage_tap_new());
    SinkFileSpec spec = { .dir_fd = dir_fd, .dir_path = dir_path, .name = m->file };
    pipeline_add(p, sink_file_new(&spec));

    int r = write_data(p, m->stem, random() % LINES_MAX, err);
    if (r < 0)
        return r;
    r = pipeline_finish(p, err);
    if (r < 0)
        return r;

    m->raw_bytes = stage_tap_bytes(raw);
    m->raw_sha256 = mem_strdup(stage_tap_sha256(raw));
    m->stored_bytes = stage_tap_bytes(stored);
    m->stored_sha256 = mem_strdup(stage_tap_sha256(stored));
    return 0;
}

static void describe(Manifest *m, usec_t when)
{
    const char *extension = artifact_extension(BACKUP_FORMAT_CUSTOM, CODEC_NONE);

    *m = (Manifest){
        .stem = artifact_stem(SERIES, when),
        .kind = mem_strdup("database"),
        .database = mem_strdup(SERIES),
        .format = mem_strdup("custom"),
        .compression = mem_strdup("none"),
        .started = when,
        .finished = when,
        .server_version = mem_strdup("15.18"),
        .client_version = mem_strdup("15.18"),
        .program_version = mem_strdup(PG_BACKUP_VERSION),
        .policy = mem_strdup("none"),
    };
    m->file = mem_printf("%s%s", m->stem, extension);
}

/* As a run commits: an inventory beside the data. */
static int commit(int dir_fd, const char *dir_path, Manifest *m, Err *err)
{
    _cleanup_err_ Err link_failed = { 0 };

    m->inventory_file = artifact_inventory(m->stem);
    const CatalogCommit spec = {
        .series_fd = dir_fd,
        .series_path = dir_path,
        .encoded = SERIES,
        .manifest = m,
        .inventory = &(Inventory){ 0 },
    };
    int r = catalog_commit(&spec, &link_failed, err);
    if (r < 0)
        return r;
    if (err_is_set(&link_failed)) {
        err_move(err, &link_failed);
        return -EIO;
    }
    return 0;
}

static int publish(const Catalog *c, usec_t when, Err *err)
{
    _cleanup_close_ int dir_fd = -1;
    _cleanup_free_ char *dir_path = NULL;
    int r = catalog_open_series_dir(c->dir_fd, c->path, SERIES, &dir_fd, &dir_path, err);
    if (r < 0)
        return r;

    _cleanup_manifest_ Manifest m = { 0 };
    describe(&m, when);
    r = write_backup(dir_fd, dir_path, &m, err);
    if (r < 0)
        return r;
    r = commit(dir_fd, dir_path, &m, err);
    if (r < 0)
        return r;
    return say("committed", m.stem, err);
}

static int remove_oldest(const Catalog *c, const Series *s, Err *err)
{
    const Backup *oldest = &s->backups[0];
    int r = say("removing", oldest->stem, err);
    if (r < 0)
        return r;
    _cleanup_err_ Err link_failed = { 0 };
    r = catalog_remove(c, s, oldest, &link_failed, err);
    if (r < 0)
        return r;
    if (err_is_set(&link_failed)) {
        err_move(err, &link_failed);
        return -EIO;
    }
    return say("removed", oldest->stem, err);
}

static int next_moment(const Series *s, usec_t *ret)
{
    if (!s || s->count == 0)
        return clock_parse_stamp(FIRST_STAMP, CLOCK_STAMP_SIZE - 1, ret);
    *ret = s->backups[s->count - 1].when + USEC_PER_SEC;
    return 0;
}

/* One backup less where there are too many, else one more. The catalog is read for each, since a
 * removal repairs the latest link from what it is given. */
static int step(const char *path, Err *err)
{
    _cleanup_catalog_ Catalog c = CATALOG_INIT;
    int r = catalog_load(path, &c, err);
    if (r < 0)
        return r;

    const Series *s = catalog_series(&c, SERIES);
    if (s && s->count > KEEP_COUNT)
        return remove_oldest(&c, s, err);

    usec_t when;
    r = next_moment(s, &when);
    if (r < 0)
        return err_set(err, ERR_INTERNAL, "could not parse \"%s\"", FIRST_STAMP);
    return publish(&c, when, err);
}

static int publish_until_cut(const char *path, Err *err)
{
    _cleanup_strv_ Strv swept = { 0 }, problems = { 0 };
    int r = catalog_sweep(path, &swept, &problems, err);
    if (r < 0)
        return r;
    if (problems.count > 0)
        return err_set(err, ERR_IO, "%s", problems.items[0]);
    r = say("swept", /* stem= */ NULL, err);

    while (r == 0)
        r = step(path, err);
    return r;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s BACKUP_DIR SEED\n", argv[0]);
        return EXIT_CODE_USAGE;
    }

    _cleanup_err_ Err err = { 0 };
    srandom((unsigned)strtoul(argv[2], NULL, 10));
    (void)publish_until_cut(argv[1], &err);
    fprintf(stderr, "%s\n", err.message);
    return EXIT_CODE_FAILED;
}
