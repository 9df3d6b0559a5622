#!/bin/sh
# install-runtime.sh: what the image needs at run time, from the image's own distribution:
# PostgreSQL's client programs, and its server for restores into a throwaway cluster, supercronic,
# an init, time zones, certificates, pg-backup's libraries. Called by the Dockerfile.
#
# APT_OPTIONS are passed to apt-get; POSTGRESQL_VERSION and SUPERCRONIC_VERSION, where set, are exact
# versions of the packages, such as 17.5-1.
set -eu

pinned=/etc/apt/preferences.d/supercronic
pinned_sources=/etc/apt/sources.list.d/supercronic.sources

main() {
    leave_out_documents
    add_supercronics_suite
    apt_get update
    install_postgresql
    install ca-certificates tzdata tini "supercronic${SUPERCRONIC_VERSION:+=$SUPERCRONIC_VERSION}" \
        libcurl4 libisal2 libjansson4 liblz4-1 libpq5 libssl3 libsystemd0 libxxhash0 libzstd1 zlib1g
    remove_the_compiler
    clean_up
}

apt_get() {
    # shellcheck disable=SC2086 # options without blanks, or none
    DEBIAN_FRONTEND=noninteractive apt-get -q ${APT_OPTIONS:-} -o Dpkg::Use-Pty=0 "$@"
}

install() {
    apt_get install -y --no-install-recommends "$@"
}

leave_out_documents() {
    cat >/etc/dpkg/dpkg.cfg.d/pg-backup <<'CONF'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
CONF
}

# Debian has supercronic from forky on. It is one static program that needs only libc, so an older
# suite takes that package, and nothing else, from there.
add_supercronics_suite() {
    . /etc/os-release
    case ${VERSION_CODENAME:-sid} in
    bookworm | trixie) ;;
    *) return 0 ;;
    esac

    grep -lsr debian-archive-keyring /etc/apt/sources.list.d | sort | xargs cat |
        sed "s/\b$VERSION_CODENAME\b/forky/g" >/tmp/forky.sources
    mv /tmp/forky.sources "$pinned_sources"
    cat >"$pinned" <<'CONF'
Package: *
Pin: release n=forky*
Pin-Priority: -1

Package: supercronic
Pin: release n=forky
Pin-Priority: 500
CONF
}

# PostgreSQL's own image has both already.
install_postgresql() {
    [ ! -d /usr/lib/postgresql ] || return 0

    # Its package would make a cluster at once.
    mkdir -p /etc/postgresql-common
    echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    install postgresql-common
    major=$(apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p')
    install "postgresql-$major${POSTGRESQL_VERSION:+=$POSTGRESQL_VERSION}" \
        "postgresql-client-$major${POSTGRESQL_VERSION:+=$POSTGRESQL_VERSION}"
}

# The just-in-time compiler is a third of the image, and a server does without when it is missing.
remove_the_compiler() {
    rm -rf /usr/lib/llvm-* /usr/lib/*/libLLVM*.so* /usr/lib/*/libz3.so* \
        /usr/lib/postgresql/*/lib/llvmjit* /usr/lib/postgresql/*/lib/bitcode
}

clean_up() {
    rm -f "$pinned" "$pinned_sources"
    apt-get clean
    rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log
}

main
