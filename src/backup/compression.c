#include "backup/compression.h"

#include <errno.h>
#include <string.h>

#include "sys/mem.h"

/* From this pg_dump on, archives hold zstd and lz4, and --compress takes a method. */
#define METHODS_SINCE_MAJOR 16

/* The levels that are worth their time; docs/PERFORMANCE.md has what was measured. */
#define GZIP_DEFAULT 1
#define ZSTD_DEFAULT 1

static const struct {
    Codec codec;
    const char *name;
    int default_level;
} methods[] = {
    [COMPRESSION_AUTO] = { CODEC_NONE, "auto", 0 },
    [COMPRESSION_NONE] = { CODEC_NONE, "none", 0 },
    [COMPRESSION_GZIP] = { CODEC_GZIP, "gzip", GZIP_DEFAULT },
    [COMPRESSION_LZ4] = { CODEC_LZ4, "lz4", 0 },
    [COMPRESSION_ZSTD] = { CODEC_ZSTD, "zstd", ZSTD_DEFAULT },
};

static char *describe(CompressionMethod method, int level)
{
    return level > 0 ? mem_printf("%s:%d", methods[method].name, level)
                     : mem_strdup(methods[method].name);
}

static bool is_new_method(CompressionMethod method)
{
    return method == COMPRESSION_LZ4 || method == COMPRESSION_ZSTD;
}

static bool is_unreadable(const CompressionRequest *q)
{
    return q->format == BACKUP_FORMAT_CUSTOM && !q->wish.native &&
           ((q->wish.method == COMPRESSION_ZSTD && q->zstd_unreadable) ||
            (q->wish.method == COMPRESSION_LZ4 && q->lz4_unreadable));
}

static int check_wish(const CompressionRequest *q, Err *err)
{
    const char *name = methods[q->wish.method].name;
    int r = 0;

    if (q->wish.native && q->format == BACKUP_FORMAT_PLAIN) {
        r = err_set(err, ERR_SETTINGS, "BACKUP_COMPRESSION=native does not go with SQL text");
        err_hint(err, "Set BACKUP_COMPRESSION=auto, or BACKUP_FORMAT=custom.");
    } else if (is_new_method(q->wish.method) && q->format != BACKUP_FORMAT_PLAIN &&
               q->client_major < METHODS_SINCE_MAJOR) {
        r = err_set(err, ERR_SETTINGS, "pg_dump %d has no archives with %s", q->client_major, name);
        err_hint(err,
                 "Set BACKUP_COMPRESSION=auto or gzip; %s needs pg_dump %d, or "
                 "BACKUP_FORMAT=plain.",
                 name, METHODS_SINCE_MAJOR);
    } else if (is_unreadable(q)) {
        r = err_set(err, ERR_SETTINGS, "this pg_restore was built without %s", name);
        err_hint(err, "Set BACKUP_COMPRESSION=auto or gzip, or install client programs with %s.",
                 name);
    }
    return r;
}

/* What pg_dump's own --compress takes: "6" for gzip up to 15, "zstd:3" from 16 on; NULL for all by
 * default, which every version has. */
static char *client_option(const CompressionRequest *q, CompressionMethod method, int level)
{
    if (method == COMPRESSION_NONE)
        return mem_strdup("0");
    if (q->client_major >= METHODS_SINCE_MAJOR)
        return describe(method, level);
    return level > 0 ? mem_printf("%d", level) : NULL;
}

static void plan_native(const CompressionRequest *q, CompressionMethod method, int level,
                        CompressionPlan *ret)
{
    *ret = (CompressionPlan){
        .client_option = client_option(q, method, level),
        .text = describe(method, level),
        .by = method == COMPRESSION_NONE ? NULL : "pg_dump",
    };
}

static void plan_own(const CompressionRequest *q, CompressionMethod method, int level,
                     CompressionPlan *ret)
{
    level = level > 0 ? level : methods[method].default_level;
    *ret = (CompressionPlan){
        .rewrite = q->format == BACKUP_FORMAT_CUSTOM,
        .codec = { methods[method].codec, level },
        .client_option = mem_strdup("0"),
        .text = describe(method, level),
        .by = method == COMPRESSION_NONE ? NULL : "pg-backup",
    };
}

int compression_plan(const CompressionRequest *q, CompressionPlan *ret, Err *err)
{
    bool by_client = q->wish.native || q->format == BACKUP_FORMAT_DIRECTORY ||
                     (q->format == BACKUP_FORMAT_CUSTOM && !q->archive_known);
    bool modern = q->format != BACKUP_FORMAT_PLAIN && q->client_major >= METHODS_SINCE_MAJOR;
    CompressionMethod method = q->wish.method;
    int level = q->wish.level;

    int r = check_wish(q, err);
    if (r < 0)
        return r;

    if (q->wish.native && method == COMPRESSION_AUTO) {
        method = COMPRESSION_GZIP; /* pg_dump's own default, at its own level */
    } else if (method == COMPRESSION_AUTO) {
        method = modern && !q->zstd_unreadable ? COMPRESSION_ZSTD : COMPRESSION_GZIP;
        level = methods[method].default_level;
    }

    if (by_client)
        plan_native(q, method, level, ret);
    else
        plan_own(q, method, level, ret);
    return 0;
}

void compression_plan_done(CompressionPlan *plan)
{
    free(plan->client_option);
    free(plan->text);
    *plan = (CompressionPlan){ 0 };
}
