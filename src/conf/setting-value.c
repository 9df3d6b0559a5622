#include "conf/setting-value.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/crontab.h"
#include "conf/settings.h"
#include "sys/buf.h"
#include "sys/log.h"
#include "sys/mem.h"
#include "sys/strv.h"
#include "sys/text.h"

/* A word and what it stands for: the type of every setting with a closed list of values. */
typedef struct Choice {
    const char *text;
    int value;
} Choice;

static int choose(const Choice *choices, size_t count, const char *text, int *ret)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(choices[i].text, text) == 0) {
            *ret = choices[i].value;
            return 0;
        }
    return -EINVAL;
}

int setting_value_flag(const char *text, const SettingRange *range, void *ret)
{
    static const Choice choices[] = {
        { "yes", true }, { "no", false },  { "true", true }, { "false", false },
        { "on", true },  { "off", false }, { "1", true },    { "0", false },
    };
    (void)range;

    int value;
    int r = choose(choices, ELEMENTSOF(choices), text, &value);
    if (r < 0)
        return r;

    *(bool *)ret = value;
    return 0;
}

int setting_value_number(const char *text, const SettingRange *range, void *ret)
{
    uint64_t value = 0;

    /* strtoull() would take " 1", "+1", "-1", "1x" and clip what is too large. */
    if (*text == '\0')
        return -EINVAL;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9')
            return -EINVAL;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
            return -EINVAL;
    }
    if (value < range->min || value > range->max)
        return -EINVAL;

    *(uint64_t *)ret = value;
    return 0;
}

static bool has_control_characters(const char *text)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return true;
    return false;
}

int setting_value_line(const char *text, const SettingRange *range, void *ret)
{
    (void)range;

    if (has_control_characters(text))
        return -EINVAL;
    *(char **)ret = mem_strdup(text);
    return 0;
}

int setting_value_password(const char *text, const SettingRange *range, void *ret)
{
    (void)range;

    /* It reaches libpq in a passfile, whose lines end with LF or CR LF and have no escape for
     * either. */
    if (strpbrk(text, "\r\n"))
        return -EINVAL;
    *(char **)ret = mem_strdup(text);
    return 0;
}

int setting_value_path(const char *text, const SettingRange *range, void *ret)
{
    (void)range;

    if (*text != '/' || has_control_characters(text))
        return -EINVAL;

    size_t size = strlen(text);
    while (size > 1 && text[size - 1] == '/')
        size--;
    *(char **)ret = mem_strndup(text, size);
    return 0;
}

int setting_value_port(const char *text, const SettingRange *range, void *ret)
{
    uint64_t port;
    int r = setting_value_number(text, range, &port);
    if (r < 0)
        return r;

    *(char **)ret = mem_strdup(text);
    return 0;
}

int setting_value_sslmode(const char *text, const SettingRange *range, void *ret)
{
    static const char *const modes[] = { "disable", "allow",     "prefer",
                                         "require", "verify-ca", "verify-full" };
    (void)range;

    for (size_t i = 0; i < ELEMENTSOF(modes); i++)
        if (strcmp(modes[i], text) == 0) {
            *(char **)ret = mem_strdup(text);
            return 0;
        }
    return -EINVAL;
}

int setting_value_url(const char *text, const SettingRange *range, void *ret)
{
    (void)range;

    /* RFC 3986: the scheme's case does not matter, white space is never part of a URL. */
    const char *host = strncasecmp(text, "http://", 7) == 0    ? text + 7
                       : strncasecmp(text, "https://", 8) == 0 ? text + 8
                                                               : "";
    if (*host == '\0' || *host == '/' || strchr(text, ' ') || has_control_characters(text))
        return -EINVAL;
    *(char **)ret = mem_strdup(text);
    return 0;
}

int setting_value_schedule(const char *text, const SettingRange *range, void *ret)
{
    (void)range;

    if (!crontab_is_schedule(text))
        return -EINVAL;
    *(char **)ret = mem_strdup(text);
    return 0;
}

/* What stands between the entries of a list. */
#define SEPARATORS ", \t\r\n\v\f"

static bool at_separator(const char *c)
{
    return *c == '\0' || strchr(SEPARATORS, *c) != NULL;
}

/* Reads what is between double quotes, behind the first of them; *at is then behind the last. */
static int parse_quoted_entry(const char **at, Buf *entry)
{
    const char *c = *at;

    if (*c == '!' && entry->size == 0)
        buf_addc(entry, '\\');
    for (; *c; c++) {
        if (*c == '"' && *++c != '"') {
            *at = c;
            return 0;
        }
        buf_addc(entry, *c);
    }
    return -EINVAL;
}

static int parse_entry(const char **at, Buf *entry)
{
    const char *c = *at;
    int r = 0;

    if (*c == '!')
        buf_addc(entry, *c++);
    size_t prefix = entry->size;

    if (*c == '"') {
        c++;
        r = parse_quoted_entry(&c, entry);
    } else
        while (!at_separator(c) && *c != '"')
            buf_addc(entry, *c++);

    /* Not ended, ended too early, or nothing at all. */
    if (r < 0 || !at_separator(c) || entry->size == prefix)
        return -EINVAL;
    *at = c;
    return 0;
}

