#!/usr/bin/env bash
# Everything about the source that a program can judge. Each check is one test case.
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
. tests/support/builds.sh

passed=0 failed=0

check() {
    local sentence=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "ok    $sentence"
        passed=$((passed + 1))
    else
        printf 'FAIL  %s\n%s\n' "$sentence" "$output"
        failed=$((failed + 1))
    fi
}

# Files of the repository by find(1)'s expression, without what is built or cached.
repository_files() {
    find . \( -name .git -o -name .cache -o -name 'build*' -type d \) -prune -o -type f "$@" -print0
}

shell_scripts() {
    repository_files -name '*.sh'
    repository_files ! -name '*.sh' |
        xargs -0 awk 'FNR == 1 { if (/^#!.*[ \/](ba)?sh/) printf "%s%c", FILENAME, 0; nextfile }'
}

check_format() {
    repository_files \( -name '*.c' -o -name '*.h' \) | xargs -0 clang-format --dry-run -Werror
}

check_shell() {
    shell_scripts | sort -zu | xargs -0 shellcheck --external-sources
}

# By the compile commands of the build by clang.
check_tidy() {
    build_in build-clang build.ninja
    find src -name '*.c' -print0 |
        xargs -0 -n 4 -P "$(nproc)" clang-tidy --quiet -p build-clang 2>&1 |
        sed '/warnings* generated\.$/d; /^\[[0-9/]*\] Processing file/d'
}

check_blanks() {
    nothing_matches -nP '[ \t]+$|\t|\r' \( -name '*.[ch]' -o -name '*.py' -o -name '*.sh' \
        -o -name '*.md' -o -name meson.build -o -name dev \)
}

# Where clang-format's versions 14 to 19 disagree, neither form is used: a macro that initialises is
# a compound literal (see CHILD_INIT), and a macro's factor in parentheses comes last.
check_disagreements() {
    nothing_matches -Pzno \
        '(?m)^#define \w+(\(.*?\))?\s*\\\n\s*\{\s*\\\n[^;]*?\\\n\s*\}\n' -name '*.[ch]' &&
        nothing_matches -nP '^#define .*\)\*\w' -name '*.[ch]'
}

# nothing_matches GREP-OPTIONS PATTERN FIND-EXPRESSION...
nothing_matches() {
    local options=$1 pattern=$2 found
    shift 2
    found=$(repository_files "$@" | xargs -0 grep "$options" "$pattern" | tr '\0' '\n') || return 0
    echo "$found"
    return 1
}

check "C files are formatted (clang-format -i)" check_format
check "clang-tidy finds nothing" check_tidy
check "shellcheck finds nothing in any shell script" check_shell
check "no blanks at line ends, no tabs" check_blanks
check "no macro is one that the versions of clang-format disagree about" check_disagreements
check "the layers hold" python3 tests/lint/layers.py

self_test=$(python3 tests/support/pysuite.py tests/lint) || true
sed '$d' <<<"$self_test"
[[ $(tail -n 1 <<<"$self_test") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]
passed=$((passed + BASH_REMATCH[1]))
failed=$((failed + BASH_REMATCH[2]))
skipped=${BASH_REMATCH[3]}

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$skipped" -eq 0 ]
