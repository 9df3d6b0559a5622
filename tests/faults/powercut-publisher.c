/* Publishes backups as fast as it can, a file and a directory in turn, through the very functions
 * that a run publishes with, and tells of each step on stdout once it is done (of a removal also
 * before): what stood there when the power was cut must still be true afterwards.
 *
 *     powercut-publisher BACKUP_DIR SEED
 *
 *     swept             the leftovers of the previous cut are gone
 *     committed STEM    catalog_commit() has returned, the latest link included
 *     removing STEM     the oldest goes, since more than KEEP_COUNT are there
 *     removed STEM
 *
 * A backup's data proves itself: the line "STEM NUMBER" for 0, 1, 2 …, then "STEM end COUNT"; in a
 * directory that is a table, behind whose end stands that of its rows. What pg_dump would write
 * there is written, without an fsync, by this program as its own child:
 *
 *     powercut-publisher DIRECTORY STEM COUNT
 *
 * It runs until something fails, which is what a cut makes happen, and then exits with 1. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/inventory.h"
#include "backup/artifact.h"
#include "backup/catalog.h"
#include "backup/dump-directory.h"
#include "sample-archive.h"
#include "stream/sink-file.h"
#include "stream/stage-tap.h"
#include "sys/buf.h"
#include "sys/fs.h"
#include "sys/mem.h"

#define SERIES "app"
#define KEEP_COUNT 6
#define LINES_AT_ONCE 500
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

/* Data */

static void add_lines(Buf *text, const char *stem, long from, long to)
{
    for (long i = from; i < to; i++)
        buf_addf(text, "%s %ld\n", stem, i);
}

static int write_data(Pipeline *p, const char *stem, long lines, Err *err)
{
    for (long i = 0; i < lines; i += LINES_AT_ONCE) {
        _cleanup_buf_ Buf text = { 0 };
        add_lines(&text, stem, i, i + LINES_AT_ONCE < lines ? i + LINES_AT_ONCE : lines);
        int r = pipeline_write(p, text.data, text.size, err);
        if (r < 0)
            return r;
    }

    _cleanup_buf_ Buf end = { 0 };
    buf_addf(&end, "%s end %ld\n", stem, lines);
    return pipeline_write(p, end.data, end.size, err);
}

/* As a run dumps: tap(raw), tap(stored), sink. */
static int write_file(int dir_fd, const char *dir_path, Manifest *m, Err *err)
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

/* Whatever is in it. */
static int approve(void *userdata, Inventory *inventory, const Err *why_none, Err *err)
{
    (void)userdata;
    if (inventory)
        return 0;
    err_copy(err, why_none);
    return -EIO;
}

static int write_directory(int dir_fd, const char *dir_path, Manifest *m, Err *err)
{
    _cleanup_free_ char *path = dump_directory_path(dir_path, m->file);
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;
    const DumpDirectory d = {
        .threads = 2,
        .series_fd = dir_fd,
        .series_path = dir_path,
        .judge = approve,
    };

    command.path = mem_strdup("/proc/self/exe");
    strv_add(&command.argv, command.path);
    strv_add(&command.argv, path);
    strv_add(&command.argv, m->stem);
    strv_addf(&command.argv, "%ld", random() % LINES_MAX);
    strv_addf(&command.env, "LC_ALL=C");
    return dump_directory(&d, &command, m, err);
}

/* The child */

static int write_plainly(int dir_fd, const char *name, const void *data, size_t size)
{
    _cleanup_close_ int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return fd < 0 ? -errno : fs_write_all(fd, data, size);
}

static int write_text(int dir_fd, const char *name, const char *text)
{
    return write_plainly(dir_fd, name, text, strlen(text));
}

/* The database of sample-archive.h, with other rows. */
static int dump(const char *path, const char *stem, long lines)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _cleanup_buf_ Buf toc = { 0 }, rows = { 0 };

    sample_archive_toc(&toc, 14);
    add_lines(&rows, stem, 0, lines);
    buf_addf(&rows, "%s end %ld\n\\.\n\n\n", stem, lines);

    int r = fd < 0 ? -errno : write_plainly(fd, "3381.dat", rows.data, rows.size);
    if (r >= 0)
        r = write_text(fd, "3382.dat", "");
    if (r >= 0)
        r = write_text(fd, "blob_16431.dat", "hello");
    if (r >= 0)
        r = write_text(fd, "blob_2147483648.dat", "");
    if (r >= 0)
        r = write_text(fd, "blob_4294967295.dat", "world");
    if (r >= 0)
        r = write_text(fd, "blobs.toc",
                       "16431 blob_16431.dat\n2147483648 blob_2147483648.dat\n"
                       "4294967295 blob_4294967295.dat\n");
    return r < 0 ? r : write_plainly(fd, "toc.dat", toc.data, toc.size);
}

/* Backups */

static void describe(Manifest *m, usec_t when, bool directory)
{
    const char *extension =
        artifact_extension(directory ? BACKUP_FORMAT_DIRECTORY : BACKUP_FORMAT_CUSTOM, CODEC_NONE);

    *m = (Manifest){
        .stem = artifact_stem(SERIES, when),
        .kind = mem_strdup("database"),
        .database = mem_strdup(SERIES),
        .format = mem_strdup(directory ? "directory" : "custom"),
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
    bool directory = when / USEC_PER_SEC % 2 == 0;
    describe(&m, when, directory);
    r = directory ? write_directory(dir_fd, dir_path, &m, err)
                  : write_file(dir_fd, dir_path, &m, err);
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
    if (argc == 4)
        return dump(argv[1], argv[2], atol(argv[3])) < 0 ? EXIT_CODE_FAILED : EXIT_CODE_DONE;
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
