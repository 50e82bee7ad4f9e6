package layout

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/internal/strictjson"
)

// Limits of what is read. The image specification names none; these are those
// of the common registries and importers.
const (
	MaxDocument  = 4 << 20 // bytes of an index or a manifest, as in registries
	MaxFiles     = 100_000 // files of one layout
	maxDepth     = 16      // indexes within indexes
	maxSeal      = 32 << 20
	maxDocuments = 32 << 20 // bytes of all documents of one layout
	maxElements  = 750_000  // JSON objects and values in them; see elements
	keptElements = 100_000  // as long as there are fewer, documents are kept parsed
)

// Docker's names for an index and a manifest, which carry the same fields.
const (
	mediaTypeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	mediaTypeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
)

// Annotations that a layout's index gives its manifests, and that name files.
const (
	// AnnotationContainerdName holds a full reference; Zarf and containerd
	// read it, beside v1.AnnotationRefName.
	AnnotationContainerdName = "io.containerd.image.name"
)

// IsIndex reports whether a media type is that of an image index.
func IsIndex(mediaType string) bool {
	return mediaType == v1.MediaTypeImageIndex || mediaType == mediaTypeDockerList
}

// IsManifest reports whether a media type is that of an image manifest.
func IsManifest(mediaType string) bool {
	return mediaType == v1.MediaTypeImageManifest || mediaType == mediaTypeDockerManifest
}

func isDocument(mediaType string) bool { return IsIndex(mediaType) || IsManifest(mediaType) }

// names are the keys of OCI documents; a key that differs from one of them in
// case alone is refused. Those with a "?" may be null, as some tools write what
// they leave out; the others decide what a document is.
var names = []string{
	"schemaVersion", "mediaType", "artifactType?", "config", "layers", "manifests", "subject?", "annotations?",
	"digest", "size", "urls?", "data?", "platform?", "architecture", "os", "os.version?", "os.features?", "variant?",
	"imageLayoutVersion", "fsLayers", "history", "signatures",
}

// The wire types tell an absent field from a zero one.
type wireDescriptor struct {
	MediaType    *string            `json:"mediaType"`
	Digest       *string            `json:"digest"`
	Size         *int64             `json:"size"`
	URLs         []*string          `json:"urls"`
	Annotations  map[string]*string `json:"annotations"`
	Data         *string            `json:"data"`
	Platform     *wirePlatform      `json:"platform"`
	ArtifactType *string            `json:"artifactType"`
}

// Both must be there; an artifact that runs nowhere may leave them empty.
type wirePlatform struct {
	Architecture *string  `json:"architecture"`
	OS           *string  `json:"os"`
	OSVersion    string   `json:"os.version"`
	OSFeatures   []string `json:"os.features"`
	Variant      string   `json:"variant"`
}

type wireDocument struct {
	SchemaVersion *int               `json:"schemaVersion"`
	MediaType     *string            `json:"mediaType"`
	ArtifactType  *string            `json:"artifactType"`
	Config        *wireDescriptor    `json:"config"`
	Layers        []wireDescriptor   `json:"layers"`
	Manifests     []wireDescriptor   `json:"manifests"`
	Subject       *wireDescriptor    `json:"subject"`
	Annotations   map[string]*string `json:"annotations"`
	FSLayers      json.RawMessage    `json:"fsLayers"`
	History       json.RawMessage    `json:"history"`
	Signatures    json.RawMessage    `json:"signatures"`
}

// decodeDocument reads what an index and a manifest have in common. A field
// that is not there is nil in the result; where that matters, strictjson refuses
// null.
func decodeDocument(data []byte) (*wireDocument, error) {
	if len(data) > MaxDocument {
		return nil, fmt.Errorf("larger than the limit of %d bytes for a document", MaxDocument)
	}
	if n := elements(data); n > maxElements {
		return nil, fmt.Errorf("too many descriptors, annotations and other values, the limit is %d, found %d", maxElements, n)
	}
	var doc wireDocument
	if err := strictjson.Unmarshal(data, &doc, names...); err != nil {
		return nil, err
	}
	if doc.SchemaVersion == nil {
		return nil, fmt.Errorf("schemaVersion: missing, want 2")
	}
	if *doc.SchemaVersion != 2 {
		return nil, fmt.Errorf("schemaVersion: want 2, found %d", *doc.SchemaVersion)
	}
	for _, f := range []struct {
		name  string
		there bool
	}{{"fsLayers", doc.FSLayers != nil}, {"history", doc.History != nil}, {"signatures", doc.Signatures != nil}} {
		if f.there {
			return nil, fmt.Errorf("%s: a field of another kind of document (Docker schema 1)", f.name)
		}
	}
	return &doc, nil
}

