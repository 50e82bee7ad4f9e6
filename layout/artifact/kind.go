package artifact

import (
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Kind is a kind of artifact: all that is special about it. Functions may be
// nil where nothing is said of that.
type Kind struct {
	// Name is the word for it in answers, in policies and on the command
	// line: "lei", "files".
	Name string
	// Noun is what a directory of the kind is called, with its article: "an LEI
	// snapshot".
	Noun string
	// Label stands before what people are told of such an artifact: "lei cache".
	Label string
	// Repository is the name of an artifact that is given none; %s stands for
	// the directory's name.
	Repository string
	// ConfigType is the media type of the config.
	ConfigType string
	// Files are the files of the kind, in the order of their layers. Nil
	// means any files.
	Files []File
	// Fits tells an artifact of the kind by its manifest. Nil means that
	// ConfigType is the type of the config or the artifactType.
	Fits func(m *v1.Manifest) bool
	// CheckManifest judges a manifest that fits, before any blob was read, in
	// what FileNames does not see.
	CheckManifest func(m *v1.Manifest) error
	// Stem makes of the config what the files of an artifact are called after;
	// see FileNames. The error refuses the artifact.
	Stem func(config []byte) (string, error)
	// Inspector makes an inspector of the content, good for one pass.
	Inspector func(Look) Inspector

	// Detect tells a directory of the kind by its content.
	Detect func(fs.FS) bool
	// Incomplete reports whether a directory that Detect does not know may be
	// what is left of one, and whether it surely is.
	Incomplete func(fs.FS) (maybe, surely bool)
	// Config makes the config and the annotations of the manifest for the
	// directory that is packed. Nil means that the kind is not packed.
	Config func(fsys fs.FS, o Options) (*Config, error)
	// Tags makes of an artifact's usual tag, or of its date, all that it gets.
	Tags func(tag string) ([]string, error)

	// What to do: Remedy on the far side about content that is not sound,
	// Repack on the near side, Make about a directory that is none.
	Remedy, Repack, Make string
}

// A File is a file that a kind fixes by name and media type.
type File struct {
	Name      string // "*" in it stands for the artifact's stem, see Kind.Stem
	MediaType string
	Optional  bool // it need not be there
}

// fits reports whether a manifest is that of an artifact of the kind.
func (k *Kind) fits(m *v1.Manifest) bool {
	if k.Fits != nil {
		return k.Fits(m)
	}
	return m.Config.MediaType == k.ConfigType || m.ArtifactType == k.ConfigType
}

// Missing is the first of the files of the kind that a directory has not, or has
// as something else than a regular file, or "".
func (k *Kind) Missing(fsys fs.FS) string {
	for _, f := range k.Files {
		if info, err := fs.Stat(fsys, f.Name); err != nil || !info.Mode().IsRegular() {
			return f.Name
		}
	}
	return ""
}

func (k *Kind) checkManifest(m *v1.Manifest) error {
	if k.CheckManifest != nil {
		if err := k.CheckManifest(m); err != nil {
			return err
		}
	}
	if k.Files == nil {
		return nil
	}
	_, err := k.FileNames(m, "*")
	return err
}

// Secrets says what an inspector does about secrets in the content.
type Secrets int

const (
	IgnoreSecrets Secrets = iota // does not look for them
	TellSecrets                  // makes a notice of those in an artifact that was packed elsewhere, and allowed there
	AllowSecrets                 // makes a notice of them, and of what is harmless
	RefuseSecrets                // refuses the artifact
)

// Look says what an inspector looks for beside what it judges.
type Look struct {
	Secrets Secrets
	Detail  bool   // what a packing list says; see Finding
	Compare bool   // what can be compared; see Comparer
	TempDir string // where what does not stay in memory waits; "" is the system's
}

// An Inspector looks into the blobs of artifacts as they pass and judges a whole
// artifact when the last has passed. It is what layout.Inspector is.
type Inspector interface {
	Blob(d v1.Descriptor) io.WriteCloser
	Manifest(d v1.Descriptor, m *v1.Manifest) error
}

// A Reporter is an Inspector that has more to say of what is sound.
type Reporter interface {
	Inspector
	Notices() []string // for people, a line each
	Findings() []Finding
}

// A Finding is what an inspector found in an artifact that is sound.
type Finding struct {
	Digest  digest.Digest // of the manifest
	Kind    *Kind
	Date    string  // YYYY-MM-DD, as the content says, or ""
	Entries int64   // how many things it holds
	Entry   string  // what such a thing is called: "report"
	RawSize int64   // of the content, inflated, in bytes
	Format  string  // of the content, inflated: "JSONL"
	Secrets []Place // those that are refused by a rule against secrets
	Detail  any     // what only the kind's own package understands
}

// A Place is where something stands, and in how many entries.
type Place struct {
	Path  string
	Count int64
}

// A ContentError is an error of a kind about the content of its files.
type ContentError interface {
	error
	// Refused is true where a rule refuses content that is sound.
	Refused() bool
	// Remedy says what to do about it.
	Remedy() string
}

// Kinds is a table of kinds. The first that fits is taken.
type Kinds []*Kind

// Of is the kind of an artifact that can be unpacked into files, or nil.
func (t Kinds) Of(m *v1.Manifest) *Kind {
	for _, k := range t {
		if k.fits(m) {
			return k
		}
	}
	return nil
}

// For is the kind of that name, or where it is "" the first that detects a
// directory as its own, or nil. Only those that can be packed count.
func (t Kinds) For(name string, fsys fs.FS) *Kind {
	for _, k := range t {
		if k.Config != nil && (name == k.Name || name == "" && k.Detect(fsys)) {
			return k
		}
	}
	return nil
}

// Names are the words for the kinds that can be packed.
func (t Kinds) Names() (names []string) {
	for _, k := range t {
		if k.Config != nil {
			names = append(names, k.Name)
		}
	}
	return names
}

// Words are all that Word may say of a manifest.
func (t Kinds) Words() []string {
	var words []string
	for _, k := range t {
		words = append(words, k.Name)
	}
	return append(words, "image", "referrer")
}

// Word says what a manifest is, for people: the name of its kind, "referrer" or
// "image", else "artifact"; "blob" where there is no manifest.
func (t Kinds) Word(m *v1.Manifest) string {
	if m == nil {
		return "blob"
	}
	switch k := t.Of(m); {
	case k != nil && k.Files != nil:
		return k.Name
	case m.Subject != nil:
		return "referrer"
	case isImage(m):
		return "image"
	case k != nil:
		return k.Name
	}
	return "artifact"
}

// WordFor is Word, and says of an index how many manifests it lists.
func (t Kinds) WordFor(index *v1.Index, m *v1.Manifest) string {
	if index != nil {
		return fmt.Sprintf("index of %d", len(index.Manifests))
	}
	return t.Word(m)
}

func isImage(m *v1.Manifest) bool {
	return strings.HasPrefix(m.Config.MediaType, "application/vnd.oci.image.config") || strings.HasPrefix(m.Config.MediaType, "application/vnd.docker.container.image")
}

// CheckManifest is what the kinds make of a manifest alone.
func (t Kinds) CheckManifest(m *v1.Manifest) error {
	if k := t.Of(m); k != nil {
		if err := k.checkManifest(m); err != nil {
			return err
		}
	}
	return checkTitles(m)
}
