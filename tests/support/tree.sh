#!/usr/bin/env bash
# tree.sh SUITE PACKAGE...: prints the path of a directory that holds a minimal Debian of that suite
# (bookworm, trixie, forky) with these packages, for chroot, systemd-nspawn or an image. It is made
# once for each list of packages and kept outside the checkout, in /var/cache/pg-backup-tests: treat
# it as read-only. Two who want the same tree at once: one waits. Needs root and mmdebstrap.
set -euo pipefail

# shellcheck source=tests/support/debian-sources.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/debian-sources.sh"
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
    local suite=$1 tree=$2 log=$2.log
    shift 2

    # Without any, mmdebstrap takes the suite from where it knows it to be.
    debian_sources "$suite" >"$tree.sources"
    bootstrap "$suite" "$tree" "$@" >"$log" 2>&1 && return
    # A testing suite's Release file is good for a week; that of a frozen mirror is older. It is
    # signed all the same.
    if grep -q 'Release file .* is expired' "$log"; then
        bootstrap "$suite" "$tree" --aptopt='Acquire::Check-Valid-Until "false"' "$@" >"$log" 2>&1 &&
            return
    fi
    tail -n 40 "$log" >&2
    return 1
}

# bootstrap SUITE TREE [OPTION...] PACKAGE...
bootstrap() {
    local suite=$1 tree=$2 options=() sources=() packages
    shift 2
    while [[ $1 = --* ]]; do
        options+=("$1")
        shift
    done
    packages=$(printf '%s,' "$@")
    [ ! -s "$tree.sources" ] || sources=("$tree.sources")

    # A killed one has left a half.
    rm -rf "$tree.new"
    if ! mmdebstrap --variant=minbase --include="${packages%,}" "${options[@]}" "$suite" \
        "$tree.new" "${sources[@]}"; then
        rm -rf "$tree.new"
        return 1
    fi
    mv "$tree.new" "$tree"
}

main "$@"
