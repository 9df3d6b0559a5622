#include "unit.h"

#include <stdint.h>
#include <string.h>

#include "archive/archive-reader.h"
#include "archive/archive-writer.h"
#include "sample-archive.h"
#include "stage-suite.h"
#include "stream/observer.h"
#include "stream/stage-archive.h"
#include "sys/mem.h"

#define VERSIONS (ARCHIVE_MINOR_MAX - ARCHIVE_MINOR_MIN + 1) /* loops: _i is one of them */
#define MINOR(i) ((unsigned)(ARCHIVE_MINOR_MIN + (i)))

static const CodecSpec compressions[] = {
    { CODEC_NONE, 0 }, { CODEC_GZIP, 1 }, { CODEC_GZIP, 6 }, { CODEC_LZ4, 0 }, { CODEC_ZSTD, 3 },
};
#define COMPRESSIONS ((int)ELEMENTSOF(compressions))

static const size_t chunks[] = { 1, 7, 4096, 1 << 20, 0 };
#define CHUNKS ((int)ELEMENTSOF(chunks))

/* Archives to feed */

static void add_rows(Buf *b, unsigned rows)
{
    for (unsigned i = 0; i < rows; i++) {
        _cleanup_free_ char *row =
            mem_printf("%u\tcustomer %u\t\\N\tcaf\xC3\xA9 %u\n", i, i * 7919, i % 977);
        archive_write_chunk_begin(b, strlen(row));
        buf_adds(b, row);
    }
    archive_write_chunk_begin(b, 5);
    buf_adds(b, "\\.\n\n\n");
    archive_write_end(b);
}

static void add_object(Buf *b, uint32_t oid, size_t size)
{
    archive_write_object_begin(b, oid);
    for (size_t i = 0, n; i < size; i += n) {
        char data[2048];
        n = size - i < sizeof(data) ? size - i : sizeof(data);
        memset(data, (int)(oid + i), n);
        archive_write_chunk_begin(b, n);
        buf_add(b, data, n);
    }
    archive_write_end(b);
}

/* Two tables, of many rows and of none, and large objects of several sizes. */
static Buf larger_archive(unsigned minor)
{
    const ArchiveHeader header = { .minor = minor, .database = "shop" };
    const ArchiveEntry entries[] = {
        { .dump_id = 1,
          .has_data = true,
          .section = 3,
          .tag = "t",
          .desc = "TABLE DATA",
          .copy = "COPY public.t (a, b, c, d) FROM stdin;\n",
          .schema = "public" },
        { .dump_id = 2,
          .has_data = true,
          .section = 3,
          .tag = "empty",
          .desc = "TABLE DATA",
          .copy = "COPY public.empty (a) FROM stdin;\n",
          .schema = "public" },
        { .dump_id = 3, .has_data = true, .section = 3, .tag = "BLOBS", .desc = "BLOBS" },
    };
    Buf b = { 0 };

    archive_write_header(&b, &header);
    archive_write_entry_count(&b, ELEMENTSOF(entries));
    for (size_t i = 0; i < ELEMENTSOF(entries); i++)
        archive_write_entry(&b, minor, &entries[i]);

    archive_write_block_begin(&b, ARCHIVE_BLOCK_DATA, 1);
    add_rows(&b, 2000);
    archive_write_block_begin(&b, ARCHIVE_BLOCK_DATA, 2);
    add_rows(&b, 0);
    archive_write_block_begin(&b, ARCHIVE_BLOCK_LARGE_OBJECTS, 3);
    add_object(&b, 16400, 0);
    add_object(&b, 16401, 1);
    add_object(&b, 4000000000, 100000);
    add_object(&b, 16402, 4096);
    archive_write_end(&b);
    return b;
}

/* What is in an archive, whatever its compression and chunks: a text to compare */

typedef struct Contents {
    Buf text;
    Decoder *decoder;
    ArchiveHeader header;
    ArchiveBlockKind kind;
    size_t chunks;
} Contents;

