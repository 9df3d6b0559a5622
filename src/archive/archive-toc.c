#include "archive/archive-toc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/archive-reader.h"
#include "sys/mem.h"

#define READ_SIZE ((size_t)64 << 10)

void archive_toc_add(ArchiveToc *toc, const ArchiveEntry *entry)
{
    bool attaches = strcmp(entry->desc, "TABLE ATTACH") == 0;

    if (toc->count == toc->capacity) {
        toc->capacity = toc->capacity * 2 + 64;
        toc->entries = mem_resize(toc->entries, toc->capacity, sizeof(*toc->entries));
    }
    ArchiveTocEntry *e = &toc->entries[toc->count++];
    *e = (ArchiveTocEntry){
        .dump_id = entry->dump_id,
        .desc = mem_strdup(entry->desc),
        .schema = entry->schema && entry->schema[0] ? mem_strdup(entry->schema) : NULL,
        .tag = mem_strdup(entry->tag),
        .defn = attaches ? mem_strdup(entry->defn) : NULL,
        .dependencies = mem_zero(entry->dependency_count + 1, sizeof(*e->dependencies)),
        .dependency_count = entry->dependency_count,
    };
    if (entry->dependency_count > 0)
        memcpy(e->dependencies, entry->dependencies,
               entry->dependency_count * sizeof(*e->dependencies));
}

void archive_toc_done(ArchiveToc *toc)
{
    for (size_t i = 0; i < toc->count; i++) {
        free(toc->entries[i].desc);
        free(toc->entries[i].schema);
        free(toc->entries[i].tag);
        free(toc->entries[i].defn);
        free(toc->entries[i].dependencies);
    }
    free(toc->entries);
    *toc = (ArchiveToc){ 0 };
}

typedef struct Reading {
    ArchiveToc toc;
    bool ended;
} Reading;

static void reading_done(Reading *r)
{
    archive_toc_done(&r->toc);
}

static int take_entry(void *userdata, const ArchiveEntry *entry, const void *raw, size_t raw_size,
                      Err *err)
{
    Reading *reading = userdata;
    (void)raw;
    (void)raw_size;
    (void)err;

    archive_toc_add(&reading->toc, entry);
    return 0;
}

static int take_end(void *userdata, Err *err)
{
    Reading *reading = userdata;
    (void)err;

    reading->ended = true;
    return 0;
}

static int read_entries(int fd, ArchiveReader *reader, const Reading *reading, const char *name,
                        Err *err)
{
    _cleanup_free_ char *data = mem_alloc(READ_SIZE);

    while (!reading->ended) {
        ssize_t n = read(fd, data, READ_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(err, errno, "could not read \"%s\"", name);
        if (n == 0)
            return archive_reader_finish(reader, err);
        int r = archive_reader_write(reader, data, (size_t)n, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int archive_toc_read(int fd, const char *name, ArchiveToc *ret, Err *err)
{
    static const ArchiveReaderOps ops = { .entry = take_entry, .toc_end = take_end };
    _cleanup_(reading_done) Reading reading = { 0 };
    _cleanup_archive_reader_ ArchiveReader *reader = archive_reader_new(&ops, &reading);

    int r = read_entries(fd, reader, &reading, name, err);
    if (r < 0) {
        if (err_is_set(err) && err->kind != ERR_IO)
            err_prefix(err, "\"%s\"", name);
        return r;
    }
    *ret = reading.toc;
    reading.toc = (ArchiveToc){ 0 };
    return 0;
}