// elements is how many values data holds, by its commas and brackets: of what a
// descriptor with a title takes, six. Decoded they take up to a hundred bytes each,
// however short they are, and however often the same one is there.
func elements(data []byte) (n int) {
	quoted := false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case !quoted && (c == ',' || c == '{' || c == '['):
			n++
		}
	}
	return n
}

// ParseIndex reads an image index (image-index.md) strictly: fields of the
// right type, no field of a manifest, every descriptor acceptable, and the
// media type, where the document names it, equal to mediaType. An empty
// mediaType stands for index.json, which no descriptor describes.
func ParseIndex(data []byte, mediaType string) (*v1.Index, error) {
	doc, err := decodeDocument(data)
	if err != nil {
		return nil, err
	}
	switch {
	case doc.Config != nil:
		return nil, fmt.Errorf("config: a field of a manifest in an index; a document is one or the other")
	case doc.Layers != nil:
		return nil, fmt.Errorf("layers: a field of a manifest in an index; a document is one or the other")
	case doc.Manifests == nil:
		return nil, fmt.Errorf("manifests: missing, want an array of descriptors")
	}
	found, err := documentMediaType(doc, mediaType, IsIndex, v1.MediaTypeImageIndex)
	if err != nil {
		return nil, err
	}
	index := &v1.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: found,
		ArtifactType: deref(doc.ArtifactType),
		Manifests:    make([]v1.Descriptor, len(doc.Manifests)),
	}
	for i := range doc.Manifests {
		if index.Manifests[i], err = doc.Manifests[i].descriptor(); err != nil {
			return nil, fmt.Errorf("manifests[%d].%w", i, err)
		}
	}
	if index.Annotations, err = stringMap(doc.Annotations); err != nil {
		return nil, err
	}
	if index.Subject, err = subject(doc.Subject); err != nil {
		return nil, err
	}
	return index, nil
}

// ParseManifest reads an image manifest (manifest.md) as strictly as
// ParseIndex reads an index.
func ParseManifest(data []byte, mediaType string) (*v1.Manifest, error) {
	doc, err := decodeDocument(data)
	if err != nil {
		return nil, err
	}
	if doc.Manifests != nil {
		return nil, fmt.Errorf("manifests: a field of an index in a manifest; a document is one or the other")
	}
	if doc.Config == nil {
		return nil, fmt.Errorf("config: missing, want a descriptor")
	}
	if doc.Layers == nil {
		return nil, fmt.Errorf("layers: missing, want an array of descriptors")
	}
	found, err := documentMediaType(doc, mediaType, IsManifest, v1.MediaTypeImageManifest)
	if err != nil {
		return nil, err
	}
	m := &v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: found,
		ArtifactType: deref(doc.ArtifactType),
		Layers:       make([]v1.Descriptor, len(doc.Layers)),
	}
	if m.Config, err = doc.Config.leaf(); err != nil {
		return nil, fmt.Errorf("config.%w", err)
	}
	for i := range doc.Layers {
		if m.Layers[i], err = doc.Layers[i].leaf(); err != nil {
			return nil, fmt.Errorf("layers[%d].%w", i, err)
		}
	}
	if m.Annotations, err = stringMap(doc.Annotations); err != nil {
		return nil, err
	}
	if m.Subject, err = subject(doc.Subject); err != nil {
		return nil, err
	}
	return m, nil
}

