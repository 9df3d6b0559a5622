#include "archive/definition.h"

#include <endian.h>
#include <string.h>

#include "archive/wording.h"
#include "sys/mem.h"
#include "sys/text.h"

#define NULL_FIELD UINT32_MAX /* in place of a length */

/* Entries that describe another object, which the tag names with its kind in front. Their own owner
 * is that object's, who may differ in a copy where an extension or the system has made it. */
static const char *const attachments[] = { "ACL", "COMMENT", "DEFAULT ACL", "SECURITY LABEL" };

/* Contents, and what belongs to the database itself. */
static const char *const no_definitions[] = {
    "TABLE DATA", "SEQUENCE SET", "BLOBS", "DATABASE", "DATABASE PROPERTIES", "STATISTICS DATA",
};

static const char *const large_object_types[] = { "BLOB", "BLOB METADATA" };

const char *definition_name(const char *type, const char *tag)
{
    static const char large_objects[] = "LARGE OBJECTS";

    if (text_is_one_of(type, no_definitions, ELEMENTSOF(no_definitions)))
        return NULL;
    if (text_is_one_of(type, large_object_types, ELEMENTSOF(large_object_types)))
        return large_objects;

    if (text_is_one_of(type, attachments, ELEMENTSOF(attachments))) {
        if (text_starts_with(tag, "DATABASE "))
            return NULL;
        if (text_starts_with(tag, "LARGE OBJECT"))
            return large_objects;
    }
    return tag;
}

static void write_uint32(DigestStream *stream, uint32_t value)
{
    uint32_t bytes = htole32(value);
    digest_stream_write(stream, &bytes, sizeof(bytes));
}

static void write_field(DigestStream *stream, const char *text)
{
    if (!text) {
        write_uint32(stream, NULL_FIELD);
        return;
    }

    size_t size = strlen(text);
    write_uint32(stream, (uint32_t)size);
    digest_stream_write(stream, text, size);
}

char *definition_wording(const char *text, size_t size, bool by_name)
{
    _cleanup_free_ char *normal = by_name ? wording_loose(text, size) : wording_normal(text, size);
    char *sorted = NULL;

    if (by_name)
        sorted = wording_by_name(normal ? normal : text, normal ? strlen(normal) : size);
    return sorted ? sorted : TAKE_PTR(normal);
}

void definition_digest(DigestStream *stream, const ArchiveEntry *entry, bool by_name, Digest *ret)
{
    bool attached = text_is_one_of(entry->desc, attachments, ELEMENTSOF(attachments));
    _cleanup_free_ char *normal =
        entry->defn ? definition_wording(entry->defn, strlen(entry->defn), by_name) : NULL;

    *ret = (Digest){ 0 };
    digest_stream_begin(stream);
    write_field(stream, normal ? normal : entry->defn);
    write_field(stream, attached ? NULL : entry->owner);
    write_field(stream, entry->tablespace);
    write_field(stream, entry->table_am);
    write_uint32(stream, (uint32_t)entry->relkind);
    digest_stream_end(stream, ret);
}
