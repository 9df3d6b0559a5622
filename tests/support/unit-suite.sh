#!/usr/bin/env bash
# The unit tests under AddressSanitizer and UndefinedBehaviorSanitizer, those with threads under
# ThreadSanitizer, too, and the whole without a warning from either compiler.
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

# run_suite DIRECTORY SUITE
run_suite() {
    local log
    log=$(python3 tests/support/mesonsuite.py "$1" "$2") || true
    sed '$d' <<<"$log"

    [[ $(tail -n 1 <<<"$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
    skipped=$((skipped + BASH_REMATCH[3]))
}

passed=0 failed=0 skipped=0
compile "gcc has no warning" build-asan
compile "clang has no warning" build-clang

# What was freed is kept from reuse for the next 16 MiB, not 256: each test is a process of its own,
# and most of its time would go into touching that much memory for the first time.
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=16
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1
run_suite build-asan unit

# meson builds what the tests of this suite need, and no more.
build_in build-tsan libpgbackup.a
run_suite build-tsan threads

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$skipped" -eq 0 ]
