#!/usr/bin/env bash
# suite.sh: runs the tests of the container in a real engine, as root. It starts dockerd where none
# answers, and stops it again; takes compose from a package where the client has none; and gives
# stand-ins, made from Debian's packages, the names of images that compose.yaml wants and that are
# not here. All that it and the tests make has a name that begins with pgbt-, and goes at the end;
# what stays is the engine's cache of layers and the stand-ins under names of their own.
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
cache=/var/cache/pg-backup-tests
prefix=pgbt-
tagged=() dockerd='' private=''

main() {
    mkdir -p "$cache"
    exec 8>"$cache/container.lock"
    flock 8 # the names of stand-ins are the engine's, not ours: one suite at a time
    trap clean_up EXIT
    trap 'exit 130' INT TERM HUP

    private=$(mktemp -d)
    start_engine
    find_compose
    sweep
    name_images
    python3 tests/support/pysuite.py tests/container --first test_schedule "$@"
}

start_engine() {
    docker version >/dev/null 2>&1 && return
    forget_dead_dockerd
    setsid dockerd >build-logs/dockerd.log 2>&1 8>&- &
    dockerd=$!
    local waited
    for ((waited = 0; waited < 600; waited++)); do
        docker version >/dev/null 2>&1 && return
        kill -0 $dockerd 2>/dev/null || break
        sleep 0.2
    done
    tail -n 30 build-logs/dockerd.log
    echo "dockerd did not start"
    exit 1
}

# One that was killed has left numbers, of itself and of its containerd, which may be others' by now.
forget_dead_dockerd() {
    local file pid
    for file in /var/run/docker.pid /var/run/docker/containerd/containerd.pid; do
        pid=$(cat "$file" 2>/dev/null) || continue
        case $(cat "/proc/$pid/comm" 2>/dev/null) in
        dockerd | containerd) ;;
        *) rm -f "$file" ;;
        esac
    done
}

find_compose() {
    docker compose version >/dev/null 2>&1 && return
    local tree
    tree=$(tests/support/tree.sh trixie docker-compose)
    export DOCKER_CONFIG=$private/docker
    mkdir -p "$DOCKER_CONFIG/cli-plugins"
    cp "$tree/usr/libexec/docker/cli-plugins/docker-compose" "$DOCKER_CONFIG/cli-plugins/"
    docker compose version >/dev/null
}

name_images() {
    local image
    touch "$private/env"
    for image in debian:trixie-slim $(compose_images); do
        docker image inspect "$image" >/dev/null 2>&1 && continue
        case $image in
        debian:trixie-slim) stand_in debian "$image" ca-certificates ;;
        postgres:*) stand_in postgres "$image" postgresql-17 ;;
        prom/prometheus:*) stand_in prometheus "$image" prometheus prometheus-pushgateway ;;
        prom/pushgateway:*) stand_in pushgateway "$image" prometheus prometheus-pushgateway ;;
        esac
    done
}

compose_images() {
    sed -n 's/^ *image: \([^$]*\)$/\1/p' compose.yaml
}

# stand_in NAME IMAGE PACKAGE...: an image of Debian's packages by the rules of images/NAME.
stand_in() {
    local name=$1 image=$2 own tree rules change added content changes=()
    shift 2
    tree=$(tests/support/tree.sh trixie "$@")
    rules=$(declare -f add_to_root && cat tests/container/images/{"$name",postgres-entrypoint.sh})
    content=(-C "$tree" .)
    own=$prefix$name:$(printf '%s' "$tree $rules" | sha256sum | cut -c 1-12)

    if ! docker image inspect "$own" >/dev/null 2>&1; then
        while read -r change; do
            [ -z "$change" ] || changes+=(--change "$change")
        done <"tests/container/images/$name"
        add_to_root "$name"
        mapfile -t added < <(cd "$private/root" && find . -type f -o -user 65534)
        [ ${#added[@]} -eq 0 ] || content+=(-C "$private/root" "${added[@]}")
        tar -c "${content[@]}" | docker import "${changes[@]}" - "$own" >/dev/null
    fi
    docker tag "$own" "$image"
    tagged+=("$image")
}

# What the images of those names have beside the packages: files, and a directory.
add_to_root() {
    rm -rf "$private/root"
    install -d "$private/root"
    case $1 in
    postgres)
        install -D -m 755 tests/container/images/postgres-entrypoint.sh \
            "$private/root/usr/local/bin/docker-entrypoint.sh"
        ;;
    prometheus | pushgateway)
        install -d -o 65534 -g 65534 "$private/root/$1"
        ;;
    esac
}

# Whatever this suite, or one that was killed, has left.
sweep() {
    docker ps -aq --filter "name=^$prefix" | xargs -r docker rm -fv >/dev/null
    docker network ls -q --filter "name=^$prefix" | xargs -r docker network rm >/dev/null
    docker volume ls -q --filter "name=^$prefix" | xargs -r docker volume rm -f >/dev/null
    docker images -q "${prefix}image" | sort -u | xargs -r docker rmi -f >/dev/null
    # What a newer build has taken the name of.
    docker image prune -f --filter label=org.opencontainers.image.title=pg-backup >/dev/null
    rm -rf "${TMPDIR:-/tmp}/$prefix"*
}

clean_up() {
    trap '' INT TERM HUP
    if docker version >/dev/null 2>&1; then
        sweep || true
        [ ${#tagged[@]} -eq 0 ] || docker rmi "${tagged[@]}" >/dev/null 2>&1 || true
    fi
    if [ -n "$dockerd" ]; then
        kill $dockerd
        wait $dockerd || true
    fi
    rm -rf "$private"
}

main "$@"
