#!/bin/sh
# Images of several platforms: what another tool wrote goes through byte for
# byte, in any form and back.
#
#	FERRY=bin/ferry sh examples/platforms/platforms.sh DIR
set -eu
: "${FERRY:=ferry}"
mkdir -p "$1" && cd "$1"

# A small image index, as skopeo copy --all or crane pull --format oci would
# write it; with an image of your own, begin below.
mkdir -p image/blobs/sha256
printf '{"imageLayoutVersion":"1.0.0"}' >image/oci-layout
sum() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }
blob() { # blob TYPE [MORE] <CONTENT: prints its descriptor
	cat >blob.tmp
	digest=$(sum <blob.tmp | cut -c1-64)
	size=$(wc -c <blob.tmp | tr -d ' ')
	mv blob.tmp "image/blobs/sha256/$digest"
	printf '{"mediaType":"%s","digest":"sha256:%s","size":%s%s}' "$1" "$digest" "$size" "${2:-}"
}
oci=application/vnd.oci.image
manifests=
for arch in amd64 arm64; do
	config=$(printf '{"architecture":"%s","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}' "$arch" | blob $oci.config.v1+json)
	layer=$(printf 'a layer for %s' "$arch" | blob $oci.layer.v1.tar)
	manifest=$(printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":%s,"layers":[%s]}' $oci "$config" "$layer" |
		blob $oci.manifest.v1+json ",\"platform\":{\"os\":\"linux\",\"architecture\":\"$arch\"}")
	manifests="$manifests${manifests:+,}$manifest"
done
index=$(printf '{"schemaVersion":2,"mediaType":"%s.index.v1+json","manifests":[%s]}' $oci "$manifests" |
	blob $oci.index.v1+json ',"annotations":{"org.opencontainers.image.ref.name":"1.0"}')
printf '{"schemaVersion":2,"mediaType":"%s.index.v1+json","manifests":[%s]}' $oci "$index" >image/index.json

"$FERRY" bundle image -o image.tar.gz
"$FERRY" inspect image.tar.gz
"$FERRY" bundle image.tar.gz -o back
cmp image/index.json back/index.json
diff -r image/blobs back/blobs
