#pragma once

/* A section of an SQL dump: what pg_dump writes for one object, behind a comment of this form:
 *
 *     --
 *     -- Name: orders; Type: TABLE; Schema: public; Owner: postgres
 *     --
 *
 * The text of a section, in its normal wording, makes a definition, or it is a table's contents as
 * INSERT statements. */

#include "archive/inventory.h"
#include "archive/text-digest.h"
#include "sys/buf.h"

typedef enum SectionKind {
    SECTION_NONE,       /* before the first object, and of what is no definition */
    SECTION_DEFINITION, /* the SQL that makes one object */
    SECTION_TABLE_DATA, /* COPY, or INSERT statements */
} SectionKind;

typedef struct SqlSection {
    SectionKind kind;
    char *type, *schema, *name; /* of the latest header */
    bool copied;                /* a COPY block has had the contents */
    Buf definition;             /* its text, as far as that has a normal wording */
    bool too_long;              /* it has none: the text goes by */
    bool by_name;               /* columns are sorted where it cannot say where they stand */
    TextDigest text;
} SqlSection;

void sql_section_init(SqlSection *s);
void sql_section_done(SqlSection *s);

/* "-- Name: …" or "-- Data for Name: …", without its line feed; any other line is ignored. */
void sql_section_read_name(SqlSection *s, const char *line);
/* The header is over: the section of the name that was read begins. */
void sql_section_begin(SqlSection *s);
void sql_section_write(SqlSection *s, const void *data, size_t size);
/* Ends the section, if there is one, and adds what it was to the inventory. -EINVAL for a table's
 * rows with statements beside COPY, which nothing has a digest of. */
int sql_section_end(SqlSection *s, Inventory *i);
