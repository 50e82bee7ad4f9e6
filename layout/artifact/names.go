package artifact

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/visible"
)

// ErrNoFiles is wrapped by the error for a manifest that is not unpacked into
// files, such as that of a container image.
var ErrNoFiles = errors.New("its layers do not name files")

// FileNames are the names of the files that the layers of a manifest are, layer
// for layer; "" is no file. stem is what Kind.Stem made of the config.
//
// For a kind that fixes its files they come from the media types: each file that
// is not optional must be there once, and its title counts for nothing, as long
// as it is fit for a file and not nearly the name. Layers of another type are no
// files, and none of them may bear the name of a file of the kind.
//
// For any other kind the names are the titles. A layer without one gets a name
// made of its media type and the first twelve digits of its digest, as in
// "cncf.flux.content.v1-0123456789ab.tar.gz"; the empty layer is no file, nor is
// a layer that stands above already.
func (k *Kind) FileNames(m *v1.Manifest, stem string) ([]string, error) {
	if k.Files == nil {
		names := layerNames(m)
		return names, checkNames(names, m.Config)
	}
	names := make([]string, len(m.Layers))
	for _, f := range k.Files {
		f.Name = strings.ReplaceAll(f.Name, "*", stem)
		if err := f.find(m, names); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// find names the layer that is the file.
func (f *File) find(m *v1.Manifest, names []string) error {
	found := -1
	for i, l := range m.Layers {
		t := l.Annotations[v1.AnnotationTitle]
		if l.MediaType != f.MediaType {
			if strings.EqualFold(t, f.Name) {
				return fmt.Errorf("layers[%d]: title %q on a layer of type %s, want one of type %s", i, t, l.MediaType, f.MediaType)
			}
			continue
		}
		if found >= 0 {
			return fmt.Errorf("layers[%d]: a second layer of type %s, duplicate of layers[%d]; want one", i, f.MediaType, found)
		}
		if _, ok := l.Annotations[v1.AnnotationTitle]; ok && t != f.Name {
			if strings.EqualFold(t, f.Name) {
				return fmt.Errorf("layers[%d]: title %.80q, want %q or none", i, t, f.Name)
			}
			if err := CheckTitle(t); err != nil {
				return fmt.Errorf("layers[%d]: title: %w", i, err)
			}
		}
		found, names[i] = i, f.Name
	}
	if found < 0 && !f.Optional {
		return fmt.Errorf("layers: missing %s, want a layer of type %s", f.Name, f.MediaType)
	}
	return nil
}

// layerNames are the titles, and names where there are none.
func layerNames(m *v1.Manifest) []string {
	names, made := make([]string, len(m.Layers)), map[string]bool{}
	for i, l := range m.Layers {
		if t, ok := l.Annotations[v1.AnnotationTitle]; ok {
			names[i] = t
		} else if n := madeName(l); l.MediaType != v1.MediaTypeEmptyJSON && !made[n] {
			names[i], made[n] = n, true
		}
	}
	return names
}

// suffixes are those of file names, by the end of a media type.
var suffixes = []struct{ of, suffix string }{
	{"tar+gzip", ".tar.gz"}, {"tar.gzip", ".tar.gz"}, {"tar+zstd", ".tar.zst"}, {"tar", ".tar"},
	{"+gzip", ".gz"}, {"+zstd", ".zst"}, {"+json", ".json"}, {"+xml", ".xml"}, {"+yaml", ".yaml"}, {"+zip", ".zip"}, {"+wasm", ".wasm"},
	{"/wasm", ".wasm"}, {"/json", ".json"}, {"/xml", ".xml"}, {"/yaml", ".yaml"}, {"/x-yaml", ".yaml"}, {"/zip", ".zip"}, {"/gzip", ".gz"}, {"/zstd", ".zst"},
	{"/pdf", ".pdf"}, {"/png", ".png"}, {"/plain", ".txt"}, {"/html", ".html"}, {"/markdown", ".md"}, {"/csv", ".csv"},
}

// madeName is the name of a file whose layer has none.
func madeName(l v1.Descriptor) string {
	_, word, _ := strings.Cut(l.MediaType, "/")
	suffix := ".bin"
	for _, s := range suffixes {
		if strings.HasSuffix(l.MediaType, s.of) {
			suffix = s.suffix
			if end := strings.TrimLeft(s.of, "/"); end != word {
				word = strings.TrimRight(strings.TrimSuffix(word, end), ".")
			}
			break
		}
	}
	word = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, strings.TrimPrefix(strings.TrimPrefix(word, "vnd."), "x-"))
	if word = strings.Trim(word, ".-"); word == "" {
		word = "layer"
	}
	return word[:min(len(word), 128)] + "-" + l.Digest.Encoded()[:min(12, len(l.Digest.Encoded()))] + suffix
}

// Titles checks the titles of artifacts that name their files by titles: each
// is fit for a file name and no two are the same or stand in each other's way.
// It is an Inspector that looks at manifests only.
type Titles struct{ noBlobs }

// Manifest checks every title that is there.
func (Titles) Manifest(_ v1.Descriptor, m *v1.Manifest) error { return checkTitles(m) }

// noBlobs is not interested in content.
type noBlobs struct{}

func (noBlobs) Blob(v1.Descriptor) io.WriteCloser { return nil }

// What a few kilobytes of titles may have a file system make.
const (
	maxDirectories = 1 << 16 // in one artifact
	maxDepth       = 100     // directories above one file
)

func checkTitles(m *v1.Manifest) error {
	names := make([]string, len(m.Layers))
	for i, l := range m.Layers {
		t, ok := l.Annotations[v1.AnnotationTitle]
		if ok && t == "" {
			return fmt.Errorf("layers[%d]: title: %w", i, CheckTitle(t))
		}
		names[i] = t
	}
	return checkNames(names, m.Config)
}

// checkNames refuses names of layers that are unfit for files or stand in each
// other's way. A title on the config counts: oras writes that one as well.
func checkNames(names []string, config v1.Descriptor) error {
	// The names as they stand, by what a file system may take them for.
	files, dirs := make(map[string]string, len(names)), map[string]string{}
	check := func(t string) error {
		if err := CheckTitle(t); err != nil {
			return fmt.Errorf("title: %w", err)
		}
		low := visible.Fold(t)
		switch first, below := files[low], dirs[low]; {
		case first == t:
			return fmt.Errorf("title %.80q: duplicate of an earlier one", t)
		case first != "":
			return &FileError{Name: t, Err: fmt.Errorf("a title that is a duplicate of %.80q where no case is told from another", first)}
		case below != "":
			return &FileError{Name: t, Err: fmt.Errorf("a title that is a duplicate of the directory of %.80q", below)}
		}
		files[low] = t
		for d := path.Dir(low); d != "."; d = path.Dir(d) {
			if len(dirs) == maxDirectories {
				return fmt.Errorf("title %.80q: too many directories, the limit is %d", t, maxDirectories)
			}
			if first := files[d]; first != "" {
				return &FileError{Name: t, Err: fmt.Errorf("a title in conflict with %.80q, which is a file", first)}
			}
			if dirs[d] != "" {
				break // and so are those above
			}
			dirs[d] = t
		}
		return nil
	}
	for i, name := range names {
		if name == "" {
			continue
		}
		if err := check(name); err != nil {
			return fmt.Errorf("layers[%d]: %w", i, err)
		}
	}
	if t, ok := config.Annotations[v1.AnnotationTitle]; ok {
		if err := check(t); err != nil {
			return fmt.Errorf("config: %w", err)
		}
	}
	return nil
}
