#pragma once

/* What the log tells of by name: for journal queries, alerts, and the texts that `journalctl -x`
 * shows. Failures are no events: they are named by the kind of their Err, in sys/err.c. */

typedef enum LogEvent {
    LOG_EVENT_NONE,
    LOG_EVENT_RUN_STARTED,
    LOG_EVENT_RUN_FINISHED,
    LOG_EVENT_RUN_FAILED,
    LOG_EVENT_BACKUP_FINISHED,
    LOG_EVENT_BACKUP_FAILED,
    LOG_EVENT_DUMP_WARNING,
    LOG_EVENT_SWEPT,
    LOG_EVENT_PRUNED,
    LOG_EVENT_PRUNE_STOPPED,
    LOG_EVENT_METRICS_FAILED,
    LOG_EVENT_VERIFIED,
    LOG_EVENT_RESTORED,
    LOG_EVENT_SLOTS_MISSED,
    LOG_EVENT_DRILL_FINISHED,
    LOG_EVENT_DRILL_FAILED,
    _LOG_EVENT_MAX,
} LogEvent;

/* One row of the table of events; all NULL for LOG_EVENT_NONE. */
typedef struct LogEventInfo {
    const char *name;        /* "backup-finished" */
    const char *message_id;  /* 32 hex digits, for the journal */
    const char *subject;     /* for the journal's catalog: a headline */
    const char *explanation; /* likewise: sentences, with fields of the entry as @FIELD@ */
} LogEventInfo;

const LogEventInfo *log_event_info(LogEvent event);
