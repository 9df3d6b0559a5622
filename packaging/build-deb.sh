#!/usr/bin/env bash
# build-deb.sh OUTPUT-DIRECTORY: builds the Debian package of this source tree with
# dpkg-buildpackage, in a copy, since that wants debian/ at its top. The build dependencies are
# checked by it. DEB_BUILD_OPTIONS and DEB_BUILD_PROFILES are passed on (nocheck: without tests).
set -euo pipefail

top=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/..
mkdir -p "$1"
output=$(realpath "$1")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/pg-backup"
tar -C "$top" --exclude=./.git --exclude='./build*' --exclude=./.cache -cf - . |
    tar -C "$work/pg-backup" -xf -
cp -r "$work/pg-backup/packaging/debian" "$work/pg-backup/debian"

cd "$work/pg-backup"
dpkg-buildpackage --build=binary --no-sign
cp ../*.deb ../*.changes ../*.buildinfo "$output"
