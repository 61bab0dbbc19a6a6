#!/bin/bash
# Replaces web containers of another image or configuration while they serve: `make up` calls it before `up`, which would
# stop them first. Migrates and builds the new version's index, then starts as many new containers as there are old
# ones, and stops the old ones when the new ones are healthy. Does nothing at a first start. Arguments go to compose.
set -euo pipefail
cd "$(dirname "$0")"
options=("$@")
[ $# -gt 0 ] || options=(--file compose.yaml)
compose() { docker compose "${options[@]}" "$@"; }
# nginx looks a name up again after 2 seconds.
known_to_nginx=4

# The containers of a service that `up` would replace, as compose itself says. (`config --hash` is not what it compares.)
outdated() {
    compose --dry-run up --no-build --detach "$1" 2>&1 | sed -n "s/^.*Container \(.*-$1-[0-9]*\) *Recreate *$/\1/p"
}

services=$(compose config --services)
for host in "" 2; do
    grep -qx "web$host" <<<"$services" || continue
    old=$(outdated "web$host")
    [ -n "$old" ] || continue
    # `up`, with dependencies: after `run`, or with --no-deps, the next `up` would replace all that depend on it.
    compose up --no-build --exit-code-from "migrate$host" "migrate$host"
    compose up --no-build --no-recreate --detach --wait --wait-timeout 300 \
        --scale "web$host=$(($(compose ps --quiet "web$host" | wc -l) + $(wc -w <<<"$old")))" "web$host"
    sleep "$known_to_nginx"
    # shellcheck disable=SC2086 # one word for each container
    docker stop $old >/dev/null && docker rm $old >/dev/null
done
