#include "backup/directory-toc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive-reader.h"
#include "archive/inventory-taker.h"
#include "backup/stored-files.h"
#include "stream/pump.h"
#include "sys/fs.h"
#include "sys/mem.h"

/* STORED_FILES_MAX lines, and more than there are. */
#define LIST_MAX ((size_t)64 << 20)

static const char *const suffixes[] = { ".gz", ".lz4", ".zst" };

void directory_toc_done(DirectoryToc *toc)
{
    for (size_t i = 0; i < toc->count; i++) {
        free(toc->parts[i].file);
        free(toc->parts[i].schema);
        free(toc->parts[i].tag);
        free(toc->parts[i].copy);
    }
    free(toc->parts);
    free(toc->archive_version);
    strv_done(&toc->lists);
    inventory_done(&toc->inventory);
    *toc = (DirectoryToc){ 0 };
}

/* Valid until the next call. */
static DirectoryPart *add_part(DirectoryToc *toc, const char *file, ArchiveBlockKind kind)
{
    if (toc->count == toc->capacity) {
        toc->capacity = toc->capacity > 0 ? toc->capacity * 2 : 16;
        toc->parts = mem_resize(toc->parts, toc->capacity, sizeof(*toc->parts));
    }
    DirectoryPart *part = &toc->parts[toc->count++];
    *part = (DirectoryPart){ .file = mem_strdup(file), .kind = kind };
    return part;
}

static void add_table(DirectoryToc *toc, const ArchiveEntry *entry)
{
    DirectoryPart *part = add_part(toc, entry->file_name, ARCHIVE_BLOCK_DATA);

    part->schema = mem_strdup(entry->schema);
    part->tag = mem_strdup(entry->tag);
    part->copy = mem_strdup(entry->copy);
}

/* toc.dat */

/* A TOC as it is read; the stage is the sink behind which it comes to be. */
typedef struct TocSink {
    Stage stage;
    ArchiveReader *reader;
    InventoryTaker *taker;
    DirectoryToc *toc;
} TocSink;

static int take_header(void *userdata, const ArchiveHeader *header, Err *err)
{
    TocSink *s = userdata;

    if (header->format != ARCHIVE_FORMAT_DIRECTORY)
        return err_set(err, ERR_DAMAGED, "it is the archive of another format");
    s->toc->archive_version = mem_printf("1.%u", header->minor);
    return 0;
}

static int take_entry(void *userdata, const ArchiveEntry *entry, const void *raw, size_t raw_size,
                      Err *err)
{
    TocSink *s = userdata;
    (void)raw;
    (void)raw_size;

    int r = inventory_taker_entry(s->taker, entry, err);
    if (r < 0 || !entry->has_data)
        return r;
    if (!entry->file_name || !stored_file_is_plain(entry->file_name))
        return err_set(err, ERR_DAMAGED, "the data of \"%s\" is in no file beside it", entry->tag);

    if (strcmp(entry->desc, "BLOBS") == 0)
        strv_add(&s->toc->lists, entry->file_name);
    else
        add_table(s->toc, entry);
    return 0;
}

static const ArchiveReaderOps reader_ops = { .header = take_header, .entry = take_entry };

static int toc_sink_write(Stage *stage, const void *data, size_t size, Err *err)
{
    return archive_reader_write(((TocSink *)stage)->reader, data, size, err);
}

static int toc_sink_finish(Stage *stage, Err *err)
{
    TocSink *s = (TocSink *)stage;

    int r = archive_reader_finish(s->reader, err);
    if (r >= 0)
        inventory_taker_take(s->taker, &s->toc->inventory);
    return r;
}

static void toc_sink_free(Stage *stage)
{
    TocSink *s = (TocSink *)stage;

    archive_reader_free(s->reader);
    inventory_taker_free(s->taker);
    free(s);
}

static const StageOps toc_sink_ops = {
    .name = "toc",
    .write = toc_sink_write,
    .finish = toc_sink_finish,
    .free = toc_sink_free,
};

