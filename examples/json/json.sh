#!/bin/sh
# For programs: what each command answers with --format json. The answers
# beside this script are what it writes; a test makes them anew and compares.
# Those of pull and push want docker-registry, Debian's, on PATH.
#
#	FERRY=bin/ferry sh examples/json/json.sh DIR
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${FERRY:=ferry}"
mkdir -p "$1/answers" && cd "$1"
cp "$here/../lei-cache/reports.jsonl" .
cp -R "$here/../lei-cache/snapshot" "$here/../lei-cache/last-week" .
export COSIGN_PASSWORD=example

# json NAME CODE COMMAND...: keeps the answer. What differs from run to run, a
# new key's fingerprint or the build of ferry, is masked, and the size that a
# compressor makes of the reports.
json() {
	name=$1 want=$2 code=0
	shift 2
	"$FERRY" "$@" --format json -q >answer 2>error || code=$?
	if [ "$code" != "$want" ]; then
		cat answer error
		echo "$name: exit code $code, want $want"
		exit 1
	fi
	mask=
	case $name in
	keygen) key=$(sed -n 's/.*"fingerprint": "\(.*\)".*/\1/p' answer) ;;
	version) mask='/"commit"\|"date"\|"modified"/d; s/": ".*"/": "..."/' ;;
	pull) mask='s/"identity": ".*"/"identity": "..."/' ;; # the port is in it
	export) mask='s/"bytes": [0-9]*/"bytes": 7104/' ;;
	esac
	sed -e "$mask" -e "s/${key:-none yet}/sha256:0000000000000000000000000000000000000000000000000000000000000000/" \
		-e "s/127.0.0.1:${port:-none yet}/registry.example.internal/" answer >"answers/$name.json"
}

# The connected side.
json export 0 export reports.jsonl --date 2026-02-02 --created 2026-02-02T03:15:00Z -o lei-cache
json pack 0 pack snapshot -o lei-cache.tar
json bundle 0 bundle lei-cache.tar -o signed.tar
json zarf 0 zarf lei-cache.tar -o zarf.yaml
json zarf-check 0 zarf --check zarf.yaml
json packing-list 0 packing-list lei-cache.tar -o lei-cache.html --packed-by 'A. Packer'
json packing-list-itself 0 packing-list lei-cache.tar --packed-by 'A. Packer'
json keygen 0 keygen --type ed25519
json sign 0 sign signed.tar -k cosign.key

# The disconnected side.
json ls 0 ls lei-cache.tar
json inspect 0 inspect lei-cache.tar
json verify 0 verify lei-cache.tar
json verify-signed 0 verify signed.tar --key cosign.pub
sed 's/"lei_version"/"lei-version"/' lei-cache.tar >damaged.tar
json verify-damaged 3 verify damaged.tar
json verify-refused 5 verify lei-cache.tar --key cosign.pub
json unpack 0 unpack lei-cache.tar -o arrived --receipt answers/receipt.json --received-at 2026-02-03T08:00:00Z
json summary 0 summary lei-cache.tar
"$FERRY" pack -q last-week -o last-week.tar >/dev/null
json diff 1 diff last-week.tar lei-cache.tar --list
"$FERRY" unpack -q lei-cache.tar --layout -o layout >/dev/null
json seal 0 seal layout
json version 0 version

# Registries.
command -v docker-registry >/dev/null || exit 0
port=$((20000 + $$ % 20000))
printf 'version: 0.1\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: 127.0.0.1:%s}\n' "$PWD/registry" "$port" >registry.yml
docker-registry serve registry.yml >registry.log 2>&1 &
trap 'kill $! 2>/dev/null' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10; do
	"$FERRY" ls "127.0.0.1:$port/none" 2>&1 | grep -q refused || break
	sleep 0.3
done
json push 0 push lei-cache.tar "127.0.0.1:$port/lei/cache"
json pull 0 pull "127.0.0.1:$port/lei/cache:2026-02-01" -o pulled.tar