// documentMediaType compares the document's own media type with the one that
// its descriptor gave (CVE-2021-41190).
func documentMediaType(doc *wireDocument, want string, is func(string) bool, standard string) (string, error) {
	if doc.ArtifactType != nil && *doc.ArtifactType != "" && !IsMediaType(*doc.ArtifactType) {
		return "", fmt.Errorf("artifactType: %s is not a media type", quote(*doc.ArtifactType))
	}
	if doc.MediaType == nil {
		if want == "" {
			return standard, nil
		}
		return want, nil
	}
	switch {
	case want != "" && *doc.MediaType != want:
		return "", fmt.Errorf("mediaType: the descriptor says %s, the document %s", quote(want), quote(*doc.MediaType))
	case !is(*doc.MediaType):
		return "", fmt.Errorf("mediaType: want %s, found %s", quote(standard), quote(*doc.MediaType))
	}
	return *doc.MediaType, nil
}

// documentWithin tells whether data is an index or a manifest, whatever a
// descriptor may say: "index", "manifest", or "" for anything else.
func documentWithin(data []byte) string {
	var d struct {
		SchemaVersion             int
		MediaType                 string
		Config, Layers, Manifests json.RawMessage
	}
	switch err := json.Unmarshal(data, &d); {
	case err != nil:
		return ""
	case IsIndex(d.MediaType), d.SchemaVersion == 2 && d.Manifests != nil:
		return "index"
	case IsManifest(d.MediaType), d.SchemaVersion == 2 && d.Config != nil && d.Layers != nil:
		return "manifest"
	}
	return ""
}

// IsMediaType says whether s is a media type by RFC 6838, section 4.2, as
// descriptor.md asks.
func IsMediaType(s string) bool {
	kind, name, ok := strings.Cut(s, "/")
	return ok && restrictedName(kind) && restrictedName(name)
}

func restrictedName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
		case i == 0 || !strings.Contains("!#$&^_.+-", s[i:i+1]):
			return false
		}
	}
	return 0 < len(s) && len(s) <= 127
}

// descriptor checks one descriptor (descriptor.md, "Properties").
func (w *wireDescriptor) descriptor() (v1.Descriptor, error) {
	var d v1.Descriptor
	switch {
	case w.MediaType == nil || *w.MediaType == "":
		return d, fmt.Errorf("mediaType: missing")
	case !IsMediaType(*w.MediaType):
		return d, fmt.Errorf("mediaType: %s is not a media type", quote(*w.MediaType))
	case w.Digest == nil:
		return d, fmt.Errorf("digest: missing")
	case w.Size == nil:
		return d, fmt.Errorf("size: missing, want a number of bytes")
	case *w.Size < 0:
		return d, fmt.Errorf("size: want a number of bytes, found the negative %d", *w.Size)
	case w.ArtifactType != nil && *w.ArtifactType != "" && !IsMediaType(*w.ArtifactType):
		return d, fmt.Errorf("artifactType: %s is not a media type", quote(*w.ArtifactType))
	}
	var err error
	d.MediaType, d.Size, d.ArtifactType = *w.MediaType, *w.Size, deref(w.ArtifactType)
	if d.Digest, err = ParseDigest(*w.Digest); err != nil {
		return d, fmt.Errorf("digest: %w", err)
	}
	if d.MediaType == v1.MediaTypeEmptyJSON && (d.Size != 2 || d.Digest != d.Digest.Algorithm().FromString("{}")) {
		return d, fmt.Errorf("mediaType: %s stands for the two bytes {}, found %d bytes of %s", quote(d.MediaType), d.Size, d.Digest)
	}
	if d.URLs, err = urls(w.URLs); err != nil {
		return d, err
	}
	if p := w.Platform; p != nil {
		if p.OS == nil || p.Architecture == nil {
			return d, fmt.Errorf("platform: want os and architecture")
		}
		d.Platform = &v1.Platform{Architecture: *p.Architecture, OS: *p.OS, OSVersion: p.OSVersion, OSFeatures: p.OSFeatures, Variant: p.Variant}
	}
	if d.Annotations, err = stringMap(w.Annotations); err != nil {
		return d, err
	}
	if w.Data != nil {
		// Checked against size and digest, and then dropped: the blob itself
		// is what counts.
		data, err := base64.StdEncoding.Strict().DecodeString(*w.Data)
		switch {
		case strings.ContainsAny(*w.Data, "\r\n"): // which the decoder passes over
			return d, fmt.Errorf("data: not base64: it holds line ends")
		case err != nil:
			return d, fmt.Errorf("data: not base64: %v", err)
		case int64(len(data)) != d.Size:
			return d, fmt.Errorf("data: holds %d bytes, size says %d", len(data), d.Size)
		case d.Digest.Algorithm().FromBytes(data) != d.Digest:
			return d, fmt.Errorf("data: does not match the digest %s", d.Digest)
		}
	}
	return d, nil
}

