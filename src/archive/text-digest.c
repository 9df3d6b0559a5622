#include "archive/text-digest.h"

void text_digest_init(TextDigest *t)
{
    *t = (TextDigest){ .stream = digest_stream_new() };
    text_digest_begin(t);
}

void text_digest_begin(TextDigest *t)
{
    digest_stream_begin(t->stream);
    t->bytes = t->line_feeds = 0;
}

static void write_held_line_feeds(TextDigest *t)
{
    for (; t->line_feeds > 0; t->line_feeds--, t->bytes++)
        digest_stream_write(t->stream, "\n", 1);
}

void text_digest_write(TextDigest *t, const void *data, size_t size)
{
    const char *bytes = data;
    size_t start = 0, end = size;

    while (t->bytes == 0 && start < size && bytes[start] == '\n')
        start++;
    while (end > start && bytes[end - 1] == '\n')
        end--;

    if (end > start) {
        write_held_line_feeds(t);
        digest_stream_write(t->stream, bytes + start, end - start);
        t->bytes += end - start;
    }
    t->line_feeds += size - end;
}

void text_digest_end(TextDigest *t, Digest *d)
{
    digest_stream_end(t->stream, d);
}

void text_digest_done(TextDigest *t)
{
    digest_stream_free(t->stream);
    *t = (TextDigest){ 0 };
}
