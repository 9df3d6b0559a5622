# Which Debian packages each part of ./dev needs, and how the missing ones get here. Sourced.
# The names are those of Debian 12, Debian 13 and Ubuntu 24.04 alike.
# shellcheck shell=bash

declare -A packages=(
    [build]="gcc libc6-dev meson ninja-build pkg-config check libcurl4-openssl-dev
        libisal-dev libjansson-dev liblz4-dev libpq-dev libssl-dev libsystemd-dev libxxhash-dev
        libzstd-dev zlib1g-dev"
    [demo]="postgresql faketime"
    [test]="python3 bzip2 clang libclang-rt-dev clang-format clang-tidy shellcheck strace jq
        mount e2fsprogs xfsprogs procps prometheus prometheus-pushgateway mmdebstrap zstd
        systemd-container rpm rpmlint docker.io git python3-kubernetes python3-yaml"
    [package]="build-essential debhelper"
    [bench]="python3 pigz zstd mmdebstrap"
    [coverage]="gcovr"
)

# packages_need GROUP...: installs what is missing of these groups; says nothing when nothing is.
packages_need() {
    local group package missing=()
    for group in "$@"; do
        for package in ${packages[$group]}; do
            package_is_here "$package" || missing+=("$package")
        done
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    echo "Installing with apt:"
    echo "${missing[*]}" | fold -s -w 76 | sed 's/^/    /'
    packages_install "${missing[@]}"
}

package_is_here() {
    # Any server will do, wherever it comes from: a second one is not wanted.
    if [ "$1" = postgresql ] && compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
        return 0
    fi
    # Likewise any engine; Debian's conflicts with Docker's own packages.
    if [ "$1" = docker.io ] && command -v dockerd >/dev/null; then
        return 0
    fi
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

packages_install() {
    local as_root=()
    if ! command -v apt-get >/dev/null; then
        echo "dev: there is no apt here; install these packages' equivalents by hand" >&2
        return 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "dev: run this as root, or install sudo" >&2
            return 1
        fi
        as_root=(sudo)
    fi

    mkdir -p build-logs
    if ! "${as_root[@]}" tests/support/install-packages.sh "$@" >build-logs/setup.log 2>&1; then
        tail -n 40 build-logs/setup.log >&2
        echo "dev: apt failed; the whole log is build-logs/setup.log" >&2
        if grep -q 'Unable to locate package' build-logs/setup.log; then
            echo "dev: on Ubuntu, the component \"universe\" has to be enabled" >&2
        fi
        return 1
    fi
}
