package layouttest

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// An Artifact is an LEI cache artifact in a layout of its own. Each field, if
// set, changes one thing when Layout builds it; what stands above is computed
// from what it became.
type Artifact struct {
	Reports int // in the payload; 0 means 5, below 0 means none

	JSONL    func([]byte) []byte // the payload before it is compressed
	Count    int                 // reports that JSONL adds to, or takes from, the count
	Compress func([]byte) []byte // Gzip, if it is nil
	Payload  func([]byte) []byte // cache.jsonl.gz
	Snapshot func(Object) Object // manifest.json
	Config   func(Object) Object // the config

	SnapshotBytes func([]byte) []byte // manifest.json, written
	ConfigBytes   func([]byte) []byte // the config, written

	ConfigDescriptor   func(Object) Object
	SnapshotDescriptor func(Object) Object
	PayloadDescriptor  func(Object) Object
	Layers             func(Layout, []Object) []Object // the descriptors; blobs may be added

	Manifest           func(Object) Object
	ManifestBytes      func([]byte) []byte
	ManifestDescriptor func(Object) Object

	Manifests  func(Layout, []Object) []Object // the descriptors of index.json
	Index      func(Object) Object
	IndexBytes func([]byte) []byte
	OCILayout  func([]byte) []byte
	Files      func(Layout) // at the end
}

func edit[T any](f func(T) T, v T) T {
	if f == nil {
		return v
	}
	return f(v)
}

// Layout builds the artifact.
func (a Artifact) Layout() Layout {
	l := Layout{}
	reports := a.Reports
	switch {
	case reports == 0:
		reports = 5
	case reports < 0:
		reports = 0
	}
	jsonl := edit(a.JSONL, Reports(reports))
	reports += a.Count
	if a.Compress == nil {
		a.Compress = Gzip
	}
	payload := edit(a.Payload, a.Compress(jsonl))
	snapshot := edit(a.SnapshotBytes, []byte(edit(a.Snapshot, Snapshot(jsonl, payload, reports)).String()))
	config := edit(a.ConfigBytes, []byte(edit(a.Config, Object{
		{"lei_version", `"0.9.1"`}, {"format_version", `"1.0"`}, {"created", `"2026-02-05T00:00:00Z"`}, {"cache_entries", itoa(reports)},
	}).String()))

	configDesc := edit(a.ConfigDescriptor, l.Put(ConfigType, config))
	layers := []Object{
		edit(a.SnapshotDescriptor, l.Put(SnapshotType, snapshot)),
		edit(a.PayloadDescriptor, l.Put(PayloadType, payload)),
	}
	if a.Layers != nil {
		layers = a.Layers(l, layers)
	}
	manifest := edit(a.ManifestBytes, []byte(edit(a.Manifest, Manifest(configDesc, layers...)).String()))
	desc := edit(a.ManifestDescriptor, l.Put(ManifestType, manifest).With("annotations", `{"org.opencontainers.image.ref.name":"2026-02-05"}`))
	manifests := []Object{desc}
	if a.Manifests != nil {
		manifests = a.Manifests(l, manifests)
	}
	l["index.json"] = edit(a.IndexBytes, []byte(edit(a.Index, Index(manifests...)).String()))
	l["oci-layout"] = edit(a.OCILayout, []byte(`{"imageLayoutVersion":"1.0.0"}`))
	if a.Files != nil {
		a.Files(l)
	}
	return l
}

// Manifest is an image manifest.
func Manifest(config Object, layers ...Object) Object {
	return Object{{"schemaVersion", "2"}, {"mediaType", Quote(ManifestType)}, {"config", config.String()}, {"layers", Array(layers...)}}
}

// Index is an image index.
func Index(manifests ...Object) Object {
	return Object{{"schemaVersion", "2"}, {"mediaType", Quote(IndexType)}, {"manifests", Array(manifests...)}}
}

// Note puts a small artifact of another kind into a layout: the empty config
// and one layer. It returns the manifest's descriptor.
func Note(l Layout, text string, edit func(manifest Object) Object) Object {
	m := Manifest(l.Put(EmptyType, []byte("{}")), l.Put("text/plain", []byte(text))).With("artifactType", `"application/vnd.example.note"`)
	if edit != nil {
		m = edit(m)
	}
	return l.Put(ManifestType, []byte(m.String()))
}

// Reports is JSONL of n generated reports; of none it is one line feed, as LEI
// writes it.
func Reports(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		id := strings.TrimPrefix(SHA256([]byte(itoa(i))), "sha256:")
		fmt.Fprintf(&b, `{"header":{"repo":"https://example.org/r/%03d","uuid":%q},"data":{"repo":"https://example.org/r/%03d","git":{"hash":%q},"risk":"low"}}`+"\n", i, id[:32], i, id[:40])
	}
	if n == 0 {
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// Snapshot is manifest.json for a payload.
func Snapshot(jsonl, payload []byte, reports int) Object {
	hash := sha256.New()
	for line := range bytes.SplitSeq(jsonl, []byte("\n")) {
		hash.Write(line)
	}
	return Object{
		{"format_version", `"1.0"`}, {"lei_version", `"0.9.1"`}, {"date", `"2026-02-05"`}, {"created", `"2026-02-05T00:00:00.000000Z"`},
		{"entry_count", itoa(reports)}, {"raw_size", itoa(len(jsonl))}, {"compressed_size", itoa(len(payload))},
		{"content_hash", Quote(hex.EncodeToString(hash.Sum(nil)))}, {"repos", "[]"},
	}
}

// Gzip compresses data.
func Gzip(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}
