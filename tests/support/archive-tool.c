/* The archive engine by hand: what is on stdin goes through one part of it, as fast as it can.
 *
 *     transcode   a custom archive, uncompressed; compressed to stdout    stream/stage-archive.h
 *     observe     an archive, passed on to stdout as it is                stream/stage-observe.h
 *     observe-sql an SQL dump, likewise, compressed by --codec            stream/stage-observe.h
 *     scan        an uncompressed archive, parsed and digested by one thread
 *     parse       an archive, parsed, and that is all
 *
 * --inventory=FILE gets the inventory. scan and parse say on stderr how many bytes there were and
 * how many seconds of CPU they themselves took, without the reading. */

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "archive/inventory-taker.h"
#include "stream/pump.h"
#include "stream/sink-fd.h"
#include "stream/stage-archive.h"
#include "stream/stage-observe.h"
#include "sys/fs.h"
#include "sys/mem.h"

typedef struct Options {
    CodecSpec codec;
    unsigned threads;
    size_t piece_size;
    bool check;
    const char *inventory;
} Options;

/* Parser and digests in the thread that reads: a sink. */

typedef struct Scanner {
    Stage stage;
    ArchiveReader *reader;
    InventoryTaker *taker;
    uint64_t bytes;
    double seconds;
} Scanner;

static int scan_entry(void *userdata, const ArchiveEntry *entry, const void *raw, size_t raw_size,
                      Err *err)
{
    (void)raw;
    (void)raw_size;
    return inventory_taker_entry(userdata, entry, err);
}

static int scan_block_begin(void *userdata, const ArchiveBlock *block, Err *err)
{
    (void)err;
    inventory_taker_block_begin(userdata, block);
    return 0;
}

static int scan_object_begin(void *userdata, uint32_t oid, Err *err)
{
    (void)err;
    inventory_taker_object_begin(userdata, oid);
    return 0;
}

static int scan_data(void *userdata, const void *data, size_t size, bool ends_chunk, Err *err)
{
    (void)ends_chunk;
    return inventory_taker_data(userdata, data, size, err);
}

static int scan_object_end(void *userdata, Err *err)
{
    (void)err;
    inventory_taker_object_end(userdata);
    return 0;
}

static int scan_block_end(void *userdata, Err *err)
{
    return inventory_taker_block_end(userdata, err);
}

static const ArchiveReaderOps scan_ops = {
    .entry = scan_entry,
    .block_begin = scan_block_begin,
    .object_begin = scan_object_begin,
    .data = scan_data,
    .object_end = scan_object_end,
    .block_end = scan_block_end,
};
static const ArchiveReaderOps parse_ops = { 0 };

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int scanner_write(Stage *s, const void *data, size_t size, Err *err)
{
    Scanner *scanner = (Scanner *)s;
    double before = cpu_seconds();

    int r = archive_reader_write(scanner->reader, data, size, err);
    scanner->seconds += cpu_seconds() - before;
    scanner->bytes += size;
    return r;
}

static int scanner_finish(Stage *s, Err *err)
{
    Scanner *scanner = (Scanner *)s;

    fprintf(stderr, "bytes=%ju seconds=%.6f\n", (uintmax_t)scanner->bytes, scanner->seconds);
    return archive_reader_finish(scanner->reader, err);
}

static void scanner_free(Stage *s)
{
    Scanner *scanner = (Scanner *)s;

    archive_reader_free(scanner->reader);
    inventory_taker_free(scanner->taker);
    free(scanner);
}

static const StageOps scanner_ops = {
    .name = "scanner",
    .write = scanner_write,
    .finish = scanner_finish,
    .free = scanner_free,
};

static Stage *scanner_new(const ArchiveReaderOps *ops)
{
    Scanner *s = mem_zero(1, sizeof(*s));

    s->stage.ops = &scanner_ops;
    s->taker = inventory_taker_new();
    s->reader = archive_reader_new(ops, s->taker);
    return &s->stage;
}

/* The commands */

static Stage *make_transcode(const Options *o)
{
    return stage_archive_new(&(StageArchiveSpec){
        .compression = o->codec,
        .threads = o->threads,
        .check = o->check,
        .piece_size = o->piece_size,
    });
}

static Stage *make_observe(const Options *o)
{
    (void)o;
    return stage_observe_archive_new();
}

