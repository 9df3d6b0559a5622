#pragma once

/* The shapes of pg_dump's archives, as reader and writer share them.
 *
 * Source: PostgreSQL's pg_backup_archiver.c and pg_backup_custom.c, versions 9.0 to 18; the archive
 * versions 1.12 to 1.16. An archive is a header, the table of contents (TOC), then the data blocks
 * (custom format), or files beside the TOC (directory format). There is no trailer and no checksum:
 * an archive is complete when each entry with data has had its block. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARCHIVE_MAGIC "PGDMP" /* what the header begins with */
#define ARCHIVE_MAGIC_SIZE 5

#define ARCHIVE_MINOR_MIN 12 /* large objects in blocks of their own: PostgreSQL 9.0 */
#define ARCHIVE_MINOR_MAX 16 /* PostgreSQL 17 and 18 */

typedef enum ArchiveFormat {
    ARCHIVE_FORMAT_CUSTOM = 1,    /* as in the header's byte */
    ARCHIVE_FORMAT_DIRECTORY = 3, /* a toc.dat says "tar": the two share their TOC */
} ArchiveFormat;

typedef enum ArchiveCompression {
    ARCHIVE_COMPRESSION_NONE = 0, /* as in the header's byte from 1.15 on */
    ARCHIVE_COMPRESSION_GZIP = 1,
    ARCHIVE_COMPRESSION_LZ4 = 2,
    ARCHIVE_COMPRESSION_ZSTD = 3,
} ArchiveCompression;

typedef struct ArchiveHeader {
    unsigned minor; /* the version is 1.minor, revision 0 */
    ArchiveFormat format;
    ArchiveCompression compression;
    int32_t gzip_level; /* up to 1.14, which stores it: -1 the default, 1 to 9; else 0 */
    int32_t created[7]; /* sec, min, hour, mday, mon, year - 1900, isdst; in some local time */
    const char *database, *server_version, *dump_version; /* NULL where the archive has none */
} ArchiveHeader;

typedef enum ArchiveSection {
    ARCHIVE_SECTION_NONE = 1,
    ARCHIVE_SECTION_PRE_DATA = 2,
    ARCHIVE_SECTION_DATA = 3,
    ARCHIVE_SECTION_POST_DATA = 4,
} ArchiveSection;

/* One entry of the TOC. Text is NUL-terminated and NULL where the archive has a null. */
typedef struct ArchiveEntry {
    int32_t dump_id; /* positive, unique in the archive */
    bool has_data;   /* a block (or file) belongs to it */
    uint32_t table_oid, oid;
    const char *tag;  /* the object's name: "orders", "twice(integer)" */
    const char *desc; /* its type: "TABLE", "TABLE DATA", "SEQUENCE SET", "BLOBS" … */
    ArchiveSection section;
    const char *defn, *drop;           /* SQL that makes and removes it */
    const char *copy;                  /* "COPY s.t (cols) FROM stdin;\n"; NULL with --inserts */
    const char *schema;                /* "namespace" in PostgreSQL's sources */
    const char *tablespace, *table_am; /* table_am from 1.14 on */
    int32_t relkind;                   /* from 1.16 on, else 0 */
    const char *owner;
    bool with_oids;              /* a table WITH OIDS, which were possible up to 1.13 */
    const int32_t *dependencies; /* dump ids */
    size_t dependency_count;
    /* Directory format: of its data, "3012.dat", a name without a slash; else NULL. Up to 1.15 the
     * file that lists the large objects is called "blobs.toc", whatever stands here. */
    const char *file_name;
} ArchiveEntry;

typedef enum ArchiveBlockKind {
    ARCHIVE_BLOCK_DATA = 1,          /* as in the block's type byte */
    ARCHIVE_BLOCK_LARGE_OBJECTS = 3, /* BLK_BLOBS: objects, each with its oid */
} ArchiveBlockKind;
