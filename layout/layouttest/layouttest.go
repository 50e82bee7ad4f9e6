// Package layouttest builds OCI image layouts for tests, hostile ones included.
//
//   - An Object is JSON that keeps the order of its keys and may hold a key
//     twice: descriptors and documents are Objects until they are written, so
//     that a test can tell any lie in one line.
//   - An Artifact is an LEI cache artifact with hooks: each changes one thing on
//     the way, and everything above it is hashed anew. The zero value is sound.
//   - A Layout is the files of a layout by their paths; it writes itself into a
//     directory, or gives the entries of a tar.
//   - An Entry is a tar header as it is wanted, right or wrong.
//   - Refused and Accepted are tables of what a reader of layouts must refuse and
//     must accept, the cases of which every package tries with its own means.
//
// Nothing here uses the packages that it tests, and all content is generated.
package layouttest

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The media types that tests name.
const (
	ManifestType = "application/vnd.oci.image.manifest.v1+json"
	IndexType    = "application/vnd.oci.image.index.v1+json"
	EmptyType    = "application/vnd.oci.empty.v1+json"
	ConfigType   = "application/vnd.lei.cache.config.v1+json"
	SnapshotType = "application/vnd.lei.cache.manifest+json"
	PayloadType  = "application/vnd.lei.cache.jsonl+gzip"
)

// A Member is a key and its value as JSON text.
type Member struct{ Key, Value string }

// An Object is a JSON object. Its methods leave it as it is and return another.
type Object []Member

// With gives a key a value, in its place or at the end.
func (o Object) With(key, value string) Object {
	o = slices.Clone(o)
	for i := range o {
		if o[i].Key == key {
			o[i].Value = value
			return o
		}
	}
	return append(o, Member{key, value})
}

// Without leaves a key out.
func (o Object) Without(key string) Object {
	return slices.DeleteFunc(slices.Clone(o), func(m Member) bool { return m.Key == key })
}

// Also adds a member, though the key may be there.
func (o Object) Also(key, value string) Object { return append(slices.Clone(o), Member{key, value}) }

// Value is the JSON text under a key.
func (o Object) Value(key string) string {
	for _, m := range o {
		if m.Key == key {
			return m.Value
		}
	}
	return ""
}

func (o Object) String() string {
	var b strings.Builder
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(Quote(m.Key) + ":" + m.Value)
	}
	b.WriteByte('}')
	return b.String()
}

// Quote is a string as JSON.
func Quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Array is JSON values as an array.
func Array[T interface{ ~string | Object }](items ...T) string {
	var texts []string
	for _, item := range items {
		switch v := any(item).(type) {
		case Object:
			texts = append(texts, v.String())
		case string:
			texts = append(texts, v)
		}
	}
	return "[" + strings.Join(texts, ",") + "]"
}

// Descriptor describes content truthfully.
func Descriptor(mediaType string, data []byte) Object {
	return Object{{"mediaType", Quote(mediaType)}, {"digest", Quote(SHA256(data))}, {"size", itoa(len(data))}}
}

// SHA256 is the digest of data, "sha256:..." included.
func SHA256(data []byte) string {
	h := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(h[:])
}

// SHA512 is the digest of data, "sha512:..." included.
func SHA512(data []byte) string {
	h := sha512.Sum512(data)
	return "sha512:" + hex.EncodeToString(h[:])
}

// BlobPath is the path of a blob with this digest.
func BlobPath(digest string) string { return "blobs/" + strings.Replace(digest, ":", "/", 1) }

// A Layout is the files of a layout, by their paths with slashes.
type Layout map[string][]byte

// Put adds a blob under its SHA-256 and returns its descriptor.
func (l Layout) Put(mediaType string, data []byte) Object {
	l[BlobPath(SHA256(data))] = data
	return Descriptor(mediaType, data)
}

// Paths are the files in the order in which they are best read: oci-layout,
// index.json, and the others sorted.
func (l Layout) Paths() []string {
	rank := func(p string) string {
		switch p {
		case "oci-layout":
			return "0"
		case "index.json":
			return "1"
		}
		return "2" + p
	}
	paths := slices.Collect(maps.Keys(l))
	slices.SortFunc(paths, func(a, b string) int { return strings.Compare(rank(a), rank(b)) })
	return paths
}

// Dir writes the layout into a new directory that the test removes.
func (l Layout) Dir(tb testing.TB) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "layout")
	l.WriteTo(tb, dir)
	return dir
}

// WriteTo writes the layout into a directory, which it makes.
func (l Layout) WriteTo(tb testing.TB, dir string) {
	tb.Helper()
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	must(os.MkdirAll(dir, 0o755))
	for _, p := range l.Paths() {
		name := filepath.Join(dir, filepath.FromSlash(p))
		must(os.MkdirAll(filepath.Dir(name), 0o755))
		must(os.WriteFile(name, l[p], 0o644))
	}
}

// Seal adds SHA256SUMS over all that is there.
func (l Layout) Seal() Layout {
	delete(l, "SHA256SUMS")
	var b strings.Builder
	for _, p := range slices.Sorted(maps.Keys(l)) {
		b.WriteString(strings.TrimPrefix(SHA256(l[p]), "sha256:") + "  " + p + "\n")
	}
	l["SHA256SUMS"] = []byte(b.String())
	return l
}