// urls checks where else content could be had (descriptor.md, "Properties").
// Nothing is fetched from there, and a file of the reader's own is no place to
// point at.
func urls(list []*string) ([]string, error) {
	var out []string
	for i, u := range list {
		if u == nil {
			return nil, fmt.Errorf("urls[%d]: want a string, found null", i)
		}
		p, err := url.Parse(*u)
		switch {
		case err != nil || !p.IsAbs():
			return nil, fmt.Errorf("urls[%d]: %s is not a URI", i, quote(*u))
		case p.Scheme == "file":
			return nil, fmt.Errorf("urls[%d]: %s points into the file system of whoever reads it", i, quote(*u))
		}
		out = append(out, *u)
	}
	return out, nil
}

// leaf is a descriptor of a config or layer, which is never an index or a
// manifest: a reader that followed it would see another artifact.
func (w *wireDescriptor) leaf() (v1.Descriptor, error) {
	d, err := w.descriptor()
	if err == nil && isDocument(d.MediaType) {
		return d, fmt.Errorf("mediaType: %s describes an index or manifest, want a config or layer", quote(d.MediaType))
	}
	return d, err
}

func subject(w *wireDescriptor) (*v1.Descriptor, error) {
	if w == nil {
		return nil, nil
	}
	d, err := w.descriptor()
	if err != nil {
		return nil, fmt.Errorf("subject.%w", err)
	}
	return &d, nil
}

func stringMap(m map[string]*string) (map[string]string, error) {
	if m == nil {
		return nil, nil
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		if v == nil {
			return nil, fmt.Errorf("annotations.%s: want a string, found null", Printable(k))
		}
		if k == "" {
			return nil, fmt.Errorf("annotations: a key is empty")
		}
		out[k] = *v
	}
	return out, nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// parseLayout checks an oci-layout file (image-layout.md, "oci-layout file").
func parseLayout(data []byte) error {
	var l struct {
		Version *string `json:"imageLayoutVersion"`
	}
	if err := strictjson.Unmarshal(data, &l, names...); err != nil {
		return err
	}
	switch {
	case l.Version == nil:
		return fmt.Errorf("imageLayoutVersion: missing, want %q", v1.ImageLayoutVersion)
	case *l.Version != v1.ImageLayoutVersion:
		return fmt.Errorf("imageLayoutVersion: want %q, found %s (an unknown version)", v1.ImageLayoutVersion, quote(*l.Version))
	}
	return nil
}

// word is what a name, a component of one and a tag begin with.
const word = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

// made says whether s begins with a character of word and goes on with those
// and more.
func made(s, more string) bool {
	return s != "" && strings.IndexByte(word, s[0]) >= 0 && strings.Trim(s, word+more) == ""
}

// validName says whether a name is what annotations.md recommends for
// org.opencontainers.image.ref.name and what full references need; no component
// is "." or "..".
func validName(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if !made(part, ".:@+-") {
			return false
		}
	}
	return len(name) <= 512
}

// ValidTag says whether a tag is one by the distribution specification
// ("Pulling manifests"): letters, digits, '_', and behind the first also '.' and
// '-', at most 128.
func ValidTag(tag string) bool { return len(tag) <= 128 && made(tag, ".-") }

// marshal writes a document of ours: compact, and without HTML escapes.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
