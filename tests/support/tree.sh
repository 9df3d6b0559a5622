#!/usr/bin/env bash
# tree.sh SUITE PACKAGE...: prints the path of a directory that holds a minimal Debian of that suite
# (bookworm, trixie, forky) with these packages, for chroot, systemd-nspawn or an image. It is made
# once for each list of packages and kept outside the checkout, in /var/cache/pg-backup-tests: treat
# it as read-only. Two who want the same tree at once: one waits. Needs root and mmdebstrap.
set -euo pipefail

cache=/var/cache/pg-backup-tests/trees

main() {
    local suite=$1 tree
    shift
    tree=$cache/$suite-$(printf '%s\n' "$@" | sort | sha256sum | cut -c 1-12)

    mkdir -p "$cache"
    exec 9>"$tree.lock"
    flock 9
    [ -d "$tree" ] || make_tree "$suite" "$tree" "$@"
    echo "$tree"
}

make_tree() {
    local suite=$1 tree=$2 log=$2.log sources=()
    shift 2

    # A killed one has left a half.
    rm -rf "$tree.new"
    debian_sources "$suite" >"$tree.sources"
    [ ! -s "$tree.sources" ] || sources=("$tree.sources")
    if ! mmdebstrap --variant=minbase --include="$(
        IFS=,
        echo "$*"
    )" "$suite" "$tree.new" "${sources[@]}" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        rm -rf "$tree.new"
        return 1
    fi
    mv "$tree.new" "$tree"
}

# The machine's own sources under another suite's name; nothing where they are not Debian's, and
# mmdebstrap then takes the suite from where it knows it to be.
debian_sources() {
    local own
    own=$(. /etc/os-release && [ "${ID:-}" = debian ] && echo "${VERSION_CODENAME:-}") || return 0
    if [ -f /etc/apt/sources.list.d/debian.sources ]; then
        sed "s/\b$own\b/$1/g" /etc/apt/sources.list.d/debian.sources
    else
        sed "s/\b$own\b/$1/g" /etc/apt/sources.list
    fi
}

main "$@"
