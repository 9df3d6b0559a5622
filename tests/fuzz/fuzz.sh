#!/usr/bin/env bash
# fuzz.sh [SECONDS]: libFuzzer on each parser that reads what others may have written, two side by
# side. What it finds on the way is kept in build-fuzz/corpus; an input that breaks a parser ends up
# in build-fuzz. Seeds that are text are in tests/fuzz/seeds, others are written into the corpus by
# seed-TARGET. The last line is "N passed, N failed, N skipped".
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
. tests/support/builds.sh

seconds=${1:-30}
targets=(archive conf inventory manifest sql)
seeders=(archive)
side_by_side=2

fuzz() {
    local target=$1 log=build-logs/fuzz-$1.log seeds=()
    mkdir -p "build-fuzz/corpus/$target"
    if [ -d "tests/fuzz/seeds/$target" ]; then
        seeds=("tests/fuzz/seeds/$target")
    else
        "build-fuzz/tests/seed-$target" "build-fuzz/corpus/$target"
    fi
    if "build-fuzz/tests/fuzz-$target" -max_total_time="$seconds" -print_final_stats=1 \
        -artifact_prefix="build-fuzz/$target-" -timeout=10 -rss_limit_mb=1024 -max_len=16384 \
        "build-fuzz/corpus/$target" "${seeds[@]}" >"$log" 2>&1; then
        echo "ok    nothing is found in $seconds s of fuzzing: $target ($(figures "$log"))"
    else
        tail -n 60 "$log"
        echo "FAIL  nothing is found in $seconds s of fuzzing: $target"
    fi
}

figures() {
    awk '/^#[0-9]+.* cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") edges = $(i + 1) }
        /^stat::number_of_executed_units/ { runs = $2 }
        END { printf "%d inputs, %d edges", runs, edges }' "$1"
}

build_in build-fuzz "${targets[@]/#/tests/fuzz-}" "${seeders[@]/#/tests/seed-}"
for target in "${targets[@]}"; do
    [ "$(jobs -rp | wc -l)" -lt $side_by_side ] || wait -n || true
    fuzz "$target" >"build-logs/fuzz-$target.verdict" &
done
wait

passed=0
for target in "${targets[@]}"; do
    cat "build-logs/fuzz-$target.verdict"
    ! grep -q '^ok ' "build-logs/fuzz-$target.verdict" || passed=$((passed + 1))
done
failed=$((${#targets[@]} - passed))
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
