#include "sys/log.h"

/* Where in log.c an event passed says nothing to anybody: no CODE_FILE fields. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "sys/buf.h"
#include "sys/clock.h"
#include "sys/format.h"
#include "sys/fs.h"
#include "sys/journal.h"
#include "sys/json.h"
#include "sys/logfmt.h"
#include "sys/mem.h"
#include "sys/utf8.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define JOURNAL_PATIENCE (10 * USEC_PER_SEC)

#define CLEAR_LINE "\r\033[K"
#define COLOUR_DIM "\033[2m"
#define COLOUR_OFF "\033[0m"

/* What a line is made of. One table gives each part its key in the formats that programs read. */
typedef enum Part {
    PART_TIME,
    PART_LEVEL,
    PART_PRIORITY,
    PART_IDENTIFIER,
    PART_MESSAGE_ID,
    PART_EVENT,
    PART_RUN, /* the fields of context, in their order */
    PART_DATABASE,
    PART_STEM,
    PART_PHASE,
    PART_BYTES,
    PART_REASON,
    PART_MESSAGE,
    PART_HINT,
    _PART_MAX,
} Part;

_Static_assert(PART_REASON - PART_RUN == (int)_LOG_FIELD_MAX, "each field of context is a part");

typedef struct Line {
    LogLevel level;
    const char *parts[_PART_MAX]; /* NULL: the line has no such part */
} Line;

static const struct {
    const char *logfmt, *json, *journal; /* NULL: the part is not written there */
    bool number;
} keys[_PART_MAX] = {
    [PART_TIME] = { "time", "time", NULL },
    [PART_LEVEL] = { "level", "level", NULL },
    [PART_PRIORITY] = { NULL, NULL, "PRIORITY" },
    [PART_IDENTIFIER] = { NULL, NULL, "SYSLOG_IDENTIFIER" },
    [PART_MESSAGE_ID] = { NULL, NULL, "MESSAGE_ID" },
    [PART_EVENT] = { "event", "event", "PG_BACKUP_EVENT" },
    [PART_RUN] = { "run", "run", "PG_BACKUP_RUN" },
    [PART_DATABASE] = { "database", "database", "PG_BACKUP_DATABASE" },
    [PART_STEM] = { "stem", "stem", "PG_BACKUP_STEM" },
    [PART_PHASE] = { "phase", "phase", "PG_BACKUP_PHASE" },
    [PART_BYTES] = { "bytes", "bytes", "PG_BACKUP_BYTES", .number = true },
    [PART_REASON] = { "reason", "reason", "PG_BACKUP_REASON" },
    [PART_MESSAGE] = { "msg", "message", "MESSAGE" },
    [PART_HINT] = { "hint", "hint", "PG_BACKUP_HINT" },
};

static const struct {
    const char *name;
    const char *priority;      /* syslog's, for the journal */
    const char *word, *colour; /* before a message for people */
} levels[_LOG_LEVEL_MAX] = {
    [LOG_LEVEL_ERROR] = { "error", "3", "ERROR: ", "\033[1;31m" },
    [LOG_LEVEL_WARNING] = { "warning", "4", "WARNING: ", "\033[1;33m" },
    [LOG_LEVEL_NOTICE] = { "notice", "5", "", "" },
    [LOG_LEVEL_INFO] = { "info", "6", "", "" },
    [LOG_LEVEL_DEBUG] = { "debug", "7", "", "" },
};

static struct {
    LogFormat format; /* never LOG_FORMAT_AUTO */
    LogLevel max_level;
    bool terminal; /* stderr obeys escape sequences */
    bool colour;
    char *context[_LOG_FIELD_MAX];
    char *progress; /* the progress line that is on the screen now, or NULL */
} state = { .format = LOG_FORMAT_LOGFMT, .max_level = LOG_LEVEL_INFO };

static size_t terminal_columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

/* Appends as much of `text` as fits on one line. Whatever may be two columns wide counts as two: a
 * line cut too early looks fine, one that wraps could not be cleared any more. */
static void add_clipped(Buf *out, const char *text)
{
    size_t room = terminal_columns() - 1; /* some terminals wrap when the last column is written */
    uint32_t code;

    for (size_t size; (size = utf8_next(text, &code)) > 0 && *text; text += size) {
        size_t width = code >= 0x1100 ? 2 : 1;
        if (width > room)
            return;
        room -= width;
        buf_add(out, text, size);
    }
}

/* One write for all of it, so that lines of several processes do not mix. There is nobody to tell
 * when it fails. */
