#!/usr/bin/env bash
# regression-files.sh SUITE MAJOR: prints the path of a directory with what makes PostgreSQL's own
# regression database: sql/, data/, parallel_schedule, and the libraries of its functions in C. They
# come from the source package postgresql-MAJOR of the Debian release SUITE, are made once and kept
# outside the checkout, in /var/cache/pg-backup-tests: treat them as read-only. Two who want the
# same files at once: one waits. Needs root.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
cache=/var/cache/pg-backup-tests/regression
# shellcheck source=tests/support/debian-sources.sh
. "$here/debian-sources.sh"

main() {
    local suite=$1 major=$2 files
    files=$cache/$suite-$major

    mkdir -p "$cache"
    exec 9>"$files.lock"
    flock 9
    if [ ! -d "$files" ] && ! "${BASH_SOURCE[0]}" --make "$suite" "$major" "$files.new" \
        >"$files.log" 2>&1; then
        tail -n 40 "$files.log" >&2
        return 1
    fi
    [ -d "$files" ] || mv "$files.new" "$files"
    echo "$files"
}

make_files() {
    local suite=$1 major=$2 files=$3 work=$3/work library
    # A killed one has left a half.
    rm -rf "$files"
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    sources_of_both_kinds "$suite" "$major" >"$work/own.sources"

    cd "$work"
    own_apt_get update
    own_apt_get source --download-only "postgresql-$major/$suite"
    own_apt_get download "postgresql-server-dev-$major/$suite"
    dpkg-deb -x postgresql-server-dev-*.deb .
    tar -xf postgresql-*.orig.tar.* --strip-components=1 --wildcards '*/src/test/regress' \
        '*/contrib/spi'

    mv src/test/regress/{sql,data,parallel_schedule} "$files"
    for library in src/test/regress/regress contrib/spi/autoinc contrib/spi/refint; do
        compile "$library.c" "usr/include/postgresql/$major/server" "$files"
    done
    rm -rf "$work"
}

# Of binary and of source packages: the machine's own, or where that is no Debian those of the tree
# that has the server's programs.
sources_of_both_kinds() {
    local suite=$1 major=$2 own
    own=$(debian_sources "$suite")
    [ -n "$own" ] ||
        own=$(cat "$("$here/tree.sh" "$suite" "postgresql-$major")"/etc/apt/sources.list.d/*)
    sed 's/^Types: deb$/Types: deb deb-src/; s/^deb \(.*\)/&\ndeb-src \1/' <<<"$own"
}

# In the directory of work, with lists of its own. The Release file of a frozen mirror is old, and
# signed all the same.
own_apt_get() {
    apt-get -q -o Dir::Etc::SourceList="$PWD/own.sources" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$PWD/lists" -o Dir::Cache="$PWD/cache" -o APT::Sandbox::User=root \
        -o Acquire::Languages=none -o Acquire::Check-Valid-Until=false "$@"
}

# As PostgreSQL compiles it, but without warnings about code that is not ours.
compile() {
    local source=$1 headers=$2 target=$3
    gcc -shared -fPIC -O1 -w -fno-strict-aliasing -fwrapv -I "$headers" \
        -o "$target/$(basename "$source" .c).so" "$source"
}

if [ "$1" = --make ]; then
    shift
    make_files "$@"
else
    main "$@"
fi
