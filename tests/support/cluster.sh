# A throwaway PostgreSQL: its own directory, a socket and no port, an unprivileged user. Sourced.
# shellcheck shell=bash

# cluster_start DIRECTORY: makes and starts one in DIRECTORY/data with its socket in DIRECTORY, which
# has to be short (a socket's path has at most 107 bytes). Everybody on this machine who can enter
# DIRECTORY is its superuser "postgres". Nothing in it is durable: it is not meant to last.
cluster_start() {
    cluster_directory=$1
    cluster_bindir=$(cluster_newest_bindir)
    mkdir "$cluster_directory/data" "$cluster_directory/socket"
    if [ "$(id -u)" -eq 0 ]; then
        chown "$(cluster_user)" "$cluster_directory/data" "$cluster_directory/socket"
        chmod 711 "$cluster_directory"
    fi

    cluster_run initdb -D "$cluster_directory/data" -U postgres -A trust -N \
        -E UTF8 --locale=C.UTF-8 >"$cluster_directory/initdb.log" 2>&1 ||
        cluster_explain initdb.log
    cluster_run pg_ctl -D "$cluster_directory/data" -w -t 60 start \
        -l "$cluster_directory/socket/server.log" \
        -o "-c listen_addresses='' -c unix_socket_directories='$cluster_directory/socket'" \
        -o "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_wal_size=4GB" \
        >/dev/null || cluster_explain socket/server.log
}

cluster_stop() {
    [ -f "${cluster_directory:-}/data/postmaster.pid" ] || return 0
    cluster_run pg_ctl -D "$cluster_directory/data" -m immediate stop >/dev/null
}

# PostgreSQL refuses to run as root.
cluster_run() {
    local program=$cluster_bindir/$1
    shift
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && runuser -u "$(cluster_user)" -- "$program" "$@")
    else
        "$program" "$@"
    fi
}

cluster_user() {
    if id postgres >/dev/null 2>&1; then
        echo postgres
    else
        echo nobody
    fi
}

cluster_newest_bindir() {
    printf '%s\n' /usr/lib/postgresql/*/bin | sort -t / -k 5 -n | tail -n 1
}

cluster_explain() {
    cat "$cluster_directory/$1" >&2
    return 1
}
