#!/bin/sh
# Registry to registry: fetched on the connected side, carried as one file, and
# pushed into the registry of the enclave. Both registries run here, on
# loopback: Debian's docker-registry, from PATH.
#
#	FERRY=bin/ferry sh examples/registry/registry.sh DIR
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${FERRY:=ferry}"
mkdir -p "$1" && cd "$1"
if ! command -v docker-registry >/dev/null; then
	echo 'this example wants docker-registry: apt-get install docker-registry'
	exit 0
fi
pids=
trap 'kill $pids 2>/dev/null' EXIT

serve() { # serve NAME PORT
	cat >"$1.yml" <<YAML
version: 0.1
storage: {filesystem: {rootdirectory: $PWD/$1}}
http: {addr: 127.0.0.1:$2}
YAML
	docker-registry serve "$1.yml" >"$1.log" 2>&1 &
	pids="$pids $!"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		"$FERRY" ls "127.0.0.1:$2/none" 2>&1 | grep -q refused || return 0
		sleep 0.3
	done
	cat "$1.log"
	return 1
}
outside=$((20000 + $$ % 10000))
inside=$((outside + 10000))
serve outside "$outside"
serve inside "$inside"

# Somebody publishes an artifact.
"$FERRY" pack "$here/../lei-cache/snapshot" -o published.tar
"$FERRY" push published.tar "127.0.0.1:$outside/lei/cache"

# The connected side.
"$FERRY" pull "127.0.0.1:$outside/lei/cache:2026-02-01" -o carried.tar

# The disconnected side.
"$FERRY" verify carried.tar
"$FERRY" push carried.tar "127.0.0.1:$inside/lei/cache"
"$FERRY" ls "127.0.0.1:$inside/lei/cache"
