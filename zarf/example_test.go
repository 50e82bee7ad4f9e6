package zarf_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/ociferry/ferry/zarf"
)

// The facts about a bundle become a definition for a registry of the enclave.
func ExampleDefine() {
	p, err := zarf.Define(zarf.Bundle{
		Path:   "lei-cache.tar.gz",
		SHA256: strings.Repeat("a", 64),
		Index:  "sha256:" + strings.Repeat("b", 64),
		Artifacts: []zarf.Artifact{{
			Digest:    "sha256:" + strings.Repeat("c", 64),
			MediaType: "application/vnd.oci.image.manifest.v1+json",
			Annotations: map[string]string{
				"io.containerd.image.name":          "lei.internal/lei/cache:2026.08.01",
				"org.opencontainers.image.ref.name": "2026.08.01",
			},
		}},
	}, zarf.Options{Shape: zarf.Registry})
	if err != nil {
		fmt.Println(err)
		return
	}
	p.Write(os.Stdout)
	// Output:
	// apiVersion: "zarf.dev/v1alpha1"
	// kind: "ZarfPackageConfig"
	// metadata:
	//   name: "lei-cache"
	//   description: "OCI artifact lei.internal/lei/cache:2026.08.01"
	//   version: "2026.08.01"
	//   architecture: "amd64"
	//   annotations:
	//     "io.github.ociferry.artifact.digest": "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
	//     "io.github.ociferry.index.digest": "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	// components:
	//   # zarf package mirror-resources PACKAGE --components lei-cache-registry --registry-url REGISTRY,
	//   # or zarf package deploy on a cluster
	//   - name: "lei-cache-registry"
	//     description: "Brings 1 artifact into the registry of the enclave"
	//     required: true
	//     imageArchives:
	//       - path: "lei-cache.tar.gz"
	//         images:
	//           - "lei.internal/lei/cache:2026.08.01"
}

// What is wrong is said all at once, before Zarf would find it late or never.
func ExampleError() {
	_, err := zarf.Define(zarf.Bundle{
		Path: "x.tar", SHA256: strings.Repeat("a", 64), Index: "sha256:" + strings.Repeat("b", 64), Sealed: true,
		Artifacts: []zarf.Artifact{{Digest: "sha256:" + strings.Repeat("c", 64)}},
	}, zarf.Options{Shape: zarf.Files, Name: "LEI", Version: "2026/08"})
	fmt.Println(err)
	// Output:
	// zarf: name: found "LEI", want lower-case letters, digits and inner hyphens, at most 63
	// zarf: version: found "2026/08", want letters, digits, _ . - (one string is version, tag and file name), at most 128, the first no . or -
}
