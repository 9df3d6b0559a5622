#include "sample-archive.h"

#include <stdint.h>
#include <string.h>

#include "archive/archive-writer.h"
#include "sys/mem.h"

static const int32_t orders_needs[] = { 6, 212 };
static const int32_t orders_data_needs[] = { 215 };
static const int32_t orders_key_needs[] = { 215, 2147483647 };

static const ArchiveEntry entries[] = {
    {
        .dump_id = 3396,
        .tag = "ENCODING",
        .desc = "ENCODING",
        .section = ARCHIVE_SECTION_PRE_DATA,
        .defn = "SET client_encoding = 'UTF8';\n",
    },
    {
        .dump_id = 215,
        .table_oid = 1259,
        .oid = 4000000000,
        .tag = "orders",
        .desc = "TABLE",
        .section = ARCHIVE_SECTION_PRE_DATA,
        .defn = "CREATE TABLE public.orders (id integer);\n",
        .drop = "DROP TABLE public.orders;\n",
        .schema = "public",
        .tablespace = "",
        .table_am = "heap",
        .relkind = 'r',
        .owner = "postgres",
        .dependencies = orders_needs,
        .dependency_count = ELEMENTSOF(orders_needs),
    },
    {
        .dump_id = 3381,
        .has_data = true,
        .oid = 4000000000,
        .tag = "orders",
        .desc = "TABLE DATA",
        .section = ARCHIVE_SECTION_DATA,
        .copy = "COPY public.orders (id) FROM stdin;\n",
        .schema = "public",
        .owner = "postgres",
        .dependencies = orders_data_needs,
        .dependency_count = ELEMENTSOF(orders_data_needs),
        .file_name = "3381.dat",
    },
    {
        .dump_id = 3382,
        .has_data = true,
        .tag = "empty",
        .desc = "TABLE DATA",
        .section = ARCHIVE_SECTION_DATA,
        .file_name = "3382.dat",
    },
    {
        .dump_id = 3403,
        .tag = "orders_id_seq",
        .desc = "SEQUENCE SET",
        .section = ARCHIVE_SECTION_DATA,
        .defn = "SELECT pg_catalog.setval('public.orders_id_seq', 7, true);\n",
    },
    {
        .dump_id = 3393,
        .has_data = true,
        .tag = "BLOBS",
        .desc = "BLOBS",
        .section = ARCHIVE_SECTION_DATA,
        .file_name = "blobs.toc",
    },
    {
        .dump_id = 3234,
        .tag = "orders orders_pkey",
        .desc = "CONSTRAINT",
        .section = ARCHIVE_SECTION_POST_DATA,
        .dependencies = orders_key_needs,
        .dependency_count = ELEMENTSOF(orders_key_needs),
    },
};

static void add_header(Buf *b, unsigned minor)
{
    const ArchiveHeader header = {
        .minor = minor,
        .created = { 59, 34, 20, 29, 10, 126, -1 },
        .database = "shop",
        .server_version = "15.18",
    };
    archive_write_header(b, &header);
    archive_write_entry_count(b, ELEMENTSOF(entries));
}

static void add_chunk(Buf *b, const char *text)
{
    archive_write_chunk_begin(b, strlen(text));
    buf_adds(b, text);
}

static void add_object(Buf *b, uint32_t oid, const char *text)
{
    archive_write_object_begin(b, oid);
    if (*text)
        add_chunk(b, text);
    archive_write_end(b);
}

void sample_archive(Buf *b, unsigned minor)
{
    add_header(b, minor);
    for (size_t i = 0; i < ELEMENTSOF(entries); i++)
        archive_write_entry(b, minor, &entries[i]);

    archive_write_block_begin(b, ARCHIVE_BLOCK_DATA, 3381);
    add_chunk(b, "1\n");
    add_chunk(b, "22\n");
    add_chunk(b, "\\.\n\n\n");
    archive_write_end(b);

    archive_write_block_begin(b, ARCHIVE_BLOCK_DATA, 3382);
    archive_write_end(b);

    archive_write_block_begin(b, ARCHIVE_BLOCK_LARGE_OBJECTS, 3393);
    add_object(b, 16431, "hello");
    add_object(b, 2147483648, "");
    add_object(b, UINT32_MAX, "world");
    archive_write_end(b);
}

static void add_int(Buf *b, size_t value)
{
    const char bytes[] = { 0, (char)value, 0, 0, 0 };
    buf_add(b, bytes, sizeof(bytes));
}

/* What the writer does not write: another format, and in place of each offset a file's name. */
void sample_archive_toc(Buf *b, unsigned minor)
{
    size_t begin = b->size;

    add_header(b, minor);
    b->data[begin + 10] = 3;
    for (size_t i = 0; i < ELEMENTSOF(entries); i++) {
        const char *name = entries[i].file_name ? entries[i].file_name : "";
        archive_write_entry(b, minor, &entries[i]);
        b->size -= 9;
        add_int(b, strlen(name));
        buf_adds(b, name);
    }
}