static int on_header(void *userdata, const ArchiveHeader *header, Err *err)
{
    Contents *c = userdata;
    static const Codec codecs[] = { CODEC_NONE, CODEC_GZIP, CODEC_LZ4, CODEC_ZSTD };
    (void)err;
    c->header = *header;
    c->decoder = decoder_new(codecs[header->compression], CODEC_BLOCK);
    buf_addf(&c->text, "%u %s %d\n", header->minor, header->database, header->created[5]);
    return 0;
}

static int on_entry(void *userdata, const ArchiveEntry *entry, const void *raw, size_t raw_size,
                    Err *err)
{
    Contents *c = userdata;
    (void)entry;
    (void)err;
    buf_add(&c->text, raw, raw_size);
    return 0;
}

static int on_block_begin(void *userdata, const ArchiveBlock *block, Err *err)
{
    Contents *c = userdata;
    (void)err;
    c->kind = block->kind;
    buf_addf(&c->text, "\nblock %d of %d\n", (int)block->kind, block->dump_id);
    decoder_begin(c->decoder);
    return 0;
}

static int on_object_begin(void *userdata, uint32_t oid, Err *err)
{
    Contents *c = userdata;
    (void)err;
    buf_addf(&c->text, "\nobject %u\n", oid);
    decoder_begin(c->decoder);
    return 0;
}

static int add_text(void *userdata, const void *data, size_t size, Err *err)
{
    (void)err;
    buf_add(userdata, data, size);
    return 0;
}

static int on_data(void *userdata, const void *data, size_t size, bool ends_chunk, Err *err)
{
    Contents *c = userdata;
    c->chunks += ends_chunk;
    return decoder_write(c->decoder, data, size, ends_chunk, add_text, &c->text, err);
}

static int on_object_end(void *userdata, Err *err)
{
    const Contents *c = userdata;
    return decoder_finish(c->decoder, err);
}

static int on_block_end(void *userdata, Err *err)
{
    const Contents *c = userdata;
    return c->kind == ARCHIVE_BLOCK_DATA ? decoder_finish(c->decoder, err) : 0;
}

static const ArchiveReaderOps contents_ops = {
    .header = on_header,
    .entry = on_entry,
    .block_begin = on_block_begin,
    .object_begin = on_object_begin,
    .data = on_data,
    .object_end = on_object_end,
    .block_end = on_block_end,
};

static Contents read_contents(const Buf *archive)
{
    _cleanup_err_ Err err = { 0 };
    Contents c = { 0 };
    ArchiveReader *r = archive_reader_new(&contents_ops, &c);
    int n = archive_reader_write(r, archive->data, archive->size, &err);
    if (n == 0)
        n = archive_reader_finish(r, &err);
    ck_assert_msg(n == 0, "%s", err.message);
    archive_reader_free(r);
    decoder_free(c.decoder);
    c.decoder = NULL;
    return c;
}

static void assert_same_contents(const Buf *a, const Buf *b)
{
    Contents x = read_contents(a), y = read_contents(b);
    ck_assert_uint_eq(x.text.size, y.text.size);
    ck_assert_mem_eq(x.text.data, y.text.data, x.text.size);
    buf_done(&x.text);
    buf_done(&y.text);
}

static char *inventory_text(Inventory *i)
{
    Buf text = { 0 };
    inventory_print(i, &text);
    inventory_done(i);
    return buf_take(&text);
}

static char *observed_inventory(const Buf *archive)
{
    _cleanup_err_ Err err = { 0 };
    Inventory i = { 0 };
    Observer *o = observer_new_archive();
    int r = observer_write(o, archive->data, archive->size, &err);
    if (r == 0)
        r = observer_finish(o, &err);
    ck_assert_msg(r == 0, "%s", err.message);
    observer_take(o, &i);
    observer_free(o);
    return inventory_text(&i);
}

/* Runs */

typedef struct Outcome {
    int r;
    Err err;
    SuiteSink sink;
    char *version, *inventory;
} Outcome;

