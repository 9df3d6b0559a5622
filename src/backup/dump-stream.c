#include "backup/dump-stream.h"

#include <string.h>

#include "archive/archive.h"
#include "stream/pump.h"
#include "stream/sink-child.h"
#include "stream/sink-file.h"
#include "stream/stage-archive.h"
#include "stream/stage-check.h"
#include "stream/stage-compress.h"
#include "stream/stage-observe.h"
#include "stream/stage-tap.h"
#include "stream/stage.h"
#include "sys/child.h"
#include "sys/mem.h"

/* A stream under way; the stages are the pipeline's. */
typedef struct Flow {
    const DumpStream *d;
    Stage *raw, *stored; /* taps */
    Stage *rewritten;    /* NULL where the archive is not */
    Stage *observed;     /* NULL where nothing is */
} Flow;

/* What the client wrote, looked at once its exit status was 0 */

static int check_archive(Flow *f, Err *err)
{
    size_t size;
    const char *head = stage_tap_head(f->raw, &size);

    if (size < ARCHIVE_MAGIC_SIZE || memcmp(head, ARCHIVE_MAGIC, ARCHIVE_MAGIC_SIZE) != 0)
        return err_set(err, ERR_DUMP_INCOMPLETE, "what pg_dump wrote is not a custom archive");
    return 0;
}

static int check_text(Flow *f, Err *err)
{
    size_t size;
    const char *tail = stage_tap_tail(f->raw, &size);

    if (!strstr(tail, f->d->closing))
        return err_set(err, ERR_DUMP_INCOMPLETE, "the dump does not end with \"%s\"",
                       f->d->closing);
    return 0;
}

static int check_raw(void *userdata, Err *err)
{
    Flow *f = userdata;

    if (stage_tap_bytes(f->raw) == 0)
        return err_set(err, ERR_DUMP_INCOMPLETE, "the client program succeeded but wrote nothing");
    return f->d->closing ? check_text(f, err) : check_archive(f, err);
}

/* What is in it, known once the stages before this one have been finished */

static int check_contents(void *userdata, Err *err)
{
    Flow *f = userdata;
    _cleanup_inventory_ Inventory inventory = { 0 };
    _cleanup_err_ Err why_none = { 0 };
    int r = 0;

    if (f->rewritten)
        stage_archive_take_inventory(f->rewritten, &inventory);
    else
        r = stage_observe_take_inventory(f->observed, &inventory, &why_none);
    return f->d->judge(f->d->userdata, r < 0 ? NULL : &inventory, &why_none, err);
}

/* The stages */

static void add_rewriting(Pipeline *p, Flow *f)
{
    f->raw = pipeline_add(p, stage_tap_new_counting());
    pipeline_add(p, stage_check_new(check_raw, f));
    f->rewritten = pipeline_add(p, stage_archive_new(&(StageArchiveSpec){
                                       .compression = f->d->compression->codec,
                                       .threads = f->d->threads,
                                       .check = f->d->decode_check,
                                   }));
    pipeline_add(p, stage_check_new(check_contents, f));
    f->stored = pipeline_add(p, stage_tap_new());
}

static void add_witnessed_archive(Pipeline *p, Flow *f, Child *witness)
{
    f->raw = f->stored = pipeline_add(p, stage_tap_new());
    pipeline_add(p, stage_check_new(check_raw, f));
    f->observed = pipeline_add(p, stage_observe_archive_new());
    pipeline_add(p, stage_check_new(check_contents, f));
    pipeline_add(p, sink_child_new(witness));
}

static void add_text(Pipeline *p, Flow *f)
{
    const CodecSpec codec = f->d->compression->codec;

    f->raw = f->stored = pipeline_add(p, stage_tap_new());
    pipeline_add(p, stage_check_new(check_raw, f));
    if (f->d->contents) {
        f->observed = pipeline_add(p, stage_observe_sql_new(CODEC_NONE));
        pipeline_add(p, stage_check_new(check_contents, f));
    }
    if (codec.codec == CODEC_NONE)
        return;
    pipeline_add(p, stage_compress_new(&(StageCompressSpec){
                        .compression = codec,
                        .threads = f->d->threads,
                        .check = f->d->decode_check,
                    }));
    f->stored = pipeline_add(p, stage_tap_new());
}

