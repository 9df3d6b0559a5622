#include "sys/log-event.h"

/* A name and a message id are forever: journal queries and alerts are written against them. */
static const LogEventInfo events[_LOG_EVENT_MAX] = {
    [LOG_EVENT_RUN_STARTED] = {
        "run-started", "92bb9e8018e24bc5882f5ddef75d1014", "A run of backups has begun",
        "Settings, lock, directory, server and client programs are in order; the dumps begin.",
    },
    [LOG_EVENT_RUN_FINISHED] = {
        "run-finished", "deab8e5dead449349393bcc38125aa1e", "A run of backups is done",
        "Everything that the settings name is backed up.",
    },
    [LOG_EVENT_RUN_FAILED] = {
        "run-failed", "3422903b958448f2843b50b7c87fcaa1", "A run of backups has failed",
        "At least one database was not backed up; an entry of this run (PG_BACKUP_RUN) names each, "
        "with the reason and the remedy. The others are backed up. When that is mended, run again.",
    },
    [LOG_EVENT_BACKUP_FINISHED] = {
        "backup-finished", "b584869810aa4d5f8294c4fcd3f54620", "A backup is complete",
        "File, checksum and manifest of @PG_BACKUP_STEM@ are durably on the disk.",
    },
    [LOG_EVENT_BACKUP_FAILED] = {
        "backup-failed", "29ac97d3f6a34a31aedc09a2006db11d", "A backup has failed",
        "There is no new backup of this database; the earlier ones are as they were. The entry's "
        "reason (PG_BACKUP_REASON) has a description of its own.",
    },
    [LOG_EVENT_DUMP_WARNING] = {
        "dump-warning", "1f061ff59a2a45ad9ca55c1d4c74fb3a", "A backup carries a warning",
        "The backup is complete as far as it goes, but the client program warned, something is "
        "not in it, or it holds much less than those before it. The manifest has the same words. "
        "Read whether a restore would miss it.",
    },
    [LOG_EVENT_SWEPT] = {
        "swept", "629e46c2906f47d79831f11e6cfbd3ad", "A leftover was removed",
        "An earlier run was killed or lost its power. What it had not finished was never a "
        "backup, and is gone now; look in the journal for what ended that run.",
    },
    [LOG_EVENT_PRUNED] = {
        "pruned", "d1e814d849ae4e5aa7ffe476935125b2", "An old backup was removed",
        "The retention policy (BACKUP_KEEP_DAYS and its like) keeps it no longer. \"pg-backup "
        "prune --dry-run\" tells for each backup which rule keeps it.",
    },
    [LOG_EVENT_PRUNE_STOPPED] = {
        "prune-stopped", "7a94a2d85291489492a77df17351495f", "Nothing was removed",
        "The age of backups cannot be told, so that none was removed by the retention policy.",
    },
    [LOG_EVENT_METRICS_FAILED] = {
        "metrics-failed", "5bda5cc13b394e8e859dec409e2dba33", "Metrics were not delivered",
        "The backups are not affected. Monitoring sees the last run's values until it gets new "
        "ones.",
    },
    [LOG_EVENT_VERIFIED] = {
        "verified", "6d711179865a4c798df7a388357efef6", "Backups were verified",
        "Stored backups were read back and compared with their manifests.",
    },
    [LOG_EVENT_RESTORED] = {
        "restored", "9bba64a9a71245e49cc7a381519fcccd", "A backup was restored",
        "A restore has ended well. Run ANALYZE in the database: statistics are no part of a "
        "backup.",
    },
    [LOG_EVENT_SLOTS_MISSED] = {
        "slots-missed", "683f63977e144b4aac4c1758f022bbc7", "Scheduled runs did not take place",
        "Since the run before this one, the timer had moments at which no run began: the machine "
        "was off or asleep, the timer was stopped, or the run before took too long. This run "
        "makes up for them. Compare the duration of runs with the interval of the timer.",
    },
    [LOG_EVENT_DRILL_FINISHED] = {
        "drill-finished", "a9bc0f9b062745c687caf8e71f3f9113", "A backup is proven to restore",
        "The backup @PG_BACKUP_STEM@ was restored into a throwaway server, and a dump of the copy "
        "has the same contents. The proof stands beside the backup.",
    },
    [LOG_EVENT_DRILL_FAILED] = {
        "drill-failed", "d42c1bd1e7be4b9eacd778f7fe369384", "A backup is not proven to restore",
        "A drill found that @PG_BACKUP_STEM@ does not restore to what was dumped, or could not "
        "decide. The entry's reason (PG_BACKUP_REASON) has a description of its own; the proof "
        "beside the backup tells each level.",
    },
};

const LogEventInfo *log_event_info(LogEvent event)
{
    return &events[event];
}
