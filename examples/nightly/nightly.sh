#!/bin/sh
# A nightly pipeline: today's reports become a signed bundle with a packing
# list, and the difference to yesterday's goes into the log.
#
#	FERRY=bin/ferry sh examples/nightly/nightly.sh DIR
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${FERRY:=ferry}"
mkdir -p "$1" && cd "$1"
reports=$here/../lei-cache/reports.jsonl

# Yesterday's run, so that there is something to compare with.
sed 1d "$reports" >yesterday.jsonl
"$FERRY" export yesterday.jsonl --date 2026-02-01 --created 2026-02-01T03:15:00Z --pack yesterday.tar

# The pipeline keeps its key and password where it keeps its secrets.
export COSIGN_PASSWORD=example
[ -e cosign.key ] || "$FERRY" keygen

"$FERRY" export "$reports" --date 2026-02-02 --created 2026-02-02T03:15:00Z -o lei-cache-2026-02-02
"$FERRY" pack lei-cache-2026-02-02 -o today.tar --lei-tags --sign cosign.key \
	--packing-list today.html --packed-by 'the nightly pipeline' --packed-at 2026-02-02T03:16:00Z
"$FERRY" verify today.tar --key cosign.pub
"$FERRY" diff yesterday.tar today.tar || [ $? -eq 1 ] # 1: they differ, as they should
