#!/usr/bin/env bash
# The unit tests under AddressSanitizer and UndefinedBehaviorSanitizer, and the whole without a
# warning from either compiler.
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."

. tests/support/builds.sh

compile() {
    local sentence=$1 directory=$2
    if build_in "$directory"; then
        echo "ok    $sentence"
        passed=$((passed + 1))
    else
        echo "FAIL  $sentence"
        failed=$((failed + 1))
    fi
}

passed=0 failed=0
compile "gcc has no warning" build-asan
compile "clang has no warning" build-clang

export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
log=$(python3 tests/support/mesonsuite.py build-asan unit) || true
sed '$d' <<<"$log"

[[ $(tail -n 1 <<<"$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]
passed=$((passed + BASH_REMATCH[1]))
failed=$((failed + BASH_REMATCH[2]))
skipped=${BASH_REMATCH[3]}
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$skipped" -eq 0 ]