static Outcome run(const StageArchiveSpec *spec, const Buf *archive, size_t chunk)
{
    Outcome o = { 0 };
    Pipeline *p = pipeline_new();
    Stage *s = pipeline_add(p, stage_archive_new(spec));
    pipeline_add(p, suite_sink_new(&o.sink));

    o.r = suite_feed(p, archive->data, archive->size, chunk, &o.err);
    o.version = mem_strdup(stage_archive_version(s));
    if (o.r == 0) {
        Inventory i = { 0 };
        stage_archive_take_inventory(s, &i);
        o.inventory = inventory_text(&i);
    }
    pipeline_free(p);
    ck_assert_int_eq(o.r == 0, o.sink.finished);
    return o;
}

static void outcome_done(Outcome *o)
{
    err_done(&o->err);
    buf_done(&o->sink.data);
    free(o->version);
    free(o->inventory);
}

static Outcome run_well(const StageArchiveSpec *spec, const Buf *archive, size_t chunk)
{
    Outcome o = run(spec, archive, chunk);
    ck_assert_msg(o.r == 0, "%s", o.err.message);
    return o;
}

static bool holds(unsigned minor, Codec codec)
{
    return minor >= 15 || codec == CODEC_NONE || codec == CODEC_GZIP;
}

START_TEST(each_version_in_any_pieces_and_compression_holds_what_it_held)
{
    size_t chunk = chunks[_i % CHUNKS];
    unsigned minor = MINOR(_i / CHUNKS);
    Buf archives[] = { { 0 }, larger_archive(minor) };
    sample_archive(&archives[0], minor);

    for (size_t c = 0; c < ELEMENTSOF(compressions) * 2; c++) {
        const Buf *archive = &archives[chunk == 1 ? 0 : c % 2];
        StageArchiveSpec spec = { .compression = compressions[c / 2], .threads = 2, .check = true };
        if (!holds(minor, spec.compression.codec))
            continue;

        Outcome o = run_well(&spec, archive, chunk);
        assert_same_contents(&o.sink.data, archive);
        _cleanup_free_ char *inventory = observed_inventory(archive);
        ck_assert_str_eq(o.inventory, inventory);
        outcome_done(&o);
    }
    buf_done(&archives[0]);
    buf_done(&archives[1]);
}
END_TEST

START_TEST(pieces_and_threads_of_any_number_make_the_same_archive)
{
    static const size_t piece_sizes[] = { 10, 1000, 50000 };
    _cleanup_buf_ Buf archive = larger_archive(16);
    for (unsigned threads = 1; threads <= 4; threads *= 2) {
        StageArchiveSpec spec = {
            .compression = compressions[_i % COMPRESSIONS],
            .threads = threads,
            .check = true,
            .piece_size = piece_sizes[_i / COMPRESSIONS],
        };
        Outcome o = run_well(&spec, &archive, 5555);
        assert_same_contents(&o.sink.data, &archive);
        outcome_done(&o);
    }
}
END_TEST

START_TEST(what_comes_out_has_the_same_inventory)
{
    StageArchiveSpec spec = { .compression = compressions[_i], .threads = 2, .piece_size = 3000 };
    _cleanup_buf_ Buf archive = larger_archive(16);
    Outcome o = run_well(&spec, &archive, 0);
    _cleanup_free_ char *inventory = observed_inventory(&o.sink.data);
    ck_assert_str_eq(o.inventory, inventory);
    ck_assert_ptr_nonnull(strstr(inventory, "\"rows\":2000"));
    outcome_done(&o);
}
END_TEST

