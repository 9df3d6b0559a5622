#!/usr/bin/env bash
# usage: manifest-docs.sh MANIFEST.C MANIFEST.MD
# Each member of the manifest has its row in the document, and each row its member.
set -euo pipefail

members() {
    printf '%s\n' format_version files warnings omissions # which are no single values
    sed -n 's/^    { "\([a-z0-9_]*\)", JSON_MEMBER_.*/\1/p' "$1"
}

rows() {
    sed -n '/^## Members/,$ s/^| [^ a-zA-Z]\([a-z0-9_]*\)[^ a-zA-Z] | .*/\1/p' "$1"
}

diff <(members "$1" | sort) <(rows "$2" | sort)
