#include "conf/settings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf-file.h"
#include "conf/setting-table.h"
#include "sys/buf.h"
#include "sys/format.h"
#include "sys/fs.h"
#include "sys/mem.h"
#include "sys/text.h"

/* No setting is nearly as long; what is longer is a path that leads to the wrong file. */
#define CONF_FILE_MAX ((size_t)1 << 20)
#define VALUE_FILE_MAX ((size_t)64 << 10)

#define ENVIRONMENT "environment"    /* as the origin of a value */
#define ENVIRONMENT_PREFIX "BACKUP_" /* of names that can only be meant for us */

typedef struct Loader {
    const SettingsSource *source;
    ConfFile file;
    Strv problems;
} Loader;

static void loader_done(Loader *l)
{
    conf_file_done(&l->file);
    strv_done(&l->problems);
}

/* A setting's text and where it came from. */
typedef struct Found {
    char *text;
    char *origin;         /* "environment", "FILE:LINE", a path */
    bool from_value_file; /* the whole content of a file */
} Found;

static void found_done(Found *f)
{
    mem_wipe_free(f->text);
    free(f->origin);
}

static const char *environment_value(const Loader *l, const char *key)
{
    size_t size = strlen(key);
    for (char *const *e = l->source->environment; e && *e; e++)
        if (strncmp(*e, key, size) == 0 && (*e)[size] == '=')
            return (*e)[size + 1] != '\0' ? *e + size + 1 : NULL;
    return NULL;
}

static const ConfEntry *file_entry(const Loader *l, const char *key)
{
    for (size_t i = 0; i < l->file.count; i++)
        if (strcmp(l->file.entries[i].key, key) == 0 && l->file.entries[i].value[0] != '\0')
            return &l->file.entries[i];
    return NULL;
}

/* Reads text without NUL bytes, so that no part of a value is dropped in silence. Returns 0 or
 * -errno. */
static int read_text(const char *path, size_t max, char **ret)
{
    char *text;
    size_t size;
    int r = fs_read_file(AT_FDCWD, path, max, &text, &size);
    if (r < 0)
        return r;

    if (strlen(text) != size) {
        explicit_bzero(text, size);
        free(text);
        return -EILSEQ;
    }
    *ret = text;
    return 0;
}

static const char *read_failure(int r)
{
    switch (-r) {
    case EILSEQ:
        return "the file holds a NUL byte";
    case EFBIG:
        return "the file is too large";
    default:
        return strerror(-r);
    }
}

/* Reads a value from a file of its own, without the line break at its end; false when there is
 * none, or none that can be read: the latter is a problem unless the file is missing and may be. */
static bool find_in_value_file(Loader *l, const SettingRow *row, const char *origin,
                               const char *path, Found *ret)
{
    _cleanup_(found_done) Found found = { 0 };
    int r = read_text(path, VALUE_FILE_MAX, &found.text);
    if (r == -ENOENT && !origin)
        return false;
    if (r < 0) {
        _cleanup_free_ char *shown = format_oneline(path);
        strv_addf(&l->problems, "%s%scould not read \"%s\" for %s: %s", origin ? origin : "",
                  origin ? ": " : "", shown, row->info.key, read_failure(r));
        return false;
    }

    size_t size = strlen(found.text);
    if (size > 0 && found.text[size - 1] == '\n')
        found.text[--size] = '\0';
    if (size > 0 && found.text[size - 1] == '\r')
        found.text[--size] = '\0';
    if (size == 0)
        return false;

    *ret = (Found){
        .text = TAKE_PTR(found.text),
        .origin = format_oneline(path),
        .from_value_file = true,
    };
    return true;
}

/* KEY and KEY_FILE in one place, either NULL where it is not set. */
typedef struct Pair {
    const char *value, *path;
    const char *value_origin, *path_origin;
} Pair;

static bool find_in_pair(Loader *l, const SettingRow *row, const Pair *pair, Found *ret)
{
    if (pair->value && pair->path) {
        strv_addf(&l->problems, "%s: %s is set beside %s_FILE; give one of them",
                  pair->value_origin, row->info.key, row->info.key);
        return false;
    }
    if (pair->path)
        return find_in_value_file(l, row, pair->path_origin, pair->path, ret);
    if (!pair->value)
        return false;

    *ret = (Found){ .text = mem_strdup(pair->value), .origin = mem_strdup(pair->value_origin) };
    return true;
}

static bool find_in_environment(Loader *l, const SettingRow *row, Found *ret)
{
    _cleanup_free_ char *file_key = mem_printf("%s_FILE", row->info.key);
    const Pair pair = {
        .value = environment_value(l, row->info.key),
        .path = environment_value(l, file_key),
        .value_origin = ENVIRONMENT,
        .path_origin = ENVIRONMENT,
    };
    return find_in_pair(l, row, &pair, ret);
}

