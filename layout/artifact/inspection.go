package artifact

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
)

// An Inspection looks into all artifacts that pass, each with the inspector of
// its kind, and checks the titles of all. It is a Reporter for one pass, and may
// be used by several goroutines.
type Inspection struct {
	Look // may be changed until the first blob passes

	kinds Kinds
	once  sync.Once
	by    []Inspector // of each kind; nil for one without

	mu     sync.Mutex
	kindOf map[digest.Digest]*Kind // of the manifests that passed
	about  map[digest.Digest]bool  // those that are about another: a signature, an SBOM
	stems  map[digest.Digest]stem  // of the configs that passed
}

// A stem is what Kind.Stem made of a config.
type stem struct {
	kind *Kind
	text string
	err  error
}

// maxConfig is the largest config, in bytes, that has a stem.
const maxConfig = 1 << 20

// Inspect makes an inspection.
func (t Kinds) Inspect(l Look) *Inspection {
	return &Inspection{kinds: t, Look: l, kindOf: map[digest.Digest]*Kind{}, about: map[digest.Digest]bool{}, stems: map[digest.Digest]stem{}}
}

// inspectors are those of the kinds, made when they are first wanted.
func (i *Inspection) inspectors() []Inspector {
	i.once.Do(func() {
		i.by = make([]Inspector, len(i.kinds))
		for n, k := range i.kinds {
			if k.Inspector != nil {
				i.by[n] = k.Inspector(i.Look)
			}
		}
	})
	return i.by
}

// Blob looks into a blob with every inspector that is interested.
func (i *Inspection) Blob(d v1.Descriptor) io.WriteCloser {
	var all writers
	for _, k := range i.kinds {
		// A config that no manifest has named yet may be one.
		if k.Stem != nil && (d.MediaType == k.ConfigType || d.MediaType == "" && d.Size <= maxConfig) {
			all = append(all, &stemWriter{in: i, kind: k, d: d})
		}
	}
	for _, in := range i.inspectors() {
		if in != nil {
			if w := in.Blob(d); w != nil {
				all = append(all, w)
			}
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return all
}

// A stemWriter holds a config until it is whole.
type stemWriter struct {
	in   *Inspection
	kind *Kind
	d    v1.Descriptor
	data []byte
	not  bool
}

func (w *stemWriter) Write(p []byte) (int, error) {
	if len(w.data) == 0 {
		t := bytes.TrimLeft(p, " \t\r\n")
		w.not = w.d.MediaType == "" && len(t) > 0 && t[0] != '{'
	}
	if !w.not {
		w.data = append(w.data, p[:min(len(p), maxConfig+1-len(w.data))]...)
	}
	return len(p), nil
}

func (w *stemWriter) Close() error {
	s := stem{kind: w.kind}
	if len(w.data) > maxConfig {
		s.err = fmt.Errorf("want at most %d bytes, found more", maxConfig)
	} else {
		s.text, s.err = w.kind.Stem(w.data)
	}
	if w.d.MediaType != "" || s.err == nil {
		w.in.mu.Lock()
		defer w.in.mu.Unlock()
		w.in.stems[w.d.Digest] = s
	}
	return nil
}

// errConfigUnread is the error for a config that has not passed, or not as one.
var errConfigUnread = errors.New("the config could not be looked at")

// FileNames are the names of the files that the layers of an artifact are; see
// Kind.FileNames. Where these come from the config, it must have passed.
func (i *Inspection) FileNames(m *v1.Manifest) ([]string, error) {
	k := i.kinds.Of(m)
	if k == nil {
		return nil, fmt.Errorf("%w; it is of type %s", ErrNoFiles, layout.Printable(m.Config.MediaType))
	}
	text := ""
	if k.Stem != nil {
		i.mu.Lock()
		s, ok := i.stems[m.Config.Digest]
		i.mu.Unlock()
		switch {
		case !ok || s.kind != k:
			return nil, errConfigUnread
		case s.err != nil:
			return nil, fmt.Errorf("config: %w", s.err)
		}
		text = s.text
	}
	return k.FileNames(m, text)
}

// writers write to each of them. They do not fail.
type writers []io.WriteCloser

func (all writers) Write(p []byte) (int, error) {
	for _, w := range all {
		w.Write(p)
	}
	return len(p), nil
}

func (all writers) Close() error {
	for _, w := range all {
		w.Close()
	}
	return nil
}

// Manifest judges an artifact, all of which has passed.
func (i *Inspection) Manifest(d v1.Descriptor, m *v1.Manifest) error {
	for n, k := range i.kinds {
		if !k.fits(m) {
			continue
		}
		i.mu.Lock()
		i.kindOf[d.Digest], i.about[d.Digest] = k, m.Subject != nil
		i.mu.Unlock()
		if in := i.inspectors()[n]; in != nil {
			if err := in.Manifest(d, m); err != nil {
				return err
			}
		}
		if k.Stem != nil {
			if _, err := i.FileNames(m); err != nil {
				return err
			}
		}
		break
	}
	return checkTitles(m)
}

// Unpackable reports whether a manifest that has passed is that of an artifact
// that can be unpacked into files.
func (i *Inspection) Unpackable(d digest.Digest) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.kindOf[d] != nil
}

// First is the first artifact of an index that can be unpacked and is not about
// another.
func (i *Inspection) First(index *v1.Index) (d v1.Descriptor, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, d := range index.Manifests {
		if i.kindOf[d.Digest] != nil && !i.about[d.Digest] {
			return d, true
		}
	}
	return d, false
}

// Comparer is the one of a kind, or nil.
func (i *Inspection) Comparer(k *Kind) Comparer {
	for n, in := range i.inspectors() {
		if c, ok := in.(Comparer); ok && i.kinds[n] == k {
			return c
		}
	}
	return nil
}

// Close removes what comparers hold.
func (i *Inspection) Close() (err error) {
	for _, in := range i.inspectors() {
		if c, ok := in.(io.Closer); ok {
			err = errors.Join(err, c.Close())
		}
	}
	return err
}

// Notices are those of all inspectors.
func (i *Inspection) Notices() (all []string) {
	for _, in := range i.inspectors() {
		if r, ok := in.(Reporter); ok {
			all = append(all, r.Notices()...)
		}
	}
	return all
}

// Findings are those of all inspectors.
func (i *Inspection) Findings() (all []Finding) {
	for _, in := range i.inspectors() {
		if r, ok := in.(Reporter); ok {
			all = append(all, r.Findings()...)
		}
	}
	return all
}

// Finding is what was found in one artifact.
func (i *Inspection) Finding(d digest.Digest) (Finding, bool) {
	for _, f := range i.Findings() {
		if f.Digest == d {
			return f, true
		}
	}
	return Finding{}, false
}
