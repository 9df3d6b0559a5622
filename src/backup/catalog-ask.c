#include <string.h>

#include "backup/artifact.h"
#include "backup/catalog.h"
#include "backup/nearest.h"
#include "sys/mem.h"

/* What a loaded catalog answers without another look at the disk. */

/* Asking */

const char *backup_flaw(const Backup *b)
{
    if (b->newer)
        return "UNKNOWN";
    if (b->unreadable)
        return "UNREADABLE";
    return backup_is_refuted(b) && backup_is_drilled(b) ? "DRILL FAILED" : "DAMAGED";
}

int backup_error(const Backup *b, Err *err)
{
    ErrKind kind = b->newer        ? ERR_ARCHIVE_VERSION
                   : b->unreadable ? ERR_COULD_NOT_VERIFY
                                   : ERR_DAMAGED;
    return err_set(err, kind, "%s", b->problem);
}

static const Series *series_by_directory(const Catalog *c, const char *encoded)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->series[i].encoded, encoded) == 0)
            return &c->series[i];
    return NULL;
}

const Series *catalog_series(const Catalog *c, const char *database)
{
    if (!database)
        return series_by_directory(c, ARTIFACT_GLOBALS);

    _cleanup_free_ char *encoded = artifact_encode(database);
    return series_by_directory(c, encoded);
}

const Backup *series_newest_good_until(const Series *s, usec_t now)
{
    for (size_t i = s->count; i > 0; i--)
        if (s->backups[i - 1].good && s->backups[i - 1].when <= now)
            return &s->backups[i - 1];
    return NULL;
}

const Backup *series_newest_good(const Series *s)
{
    return series_newest_good_until(s, UINT64_MAX);
}

const Backup *series_newest_flawed_until(const Series *s, usec_t now)
{
    for (size_t i = s->count; i > 0; i--) {
        const Backup *b = &s->backups[i - 1];
        if (b->when <= now)
            return b->good ? NULL : b;
    }
    return NULL;
}

uint64_t series_good_count(const Series *s)
{
    uint64_t count = 0;
    for (size_t i = 0; i < s->count; i++)
        count += s->backups[i].good;
    return count;
}

static const Backup *newest_drill(const Series *s, usec_t now, bool proven)
{
    const Backup *newest = NULL;

    for (size_t i = 0; i < s->count; i++) {
        const Backup *b = &s->backups[i];
        bool counts = backup_is_drilled(b) && b->proof->finished <= now &&
                      (proven ? backup_is_proven(b) : b->proof->result != PROOF_RESULT_UNDECIDED);
        if (counts && (!newest || b->proof->finished >= newest->proof->finished))
            newest = b;
    }
    return newest;
}

const Backup *series_newest_proof(const Series *s, usec_t now)
{
    return newest_drill(s, now, /* proven= */ true);
}

const Backup *series_newest_drill(const Series *s, usec_t now)
{
    return newest_drill(s, now, /* proven= */ false);
}

uint64_t catalog_stored_bytes(const Catalog *c)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < c->count; i++)
        for (size_t j = 0; j < c->series[i].count; j++)
            sum += c->series[i].backups[j].file_bytes;
    return sum;
}

/* Finding */

static const char *series_name(const Series *s)
{
    return s->database ? s->database : ARTIFACT_GLOBALS;
}

static const Series *series_of_stem(const Catalog *c, const char *stem)
{
    _cleanup_free_ char *encoded = NULL;
    return artifact_parse_stem(stem, &encoded, NULL) ? series_by_directory(c, encoded) : NULL;
}

/* "globals" is the globals: the database of that name is found by its directory, "%67lobals". */
static const Series *series_by_name(const Catalog *c, const char *name)
{
    const Series *s = strcmp(name, ARTIFACT_GLOBALS) == 0 ? NULL : catalog_series(c, name);
    return s ? s : series_by_directory(c, name);
}

static const Backup *backup_by_stem(const Series *s, const char *stem)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->backups[i].stem, stem) == 0)
            return &s->backups[i];
    return NULL;
}

/* Of the stems of its series where it has one, else of the names of all series. */
static void hint_nearest(const Catalog *c, const char *name, Err *err)
{
    const Series *s = series_of_stem(c, name);
    _cleanup_strv_ Strv names = { 0 };

    for (size_t i = 0; i < (s ? s->count : c->count); i++)
        strv_add(&names, s ? s->backups[i].stem : series_name(&c->series[i]));

    _cleanup_free_ char *nearest = nearest_names(&names, name);
    if (names.count == 0)
        err_hint(err, "There is no backup in \"%s\" at all.", c->path);
    else
        err_hint(err, "The nearest are %s.", nearest);
}

static int explain_miss(const Catalog *c, const char *name, Err *err)
{
    const Series *s = series_by_name(c, name);
    const Series *asked = s ? s : series_of_stem(c, name);

    if (asked && asked->problem)
        return err_set(err, ERR_COULD_NOT_VERIFY, "%s", asked->problem);

    int r;
    if (s) {
        r = err_set(err, ERR_NOT_FOUND, "no backup of \"%s\" is good", name);
        err_hint(err, "Name one of them by its stem, which `pg-backup list` shows.");
    } else {
        r = err_set(err, ERR_NOT_FOUND, "there is no backup \"%s\"", name);
        hint_nearest(c, name, err);
    }
    return r;
}

int catalog_find(const Catalog *c, const char *name, const Series **ret_series,
                 const Backup **ret_backup, Err *err)
{
    const Series *s = series_of_stem(c, name);
    const Backup *b = s ? backup_by_stem(s, name) : NULL;

    if (!b) {
        s = series_by_name(c, name);
        b = s ? series_newest_good(s) : NULL;
    }
    if (!b)
        return explain_miss(c, name, err);

    *ret_series = s;
    *ret_backup = b;
    return 0;
}
