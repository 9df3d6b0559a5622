#include "backup/fall.h"

#include <inttypes.h>
#include <string.h>

#include "sys/format.h"
#include "sys/mem.h"
#include "sys/text.h"

/* A hundred times a number of bytes may need more than 64 bits. */
__extension__ typedef unsigned __int128 Product;

/* One number of two backups. */
typedef struct Measure {
    const char *key; /* the manifest's member */
    uint64_t before, now;
} Measure;

enum { MEASURES_MAX = 2 };

static const struct {
    const char *key, *subject;
    bool bytes;
} words[] = {
    { "rows", "rows", false },
    { "contents_bytes", "bytes", true },
    { "raw_bytes", "bytes of the dump", true },
};

static bool is_fall(const Measure *m, uint64_t max_percent)
{
    return m->before > m->now &&
           (Product)(m->before - m->now) * 100 > (Product)m->before * max_percent;
}

/* Measuring */

/* What pg_dump writes depends on the format, and on whether and how it compresses; of a directory
 * also on whether its archive is of a version that is known here, as an inventory shows. */
static bool dumps_are_alike(const Manifest *a, const Manifest *b)
{
    return text_equal(a->format, b->format) && text_equal(a->compressed_by, b->compressed_by) &&
           text_equal(a->compression, b->compression) &&
           (!manifest_is_directory(a) || !a->inventory_file == !b->inventory_file);
}

/* Returns how many of `ret` can be compared, what says most to people first. */
static size_t measure(const Manifest *before, const Manifest *now, Measure ret[MEASURES_MAX])
{
    if (before->inventory_file && now->inventory_file) {
        ret[0] = (Measure){ words[0].key, before->rows, now->rows };
        ret[1] = (Measure){ words[1].key, before->contents_bytes, now->contents_bytes };
        return 2;
    }
    ret[0] = (Measure){ words[2].key, before->raw_bytes, now->raw_bytes };
    return dumps_are_alike(before, now) ? 1 : 0;
}

/* The first that fell by more than the share. */
static bool find_fall(const Manifest *before, const Manifest *now, uint64_t max_percent,
                      Measure *ret)
{
    Measure measures[MEASURES_MAX];
    size_t count = measure(before, now, measures);

    for (size_t i = 0; i < count; i++)
        if (is_fall(&measures[i], max_percent)) {
            *ret = measures[i];
            return true;
        }
    return false;
}

static bool holds_as_much(const Manifest *later, const Manifest *earlier)
{
    Measure measures[MEASURES_MAX];
    size_t count = measure(earlier, later, measures);

    for (size_t i = 0; i < count; i++)
        if (measures[i].now < measures[i].before)
            return false;
    return count > 0;
}

/* The baseline */

/* Within a series, the order of stems is that of time. */
static bool is_older(const char *stem, const char *than)
{
    return than && strcmp(stem, than) < 0;
}

/* The newest backup before `than` (NULL: of all) whose fall was accepted, which need not be there
 * any more; NULL: there is none. */
static const char *baseline_of(const Series *s, const char *than)
{
    const char *newest = NULL;

    for (size_t i = 0; i < s->count; i++) {
        const Backup *b = &s->backups[i];
        const char *stem = b->accepted ? b->stem : b->manifest.fall_baseline;
        if (stem && (!than || is_older(stem, than)) && (!newest || is_older(newest, stem)))
            newest = stem;
    }
    return newest;
}

/* Backups from the future are those of a clock that stood wrong: nothing can have fallen since. */
void fall_judge(const Series *s, uint64_t max_percent, Manifest *now)
{
    const char *baseline = s ? baseline_of(s, now->stem) : NULL;
    Measure fall;

    now->fall_baseline = mem_strdup(baseline);
    for (size_t i = s && max_percent > 0 ? s->count : 0; i-- > 0;) {
        const Backup *b = &s->backups[i];
        if (is_older(b->stem, baseline))
            return;
        if (!is_older(b->stem, now->stem) || !b->good ||
            !find_fall(&b->manifest, now, max_percent, &fall))
            continue;
        now->fall_against = mem_strdup(b->stem);
        now->fall_of = mem_strdup(fall.key);
        now->fall_before = fall.before;
        now->fall_now = fall.now;
        return;
    }
}

/* Pending ones */

/* The place of the last one before the pending fall of this backup; false: it has none. */
static bool find_before(const Series *s, const Backup *b, const char *baseline, size_t *ret)
{
    const char *against = b->manifest.fall_against;

    if (!against || is_older(against, baseline))
        return false;
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->backups[i].stem, against) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