static Stage *make_observe_sql(const Options *o)
{
    return stage_observe_sql_new(o->codec.codec);
}

static Stage *make_scan(const Options *o)
{
    (void)o;
    return scanner_new(&scan_ops);
}

static Stage *make_parse(const Options *o)
{
    (void)o;
    return scanner_new(&parse_ops);
}

static int take_archive(Stage *s, Inventory *ret, Err *err)
{
    (void)err;
    stage_archive_take_inventory(s, ret);
    return 0;
}

static int take_scanned(Stage *s, Inventory *ret, Err *err)
{
    (void)err;
    inventory_taker_take(((Scanner *)s)->taker, ret);
    return 0;
}

static const struct Command {
    const char *name;
    bool is_sink;
    Stage *(*make)(const Options *o);
    int (*take)(Stage *s, Inventory *ret, Err *err);
} commands[] = {
    { "transcode", false, make_transcode, take_archive },
    { "observe", false, make_observe, stage_observe_take_inventory },
    { "observe-sql", false, make_observe_sql, stage_observe_take_inventory },
    { "scan", true, make_scan, take_scanned },
    { "parse", true, make_parse, take_scanned },
};

static int write_inventory(const char *path, const Inventory *i, Err *err)
{
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    _cleanup_buf_ Buf text = { 0 };

    inventory_print(i, &text);
    int r = fs_write_all(fd, text.data, text.size);
    return r < 0 ? err_set_errno(err, r, "could not write \"%s\"", path) : 0;
}

static int run(const struct Command *c, const Options *o, Err *err)
{
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    _cleanup_inventory_ Inventory inventory = { 0 };
    Stage *stage = pipeline_add(p, c->make(o));

    if (!c->is_sink)
        pipeline_add(p, sink_fd_new(STDOUT_FILENO, "stdout"));
    int r = pump_file(STDIN_FILENO, "stdin", p, err);
    if (r < 0 || !o->inventory)
        return r;
    r = c->take(stage, &inventory, err);
    return r < 0 ? r : write_inventory(o->inventory, &inventory, err);
}

static int usage(void)
{
    fputs("usage: archive-tool transcode|observe|observe-sql|scan|parse [--codec=NAME[:LEVEL]]\n"
          "           [--threads=N] [--piece-size=BYTES] [--no-check] [--inventory=FILE]\n",
          stderr);
    return EXIT_CODE_USAGE;
}

/* "zstd:3"; without a level, 1. */
static int parse_codec(const char *text, CodecSpec *ret)
{
    size_t size = strcspn(text, ":");

    for (Codec codec = CODEC_NONE; codec < _CODEC_MAX; codec++) {
        const char *name = codec_to_string(codec);
        if (strlen(name) != size || strncmp(name, text, size) != 0)
            continue;
        *ret = (CodecSpec){ .codec = codec, .level = text[size] ? atoi(text + size + 1) : 1 };
        return 0;
    }
    return -1;
}

static int parse_options(int argc, char **argv, Options *ret)
{
    static const struct option options[] = {
        { "codec", required_argument, NULL, 'c' },      { "threads", required_argument, NULL, 't' },
        { "piece-size", required_argument, NULL, 'p' }, { "no-check", no_argument, NULL, 'n' },
        { "inventory", required_argument, NULL, 'i' },  { 0 },
    };
    int c;

    *ret = (Options){ .threads = 2, .check = true };
    while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        if (c == 'c' && parse_codec(optarg, &ret->codec) == 0)
            continue;
        else if (c == 't')
            ret->threads = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'p')
            ret->piece_size = strtoul(optarg, NULL, 10);
        else if (c == 'n')
            ret->check = false;
        else if (c == 'i')
            ret->inventory = optarg;
        else
            return -1;
    }
    return optind + 1 == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
    _cleanup_err_ Err err = { 0 };
    Options o;

    if (parse_options(argc, argv, &o) < 0)
        return usage();
    for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
        if (strcmp(argv[optind], commands[i].name) != 0)
            continue;
        if (run(&commands[i], &o, &err) == 0)
            return EXIT_CODE_DONE;
        fprintf(stderr, "archive-tool: %s: %s\n", err_kind_info(err.kind)->name, err.message);
        return EXIT_CODE_FAILED;
    }
    return usage();
}
