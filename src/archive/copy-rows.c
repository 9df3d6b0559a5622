#include "archive/copy-rows.h"

#include <string.h>

#include "sys/buf.h"

/* Rows that lie whole in a piece, which are nearly all, are hashed where they lie. Only a row that
 * a piece's end cuts goes through the stream. */

#define END_LINE_FEEDS 2 /* behind the line "\." */

struct CopyRows {
    Digest digest;
    uint64_t count, bytes;
    DigestStream *row; /* the row whose line feed has not come */
    uint64_t row_size; /* 0: none has begun */
    char row_start[3];
    const ColumnOrder *order; /* NULL: rows are digested as they are */
    Buf text;                 /* of the row, where there is an order */
    bool ended, damaged;
    size_t line_feeds; /* behind the end */
};

CopyRows *copy_rows_new(void)
{
    CopyRows *c = mem_zero(1, sizeof(*c));
    c->row = digest_stream_new();
    return c;
}

void copy_rows_free(CopyRows *c)
{
    if (!c)
        return;
    digest_stream_free(c->row);
    buf_done(&c->text);
    free(c);
}

void copy_rows_begin(CopyRows *c)
{
    buf_done(&c->text);
    *c = (CopyRows){ .row = c->row };
}

void copy_rows_begin_in_order(CopyRows *c, const ColumnOrder *order)
{
    copy_rows_begin(c);
    c->order = order->places ? order : NULL;
}

static void digest_in_order(CopyRows *c)
{
    _cleanup_buf_ Buf row = { 0 };

    column_order_apply(c->order, c->text.data ? c->text.data : "", c->text.size, &row);
    digest_add(&c->digest, row.data, row.size);
    c->text.size = 0;
}

static void end_row(CopyRows *c)
{
    c->damaged = c->row_size == 3 && memcmp(c->row_start, "\\.\r", 3) == 0;
    c->ended = c->damaged || (c->row_size == 2 && memcmp(c->row_start, "\\.", 2) == 0);
    if (c->ended)
        return;

    if (c->order)
        digest_in_order(c);
    else
        digest_stream_end(c->row, &c->digest);
    c->count++;
    c->bytes += c->row_size + 1;
    c->row_size = 0;
}

/* Up to the line feed, or all there is. */
static size_t take_cut_row(CopyRows *c, const char *data, size_t size)
{
    const char *line_feed = memchr(data, '\n', size);
    size_t length = line_feed ? (size_t)(line_feed - data) : size;

    if (c->row_size == 0)
        digest_stream_begin(c->row);
    for (size_t i = 0; i < length && c->row_size + i < sizeof(c->row_start); i++)
        c->row_start[c->row_size + i] = data[i];
    if (c->order)
        buf_add(&c->text, data, length);
    else
        digest_stream_write(c->row, data, length);
    c->row_size += length;

    if (!line_feed)
        return length;
    end_row(c);
    return length + 1;
}

size_t copy_rows_take(CopyRows *c, const void *data, size_t size)
{
    const char *bytes = data;
    size_t taken = 0;

    while (taken < size && !c->ended) {
        if (c->row_size == 0 && !c->order) {
            size_t whole = digest_add_rows(&c->digest, bytes + taken, size - taken, &c->count);
            c->bytes += whole;
            taken += whole;
        }
        if (taken < size)
            taken += take_cut_row(c, bytes + taken, size - taken);
    }
    return taken;
}

static int refuse_behind(Err *err)
{
    return err_set(err, ERR_DAMAGED, "a table's rows are followed by something else");
}

int copy_rows_write(CopyRows *c, const void *data, size_t size, Err *err)
{
    const char *bytes = data;

    for (size_t i = copy_rows_take(c, data, size); i < size; i++) {
        if (bytes[i] != '\n' || c->line_feeds == END_LINE_FEEDS)
            return refuse_behind(err);
        c->line_feeds++;
    }
    return c->damaged ? refuse_behind(err) : 0;
}

int copy_rows_finish(const CopyRows *c, Err *err)
{
    if (!c->ended || c->line_feeds != END_LINE_FEEDS)
        return err_set(err, ERR_DAMAGED, "a table's rows end too early");
    return 0;
}

bool copy_rows_ended(const CopyRows *c)
{
    return c->ended;
}

bool copy_rows_damaged(const CopyRows *c)
{
    return c->damaged;
}

uint64_t copy_rows_count(const CopyRows *c)
{
    return c->count;
}

uint64_t copy_rows_bytes(const CopyRows *c)
{
    return c->bytes;
}

const Digest *copy_rows_digest(const CopyRows *c)
{
    return &c->digest;
}
