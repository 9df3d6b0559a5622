#!/usr/bin/env bash
# run-suites.sh [SUITE...]: builds, then runs the suites, two at a time, each with its output in
# build-logs/SUITE.log, which is shown when something in it did not pass. Each suite ends with
# "N passed, N failed, N skipped", and so does the whole.
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
. tests/support/builds.sh

# mkfs and its like are there, which a user's PATH need not name.
export PATH=$PATH:/usr/sbin:/sbin

# The longest first, so that none is left over at the end.
all_suites="integration faults unit systemd container lint fuzz monitoring docs"
side_by_side=2

suite_lint() {
    tests/lint/lint.sh
}

suite_unit() {
    tests/support/unit-suite.sh
}

suite_fuzz() {
    tests/fuzz/fuzz.sh
}

suite_docs() {
    python3 tests/support/mesonsuite.py build docs
}

suite_integration() {
    "${as_root[@]}" python3 tests/support/pysuite.py tests/integration
}

suite_faults() {
    "${as_root[@]}" python3 tests/support/pysuite.py tests/faults --first test_sweep
}

suite_systemd() {
    "${as_root[@]}" python3 tests/support/pysuite.py tests/systemd
}

suite_container() {
    "${as_root[@]}" tests/container/suite.sh
}

# Debian's own interpreter: it has the packages that packages.sh names.
suite_monitoring() {
    /usr/bin/python3 tests/support/pysuite.py tests/monitoring
}

main() {
    local suite
    choose_suites "$@"
    become_root_if_needed
    mkdir -p build-logs
    build_the_program

    echo "Running: ${suites[*]}"
    trap 'interrupt_suites; exit 130' INT TERM HUP
    for suite in "${suites[@]}"; do
        [ ${#suite_of[@]} -lt $side_by_side ] || finish_one
        start "$suite"
    done
    while [ ${#suite_of[@]} -gt 0 ]; do
        finish_one
    done

    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ] && [ "$skipped" -eq 0 ]
}

choose_suites() {
    local suite
    # shellcheck disable=SC2206 # names without blanks
    suites=($all_suites)
    [ $# -eq 0 ] || suites=("$@")
    for suite in "${suites[@]}"; do
        if ! declare -F "suite_$suite" >/dev/null; then
            echo "dev: there is no suite \"$suite\"; there are: $all_suites" >&2
            exit 2
        fi
    done
}

# Integration and faults mount small file systems and run servers as another user, systemd boots
# whole machines, container runs an engine. The password is asked for now, not from the background.
become_root_if_needed() {
    as_root=()
    if [[ "$(id -u)" -ne 0 &&
        " ${suites[*]} " =~ \ (container|integration|faults|systemd)\  ]]; then
        sudo -v
        as_root=(sudo env "PATH=$PATH")
    fi
}

# Without the unit tests, which have builds of their own.
build_the_program() {
    build_in build pg-backup test-tools >build-logs/build.log 2>&1 && return
    cat build-logs/build.log
    echo "FAIL  the build"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
}

# With job control each suite is a process group of its own, which an interruption can reach.
start() {
    set -m
    "suite_$1" >"build-logs/$1.log" 2>&1 </dev/null &
    set +m
    suite_of[$!]=$1
    started[$!]=$SECONDS
}

interrupt_suites() {
    for pid in "${!suite_of[@]}"; do
        kill -INT -- "-$pid"
    done
    wait
}

# Waits for one suite and adds its counts.
finish_one() {
    local pid status=0
    wait -n -p pid "${!suite_of[@]}" || status=$?
    judge "${suite_of[$pid]}" "$status" $((SECONDS - started[$pid]))
    unset "suite_of[$pid]"
}

declare -A suite_of=() started=()
passed=0 failed=0 skipped=0
summary='^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$'

judge() {
    local suite=$1 status=$2 seconds=$3 last word=ok
    last=$(tail -n 1 "build-logs/$suite.log")
    if [[ ! $last =~ $summary ]]; then
        last="it broke off with status $status"
        failed=$((failed + 1))
    else
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
        skipped=$((skipped + BASH_REMATCH[3]))
        # A suite that is dissatisfied without naming a test, or that had none.
        if [ "$status" -ne 0 ] && [ $((BASH_REMATCH[2] + BASH_REMATCH[3])) -eq 0 ]; then
            last="$last, but status $status"
            failed=$((failed + 1))
        fi
    fi

    if [ "$status" -ne 0 ] || [[ ! $last =~ $summary ]]; then
        word=FAIL
        sed "/^ok  /d; s/^/$suite | /" "build-logs/$suite.log"
    fi
    printf '%-4s  %-12s %s  (%d s)\n' "$word" "$suite" "$last" "$seconds"
}

main "$@"