static void write_stderr(const Buf *text)
{
    _cleanup_buf_ Buf out = {};

    if (!state.progress) {
        (void)fs_write_all(STDERR_FILENO, text->data, text->size);
        return;
    }

    buf_adds(&out, CLEAR_LINE);
    buf_add(&out, text->data, text->size);
    add_clipped(&out, state.progress);
    (void)fs_write_all(STDERR_FILENO, out.data, out.size);
}

static void write_logfmt(const Line *line)
{
    _cleanup_buf_ Buf out = {};

    for (size_t i = 0; i < _PART_MAX; i++)
        if (keys[i].logfmt)
            logfmt_add(&out, keys[i].logfmt, line->parts[i]);
    buf_addc(&out, '\n');
    write_stderr(&out);
}

static void write_json(const Line *line)
{
    _cleanup_json_ Json *object = json_new_object();

    for (size_t i = 0; i < _PART_MAX; i++) {
        if (!keys[i].json || !line->parts[i])
            continue;
        if (keys[i].number)
            json_set_uint(object, keys[i].json, strtoull(line->parts[i], NULL, 10));
        else
            json_set_text(object, keys[i].json, line->parts[i]);
    }

    _cleanup_free_ char *text = json_print_line(object);
    _cleanup_buf_ Buf out = {};
    buf_addf(&out, "%s\n", text);
    write_stderr(&out);
}

/* Appends `text` for people: its own line breaks stay, with `indent` behind them, so that no line
 * of a message passes for a line of the log; nothing else in it reaches the terminal raw. */
static void add_readable(Buf *out, const char *text, const char *indent)
{
    for (bool first = true; *text; first = false) {
        size_t size = strcspn(text, "\n");
        _cleanup_free_ char *raw = mem_strndup(text, size);
        _cleanup_free_ char *clean = format_oneline(raw);

        if (!first)
            buf_addf(out, "\n%s", indent);
        buf_adds(out, clean);
        text += size;
        text += strspn(text, "\n");
    }
}

static void add_coloured(Buf *out, const char *colour, const char *text)
{
    if (state.colour && *colour)
        buf_addf(out, "%s%s" COLOUR_OFF, colour, text);
    else
        buf_adds(out, text);
}

static void write_human(const Line *line)
{
    static const char indent[] = "          ";
    const char *hint = line->parts[PART_HINT];
    _cleanup_buf_ Buf out = {};

    time_t now = (time_t)(clock_now() / USEC_PER_SEC);
    struct tm local;
    char clock[sizeof("23:59:59")] = "";
    if (localtime_r(&now, &local))
        strftime(clock, sizeof(clock), "%H:%M:%S", &local);

    add_coloured(&out, COLOUR_DIM, clock);
    buf_adds(&out, "  ");
    add_coloured(&out, levels[line->level].colour, levels[line->level].word);
    add_readable(&out, line->parts[PART_MESSAGE], indent);
    buf_addc(&out, '\n');

    if (hint) {
        buf_adds(&out, indent);
        add_coloured(&out, COLOUR_DIM, "hint: ");
        add_readable(&out, hint, indent);
        buf_addc(&out, '\n');
    }
    write_stderr(&out);
}

static void write_journal(const Line *line)
{
    /* journalctl shows "[blob data]" in the place of a message with control characters. */
    _cleanup_buf_ Buf readable = {};
    add_readable(&readable, line->parts[PART_MESSAGE], "");

    struct iovec fields[_PART_MAX];
    size_t count = 0;
    for (size_t i = 0; i < _PART_MAX; i++) {
        const char *value = i == PART_MESSAGE ? readable.data : line->parts[i];
        if (!keys[i].journal || !value)
            continue;
        char *field = mem_printf("%s=%s", keys[i].journal, value);
        fields[count++] = (struct iovec){ .iov_base = field, .iov_len = strlen(field) };
    }

    int r = sd_journal_sendv(fields, (int)count);
    for (size_t i = 0; i < count; i++)
        free(fields[i].iov_base);
    if (r < 0)
        write_logfmt(line);
}

static const struct {
    const char *name;
    void (*write)(const Line *line);
} formats[_LOG_FORMAT_MAX] = {
    [LOG_FORMAT_AUTO] = { "auto", NULL },
    [LOG_FORMAT_JOURNAL] = { "journal", write_journal },
    [LOG_FORMAT_HUMAN] = { "human", write_human },
    [LOG_FORMAT_LOGFMT] = { "logfmt", write_logfmt },
    [LOG_FORMAT_JSON] = { "json", write_json },
};

