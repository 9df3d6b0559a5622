#include "backup/artifact.h"

#include <assert.h>
#include <string.h>

#include "sys/buf.h"
#include "sys/mem.h"
#include "sys/text.h"

/* One that another begins with comes behind it. */
static const char *const extensions[] = {
    ".dump", ".dir", ".sql.gz", ".sql.zst", ".sql.lz4", ".sql"
};

#define STAMP_LENGTH (CLOCK_STAMP_SIZE - 1)
#define CHECKSUM_SUFFIX ".sha256"
#define MANIFEST_SUFFIX ".json"
#define INVENTORY_SUFFIX ".inventory.jsonl"

/* Not isalnum(): what a locale calls a letter must not change file names. */
static bool is_plain(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static bool first_must_be_encoded(const char *database)
{
    return database[0] == '.' || database[0] == '-' || strcmp(database, ARTIFACT_GLOBALS) == 0;
}

char *artifact_encode(const char *database)
{
    Buf b = { 0 };

    for (const char *p = database; *p; p++) {
        bool encode = !is_plain(*p) || (p == database && first_must_be_encoded(database));
        if (encode)
            buf_addf(&b, "%%%02X", (unsigned)(unsigned char)*p);
        else
            buf_addc(&b, *p);
    }
    return buf_take(&b);
}

/* Upper case only, as artifact_encode() writes it; -1 for anything else. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

char *artifact_decode(const char *encoded)
{
    _cleanup_buf_ Buf b = { 0 };

    for (const char *p = encoded; *p; p++) {
        if (*p != '%') {
            buf_addc(&b, *p);
            continue;
        }
        int high = hex_value(p[1]);
        int low = high < 0 ? -1 : hex_value(p[2]);
        if (low < 0 || high + low == 0)
            return NULL;
        buf_addc(&b, (char)(high * 16 + low));
        p += 2;
    }
    if (b.size == 0)
        return NULL;

    /* Canonical is what encoding makes of it again: this one comparison refuses "a%41", "%zz",
     * ".hidden", "globals" and whatever else two names could share. */
    _cleanup_free_ char *again = artifact_encode(b.data);
    return strcmp(again, encoded) == 0 ? buf_take(&b) : NULL;
}

char *artifact_stem(const char *encoded, usec_t when)
{
    char stamp[CLOCK_STAMP_SIZE];
    clock_format_stamp(when, stamp);
    return mem_printf("%s_%s", encoded, stamp);
}

static bool is_series(const char *encoded)
{
    _cleanup_free_ char *database = artifact_decode(encoded);
    return database || strcmp(encoded, ARTIFACT_GLOBALS) == 0;
}

bool artifact_parse_stem(const char *stem, char **ret_encoded, usec_t *ret_when)
{
    size_t length = strlen(stem);
    if (length <= 1 + STAMP_LENGTH)
        return false;

    const char *separator = stem + length - STAMP_LENGTH - 1;
    usec_t when;
    if (*separator != '_' || clock_parse_stamp(separator + 1, STAMP_LENGTH, &when) < 0)
        return false;

    _cleanup_free_ char *encoded = mem_strndup(stem, (size_t)(separator - stem));
    if (!is_series(encoded))
        return false;

    if (ret_encoded)
        *ret_encoded = TAKE_PTR(encoded);
    if (ret_when)
        *ret_when = when;
    return true;
}

/* The known extension that `s` begins with; NULL if there is none. */
static const char *leading_extension(const char *s)
{
    for (size_t i = 0; i < ELEMENTSOF(extensions); i++)
        if (text_starts_with(s, extensions[i]))
            return extensions[i];
    return NULL;
}

/* ".proof.json": a word between the stem and ".json". */
static bool is_companion_suffix(const char *suffix)
{
    size_t word = strspn(suffix + 1, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return word > 0 && strcmp(suffix + 1 + word, MANIFEST_SUFFIX) == 0;
}

/* What follows the stem in a file's name, the leading dot included. */
static bool parse_suffix(const char *suffix, ArtifactKind *ret)
{
    if (*suffix != '.')
        return false;

    const char *extension = leading_extension(suffix);
    const char *rest = extension ? suffix + strlen(extension) : NULL;
    if (rest && *rest == '\0')
        *ret = ARTIFACT_DATA;
    else if (rest && strcmp(rest, CHECKSUM_SUFFIX) == 0)
        *ret = ARTIFACT_CHECKSUM;
    else if (strcmp(suffix, INVENTORY_SUFFIX) == 0)
        *ret = ARTIFACT_INVENTORY;
    else if (strcmp(suffix, MANIFEST_SUFFIX) == 0)
        *ret = ARTIFACT_MANIFEST;
    else if (is_companion_suffix(suffix))
        *ret = ARTIFACT_COMPANION;
    else
        return false;
    return true;
}

static bool is_latest(const char *encoded, const char *file)
{
    for (size_t i = 0; i < ELEMENTSOF(extensions); i++) {
        _cleanup_free_ char *latest = artifact_latest(encoded, extensions[i]);
        if (strcmp(file, latest) == 0)
            return true;
    }
    return false;
}

bool artifact_parse_file(const char *encoded, const char *file, ArtifactKind *ret_kind,
                         char **ret_stem)
{
    if (is_latest(encoded, file)) {
        *ret_kind = ARTIFACT_LATEST;
        if (ret_stem)
            *ret_stem = NULL;
        return true;
    }

    size_t stem_length = strlen(encoded) + 1 + STAMP_LENGTH;
    if (strlen(file) <= stem_length || !text_starts_with(file, encoded))
        return false;

    _cleanup_free_ char *stem = mem_strndup(file, stem_length);
    ArtifactKind kind;
    if (!artifact_parse_stem(stem, NULL, NULL) || !parse_suffix(file + stem_length, &kind))
        return false;

    *ret_kind = kind;
    if (ret_stem)
        *ret_stem = TAKE_PTR(stem);
    return true;
}

const char *artifact_extension(BackupFormat format, Codec codec)
{
    static const char *const of_text[] = {
        [CODEC_NONE] = ".sql",
        [CODEC_GZIP] = ".sql.gz",
        [CODEC_LZ4] = ".sql.lz4",
        [CODEC_ZSTD] = ".sql.zst",
    };
    static_assert(ELEMENTSOF(of_text) == _CODEC_MAX, "each codec has its extension");

    switch (format) {
    case BACKUP_FORMAT_CUSTOM:
        return ".dump";
    case BACKUP_FORMAT_DIRECTORY:
        return ".dir";
    case BACKUP_FORMAT_PLAIN:
    case _BACKUP_FORMAT_MAX:
        break;
    }
    return of_text[codec];
}

bool artifact_is_directory(const char *file)
{
    const char *dot = strrchr(file, '.');
    return dot && strcmp(dot, artifact_extension(BACKUP_FORMAT_DIRECTORY, CODEC_NONE)) == 0;
}

char *artifact_inventory(const char *stem)
{
    return mem_printf("%s%s", stem, INVENTORY_SUFFIX);
}

char *artifact_latest(const char *encoded, const char *extension)
{
    return mem_printf("%s_latest%s", encoded, extension);
}
