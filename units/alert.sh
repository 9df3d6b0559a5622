#!/bin/sh
# What pg-backup-alert@.service does for a unit that failed: the administrator's command, if
# /etc/pg-backup/alert is one, else a line in the journal at priority alert. Either has the
# MONITOR_ variables of systemd.exec(5) in its environment.
set -eu

unit=${MONITOR_UNIT:-$1}
if [ -x /etc/pg-backup/alert ]; then
    exec /etc/pg-backup/alert "$unit"
fi

# systemd takes the priority from the front of the line: 1 is alert.
printf '<1>%s failed: %s (%s, status %s); see journalctl _SYSTEMD_INVOCATION_ID=%s\n' "$unit" \
    "${MONITOR_SERVICE_RESULT:-unknown}" "${MONITOR_EXIT_CODE:-unknown}" \
    "${MONITOR_EXIT_STATUS:-unknown}" "${MONITOR_INVOCATION_ID:-unknown}"