bool fall_is_pending(const Series *s, const Backup *b)
{
    size_t before;

    return b->manifest.fall_against && find_before(s, b, baseline_of(s, /* than= */ NULL), &before);
}

const Backup *fall_newest_pending(const Series *s)
{
    const char *baseline = baseline_of(s, /* than= */ NULL);
    size_t before;

    for (size_t i = s->count; i-- > 0;)
        if (find_before(s, &s->backups[i], baseline, &before))
            return &s->backups[i];
    return NULL;
}

/* Whether a later one that is kept for a fall, and can be restored, makes this one superfluous. */
static bool had_come_back(const Series *s, const FallRole *roles, size_t before)
{
    for (size_t i = before + 1; i < s->count; i++)
        if (roles[i] == FALL_ROLE_BEFORE && s->backups[i].good &&
            holds_as_much(&s->backups[i].manifest, &s->backups[before].manifest))
            return true;
    return false;
}

/* The oldest good one before a fall stays with those that are older: as many rows in all can be
 * those of another table. */
static void release_superfluous(const Series *s, FallRole *roles)
{
    size_t oldest = 0;

    while (oldest < s->count && (roles[oldest] != FALL_ROLE_BEFORE || !s->backups[oldest].good))
        oldest++;
    for (size_t i = s->count; i-- > oldest + 1;)
        if (roles[i] == FALL_ROLE_BEFORE && had_come_back(s, roles, i))
            roles[i] = FALL_ROLE_NONE;
}

/* Whether the acceptance, which goes with this backup, is still nowhere else. */
static bool has_to_hand_on(const Series *s, const Backup *b, const char *baseline)
{
    if (!b->accepted || strcmp(b->stem, baseline) != 0)
        return false;
    for (size_t i = 0; i < s->count; i++)
        if (s->backups[i].good && text_equal(s->backups[i].manifest.fall_baseline, baseline))
            return false;
    return true;
}

void fall_assign_roles(const Series *s, FallRole *ret)
{
    const char *baseline = baseline_of(s, /* than= */ NULL);
    size_t before;

    for (size_t i = 0; i < s->count; i++)
        ret[i] = FALL_ROLE_NONE;
    for (size_t i = 0; i < s->count; i++)
        if (find_before(s, &s->backups[i], baseline, &before))
            ret[before] = FALL_ROLE_BEFORE;
    release_superfluous(s, ret);

    /* From the newest back: the first that names one is the newest that does. */
    _cleanup_free_ bool *named = mem_zero(s->count, sizeof(*named));
    for (size_t i = s->count; i-- > 0;) {
        if (!find_before(s, &s->backups[i], baseline, &before) || ret[before] != FALL_ROLE_BEFORE ||
            named[before])
            continue;
        named[before] = true;
        if (ret[i] == FALL_ROLE_NONE)
            ret[i] = FALL_ROLE_AFTER;
    }
    for (size_t i = 0; i < s->count; i++)
        if (ret[i] == FALL_ROLE_NONE && has_to_hand_on(s, &s->backups[i], baseline))
            ret[i] = FALL_ROLE_AFTER;
}

/* For people */

uint64_t fall_permille(const Manifest *m)
{
    uint64_t before = m->fall_before, now = m->fall_now;

    return before > now ? (uint64_t)((Product)(before - now) * 1000 / before) : 0;
}

char *fall_describe(const Manifest *m)
{
    const char *subject = m->fall_of; /* that a later version may have written */
    bool bytes = false;

    for (size_t i = 0; i < ELEMENTSOF(words); i++)
        if (strcmp(words[i].key, m->fall_of) == 0) {
            subject = words[i].subject;
            bytes = words[i].bytes;
        }

    _cleanup_free_ char *before =
        bytes ? format_bytes(m->fall_before) : mem_printf("%" PRIu64, m->fall_before);
    _cleanup_free_ char *now =
        bytes ? format_bytes(m->fall_now) : mem_printf("%" PRIu64, m->fall_now);
    return mem_printf("%s fell from %s to %s (-%" PRIu64 " %%) against %s", subject, before, now,
                      fall_permille(m) / 10, m->fall_against);
}

int fall_error(const Manifest *m, Err *err)
{
    _cleanup_free_ char *text = fall_describe(m);

    int r = err_set(err, ERR_CONTENTS_FELL, "database \"%s\": %s", m->database, text);
    err_hint(err,
             "\"pg-backup diff %s %s\" shows what is gone. If that is as it should be, run "
             "\"pg-backup prune --accept %s\": until then, the backup before it is kept.",
             m->fall_against, m->stem, m->stem);
    return r;
}
