# The build directories, each with its compiler and meson options. Sourced. What clang builds is for
# its warnings, and for clang-tidy, neither of which need code that is optimised.
# shellcheck shell=bash

declare -A build_compiler=(
    [build]="${CC:-cc}"
    [build-asan]=gcc
    [build-clang]=clang
    [build-fuzz]=clang
    [build-coverage]=gcc
    [build-tsan]=gcc
)
declare -A build_options=(
    [build]=""
    [build-asan]="-Dwerror=true -Db_sanitize=address,undefined -Db_lundef=false"
    [build-clang]="-Dwerror=true -Dbuildtype=plain"
    [build-fuzz]="-Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fsanitize=fuzzer-no-link"
    [build-coverage]="-Db_coverage=true"
    [build-tsan]="-Dwerror=true -Db_sanitize=thread -Db_lundef=false"
)

# build_in DIRECTORY [TARGET...]: sets it up if need be, then runs ninja. Two suites may want the
# same directory at the same time: one waits.
build_in() {
    local directory=$1
    shift
    mkdir -p build-logs
    (
        flock 9
        if [ ! -f "$directory/build.ninja" ]; then
            # shellcheck disable=SC2086 # options without blanks
            CC=${build_compiler[$directory]} quiet_unless_it_fails \
                meson setup "$directory" ${build_options[$directory]} || exit
        fi
        quiet_unless_it_fails ninja -C "$directory" "$@"
    ) 9>"build-logs/$directory.lock"
}

quiet_unless_it_fails() {
    local output status=0
    output=$("$@" 2>&1) || status=$?
    [ "$status" -eq 0 ] || echo "$output" >&2
    return "$status"
}
