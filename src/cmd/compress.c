#include "cmd/compress.h"

#include "archive/archive-reader.h"
#include "backup/client-codecs.h"
#include "sys/mem.h"

/* An archive that we compress must be one that the installation's own pg_restore reads. */
static int ask(const PgClient *client, Codec codec, bool *ret_unreadable, Err *err)
{
    bool reads = true;

    int r = client_reads_codec(client, codec, &reads, err);
    *ret_unreadable = !reads;
    return r;
}

int compress_request(const Settings *settings, const PgClient *client, CompressionRequest *ret,
                     Err *err)
{
    CompressionRequest request = {
        .wish = settings->backup_compression,
        .format = settings->backup_format,
        .client_major = client->major,
        .archive_known = archive_reader_knows_major(client->major),
    };
    _cleanup_compression_plan_ CompressionPlan plan = { 0 };

    int r = compression_plan(&request, &plan, err);
    if (r < 0)
        return r;
    if (plan.rewrite && plan.codec.codec == CODEC_ZSTD)
        r = ask(client, CODEC_ZSTD, &request.zstd_unreadable, err);
    if (plan.rewrite && plan.codec.codec == CODEC_LZ4)
        r = ask(client, CODEC_LZ4, &request.lz4_unreadable, err);
    if (r < 0)
        return r;

    compression_plan_done(&plan);
    r = compression_plan(&request, &plan, err);
    if (r < 0)
        return r;
    *ret = request;
    return 0;
}
