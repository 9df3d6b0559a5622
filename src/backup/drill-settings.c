#include "backup/drill-settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/buf.h"
#include "sys/mem.h"
#include "sys/text.h"

#define PRELOAD "shared_preload_libraries="

/* A dump of the copy locks all tables in one transaction, as that of the original did; PostgreSQL
 * has room for a hundred times as many locks. */
static uint64_t locks_of(const Manifest *m)
{
    uint64_t needed = 64 + (m->tables + m->definitions) / 50;
    return m->max_locks > needed ? m->max_locks : needed;
}

static void add_setting(Strv *settings, const char *name, const char *value)
{
    if (value)
        strv_addf(settings, "%s=%s", name, value);
}

/* Libraries */

/* Where they are, seen from the programs: packages of Debian and of PGDG, builds with a prefix,
 * Fedora. */
static const char *const library_dirs[] = { "../lib", "../lib/postgresql", "../lib64/pgsql" };

static bool is_installed(const PgClient *programs, const char *name)
{
    for (size_t i = 0; i < ELEMENTSOF(library_dirs); i++) {
        _cleanup_free_ char *path =
            mem_printf("%s/%s/%s.so", programs->bindir, library_dirs[i], name);
        if (access(path, R_OK) == 0)
            return true;
    }
    return false;
}

/* A manifest is only text: nothing that could lead out of the server's own directory. */
static bool is_plain_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' &&
           name[strspn(
               name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] == '\0';
}

/* "a, $libdir/b": the names, each once. */
static void split_libraries(const char *list, Strv *ret)
{
    static const char libdir[] = "$libdir/";

    for (const char *p = list + strspn(list, ", "); *p; p += strspn(p, ", ")) {
        size_t size = strcspn(p, ", ");
        _cleanup_free_ char *item = mem_strndup(p, size);
        bool prefixed = text_starts_with(item, libdir);
        const char *name = item + (prefixed ? strlen(libdir) : 0);
        strv_add_once(ret, name);
        p += size;
    }
}

static void add_libraries(const Manifest *m, const PgClient *programs, Strv *ret, Strv *notes)
{
    _cleanup_strv_ Strv names = { 0 };
    _cleanup_buf_ Buf found = { 0 };

    split_libraries(m->preload_libraries ? m->preload_libraries : "", &names);
    for (size_t i = 0; i < names.count; i++) {
        if (is_plain_name(names.items[i]) && is_installed(programs, names.items[i]))
            buf_addf(&found, "%s%s", found.size > 0 ? "," : "", names.items[i]);
        else
            strv_addf(notes, "the library \"%s\", which the original preloads, is not installed",
                      names.items[i]);
    }
    if (found.size == 0)
        return;
    strv_addf(ret, PRELOAD "%s", found.data);
    /* A scheduler of jobs, say, must not begin to work in the copy. */
    strv_add(ret, "max_worker_processes=0");
}

bool drill_forget_libraries(Strv *settings, Strv *notes)
{
    _cleanup_strv_ Strv kept = { 0 };

    for (size_t i = 0; i < settings->count; i++) {
        const char *setting = settings->items[i];
        if (text_starts_with(setting, PRELOAD))
            strv_addf(notes,
                      "the server does not start with the libraries that the original "
                      "preloads: %s",
                      setting + strlen(PRELOAD));
        else
            strv_add(&kept, setting);
    }
    bool found = kept.count < settings->count;
    strv_done(settings);
    *settings = kept;
    kept = (Strv){ 0 };
    return found;
}

/* All */

void drill_choose_settings(const Manifest *m, const PgClient *programs, Strv *ret, Strv *notes)
{
    strv_addf(ret, "max_locks_per_transaction=%llu", (unsigned long long)locks_of(m));
    add_setting(ret, "bytea_output", m->bytea_output);
    add_setting(ret, "lc_monetary", m->lc_monetary);
    add_setting(ret, "quote_all_identifiers", m->quote_all_identifiers);
    add_setting(ret, "timezone", m->timezone);
    add_setting(ret, "datestyle", m->date_style);
    add_setting(ret, "intervalstyle", m->interval_style);
    add_libraries(m, programs, ret, notes);
}
