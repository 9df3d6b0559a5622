#!/usr/bin/env bash
# bench.sh [MIB]: a database of 1 GiB (or so many MiB) in a throwaway cluster, dumped by pg_dump
# alone and backed up by pg-backup, in both formats. Prints what each took, and fails when pg-backup
# itself ever had more than 64 MiB of memory.
set -euo pipefail

top=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
. "$top/tests/support/cluster.sh"

mib=${1:-1024}
max_peak_kib=$((64 * 1024))

main() {
    # Not /tmp, which may be memory.
    work=$(mktemp -d /var/tmp/pg-backup-bench.XXXXXX)
    trap clean_up EXIT
    trap 'exit 130' INT TERM HUP
    cluster_start "$work"
    export PGHOST=$work/socket PGUSER=postgres
    make_database

    row="%-26s %8s %10s %8s %7s %10s\n"
    # shellcheck disable=SC2059 # the format is ours
    printf "$row" "" seconds stored MB/s ratio peak
    worst_peak=0
    measure custom "pg_dump -Fc"
    measure plain "pg_dump -Fp | gzip"

    echo
    echo "MB/s: of the database's $database_mb MB. ratio: pg-backup's time to that of the line above."
    echo "peak: memory of pg-backup itself (VmHWM); $((max_peak_kib / 1024)) MiB are allowed."
    [ "$worst_peak" -le "$max_peak_kib" ]
}

# Text that compresses about as well as real rows do; a row takes some 145 bytes.
make_database() {
    printf 'Making a database of %d MiB ... ' "$mib"
    createdb bench
    psql -qX -d bench -v rows=$((mib * 7500)) <<'SQL'
\set ON_ERROR_STOP on
CREATE TABLE t AS
    SELECT i AS id, md5(i::text) AS token, now() AS at, 'customer ' || i % 9973 AS name,
        repeat('lorem ipsum ', (i % 9)::int) AS note
    FROM generate_series(1, :rows) AS i;
SQL
    psql -qX -d bench -c "CHECKPOINT"
    database_mb=$(psql -qAtX -d bench -c "SELECT pg_database_size('bench') / 1000000")
    echo "$database_mb MB"
}

# measure FORMAT TITLE: pg_dump alone first, then pg-backup in the same format.
measure() {
    local format=$1 title=$2 alone ours peak
    alone=$(seconds_of "dump_$format")
    show_row "$title" "$alone" "$work/alone" "" ""

    ours=$(seconds_of run_pg_backup "$format")
    peak=$(cat "$work/peak")
    show_row "pg-backup run ($format)" "$ours" "$work/$format"/bench/bench_latest.* \
        "$(awk "BEGIN { printf \"%.2f\", $ours / $alone }")" "$((peak / 1024)) MiB"
    [ "$peak" -le "$worst_peak" ] || worst_peak=$peak
}

dump_custom() {
    pg_dump -Fc bench >"$work/alone"
}

dump_plain() {
    pg_dump -Fp bench | gzip >"$work/alone"
}

run_pg_backup() {
    mkdir "$work/$1"
    env PG_HOST="$PGHOST" PG_USER="$PGUSER" PG_DATABASES=bench BACKUP_DIR="$work/$1" \
        BACKUP_FORMAT="$1" BACKUP_GLOBALS=no "$top/build/pg-backup" run >"$work/log" 2>&1 &
    watch_peak $! >"$work/peak"
    wait $! || explain
}

# The kernel's own high-water mark of one process, as long as it lives; its children do not count.
watch_peak() {
    local key value peak=0
    while kill -0 "$1" 2>/dev/null; do
        while read -r key value _; do
            [ "$key" != VmHWM: ] || peak=$value
        done <"/proc/$1/status" || break
        sleep 0.05
    done 2>/dev/null
    echo "$peak"
}

explain() {
    cat "$work/log" >&2
    return 1
}

seconds_of() {
    local before after
    before=$(date +%s.%N)
    "$@"
    after=$(date +%s.%N)
    awk "BEGIN { printf \"%.1f\", $after - $before }"
}

# show_row TITLE SECONDS FILE RATIO PEAK
show_row() {
    local stored rate
    stored=$(awk "BEGIN { printf \"%.0f MB\", $(stat -L -c %s "$3") / 1000000 }")
    rate=$(awk "BEGIN { printf \"%.0f\", $database_mb / $2 }")
    # shellcheck disable=SC2059 # the format is ours
    printf "$row" "$1" "$2" "$stored" "$rate" "$4" "$5"
}

clean_up() {
    local status=$?
    trap - EXIT INT TERM HUP
    cluster_stop || true
    rm -rf "$work"
    exit "$status"
}

main