static int read_toc(int dir_fd, const char *path, bool by_name, DirectoryToc *toc, Err *err)
{
    _cleanup_pipeline_ Pipeline *p = pipeline_new();
    _cleanup_free_ char *name = mem_printf("%s/" DIRECTORY_TOC, path);
    _cleanup_close_ int fd = -1;
    uint64_t bytes;

    int r = stored_file_open(dir_fd, path, DIRECTORY_TOC, &fd, &bytes, err);
    if (r < 0)
        return r;

    TocSink *s = mem_zero(1, sizeof(*s));
    *s = (TocSink){
        .stage.ops = &toc_sink_ops,
        .reader = archive_reader_new(&reader_ops, s),
        .taker = inventory_taker_new(),
        .toc = toc,
    };
    if (by_name)
        inventory_taker_by_name(s->taker);
    pipeline_add(p, &s->stage);
    r = pump_file(fd, name, p, err);
    if (r < 0 && err_is_set(err) && err->kind == ERR_DAMAGED)
        err_prefix(err, "\"%s\"", name);
    return r;
}

/* Lists of large objects */

/* "16385 blob_16385.dat"; the line is cut at its end and at its blank. */
static int read_line(char *line, DirectoryToc *toc)
{
    char *end;

    errno = 0;
    unsigned long oid = strtoul(line, &end, 10);
    if (errno != 0 || end == line || line[0] < '0' || line[0] > '9' || oid == 0 ||
        oid > UINT32_MAX || *end != ' ' || !stored_file_is_plain(end + 1))
        return -EINVAL;

    add_part(toc, end + 1, ARCHIVE_BLOCK_LARGE_OBJECTS)->oid = (uint32_t)oid;
    return 0;
}

static int read_list(int dir_fd, const char *path, const char *name, DirectoryToc *toc, Err *err)
{
    _cleanup_free_ char *text = NULL;
    size_t size, number = 1;

    int r = fs_read_regular(dir_fd, name, LIST_MAX, &text, &size);
    if (r == -ENOENT)
        return err_set(err, ERR_DAMAGED, "\"%s/%s\" is missing", path, name);
    if (r < 0)
        return err_set_errno(err, -r, "could not read \"%s/%s\"", path, name);

    for (char *line = text, *end; line < text + size; line = end + 1, number++) {
        end = memchr(line, '\n', size - (size_t)(line - text));
        if (end)
            *end = '\0';
        if (!end || memchr(line, '\0', (size_t)(end - line)) || read_line(line, toc) < 0)
            return err_set(err, ERR_DAMAGED, "\"%s/%s\": line %zu names no large object", path,
                           name, number);
    }
    return 0;
}

/* All of it */

static int order_by_file(const void *a, const void *b)
{
    return strcmp(((const DirectoryPart *)a)->file, ((const DirectoryPart *)b)->file);
}

static int sort_parts(DirectoryToc *toc, const char *path, Err *err)
{
    if (toc->count > 0)
        qsort(toc->parts, toc->count, sizeof(*toc->parts), order_by_file);
    for (size_t i = 1; i < toc->count; i++)
        if (order_by_file(&toc->parts[i - 1], &toc->parts[i]) == 0)
            return err_set(err, ERR_DAMAGED, "\"%s/" DIRECTORY_TOC "\" names \"%s\" twice", path,
                           toc->parts[i].file);
    return 0;
}

int directory_toc_read(int fd, const char *path, bool by_name, DirectoryToc *ret, Err *err)
{
    _cleanup_directory_toc_ DirectoryToc toc = { 0 };

    int r = read_toc(fd, path, by_name, &toc, err);
    for (size_t i = 0; r >= 0 && i < toc.lists.count; i++)
        r = read_list(fd, path, toc.lists.items[i], &toc, err);
    if (r >= 0)
        r = sort_parts(&toc, path, err);
    if (r < 0)
        return r;

    *ret = toc;
    toc = (DirectoryToc){ 0 };
    return 0;
}

static int order_of_file(const void *key, const void *part)
{
    return strcmp(key, ((const DirectoryPart *)part)->file);
}

size_t directory_toc_find(const DirectoryToc *toc, const char *name)
{
    _cleanup_free_ char *file = mem_strdup(name);
    char *dot = strrchr(file, '.');

    for (size_t i = 0; dot && i < ELEMENTSOF(suffixes); i++)
        if (strcmp(dot, suffixes[i]) == 0)
            *dot = '\0';

    const DirectoryPart *part =
        toc->count == 0 ? NULL
                        : bsearch(file, toc->parts, toc->count, sizeof(*part), order_of_file);
    return part ? (size_t)(part - toc->parts) : toc->count;
}
