# Where a Debian's packages come from. Sourced.
# shellcheck shell=bash

# debian_sources SUITE: the machine's own sources under another suite's name; nothing where they are
# not Debian's.
debian_sources() {
    local own
    own=$(. /etc/os-release && [ "${ID:-}" = debian ] && echo "${VERSION_CODENAME:-}") || return 0
    if [ -f /etc/apt/sources.list.d/debian.sources ]; then
        sed "s/\b$own\b/$1/g" /etc/apt/sources.list.d/debian.sources
    else
        sed "s/\b$own\b/$1/g" /etc/apt/sources.list
    fi
}
