#!/bin/sh
# The main job on the snapshot in this folder: pack it, write the zarf.yaml,
# verify the bundle as the far side would, unpack it, and compare.
#
#	FERRY=bin/ferry sh examples/lei-cache/demo.sh [DIR]
#
# What it makes goes into DIR, or into a temporary directory that is removed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${FERRY:=ferry}"
if [ $# -gt 0 ]; then
	out=$1
	mkdir -p "$out"
else
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
fi
cp -R "$here/snapshot" "$out/snapshot"
cd "$out"

ferry() {
	printf '\n$ ferry'
	printf ' %s' "$@"
	printf '\n'
	"$FERRY" "$@" 2>&1
}

echo "The connected side: a snapshot becomes one file to carry, and a zarf.yaml."
ferry pack snapshot -o lei-cache-2026-02-01.tar
ferry zarf lei-cache-2026-02-01.tar -o zarf.yaml

echo
echo "The disconnected side: is it whole, and is it what was announced?"
identity=$("$FERRY" verify -q --format json lei-cache-2026-02-01.tar | sed -n 's/.*"identity": "\(.*\)".*/\1/p')
ferry verify lei-cache-2026-02-01.tar --expect "$identity"
ferry unpack lei-cache-2026-02-01.tar -o lei-cache

echo
echo "\$ diff -r snapshot lei-cache"
diff -r snapshot lei-cache
echo "The files came back byte for byte."

echo
echo "Without ferry, on any host:"
mkdir plain
echo "\$ tar xf lei-cache-2026-02-01.tar && sha256sum -c SHA256SUMS"
tar xf lei-cache-2026-02-01.tar -C plain
if command -v sha256sum >/dev/null; then
	(cd plain && sha256sum -c SHA256SUMS)
else
	(cd plain && shasum -a 256 -c SHA256SUMS)
fi
