package artifact

import (
	"io"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
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
}

// Inspect makes an inspection.
func (t Kinds) Inspect(l Look) *Inspection {
	return &Inspection{kinds: t, Look: l, kindOf: map[digest.Digest]*Kind{}}
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
		i.kindOf[d.Digest] = k
		i.mu.Unlock()
		if in := i.inspectors()[n]; in != nil {
			if err := in.Manifest(d, m); err != nil {
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