static char *line_origin(const Loader *l, const ConfEntry *entry)
{
    return entry ? mem_printf("%s:%u", l->source->file, entry->line) : NULL;
}

static bool find_in_conf_file(Loader *l, const SettingRow *row, Found *ret)
{
    _cleanup_free_ char *file_key = mem_printf("%s_FILE", row->info.key);
    const ConfEntry *value = file_entry(l, row->info.key), *path = file_entry(l, file_key);
    _cleanup_free_ char *value_origin = line_origin(l, value), *path_origin = line_origin(l, path);
    const Pair pair = {
        .value = value ? value->value : NULL,
        .path = path ? path->value : NULL,
        .value_origin = value_origin,
        .path_origin = path_origin,
    };
    return find_in_pair(l, row, &pair, ret);
}

/* A directory of credentials or secrets, each in a file that is named like its key in lower case.
 */
static bool find_in_directory(Loader *l, const SettingRow *row, const char *directory, Found *ret)
{
    /* On a host, /run/secrets is often missing, or somebody else's. */
    if (!directory || access(directory, X_OK) < 0)
        return false;

    _cleanup_free_ char *name = mem_strdup(row->info.key);
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    _cleanup_free_ char *path = mem_printf("%s/%s", directory, name);
    return find_in_value_file(l, row, /* origin= */ NULL, path, ret);
}

static bool find_libpq_variable(Loader *l, const SettingRow *row, Found *ret)
{
    const char *value = row->info.libpq ? environment_value(l, row->info.libpq) : NULL;
    if (!value)
        return false;

    *ret = (Found){
        .text = mem_strdup(value),
        .origin = mem_printf("%s: %s", ENVIRONMENT, row->info.libpq),
    };
    return true;
}

static bool find_value(Loader *l, const SettingRow *row, Found *ret)
{
    if (find_in_environment(l, row, ret) || find_in_conf_file(l, row, ret))
        return true;

    if (row->info.secret_lookup &&
        (find_in_directory(l, row, environment_value(l, "CREDENTIALS_DIRECTORY"), ret) ||
         find_in_directory(l, row, l->source->secrets_dir, ret)))
        return true;

    return find_libpq_variable(l, row, ret);
}

static void refuse_value(Loader *l, const SettingRow *row, const Found *found)
{
    bool hidden = row->value_is_a_secret || found->from_value_file;
    _cleanup_free_ char *shown = hidden ? NULL : format_oneline(found->text);
    strv_addf(&l->problems, "%s: %s must be %s%s%s%s", found->origin, row->info.key,
              row->info.values, shown ? ", not \"" : "", shown ? shown : "", shown ? "\"" : "");
}

/* The way to a server, which may lead through secrets, and what is a secret itself. */
static bool concerns_server(const SettingRow *row)
{
    return row->info.secret_lookup || row->value_is_a_secret;
}

/* Fills the member of one row. */
static void load_setting(Loader *l, const SettingRow *row, Settings *s)
{
    void *member = (char *)s + row->offset;

    _cleanup_(found_done) Found found = { 0 };
    if (find_value(l, row, &found)) {
        if (row->parse(found.text, &row->range, member) < 0)
            refuse_value(l, row, &found);
    } else if (!row->default_is_made && row->info.default_text[0] != '\0') {
        if (row->parse(row->info.default_text, &row->range, member) < 0)
            strv_addf(&l->problems, "the default of %s is not valid", row->info.key);
    }
}

/* How many processors this process may run on. */
static uint64_t processors(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return 1;
    uint64_t count = (uint64_t)CPU_COUNT(&set);
    return count > BACKUP_JOBS_MAX ? BACKUP_JOBS_MAX : count;
}

/* The defaults that depend on the instance, the host or another setting. */
static void make_defaults(Settings *s)
{
    if (!s->backup_dir)
        s->backup_dir = mem_printf("/var/lib/pg-backup/%s", s->instance);
    if (!s->state_dir)
        s->state_dir = mem_printf("%s/.state", s->backup_dir);
    if (!s->drill_dir)
        s->drill_dir = mem_printf("%s/drill", s->state_dir);
    if (s->backup_jobs == 0)
        s->backup_jobs = processors();
    if (!s->metrics_instance) {
        char host[HOST_NAME_MAX + 1] = { 0 };
        bool known = gethostname(host, sizeof(host) - 1) == 0 && host[0] != '\0';
        s->metrics_instance = mem_printf("%s:%s", known ? host : "localhost", s->instance);
    }
}

static void read_conf_file(Loader *l, Settings *s)
{
    const char *path = l->source->file;
    if (!path)
        return;

    char *text = NULL;
    int r = read_text(path, CONF_FILE_MAX, &text);
    if (r < 0) {
        strv_addf(&l->problems, "could not read \"%s\": %s", path, read_failure(r));
        return;
    }

    conf_file_parse(text, path, &l->file, &l->problems);
    mem_wipe_free(text);
    s->source = mem_strdup(path);
}