/* $JOURNAL_STREAM is inherited by whatever a service starts, redirected or not: only when it still
 * names our stderr is this the journal. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    uintmax_t dev, ino;
    struct stat st;

    if (!stream || sscanf(stream, "%ju:%ju", &dev, &ino) != 2)
        return false;
    return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

static LogFormat choose_format(LogFormat wanted)
{
    switch (wanted) {
    case LOG_FORMAT_AUTO:
        if (stderr_is_journal())
            return LOG_FORMAT_JOURNAL;
        return isatty(STDERR_FILENO) ? LOG_FORMAT_HUMAN : LOG_FORMAT_LOGFMT;
    case LOG_FORMAT_JOURNAL:
        /* libsystemd loses messages silently where no journal runs. */
        return access(JOURNAL_SOCKET, W_OK) == 0 ? LOG_FORMAT_JOURNAL : LOG_FORMAT_LOGFMT;
    case LOG_FORMAT_HUMAN:
    case LOG_FORMAT_LOGFMT:
    case LOG_FORMAT_JSON:
    case _LOG_FORMAT_MAX:
        break;
    }
    return wanted;
}

void log_init(LogFormat format, LogLevel max_level)
{
    const char *term = getenv("TERM");
    const char *no_color = getenv("NO_COLOR"); /* https://no-color.org: set and not empty */

    state.format = choose_format(format);
    state.max_level = max_level;
    state.terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    state.colour = state.terminal && (!no_color || !*no_color);
}

void log_done(void)
{
    if (state.format == LOG_FORMAT_JOURNAL)
        (void)journal_drain(JOURNAL_SOCKET, JOURNAL_PATIENCE);
}

bool log_is_human(void)
{
    return state.format == LOG_FORMAT_HUMAN && state.terminal;
}

void log_context(LogField field, const char *value)
{
    free(state.context[field]);
    state.context[field] = mem_strdup(value);
}

static void log_line(LogLevel level, LogEvent event, const Err *err, const char *message)
{
    char now[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(clock_now(), now);

    Line line = {
        .level = level,
        .parts = {
            [PART_TIME] = now,
            [PART_LEVEL] = levels[level].name,
            [PART_PRIORITY] = levels[level].priority,
            [PART_IDENTIFIER] = "pg-backup",
            [PART_MESSAGE_ID] = log_event_info(event)->message_id,
            [PART_EVENT] = log_event_info(event)->name,
            [PART_MESSAGE] = message,
        },
    };
    for (size_t i = 0; i < _LOG_FIELD_MAX; i++)
        line.parts[PART_RUN + i] = state.context[i];
    if (err) {
        const ErrKindInfo *info = err_kind_info(err->kind);
        line.parts[PART_MESSAGE_ID] = info->message_id;
        line.parts[PART_REASON] = info->name;
        line.parts[PART_HINT] = err_remedy(err);
    }

    formats[state.format].write(&line);
}

void log_event(LogLevel level, LogEvent event, const char *fmt, ...)
{
    va_list ap;

    if (level > state.max_level)
        return;

    va_start(ap, fmt);
    _cleanup_free_ char *message = mem_vprintf(fmt, ap);
    va_end(ap);
    log_line(level, event, /* err= */ NULL, message);
}

void log_err(LogLevel level, LogEvent event, const Err *err)
{
    if (level <= state.max_level && err_is_set(err))
        log_line(level, event, err, err->message);
}

void log_progress_line(const char *text)
{
    _cleanup_buf_ Buf out = {};

    if (!log_is_human() || (!text && !state.progress))
        return;

    free(state.progress);
    state.progress = text ? format_oneline(text) : NULL;

    buf_adds(&out, CLEAR_LINE);
    if (state.progress)
        add_clipped(&out, state.progress);
    (void)fs_write_all(STDERR_FILENO, out.data, out.size);
}

int log_format_from_string(const char *s, LogFormat *ret)
{
    for (size_t i = 0; i < _LOG_FORMAT_MAX; i++)
        if (strcmp(s, formats[i].name) == 0) {
            *ret = (LogFormat)i;
            return 0;
        }
    return -EINVAL;
}

int log_level_from_string(const char *s, LogLevel *ret)
{
    for (size_t i = 0; i < _LOG_LEVEL_MAX; i++)
        if (strcmp(s, levels[i].name) == 0) {
            *ret = (LogLevel)i;
            return 0;
        }
    return -EINVAL;
}
