#!/bin/sh
# usage: docs-fresh.sh GENERATE-DOCS DOCS-DIRECTORY
# Fails when a document is not what the program's tables make today.
set -u

generate=$1 docs=$2 stale=0

check() {
    "$generate" "$1" | diff -u "$docs/$2" - && return
    stale=1
    echo "docs/$2 is stale. To make it anew:" >&2
    echo "    $generate $1 > $docs/$2" >&2
}

check settings SETTINGS.md
check reasons REASONS.md
check env ../.env.example
exit "$stale"