START_TEST(the_header_says_how_it_is_compressed)
{
    unsigned minor = MINOR(_i);
    _cleanup_buf_ Buf archive = larger_archive(minor);
    for (size_t c = 0; c < ELEMENTSOF(compressions); c++) {
        static const ArchiveCompression expected[] = {
            ARCHIVE_COMPRESSION_NONE, ARCHIVE_COMPRESSION_GZIP, ARCHIVE_COMPRESSION_GZIP,
            ARCHIVE_COMPRESSION_LZ4,  ARCHIVE_COMPRESSION_ZSTD,
        };
        StageArchiveSpec spec = { .compression = compressions[c], .threads = 1 };
        if (!holds(minor, spec.compression.codec))
            continue;

        Outcome o = run_well(&spec, &archive, 0);
        _cleanup_free_ char *version = mem_printf("1.%u", minor);
        ck_assert_str_eq(o.version, version);
        Contents contents = read_contents(&o.sink.data);
        ck_assert_int_eq(contents.header.compression, expected[c]);
        ck_assert_int_eq(contents.header.gzip_level, minor < 15 ? spec.compression.level : 0);
        buf_done(&contents.text);
        outcome_done(&o);
    }
}
END_TEST

START_TEST(rows_are_gathered_into_a_few_chunks)
{
    StageArchiveSpec spec = { .compression = compressions[_i], .threads = 2 };
    _cleanup_buf_ Buf archive = larger_archive(16);
    Outcome o = run_well(&spec, &archive, 0);

    Contents before = read_contents(&archive), after = read_contents(&o.sink.data);
    ck_assert_uint_gt(before.chunks, 2000);
    ck_assert_uint_le(after.chunks, 8); /* two tables, four objects, of which one is empty */
    buf_done(&before.text);
    buf_done(&after.text);
    outcome_done(&o);
}
END_TEST

START_TEST(offsets_that_are_set_come_out_unset)
{
    StageArchiveSpec spec = { .compression = compressions[_i], .threads = 1 };
    _cleanup_buf_ Buf archive = larger_archive(16);
    Outcome unset = run_well(&spec, &archive, 0);

    /* The last entry's offset stands before the first block. */
    char *offset = memmem(archive.data, archive.size, "\1\0\0\0\0\0\0\0\0\1\0\1\0\0\0", 15);
    ck_assert_ptr_nonnull(offset);
    memcpy(offset, "\2\x11\x22\0\0\0\0\0\0", 9);
    Outcome set = run_well(&spec, &archive, 0);
    assert_same_contents(&set.sink.data, &unset.sink.data);
    outcome_done(&set);
    outcome_done(&unset);
}
END_TEST

static void assert_fails(const StageArchiveSpec *spec, const Buf *archive, ErrKind kind,
                         const char *message)
{
    Outcome o = run(spec, archive, 0);
    ck_assert_int_lt(o.r, 0);
    ck_assert_int_eq(o.err.kind, kind);
    if (message)
        ck_assert_str_eq(o.err.message, message);
    outcome_done(&o);
}

START_TEST(a_compression_that_the_version_cannot_hold_is_refused)
{
    static const CodecSpec new_ones[] = { { CODEC_ZSTD, 3 }, { CODEC_LZ4, 0 } };
    StageArchiveSpec spec = { .compression = new_ones[_i], .threads = 1 };
    _cleanup_buf_ Buf archive = larger_archive(14);
    _cleanup_free_ char *message = mem_printf("archives of version 1.14 cannot be compressed by %s",
                                              codec_to_string(new_ones[_i].codec));
    assert_fails(&spec, &archive, ERR_INTERNAL, message);
}
END_TEST

START_TEST(an_archive_that_is_compressed_already_is_refused)
{
    StageArchiveSpec spec = { .compression = compressions[_i + 1], .threads = 1 };
    _cleanup_buf_ Buf archive = larger_archive(16);
    Outcome o = run_well(&spec, &archive, 0);
    assert_fails(&spec, &o.sink.data, ERR_DAMAGED, "the archive is compressed already");
    outcome_done(&o);
}
END_TEST

