#!/bin/sh
# With Zarf: one bundle, and the definition that places it on a host without a
# cluster, brings it into a registry, or both. With ZARF=/path/to/zarf the
# definition is linted too.
#
#	FERRY=bin/ferry sh examples/zarf/zarf.sh DIR
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${FERRY:=ferry}"
mkdir -p "$1" && cd "$1"
"$FERRY" pack "$here/../lei-cache/snapshot" -o lei-cache.tar
for shape in files registry both; do
	mkdir -p "$shape"
	cp lei-cache.tar "$shape/"
	(cd "$shape" && "$FERRY" zarf lei-cache.tar -o zarf.yaml --shape "$shape")
	"$FERRY" zarf --check "$shape/zarf.yaml"
	[ -z "${ZARF:-}" ] || (cd "$shape" && "$ZARF" dev lint .)
done

# Into a definition that is there already: the rest of it stays as it is.
cat >mine.yaml <<'YAML'
kind: ZarfPackageConfig
metadata:
  name: mine # kept
  version: "1.0"
components:
  - name: other
    required: true
YAML
"$FERRY" zarf lei-cache.tar --into mine.yaml
grep -q '# kept' mine.yaml
cp mine.yaml once.yaml
"$FERRY" zarf lei-cache.tar --into mine.yaml
cmp once.yaml mine.yaml
