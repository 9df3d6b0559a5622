#!/usr/bin/env bash
# debian-package.sh SUITE: prints the path of a directory with the Debian package of this source,
# built in a tree of that suite from its own libraries, and with what lintian said of it
# (lintian.txt). It is built once for each content of the source and kept outside the checkout, in
# /var/cache/pg-backup-tests. Needs root and mmdebstrap.
set -euo pipefail

top=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../..
cache=/var/cache/pg-backup-tests/packages

main() {
    local suite=$1 dependencies tree package
    mapfile -t dependencies < <(build_dependencies)
    tree=$("$top/tests/support/tree.sh" "$suite" build-essential lintian man-db "${dependencies[@]}")
    package=$cache/$suite-$( (source_digests && echo "$tree") | sha256sum | cut -c 1-12)

    mkdir -p "$cache"
    exec 9>"$package.lock"
    flock 9
    [ -d "$package" ] || build "$tree" "$package"
    echo "$package"
}

# Build-Depends of the package without what only tests need; of alternatives, the first.
build_dependencies() {
    sed -n '/^Build-Depends:/,/^$/p' "$top/packaging/debian/control" |
        grep '^ ' | grep -v '<!nocheck>' |
        sed 's/^ //; s/[ ,|(].*//; s/^debhelper-compat$/debhelper/; /^dh-sequence-/d'
}

# Of all that goes into the package.
source_digests() {
    cd "$top"
    find LICENSE README.md docs meson.build meson_options.txt packaging/build-deb.sh packaging/completions \
        packaging/debian src units -type f -print0 |
        sort -z | xargs -0 sha256sum
}

# In a scratch copy on top of the tree, which stays as it is; all of it goes with the namespace.
build() {
    local tree=$1 package=$2 log=$2.log
    rm -rf "$package.new"
    mkdir "$package.new"
    if ! unshare --mount --propagation private "${BASH_SOURCE[0]}" --inside "$tree" "$package.new" \
        >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        rm -rf "$package.new"
        return 1
    fi
    mv "$package.new" "$package"
}

inside() {
    local tree=$1 output=$2
    mount -t tmpfs tmpfs /mnt
    mkdir /mnt/upper /mnt/work /mnt/root
    mount -t overlay overlay -o "lowerdir=$tree,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
    mount -t proc proc /mnt/root/proc
    mkdir /mnt/root/source /mnt/root/output
    mount --bind "$top" /mnt/root/source
    mount --bind "$output" /mnt/root/output

    chroot /mnt/root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        DEB_BUILD_OPTIONS="nocheck parallel=2" DEB_BUILD_PROFILES=nocheck \
        /source/packaging/build-deb.sh /output
    chroot /mnt/root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        lintian --allow-root --tag-display-limit 0 /output/*.changes >"$output/lintian.txt" || true
    echo "lintian is done" >>"$output/lintian.txt"
}

if [ "${1:-}" = --inside ]; then
    inside "$2" "$3"
else
    main "$@"
fi
