#pragma once

/* The program's log: to the journal with fields when stderr is the journal's ($JOURNAL_STREAM),
 * else one line per event on stderr: for people on a terminal, logfmt elsewhere, JSON where asked
 * for. Only cmd/ logs above debug.
 *
 * An event (sys/log-event.h) has a name and a MESSAGE_ID; failures are named by the kind of their
 * Err. What every line of a run has in common (run id, database, stem, phase) is set once as
 * context. */

#include "sys/err.h"
#include "sys/log-event.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum LogLevel {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    _LOG_LEVEL_MAX,
} LogLevel;

typedef enum LogFormat {
    LOG_FORMAT_AUTO, /* journal, terminal or logfmt, by what stderr is */
    LOG_FORMAT_JOURNAL,
    LOG_FORMAT_HUMAN,
    LOG_FORMAT_LOGFMT,
    LOG_FORMAT_JSON,
    _LOG_FORMAT_MAX,
} LogFormat;

/* What every following line carries; NULL removes it. Values are copied. */
typedef enum LogField {
    LOG_FIELD_RUN,      /* PG_BACKUP_RUN */
    LOG_FIELD_DATABASE, /* PG_BACKUP_DATABASE */
    LOG_FIELD_STEM,     /* PG_BACKUP_STEM */
    LOG_FIELD_PHASE,    /* PG_BACKUP_PHASE */
    LOG_FIELD_BYTES,    /* PG_BACKUP_BYTES */
    _LOG_FIELD_MAX,
} LogField;

void log_init(LogFormat format, LogLevel max_level);
/* The last call before the process ends: waits for the journal, see journal.h. */
void log_done(void);
/* True when lines are written for a person at a terminal. */
bool log_is_human(void);
void log_context(LogField field, const char *value);

void log_event(LogLevel level, LogEvent event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* An error: its message, its hint, its reason as PG_BACKUP_REASON. The MESSAGE_ID is that of the
 * error's kind, so that journalctl -x explains cause and remedy, whatever the event is. */
void log_err(LogLevel level, LogEvent event, const Err *err);

#define log_error(...) log_event(LOG_LEVEL_ERROR, LOG_EVENT_NONE, __VA_ARGS__)
#define log_warning(...) log_event(LOG_LEVEL_WARNING, LOG_EVENT_NONE, __VA_ARGS__)
#define log_notice(...) log_event(LOG_LEVEL_NOTICE, LOG_EVENT_NONE, __VA_ARGS__)
#define log_info(...) log_event(LOG_LEVEL_INFO, LOG_EVENT_NONE, __VA_ARGS__)
#define log_debug(...) log_event(LOG_LEVEL_DEBUG, LOG_EVENT_NONE, __VA_ARGS__)

/* The progress line below the log on a terminal; log lines are written above it. NULL clears it. */
void log_progress_line(const char *line);

/* By the names in settings: "auto", "json" …; "error", "warning" …; -EINVAL if unknown. */
int log_format_from_string(const char *s, LogFormat *ret);
int log_level_from_string(const char *s, LogLevel *ret);