static Pipeline *build_pipeline(Flow *f, Child *witness, const char *file)
{
    Pipeline *p = pipeline_new();

    if (f->d->closing)
        add_text(p, f);
    else if (f->d->compression->rewrite)
        add_rewriting(p, f);
    else
        add_witnessed_archive(p, f, witness);
    pipeline_add(p, sink_file_new(&(SinkFileSpec){
                        .dir_fd = f->d->series_fd,
                        .dir_path = f->d->series_path,
                        .name = file,
                    }));
    return p;
}

/* An archive that is stored as it came is decoded by pg_restore while it is written. */
static int spawn_witness(const DumpStream *d, Child *ret, Err *err)
{
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;

    if (d->closing || d->compression->rewrite)
        return 0;
    pg_command_decode_archive(d->client, &command);
    return pg_command_spawn(&command, CHILD_STDIN, d->stall_timeout, ret, err);
}

/* Afterwards */

/* A client program's failure gets the kind that its words tell of; what cannot be read of a dump
 * that is just being made is no damage in the store. */
static void classify(const Child *dumper, const Child *witness, Err *err)
{
    bool by_witness = witness->name && witness->pid == 0;

    if (err->kind == ERR_DAMAGED || (err->kind == ERR_CHILD && by_witness)) {
        err->kind = ERR_DUMP_INCOMPLETE;
        err_prefix(err, "the dump cannot be read");
    }
    pg_client_classify(dumper, err);
}

static void take_facts(const Flow *f, const Child *dumper, usec_t begin, Manifest *m)
{
    m->finished = clock_now();
    m->duration_msec = (clock_monotonic() - begin) / USEC_PER_MSEC;
    m->raw_bytes = stage_tap_bytes(f->raw);
    m->raw_sha256 = mem_strdup(stage_tap_sha256(f->raw));
    m->stored_bytes = stage_tap_bytes(f->stored);
    m->stored_sha256 = mem_strdup(stage_tap_sha256(f->stored));
    strv_copy(&m->warnings, &dumper->stderr_lines);
    m->warnings_dropped = dumper->stderr_dropped;
}

/* Where nobody understood its header, an archive's version is still in its first bytes. */
static char *archive_version(const Flow *f)
{
    const char *known = f->rewritten ? stage_archive_version(f->rewritten)
                                     : stage_observe_archive_version(f->observed);
    if (known)
        return mem_strdup(known);

    size_t size;
    const char *head = stage_tap_head(f->raw, &size);
    size_t at = ARCHIVE_MAGIC_SIZE;
    return size > at + 1 ? mem_printf("%d.%d", head[at], head[at + 1]) : NULL;
}

int dump_stream(const DumpStream *d, PgCommand *command, Manifest *m, Err *err)
{
    Flow flow = { .d = d };
    _cleanup_child_ Child dumper = CHILD_INIT, witness = CHILD_INIT;
    usec_t begin = clock_monotonic();

    m->started = clock_now();
    int r = spawn_witness(d, &witness, err);
    if (r < 0)
        return r;
    _cleanup_pipeline_ Pipeline *pipeline = build_pipeline(&flow, &witness, m->file);
    r = pg_command_spawn(command, CHILD_STDOUT, d->stall_timeout, &dumper, err);
    if (r < 0)
        return r;

    r = pump_child(&dumper, pipeline, err);
    if (r < 0) {
        classify(&dumper, &witness, err);
        return r;
    }
    take_facts(&flow, &dumper, begin, m);
    if (!d->closing)
        m->archive_version = archive_version(&flow);
    return 0;
}