int setting_value_databases(const char *text, const SettingRange *range, void *ret)
{
    _cleanup_strv_ Strv entries = { 0 };
    (void)range;

    const char *at = text + strspn(text, SEPARATORS);
    while (*at) {
        _cleanup_buf_ Buf entry = { 0 };
        int r = parse_entry(&at, &entry);
        if (r < 0)
            return r;

        strv_take(&entries, buf_take(&entry));
        at += strspn(at, SEPARATORS);
    }
    if (entries.count == 0)
        return -EINVAL;

    *(Strv *)ret = entries;
    entries = (Strv){ 0 };
    return 0;
}

/* The part behind the last dot of `names`, which is cut off there; all of it where there is none.
 */
static char *take_last(char *names)
{
    char *dot = strrchr(names, '.');
    char *part = mem_strdup(dot ? dot + 1 : names);

    *(dot ? dot : names) = '\0';
    return part;
}

/* "[DATABASE.]SCHEMA.TABLE.COLUMN=SECONDS" */
static int parse_freshness(char *entry, Freshness *ret)
{
    static const SettingRange seconds = { 1, 3153600000 };
    char *equals = strrchr(entry, '=');

    if (!equals || setting_value_number(equals + 1, &seconds, &ret->seconds) < 0)
        return -EINVAL;
    *equals = '\0';
    ret->column = take_last(entry);
    ret->table = take_last(entry);
    ret->schema = take_last(entry);
    if (*entry)
        ret->database = mem_strdup(entry);
    return ret->column[0] && ret->table[0] && ret->schema[0] ? 0 : -EINVAL;
}

int setting_value_freshness(const char *text, const SettingRange *range, void *ret)
{
    _cleanup_(freshness_list_done) FreshnessList list = { 0 };
    (void)range;

    for (const char *at = text + strspn(text, SEPARATORS); *at; at += strspn(at, SEPARATORS)) {
        size_t size = strcspn(at, SEPARATORS);
        _cleanup_free_ char *entry = mem_strndup(at, size);

        list.items = mem_resize(list.items, list.count + 1, sizeof(*list.items));
        list.items[list.count] = (Freshness){ 0 };
        int r = parse_freshness(entry, &list.items[list.count++]);
        if (r < 0)
            return r;
        at += size;
    }
    if (list.count == 0)
        return -EINVAL;

    FreshnessList *taken = ret;
    taken->count = list.count;
    taken->items = TAKE_PTR(list.items);
    return 0;
}

static const Choice backup_formats[] = {
    { "custom", BACKUP_FORMAT_CUSTOM },
    { "plain", BACKUP_FORMAT_PLAIN },
    { "directory", BACKUP_FORMAT_DIRECTORY },
};
static_assert(ELEMENTSOF(backup_formats) == _BACKUP_FORMAT_MAX, "each format has its word");

const char *backup_format_to_string(BackupFormat format)
{
    return backup_formats[format].text;
}

int backup_format_from_string(const char *text, BackupFormat *ret)
{
    int value;
    int r = choose(backup_formats, ELEMENTSOF(backup_formats), text, &value);
    if (r < 0)
        return r;

    *ret = (BackupFormat)value;
    return 0;
}

int setting_value_backup_format(const char *text, const SettingRange *range, void *ret)
{
    (void)range;
    return backup_format_from_string(text, ret);
}

/* What can stand before a colon, and the levels that can stand behind it. */
typedef struct MethodWord {
    const char *text;
    CompressionMethod method;
    uint64_t max_level; /* 0: takes none */
} MethodWord;

static const MethodWord method_words[] = {
    { "auto", COMPRESSION_AUTO, 0 },  { "none", COMPRESSION_NONE, 0 },
    { "gzip", COMPRESSION_GZIP, 9 },  { "lz4", COMPRESSION_LZ4, 0 },
    { "zstd", COMPRESSION_ZSTD, 19 },
};

/* "gzip", "zstd:3" */
static int parse_method(const char *text, CompressionWish *ret)
{
    size_t size = strcspn(text, ":");

    for (size_t i = 0; i < ELEMENTSOF(method_words); i++) {
        const MethodWord *word = &method_words[i];
        if (strlen(word->text) != size || strncmp(word->text, text, size) != 0)
            continue;

        uint64_t level = 0;
        const SettingRange levels = { 1, word->max_level };
        if (text[size] == ':' && setting_value_number(text + size + 1, &levels, &level) < 0)
            return -EINVAL;
        ret->method = word->method;
        ret->level = (int)level;
        return 0;
    }
    return -EINVAL;
}

#define NATIVE "native"

int setting_value_compression(const char *text, const SettingRange *range, void *ret)
{
    CompressionWish wish = { .native = text_starts_with(text, NATIVE) };
    const char *method = wish.native ? text + strlen(NATIVE) : text;
    (void)range;

    /* "native" alone, or a colon and a method; pg_dump has no "auto", and "none" is ours. */
    if (!wish.native || *method == ':') {
        int r = parse_method(wish.native ? method + 1 : method, &wish);
        if (r < 0)
            return r;
        if (wish.native && wish.method <= COMPRESSION_NONE)
            return -EINVAL;
    } else if (*method != '\0') {
        return -EINVAL;
    }

    *(CompressionWish *)ret = wish;
    return 0;
}

int setting_value_log_format(const char *text, const SettingRange *range, void *ret)
{
    (void)range;
    return log_format_from_string(text, ret);
}

int setting_value_log_level(const char *text, const SettingRange *range, void *ret)
{
    (void)range;
    return log_level_from_string(text, ret);
}
