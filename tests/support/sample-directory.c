#include "sample-directory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sample-archive.h"
#include "unit.h"

#include "backup/artifact.h"
#include "backup/catalog.h"
#include "backup/directory-read.h"
#include "stream/sink-fd.h"
#include "stream/sink-file.h"
#include "stream/stage-compress.h"
#include "stream/stage-observe.h"
#include "sys/mem.h"

#define MINOR 14

static void write_data(const char *path, const char *name, Codec codec, const char *text)
{
    static const char *const suffixes[] = {
        [CODEC_NONE] = "",
        [CODEC_GZIP] = ".gz",
        [CODEC_LZ4] = ".lz4",
        [CODEC_ZSTD] = ".zst",
    };
    const StageCompressSpec compress = { .compression = { codec, 1 }, .threads = 1 };
    _cleanup_free_ char *full = mem_printf("%s%s", name, suffixes[codec]);
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const SinkFileSpec file = { .dir_fd = fd, .dir_path = path, .name = full };
    _cleanup_pipeline_ Pipeline *p = pipeline_new();

    if (codec != CODEC_NONE)
        pipeline_add(p, stage_compress_new(&compress));
    pipeline_add(p, sink_file_new(&file));
    ck_assert_int_eq(pipeline_write(p, text, strlen(text), NULL), 0);
    ck_assert_int_eq(pipeline_finish(p, NULL), 0);
}

void sample_directory_files(const char *path, unsigned minor, Codec codec)
{
    static const char list[] = "16431 blob_16431.dat\n"
                               "2147483648 blob_2147483648.dat\n"
                               "4294967295 blob_4294967295.dat\n";
    _cleanup_buf_ Buf toc = { 0 };

    sample_archive_toc(&toc, minor);
    unit_write_file(path, "toc.dat", toc.data, toc.size);
    unit_write_file(path, "blobs.toc", list, strlen(list));
    write_data(path, "3381.dat", codec, "1\n22\n\\.\n\n\n");
    write_data(path, "3382.dat", codec, "");
    write_data(path, "blob_16431.dat", codec, "hello");
    write_data(path, "blob_2147483648.dat", codec, "");
    write_data(path, "blob_4294967295.dat", codec, "world");
}

char *sample_directory_inventory(unsigned minor)
{
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    Stage *observed = pipeline_add(p, stage_observe_archive_new());
    _cleanup_inventory_ Inventory inventory = { 0 };
    _cleanup_buf_ Buf archive = { 0 };
    Buf text = { 0 };

    pipeline_add(p, sink_null_new());
    sample_archive(&archive, minor);
    ck_assert_int_eq(pipeline_write(p, archive.data, archive.size, NULL), 0);
    ck_assert_int_eq(pipeline_finish(p, NULL), 0);
    ck_assert_int_eq(stage_observe_take_inventory(observed, &inventory, NULL), 0);
    inventory_print(&inventory, &text);
    return buf_take(&text);
}

static void fill_manifest(Manifest *m, const char *encoded, const char *database, usec_t when)
{
    *m = (Manifest){
        .stem = artifact_stem(encoded, when),
        .kind = mem_strdup("database"),
        .database = mem_strdup(database),
        .format = mem_strdup("directory"),
        .compression = mem_strdup("gzip:1"),
        .compressed_by = mem_strdup("pg_dump"),
        .started = when,
        .finished = when,
        .server_version = mem_strdup("15.18"),
        .client_version = mem_strdup("15.18"),
        .program_version = mem_strdup("test"),
    };
    m->file = mem_printf("%s.dir", m->stem);
}

/* The files, and what is to be said of them. */
static void store(const char *series_path, Manifest *m, Inventory *ret_inventory)
{
    _cleanup_free_ char *path = mem_printf("%s/%s", series_path, m->file);
    _cleanup_directory_contents_ DirectoryContents c = { 0 };
    _cleanup_close_ int fd = -1;
    char sha256[TAP_SHA256_HEX_SIZE];

    ck_assert_int_eq(mkdir(path, 0700), 0);
    sample_directory_files(path, MINOR, CODEC_GZIP);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DirectoryRead how = { .fd = fd, .path = path, .threads = 2, .contents = true };
    ck_assert_int_eq(directory_read(&how, &c, NULL), 0);

    ck_assert_int_eq(stored_files_digest(&c.files, m->file, sha256, NULL), 0);
    m->stored_sha256 = mem_strdup(sha256);
    m->stored_bytes = stored_files_bytes(&c.files);
    m->raw_bytes = c.raw_bytes;
    m->files = c.files;
    c.files = (StoredFiles){ 0 };

    m->inventory_file = artifact_inventory(m->stem);
    *ret_inventory = c.inventory;
    c.inventory = (Inventory){ 0 };
}

char *sample_directory(const char *backup_dir, const char *database, usec_t when)
{
    _cleanup_free_ char *encoded = artifact_encode(database), *path = NULL;
    _cleanup_close_ int dir_fd = open(backup_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
    _cleanup_manifest_ Manifest m = { 0 };
    _cleanup_inventory_ Inventory inventory = { 0 };
    _cleanup_err_ Err warning = { 0 };

    fill_manifest(&m, encoded, database, when);
    ck_assert_int_eq(catalog_open_series_dir(dir_fd, backup_dir, encoded, &fd, &path, NULL), 0);
    store(path, &m, &inventory);
    const CatalogCommit commit = {
        .series_fd = fd,
        .series_path = path,
        .encoded = encoded,
        .manifest = &m,
        .inventory = &inventory,
    };
    ck_assert_int_eq(catalog_commit(&commit, &warning, NULL), 0);
    ck_assert(!err_is_set(&warning));
    return TAKE_PTR(m.stem);
}
