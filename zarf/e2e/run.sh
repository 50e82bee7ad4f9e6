#!/bin/sh
# Takes an LEI snapshot through ferry and a real zarf, without a cluster, and
# back: byte for byte, and under the same manifest digest.
#
#   FERRY     the ferry binary          (default: bin/ferry of this repository)
#   ZARF      the zarf binary           (default: built here, once: about ten
#                                        minutes, and 4 GB of module cache)
#   ORAS      the oras binary           (default: of the PATH, else go install)
#   REGISTRY  a docker registry binary  (default: docker-registry or registry
#                                        of the PATH; Debian: docker-registry)
#   SNAPSHOT  a directory with manifest.json and cache.jsonl.gz
#                                       (default: examples/lei-cache/snapshot)
#
# Prints a line for each thing that was shown. Exit code 1 if one was not.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
oras_version=v1.3.1
zarf_version=v0.84.0

say() { printf '%s\n' "$*"; }
die() {
  say "FAIL  $*" >&2
  exit 1
}
binary() { # the absolute path of a command
  path=$(command -v "$1" 2>/dev/null) || die "there is no $1"
  case $path in /*) say "$path" ;; *) say "$PWD/$path" ;; esac
}

ferry=$(binary "${FERRY:-$root/bin/ferry}")
snapshot=$(cd "${SNAPSHOT:-$root/examples/lei-cache/snapshot}" && pwd)
work=$(mktemp -d)
registry_pid=
cleanup() {
  [ -z "$registry_pid" ] || kill "$registry_pid" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

if [ -z "${ZARF:-}" ]; then
  ZARF=${XDG_CACHE_HOME:-$HOME/.cache}/ferry/zarf-$zarf_version
  if [ ! -x "$ZARF" ]; then
    say "building zarf $zarf_version into $ZARF"
    mkdir -p "$(dirname "$ZARF")"
    (cd "$here" && CGO_ENABLED=0 go build -p 2 -o "$ZARF" \
      -ldflags="-s -w -X github.com/zarf-dev/zarf/src/config.CLIVersion=$zarf_version" github.com/zarf-dev/zarf)
  fi
fi
zarf=$(binary "$ZARF")
if [ -z "${ORAS:-}" ] && ! ORAS=$(command -v oras); then
  GOBIN=$work/bin go install "oras.land/oras/cmd/oras@$oras_version"
  ORAS=$work/bin/oras
fi
oras=$(binary "$ORAS")
registry=$(binary "${REGISTRY:-$(command -v docker-registry || command -v registry || echo docker-registry)}")

# Nothing of this reaches the user's own configuration.
export HOME="$work/home" NO_COLOR=1
mkdir -p "$HOME"
log=$work/log
: >"$log"

# quietly runs a command with its output in the log, and shows the end of that
# when the command fails.
quietly() {
  say "\$ $*" >>"$log"
  "$@" >>"$log" 2>&1 || {
    tail -n 15 "$log" | cut -c 1-300
    die "$*"
  }
}
fails() {
  say "\$ $*" >>"$log"
  if "$@" >>"$log" 2>&1; then die "it went well: $*"; fi
}
run_zarf() { quietly "$zarf" "$@" --no-color; }

# same compares the two files of the snapshot.
same() {
  for f in manifest.json cache.jsonl.gz; do
    cmp "$snapshot/$f" "$1/$f" || die "$1/$f is not what was packed"
  done
}

say "zarf      $("$zarf" version)"
say "ferry     $("$ferry" version 2>/dev/null | head -n 1)"

# A registry on loopback.
port=$((20000 + $$ % 20000))
cat >"$work/registry.yml" <<END
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:$port"}
END
"$registry" serve "$work/registry.yml" >>"$log" 2>&1 &
registry_pid=$!
n=0
until "$oras" repo ls --plain-http "127.0.0.1:$port" >/dev/null 2>&1; do
  n=$((n + 1))
  [ $n -lt 50 ] || die "the registry does not answer on 127.0.0.1:$port"
  sleep 0.2
done
say "registry  127.0.0.1:$port"
say

# one SUFFIX SHAPE [FLAG...]: from the snapshot to the files, all of the way.
number=0
one() {
  suffix=$1 shape=$2
  shift 2
  number=$((number + 1))
  case=$work/$number
  mkdir -p "$case/near" "$case/far"
  bundle=$case/near/lei-cache.$suffix
  shown="$suffix $shape"
  for flag; do case $flag in --*) shown="$shown $flag" ;; esac; done

  quietly "$ferry" pack "$snapshot" -o "$bundle"
  quietly "$ferry" zarf "$bundle" -o "$case/near/zarf.yaml" --shape "$shape" "$@"
  quietly "$ferry" zarf --check "$case/near/zarf.yaml"
  digest=$(sed -n 's/.*artifact\.digest": "\(sha256:[0-9a-f]*\)".*/\1/p' "$case/near/zarf.yaml")
  version=$(sed -n 's/^  version: "\(.*\)"$/\1/p' "$case/near/zarf.yaml")
  [ -n "$digest" ] && [ -n "$version" ] || die "no digest or version in zarf.yaml"

  "$zarf" dev lint "$case/near" --no-color >"$case/lint" 2>&1 || die "zarf dev lint: $(cat "$case/lint")"
  [ ! -s "$case/lint" ] || die "zarf dev lint says: $(cat "$case/lint")"
  run_zarf package create "$case/near" --output "$case" --confirm $sbom
  sbom=--skip-sbom
  package=$case/zarf-package-lei-cache-amd64-$version.tar.zst
  [ -f "$package" ] || die "there is no $package"
  run_zarf package inspect definition "$package"
  did="lint silent, create, inspect"

  case " $* " in
  *" --readme "*)
    run_zarf package inspect documentation "$package" --output "$case/documentation"
    found=$(find "$case/documentation" -name README.md)
    cmp "$case/near/README.md" "$found" || die "the documentation is another"
    did="$did, documentation"
    ;;
  esac
  case $shape in files | both)
    (cd "$case/far" && run_zarf package deploy "$package" --components lei-cache-files --confirm)
    cmp "$bundle" "$case/far/lei-cache/lei-cache.$suffix" || die "the archive changed on the way"
    same "$case/far/lei-cache/$version"
    (cd "$case/far" && run_zarf package deploy "$package" --components lei-cache-files --confirm)
    same "$case/far/lei-cache/$version"
    printf 'longer' >>"$case/far/lei-cache/$version/manifest.json"
    (cd "$case/far" && fails "$zarf" package deploy "$package" --components lei-cache-files --confirm --no-color)
    did="$did, deploy with no cluster, again, and not over other content"
    ;;
  esac
  case $shape in registry | both)
    prefix=127.0.0.1:$port/enclave$number
    "$zarf" package inspect images "$package" --no-color 2>>"$log" | grep -q "lei.internal/lei/cache:$version" || die "inspect images"
    run_zarf package mirror-resources "$package" --components lei-cache-registry --registry-url "$prefix" --confirm
    quietly "$oras" pull --plain-http "$prefix/lei/cache:$version" -o "$case/pulled"
    same "$case/pulled"
    "$oras" manifest fetch --plain-http --descriptor "$prefix/lei/cache:$version" | grep -q "$digest" || die "the manifest's digest changed: want $digest"
    did="$did, mirror, pull"
    ;;
  esac
  say "PASS  $shown: $did; bytes and digest the same"
}

