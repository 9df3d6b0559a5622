#!/usr/bin/env bash
# demo.sh: what pg-backup does, shown on a PostgreSQL of its own with a sample database. Everything
# that it makes is in one temporary directory, which goes at the end, also after Ctrl-C.
# shellcheck disable=SC2016 # what is shown is expanded by the shell that runs it
set -euo pipefail

top=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../..
top=$(cd "$top" && pwd)
. "$top/tests/support/cluster.sh"

main() {
    began=$SECONDS
    work=$(mktemp -d /tmp/pg-backup-demo.XXXXXX)
    trap clean_up EXIT
    trap 'exit 130' INT TERM HUP
    cd "$work"
    export TZ=UTC

    start_server
    write_settings
    make_history
    back_up
    verify
    use_stock_tools
    restore
    report
    prune
    drill
    printf '\nDone in %d s. The server, the databases and the backups are gone now.\n' \
        $((SECONDS - began))
}

start_server() {
    heading "A throwaway server with somebody's databases"
    cluster_start "$work"
    export PATH=$top/build:$cluster_bindir:$PATH PGHOST=$work/socket PGUSER=postgres
    say "" "PostgreSQL $(query postgres 'SHOW server_version'), with a socket and no port"
    createdb shop
    psql -qX -d shop -f "$top/tests/demo/shop.sql" >/dev/null
    createdb 'we"ird name'
    psql -qX -d 'we"ird name' -c "CREATE TABLE t AS SELECT generate_series(1, 1000) AS i"
    say "shop: $(count_rows shop | total) rows in 4 schemas, partitions, jsonb, large objects, views"
    say "we\"ird name: somebody did that, too"
}

write_settings() {
    heading "The settings: KEY=VALUE, in a file or in the environment"
    mkdir backups drill
    [ "$(id -u)" -ne 0 ] || chown nobody drill # what a backup holds never runs as root
    cat >demo.conf <<CONF
PG_HOST=$work/socket
PG_USER=postgres
BACKUP_DIR=$work/backups
BACKUP_KEEP_DAYS=90
DRILL_DIR=$work/drill
METRICS_TEXTFILE=$work/pg-backup.prom
LOG_FORMAT=human
CONF
    show 'cat demo.conf'
    show 'pg-backup -c demo.conf check'
}

# Retention needs backups of some age. These come from real runs; only their clock is wrong.
make_history() {
    heading "Two months of history, so that there is something to prune"
    say "" "Real backups by real runs, but faketime tells them that it is an earlier day."
    export FAKETIME_DONT_FAKE_MONOTONIC=1 BACKUP_GLOBALS=no LOG_LEVEL=warning
    local days
    echo
    for days in 61 54 47 33 26 20 6; do
        show_below "faketime '$(date -d "-$days days" +%F) 02:00' pg-backup -c demo.conf run shop"
    done
    unset FAKETIME_DONT_FAKE_MONOTONIC BACKUP_GLOBALS LOG_LEVEL
}

back_up() {
    heading "Tonight's run: globals and every database"
    show 'pg-backup -c demo.conf run'
    show 'pg-backup -c demo.conf list'
}

verify() {
    heading "Read back and checked"
    show 'pg-backup -c demo.conf verify'
    say "" "The same with one byte changed, in a copy of the backups:"
    show 'cp -a backups damaged'
    show 'printf X | dd of=damaged/shop/shop_latest.dump bs=1 seek=70000 conv=notrunc status=none'
    show 'BACKUP_DIR=$PWD/damaged pg-backup -c demo.conf verify shop; echo "exit code $?"'
}

use_stock_tools() {
    heading "Stock tools open everything"
    show 'cd backups/we* && ls && sha256sum -c *.sha256'
    show 'pg_restore --list backups/shop/shop_latest.dump | grep "TABLE DATA"'
    show 'gunzip -c backups/globals/globals_latest.sql.gz | grep "^ALTER ROLE"'
}

restore() {
    heading "Restored beside the original"
    show 'pg-backup -c demo.conf restore shop --to shop_copy'
    say "" "Rows, counted in both databases:"
    compare_counts shop shop_copy
}

report() {
    heading "What the monitoring sees"
    show 'grep -E "^pg_backup_(last|repo)|\"shop\"" pg-backup.prom'
    show 'pg-backup -c demo.conf health'
}

prune() {
    heading "A tighter policy: 14 days, at least 2, and one of each of 3 weeks"
    sed -i '/KEEP/d' demo.conf
    printf '%s\n' BACKUP_KEEP_DAYS=14 BACKUP_KEEP_MIN_COUNT=2 BACKUP_KEEP_WEEKLY=3 >>demo.conf
    show 'grep KEEP demo.conf'
    show 'pg-backup -c demo.conf prune --dry-run'
    show 'pg-backup -c demo.conf prune'
    show 'pg-backup -c demo.conf list shop'
}

# The measured recovery is that of the throwaway server, the globals and the contents.
drill() {
    heading "Proven: restored into a server of its own, dumped again, and the same"
    show 'pg-backup -c demo.conf drill'
    show 'pg-backup -c demo.conf list'
    show 'jq -r ".result, .recovery_ms" backups/shop/*.proof.json'
}

# Both databases' counts side by side; fails when one differs or is missing.
compare_counts() {
    count_rows "$1" >"$1.counts"
    count_rows "$2" >"$2.counts"
    printf '%-24s %10s %10s\n' table "$1" "$2"
    LC_ALL=C join -t $'\t' -a 1 -a 2 -e missing -o 0,1.2,2.2 "$1.counts" "$2.counts" |
        awk -F '\t' '{ same = $2 == $3 ? "" : "   DIFFERS"
                       printf "%-24s %10s %10s%s\n", $1, $2, $3, same
                       if (same != "") bad = 1 }
            END { if (!bad) print "All of them agree."; exit bad }'
}

# A line for each table: its name, a tab, its rows.
count_rows() {
    psql -qAtX -F $'\t' -d "$1" -f "$top/tests/demo/count-rows.sql"
}

total() {
    awk -F '\t' '{ rows += $2 } END { print rows }'
}

query() {
    psql -qAtX -d "$1" -c "$2"
}

heading() {
    section=$((${section:-0} + 1))
    printf '\n\n%s%d. %s%s\n' "$bold" "$section" "$1" "$plain"
}

say() {
    printf '%s\n' "$@"
}

# Prints a command as one would type it, and runs it.
show() {
    echo
    show_below "$1"
}

show_below() {
    printf '%s$ %s%s\n' "$bold" "$1" "$plain"
    bash -c "$1" 2>&1
}

clean_up() {
    local status=$?
    trap - EXIT INT TERM HUP
    cluster_stop || true
    cd /
    rm -rf "$work"
    [ "$status" -eq 0 ] || printf '\nThe demo ended early (status %d); all is removed.\n' "$status"
    exit "$status"
}

bold='' plain=''
if [ -t 1 ]; then
    bold=$'\033[1m' plain=$'\033[0m'
fi
main
