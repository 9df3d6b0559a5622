#include "archive/archive-layout.h"

#include "sys/mem.h"

#define HEADER(name) .member = offsetof(ArchiveHeader, name)
#define ENTRY(name) .member = offsetof(ArchiveEntry, name)

/* Up to 1.14 the level says whether there is compression, from 1.15 on there is no level. */
static const ArchiveField header_fields[] = {
    { ARCHIVE_FIELD_GZIP_LEVEL, HEADER(gzip_level), .until = 14 },
    { ARCHIVE_FIELD_COMPRESSION, HEADER(compression), .since = 15 },
    { ARCHIVE_FIELD_NUMBER, HEADER(created[0]) },
    { ARCHIVE_FIELD_NUMBER, HEADER(created[1]) },
    { ARCHIVE_FIELD_NUMBER, HEADER(created[2]) },
    { ARCHIVE_FIELD_NUMBER, HEADER(created[3]) },
    { ARCHIVE_FIELD_NUMBER, HEADER(created[4]) },
    { ARCHIVE_FIELD_NUMBER, HEADER(created[5]) },
    { ARCHIVE_FIELD_NUMBER, HEADER(created[6]) },
    { ARCHIVE_FIELD_TEXT, HEADER(database) },
    { ARCHIVE_FIELD_TEXT, HEADER(server_version) },
    { ARCHIVE_FIELD_TEXT, HEADER(dump_version) },
};

static const ArchiveField entry_fields[] = {
    { ARCHIVE_FIELD_DUMP_ID, ENTRY(dump_id) },
    { ARCHIVE_FIELD_FLAG, ENTRY(has_data) },
    { ARCHIVE_FIELD_OID, ENTRY(table_oid) },
    { ARCHIVE_FIELD_OID, ENTRY(oid) },
    { ARCHIVE_FIELD_NAME, ENTRY(tag) },
    { ARCHIVE_FIELD_NAME, ENTRY(desc) },
    { ARCHIVE_FIELD_SECTION, ENTRY(section) },
    { ARCHIVE_FIELD_TEXT, ENTRY(defn) },
    { ARCHIVE_FIELD_TEXT, ENTRY(drop) },
    { ARCHIVE_FIELD_TEXT, ENTRY(copy) },
    { ARCHIVE_FIELD_TEXT, ENTRY(schema) },
    { ARCHIVE_FIELD_TEXT, ENTRY(tablespace) },
    { ARCHIVE_FIELD_TEXT, ENTRY(table_am), .since = 14 },
    { ARCHIVE_FIELD_NUMBER, ENTRY(relkind), .since = 16 },
    { ARCHIVE_FIELD_TEXT, ENTRY(owner) },
    { ARCHIVE_FIELD_WITH_OIDS, ENTRY(with_oids) },
    { ARCHIVE_FIELD_DEPENDENCIES },
    { ARCHIVE_FIELD_OFFSET, ENTRY(has_data), .format = ARCHIVE_FORMAT_CUSTOM },
    { ARCHIVE_FIELD_FILE_NAME, ENTRY(file_name), .format = ARCHIVE_FORMAT_DIRECTORY },
};

const ArchiveLayout archive_header_layout = { header_fields, ELEMENTSOF(header_fields) };
const ArchiveLayout archive_entry_layout = { entry_fields, ELEMENTSOF(entry_fields) };

bool archive_field_present(const ArchiveField *field, unsigned minor, ArchiveFormat format)
{
    return (field->since == 0 || minor >= field->since) &&
           (field->until == 0 || minor <= field->until) &&
           (field->format == 0 || format == field->format);
}