sbom=
one tar.gz both --readme --uds
one tar files
one tar.zst both --with-ferry "$ferry"
one tar registry
one tgz files --with-ferry "$ferry"

# Into a definition that is there: twice the same, and zarf takes it.
case=$work/into
mkdir -p "$case"
cat >"$case/zarf.yaml" <<'END'
# Ours.
kind: ZarfPackageConfig
metadata: {name: enclave, version: "7"}

components:
  - name: motd   # stays
    actions: {onDeploy: {before: [{cmd: "echo hello"}]}}
END
cp "$case/zarf.yaml" "$case/before"
quietly "$ferry" pack "$snapshot" -o "$case/lei-cache.tar.gz"
quietly "$ferry" zarf "$case/lei-cache.tar.gz" --into "$case/zarf.yaml"
head -n "$(wc -l <"$case/before")" "$case/zarf.yaml" | cmp - "$case/before" || die "--into changed what is not ours"
cp "$case/zarf.yaml" "$case/once"
quietly "$ferry" zarf "$case/lei-cache.tar.gz" --into "$case/zarf.yaml"
cmp "$case/once" "$case/zarf.yaml" || die "--into changes something the second time"
"$zarf" dev lint "$case" --no-color >"$case/lint" 2>&1 || die "zarf dev lint: $(cat "$case/lint")"
[ ! -s "$case/lint" ] || die "zarf dev lint says: $(cat "$case/lint")"
run_zarf package create "$case" --output "$case" --confirm --skip-sbom
say "PASS  --into: the rest kept, twice the same, lint silent, create"

# A bundle that is not the one of the definition any more.
printf x >>"$case/lei-cache.tar.gz"
fails "$ferry" zarf --check "$case/zarf.yaml"
fails "$zarf" package create "$case" --output "$case" --confirm --skip-sbom
say "PASS  --check: says that the bundle is another one, before zarf does"
