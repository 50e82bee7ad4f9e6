package zarf

import (
	"path"
	"slices"
	"strings"
)

// Annotations of an entry in index.json from which Zarf takes a name, in the
// order in which it asks for them (src/pkg/images/unpack.go of Zarf 0.84).
const (
	annotationImageName = "io.containerd.image.name"
	annotationSource    = "containerd.io/distribution.source."
	annotationRefName   = "org.opencontainers.image.ref.name"
)

// A Bundle is what [Define] and [Definition.Check] need to know of an archive
// that holds an OCI image layout.
type Bundle struct {
	// Path names the archive as zarf.yaml shall: relative to it, with slashes.
	Path string
	// SHA256 is the archive's own, 64 lower-case hexadecimal digits.
	SHA256 string
	// Index is the digest of index.json, "sha256:" and 64 digits.
	Index string
	// Compression is "none", "gzip" or "zstd" as the content shows. Empty means
	// unknown, and is then not compared with the name.
	Compression string
	// Sealed says that the archive has SHA256SUMS at its root.
	Sealed bool
	// Artifacts are the entries of index.json in their order.
	Artifacts []Artifact
}

// An Artifact is one entry of a bundle's index.json.
type Artifact struct {
	Digest       string            // of the manifest or index, "sha256:..."
	MediaType    string            // of the descriptor
	ArtifactType string            // of the manifest, or its config's media type; may be empty
	Annotations  map[string]string // of the descriptor
	// Description is one line for people; may be empty. One that is not plain
	// text, or longer than 200 bytes, is not used.
	Description string
	// Files are the files that its layers are, as `ferry unpack` writes them.
	// Empty if they are none, and only the layout can be unpacked.
	Files []Layer
	// Platforms are those of an index's children, in their order, with the zero
	// Platform for a child that names none. Nil for a manifest.
	Platforms []Platform
}

// A Layer is a blob that is a file.
type Layer struct {
	Name   string // a clean relative path, with slashes
	Digest string // "sha256:..."
}

// A Platform is what a child of an image index says it is for.
type Platform struct{ OS, Architecture string }

// IsIndex says whether a is an image index and not a manifest.
func (a Artifact) IsIndex() bool {
	switch a.MediaType {
	case "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json":
		return true
	}
	return false
}

// Name is the name by which Zarf finds a in the archive, as written there, or
// "" if it has none.
func (a Artifact) Name() string {
	if name := a.Annotations[annotationImageName]; name != "" {
		return name
	}
	// Zarf takes whichever of several its map yields first; the order here is
	// fixed. All of them carry a digest, so none can be listed.
	var keys []string
	for key, value := range a.Annotations {
		if strings.HasPrefix(key, annotationSource) && key != annotationSource && value != "" {
			keys = append(keys, key)
		}
	}
	if len(keys) > 0 {
		key := slices.Min(keys)
		return strings.TrimPrefix(key, annotationSource) + "/" + a.Annotations[key] + "@" + a.Digest
	}
	return a.Annotations[annotationRefName]
}

// suffixes are the archive names ferry writes and Zarf reads, with the
// compression each promises.
var suffixes = []struct{ suffix, compression string }{
	{".tar.gz", "gzip"},
	{".tar.zst", "zstd"},
	{".tgz", "gzip"},
	{".tzst", "zstd"},
	{".tar", "none"},
}

// archiveSuffix is the suffix of name and the compression it promises, or "".
func archiveSuffix(name string) (suffix, compression string) {
	for _, s := range suffixes {
		if strings.HasSuffix(name, s.suffix) && path.Base(name) != s.suffix {
			return s.suffix, s.compression
		}
	}
	return "", ""
}
