#include "backup/client-codecs.h"

#include <string.h>

#include "archive/archive-writer.h"
#include "sys/buf.h"
#include "sys/child.h"
#include "sys/mem.h"

#define ANSWER_TIMEOUT (30 * USEC_PER_SEC)

/* pg_restore, in ReadHead(): a warning, and exit status 0. */
#define REFUSAL "does not support compression"

/* Archives of 1.15, which every pg_restore that may have zstd or lz4 reads. */
static void write_empty_archive(Codec codec, Buf *ret)
{
    const ArchiveHeader header = {
        .minor = 15,
        .format = ARCHIVE_FORMAT_CUSTOM,
        .compression = codec == CODEC_ZSTD ? ARCHIVE_COMPRESSION_ZSTD : ARCHIVE_COMPRESSION_LZ4,
        .created = { 0, 0, 0, 1, 0, 100, 0 },
        .database = "empty",
        .server_version = "16.0",
        .dump_version = "16.0",
    };
    archive_write_header(ret, &header);
    archive_write_entry_count(ret, 0);
}

static bool refuses(const Child *child)
{
    for (size_t i = 0; i < child->stderr_lines.count; i++)
        if (strstr(child->stderr_lines.items[i], REFUSAL))
            return true;
    return false;
}

int client_reads_codec(const PgClient *client, Codec codec, bool *ret, Err *err)
{
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;
    _cleanup_child_ Child child = CHILD_INIT;
    _cleanup_buf_ Buf archive = { 0 };

    write_empty_archive(codec, &archive);
    pg_command_decode_archive(client, &command);
    int r = pg_command_spawn(&command, CHILD_STDIN, ANSWER_TIMEOUT, &child, err);
    if (r < 0)
        return r;
    (void)child_write(&child, archive.data, archive.size, NULL); /* what it says counts */
    child_close_stdin(&child);
    r = child_wait(&child, err);
    if (r < 0 && err_is_set(err) && err->kind == ERR_CANCELLED)
        return r;

    /* One that fails for another reason may still read real archives. */
    *ret = !refuses(&child);
    err_done(err);
    return 0;
}
