#!/usr/bin/env bash
# install-packages.sh PACKAGE...: apt-get install as root, with no daemon left behind. Packages of
# servers start them, and PostgreSQL's makes a cluster on port 5432; somebody who only wanted to try
# a backup program wants neither. Two at once: one waits.
set -euo pipefail

patience=300 # seconds, for whoever else uses apt now
policy=/usr/sbin/policy-rc.d
no_cluster=/etc/postgresql-common/createcluster.d/pg-backup-dev.conf
mark="# made by pg-backup's ./dev for the time of an installation"

main() {
    export DEBIAN_FRONTEND=noninteractive
    exec 9>/run/pg-backup-dev.lock
    flock 9
    trap clean_up EXIT
    hold_daemons_back "$@"

    update
    apt-get -qy -o Dpkg::Use-Pty=0 -o "DPkg::Lock::Timeout=$patience" install \
        --no-install-recommends "$@"

    for package in "$@"; do
        disable_services_of "$package"
    done
}

# Unlike its install, apt's update does not wait for another one: the machine's daily one, say.
update() {
    local said deadline=$((SECONDS + patience))
    until said=$(LC_ALL=C apt-get -q update 2>&1); do
        if [[ $said != *"Could not get lock"* || $SECONDS -ge $deadline ]]; then
            echo "$said"
            return 1
        fi
        sleep 2
    done
    echo "$said"
}

# An administrator's own policy-rc.d stays as it is.
hold_daemons_back() {
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
        chmod 755 "$policy"
    fi
    if [[ " $* " = *" postgresql "* ]]; then
        mkdir -p "${no_cluster%/*}"
        printf '%s\ncreate_main_cluster = false\n' "$mark" >"$no_cluster"
    fi
}

clean_up() {
    rm -f "$no_cluster"
    # Also one that a killed installation has left.
    if grep -qsF "$mark" "$policy"; then
        rm -f "$policy"
    fi
}

# policy-rc.d only keeps them from starting now.
disable_services_of() {
    case $1 in
    docker.io) disable_service docker ;;
    prometheus | prometheus-pushgateway) disable_service "$1" ;;
    esac
}

disable_service() {
    if command -v systemctl >/dev/null; then
        systemctl --quiet disable "$1.service"
    else
        update-rc.d "$1" disable
    fi
}

main "$@"
