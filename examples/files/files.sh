#!/bin/sh
# Any files: a directory crosses in one compressed bundle, and comes back as it
# was, with a receipt.
#
#	FERRY=bin/ferry sh examples/files/files.sh DIR
set -eu
: "${FERRY:=ferry}"
mkdir -p "$1" && cd "$1"
mkdir -p handbook/figures
echo '# Handbook' >handbook/README.md
echo '{"version": 3}' >handbook/settings.json
echo 'not a real picture' >handbook/figures/map.png

"$FERRY" pack handbook settings.json:application/vnd.example.settings+json \
	-o handbook.tar.zst -t docs.internal/handbook:3 --packing-list handbook.txt
cat handbook.txt
"$FERRY" inspect handbook.tar.zst
"$FERRY" unpack handbook.tar.zst -o arrived --receipt receipt.txt --received-at 2026-02-03T08:00:00Z
diff -r handbook arrived