/* An unknown name is a misspelt setting, which would otherwise silently not be in force. */
static void refuse_unknown(Loader *l, const char *origin, const char *key)
{
    _cleanup_free_ char *nearest = setting_table_nearest(key);
    _cleanup_free_ char *shown = format_oneline(key);
    if (nearest)
        strv_addf(&l->problems, "%s: unknown setting \"%s\"; did you mean \"%s\"?", origin, shown,
                  nearest);
    else
        strv_addf(&l->problems, "%s: unknown setting \"%s\"", origin, shown);
}

static void check_conf_file_names(Loader *l)
{
    for (size_t i = 0; i < l->file.count; i++) {
        const ConfEntry *entry = &l->file.entries[i];
        _cleanup_free_ char *origin = line_origin(l, entry);
        bool is_file;
        if (!setting_table_find(entry->key, &is_file))
            refuse_unknown(l, origin, entry->key);

        for (size_t j = 0; j < i; j++)
            if (strcmp(l->file.entries[j].key, entry->key) == 0) {
                strv_addf(&l->problems, "%s: %s is set already in line %u", origin, entry->key,
                          l->file.entries[j].line);
                break;
            }
    }
}

static void check_environment_names(Loader *l)
{
    for (char *const *e = l->source->environment; e && *e; e++) {
        if (!text_starts_with(*e, ENVIRONMENT_PREFIX))
            continue;

        _cleanup_free_ char *key = mem_strndup(*e, strcspn(*e, "="));
        bool is_file;
        if (!setting_table_find(key, &is_file))
            refuse_unknown(l, ENVIRONMENT, key);
    }
}

/* It becomes part of a path: BACKUP_DIR's default. */
static void check_instance(Loader *l)
{
    const char *name = l->source->instance;
    if (name[0] != '\0' && name[0] != '.' && !strchr(name, '/'))
        return;

    _cleanup_free_ char *shown = format_oneline(name);
    strv_addf(&l->problems, "\"%s\" cannot be the name of an instance", shown);
}

/* By file and line, as a person goes through them. */
static int compare_problems(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

static int report_problems(Strv *problems, Err *err)
{
    _cleanup_buf_ Buf text = { 0 };

    qsort(problems->items, problems->count, sizeof(*problems->items), compare_problems);
    for (size_t i = 0; i < problems->count; i++)
        buf_addf(&text, "%s%s", i > 0 ? "\n" : "", problems->items[i]);
    return err_set(err, ERR_SETTINGS, "%s", text.data);
}

int settings_load(const SettingsSource *source, Settings *ret, Err *err)
{
    _cleanup_(loader_done) Loader l = { .source = source };
    _cleanup_settings_ Settings s = { .instance = mem_strdup(source->instance) };

    check_instance(&l);
    read_conf_file(&l, &s);
    check_conf_file_names(&l);
    check_environment_names(&l);
    const SettingRow *row;
    for (size_t i = 0; (row = setting_table_row(i)); i++)
        if (!source->without_server || !concerns_server(row))
            load_setting(&l, row, &s);
    make_defaults(&s);

    if (l.problems.count > 0)
        return report_problems(&l.problems, err);
    *ret = s;
    s = (Settings){ 0 };
    return 0;
}

static void freshness_done(Freshness *f)
{
    free(f->database);
    free(f->schema);
    free(f->table);
    free(f->column);
}

void freshness_list_done(FreshnessList *list)
{
    for (size_t i = 0; list->items && i < list->count; i++)
        freshness_done(&list->items[i]);
    free(list->items);
    *list = (FreshnessList){ 0 };
}

void settings_done(Settings *s)
{
    mem_wipe_free(s->pg_password);
    mem_wipe_free(s->pushgateway_url);
    strv_done(&s->pg_databases);
    freshness_list_done(&s->drill_freshness);

    char *const strings[] = {
        s->instance,         s->source,
        s->pg_host,          s->pg_port,
        s->pg_user,          s->pg_sslmode,
        s->pg_sslrootcert,   s->pg_service,
        s->pg_bindir,        s->pg_maintenance_database,
        s->backup_dir,       s->state_dir,
        s->metrics_textfile, s->metrics_instance,
        s->backup_schedule,  s->drill_dir,
        s->drill_assertions, s->drill_schedule,
    };
    for (size_t i = 0; i < ELEMENTSOF(strings); i++)
        free(strings[i]);
    *s = (Settings){ 0 };
}

const SettingInfo *settings_info(size_t i)
{
    const SettingRow *row = setting_table_row(i);
    return row ? &row->info : NULL;
}