START_TEST(an_unknown_version_is_refused_before_anything_is_written)
{
    StageArchiveSpec spec = { .compression = compressions[1], .threads = 1 };
    _cleanup_buf_ Buf archive = larger_archive(16);
    archive.data[6] = 17;
    archive.size = 8;
    Outcome o = run(&spec, &archive, 1);
    ck_assert_int_eq(o.err.kind, ERR_ARCHIVE_VERSION);
    ck_assert_uint_eq(o.sink.calls, 0);
    ck_assert_ptr_null(o.version);
    outcome_done(&o);
}
END_TEST

START_TEST(the_toc_of_a_directory_is_no_archive)
{
    StageArchiveSpec spec = { .compression = compressions[1], .threads = 1 };
    _cleanup_buf_ Buf toc = { 0 };
    sample_archive_toc(&toc, 16);
    assert_fails(&spec, &toc, ERR_DAMAGED, "the archive is not one of the custom format");
}
END_TEST

START_TEST(an_archive_that_ends_too_early_anywhere_is_refused)
{
    StageArchiveSpec spec = { .compression = compressions[1], .threads = 1, .piece_size = 100 };
    _cleanup_buf_ Buf archive = { 0 };
    sample_archive(&archive, MINOR(_i));
    while (archive.size-- > 0)
        assert_fails(&spec, &archive, ERR_DAMAGED, NULL);
}
END_TEST

START_TEST(a_failure_behind_it_latches_and_publishes_nothing)
{
    StageArchiveSpec spec = {
        .compression = compressions[_i % COMPRESSIONS],
        .threads = 2,
        .piece_size = 2000,
    };
    _cleanup_buf_ Buf archive = larger_archive(16);
    Outcome clean = run_well(&spec, &archive, 0);
    const SuiteSink failures[] = {
        { .fail_at = 1 },
        { .fail_at = clean.sink.data.size / 2 },
        /* Not the last byte: ISA-L's output differs by a few between runs. */
        { .fail_at = clean.sink.data.size - 20 },
        { .fail_finish = true },
    };
    SuiteSink sink = failures[_i / COMPRESSIONS];
    _cleanup_err_ Err err = { 0 };
    Pipeline *p = pipeline_new();
    pipeline_add(p, stage_archive_new(&spec));
    pipeline_add(p, suite_sink_new(&sink));

    int r = suite_feed(p, archive.data, archive.size, 4096, &err);
    ck_assert_int_lt(r, 0);
    ck_assert_str_eq(err.message, SUITE_SINK_ERROR);
    size_t calls = sink.calls;
    ck_assert_int_eq(pipeline_finish(p, NULL), r);
    pipeline_free(p);
    ck_assert_uint_eq(sink.calls, calls);
    ck_assert(sink.freed && !sink.finished);
    buf_done(&sink.data);
    outcome_done(&clean);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_LOOP(each_version_in_any_pieces_and_compression_holds_what_it_held, VERSIONS *CHUNKS),
    UNIT_LOOP(pieces_and_threads_of_any_number_make_the_same_archive, COMPRESSIONS * 3),
    UNIT_LOOP(what_comes_out_has_the_same_inventory, COMPRESSIONS),
    UNIT_LOOP(the_header_says_how_it_is_compressed, VERSIONS),
    UNIT_LOOP(rows_are_gathered_into_a_few_chunks, COMPRESSIONS),
    UNIT_LOOP(offsets_that_are_set_come_out_unset, COMPRESSIONS),
    UNIT_LOOP(a_compression_that_the_version_cannot_hold_is_refused, 2),
    UNIT_LOOP(an_archive_that_is_compressed_already_is_refused, COMPRESSIONS - 1),
    UNIT_TEST(an_unknown_version_is_refused_before_anything_is_written),
    UNIT_TEST(the_toc_of_a_directory_is_no_archive),
    UNIT_LOOP(an_archive_that_ends_too_early_anywhere_is_refused, VERSIONS),
    UNIT_LOOP(a_failure_behind_it_latches_and_publishes_nothing, COMPRESSIONS * 4),
};
UNIT_MAIN("stage-archive", tests)
