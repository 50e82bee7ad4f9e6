package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/durable"
)

// An Extracted is a file that was written.
type Extracted struct {
	Name   string // its path below the directory, with slashes
	Size   int64  // bytes
	Digest digest.Digest
}

// An Extractor picks the blobs of one artifact out of all that an audit reads,
// in whatever order they pass, and writes them as files. While it is not known
// which these are, it keeps what may be one of them.
type Extractor struct {
	in    *Inspection
	t     *target
	find  func() (v1.Descriptor, *v1.Manifest, error)
	named v1.Descriptor

	mu    sync.Mutex // of what follows: blobs pass side by side
	audit *layout.Audit
	names []string                 // of the files of the artifact, a layer each, once it is known
	want  map[digest.Digest]string // where each blob of the artifact goes
	at    map[digest.Digest]string // where a blob was written
	dirs  map[string]bool          // those that were made
	ready bool

	dir     *os.Root // see directory
	dirName string
}

// NewExtractor makes an Extractor for the artifact that a reference chooses, or
// the only one; see layout.Resolve. The audit must have in among its inspectors
// and Sink as its sink. The directory is as Extract has it. The caller closes it.
func NewExtractor(in *Inspection, reference, dir string, o durable.Options) (*Extractor, error) {
	x, err := newExtractor(in, dir, o)
	if err == nil {
		x.find = func() (v1.Descriptor, *v1.Manifest, error) { return x.choose(reference) }
	}
	return x, err
}

func newExtractor(in *Inspection, dir string, o durable.Options) (*Extractor, error) {
	t, err := openTarget(dir, o)
	if err != nil {
		return nil, err
	}
	return &Extractor{in: in, t: t, want: map[digest.Digest]string{}, at: map[digest.Digest]string{}, dirs: map[string]bool{}}, nil
}

// Close removes what was not committed.
func (x *Extractor) Close() error {
	x.leave()
	return x.t.close()
}

// staged is where a blob waits for its name: where no title can lie.
func staged(d digest.Digest) string {
	return path.Join(Staging, string(d.Algorithm())+"-"+d.Encoded())
}

// errTooEarly says that what passes next may be what is looked for.
var errTooEarly = errors.New("not known yet")

// A ChoiceError is a reference that chooses no artifact but a single blob, or an
// index of nothing.
type ChoiceError struct {
	Digest    digest.Digest
	MediaType string
	Index     bool
}

func (e *ChoiceError) Error() string {
	if e.Index {
		return fmt.Sprintf("%s is an index of nothing", e.Digest)
	}
	return fmt.Sprintf("%s is not an artifact but a single blob of type %s", e.Digest, layout.Printable(e.MediaType))
}

// choose finds the manifest that is unpacked: the one that the reference
// chooses, or the only one in an index that it chooses. The error is
// errTooEarly as long as it is not known.
func (x *Extractor) choose(reference string) (v1.Descriptor, *v1.Manifest, error) {
	if x.audit == nil || x.audit.Index() == nil {
		return v1.Descriptor{}, nil, errTooEarly
	}
	d, err := layout.Resolve(x.audit.Index(), reference)
	if err != nil {
		return d, nil, err
	}
	x.named = d
	for {
		index, m := x.audit.Document(d.Digest)
		switch {
		case m != nil:
			return d, m, nil
		case index == nil && !layout.IsIndex(d.MediaType) && !layout.IsManifest(d.MediaType):
			return d, nil, &ChoiceError{d.Digest, d.MediaType, false}
		case index == nil:
			return d, nil, errTooEarly
		case len(index.Manifests) == 0:
			return d, nil, &ChoiceError{d.Digest, d.MediaType, true}
		case len(index.Manifests) > 1:
			e := &layout.ReferenceError{Reference: reference, Several: true}
			for _, m := range index.Manifests {
				e.Have = append(e.Have, string(m.Digest))
			}
			return d, nil, e
		}
		d = index.Manifests[0]
	}
}

// Chosen is the manifest that is unpacked, with its descriptor and that in the
// index which led to it. It is good once the audit has ended. The error is a
// *ChoiceError or a *layout.ReferenceError: with named where that is an index of
// several artifacts.
func (x *Extractor) Chosen() (named, d v1.Descriptor, m *v1.Manifest, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	d, m, err = x.find()
	return x.named, d, m, err
}

// Sink says where the content of a blob goes; it is that of layout.AuditOptions.
func (x *Extractor) Sink(a *layout.Audit, d v1.Descriptor) (io.WriteCloser, error) {
	x.mu.Lock()
	x.audit = a
	x.mu.Unlock()
	if f, err := x.open(d.Digest); f != nil || err != nil {
		return f, err
	}
	return nil, nil
}

// open makes the file that a blob is written into, or returns nil if it is no
// file of the artifact.
func (x *Extractor) open(d digest.Digest) (*extractedFile, error) {
	name, err := x.stagingName(d)
	if name == "" || err != nil {
		return nil, err
	}
	if dir := x.directory(path.Dir(name)); dir != nil {
		if f, err := x.t.o.CreateIn(dir, path.Base(name)); err == nil {
			return &extractedFile{f, x.t, name}, nil
		}
	}
	f, err := x.t.o.CreateIn(x.t.root, name)
	if err != nil {
		return nil, x.t.error(name, err)
	}
	return &extractedFile{f, x.t, name}, nil
}

// An extractedFile names the output in its errors.
type extractedFile struct {
	*durable.Writeback
	t    *target
	name string
}

func (f *extractedFile) Write(p []byte) (int, error) {
	n, err := f.Writeback.Write(p)
	return n, f.t.error(f.name, err)
}

func (f *extractedFile) Close() error { return f.t.error(f.name, f.Writeback.Close()) }

// directory is one that is open while files come that stand in it, which most do
// side by side; nil if it cannot be opened. Whoever has it may find it closed.
func (x *Extractor) directory(name string) *os.Root {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.dir == nil || x.dirName != name {
		x.leave()
		x.dir, _ = x.t.root.OpenRoot(name)
		x.dirName = name
	}
	return x.dir
}

// leave closes the directory that is held open.
func (x *Extractor) leave() {
	if x.dir != nil {
		x.dir.Close()
		x.dir = nil
	}
}

// stagingName is the name under which a blob waits: that of its file, below the
// directory that is not there yet, if it is known by now; "" if the blob is no
// file of the artifact.
func (x *Extractor) stagingName(d digest.Digest) (string, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.ready {
		_, m, err := x.find()
		switch {
		case err == nil:
			x.ready = true
			x.names, _ = x.in.FileNames(m) // else Commit says what is wrong, or knows it by then
			x.wants(m)
		case !errors.Is(err, errTooEarly):
			x.ready = true // nothing will be written; the audit goes on for its verdict
		}
	}
	name := x.want[d]
	if !x.ready {
		name = staged(d)
	}
	if name == "" {
		return "", nil
	}
	x.at[d] = name
	return name, x.parents(name)
}

// wants says where each blob of an artifact is written.
func (x *Extractor) wants(m *v1.Manifest) {
	if x.names == nil && x.in.kinds.Of(m) == nil {
		return
	}
	for i, l := range m.Layers {
		switch {
		case x.want[l.Digest] != "":
		case x.names == nil:
			x.want[l.Digest] = staged(l.Digest)
		case x.names[i] != "":
			x.want[l.Digest] = path.Join(x.t.into, x.names[i])
		}
	}
}

// parents makes the directories that a file stands in.
func (x *Extractor) parents(name string) error {
	dir := path.Dir(name)
	if dir == "." || x.dirs[dir] {
		return nil
	}
	x.dirs[dir] = true
	return x.t.error(dir, x.t.root.MkdirAll(dir, 0o755))
}

// Commit gives the files their names. The audit has ended, with nothing wrong:
// the caller has seen to that. After an error the directory is as it was, unless
// the error says otherwise.
func (x *Extractor) Commit(ctx context.Context) ([]Extracted, error) {
	x.leave()
	_, d, m, err := x.Chosen()
	if err != nil {
		return nil, err
	}
	names, err := x.in.FileNames(m)
	if err != nil {
		if d.Digest != "" {
			err = fmt.Errorf("%s: %w", d.Digest, err)
		}
		return nil, err
	}
	var files []Extracted
	for i, l := range m.Layers {
		if names[i] == "" {
			continue
		}
		files = append(files, Extracted{names[i], l.Size, l.Digest})
		if err := x.place(ctx, l, path.Join(x.t.into, names[i])); err != nil {
			return nil, err
		}
	}
	// What was staged in vain, where the order of the bundle did not tell.
	if err := x.t.root.RemoveAll(Staging); err != nil {
		return nil, x.t.error(".", err)
	}
	return files, x.t.commit(ctx, names)
}

// place brings the content of a layer to its name.
func (x *Extractor) place(ctx context.Context, l v1.Descriptor, name string) error {
	if err := x.parents(name); err != nil {
		return err
	}
	switch at := x.at[l.Digest]; at {
	case name:
		return nil
	case "":
		return fmt.Errorf("%s: its content did not pass", layout.BlobPath(l.Digest))
	case staged(l.Digest):
		x.at[l.Digest] = name
		return x.t.error(name, x.t.root.Rename(at, name))
	default: // the same content has another name already
		return x.t.error(name, copyFile(ctx, x.t.root, l, at, name))
	}
}

// copyFile writes one content under a second name.
func copyFile(ctx context.Context, root *os.Root, d v1.Descriptor, have, name string) error {
	from, err := root.Open(have)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := durable.Options{NoSync: true}.CreateIn(root, name)
	if err != nil {
		return err
	}
	if err := layout.Copy(ctx, to, from, d); err != nil {
		to.Abort()
		return err
	}
	return to.Close()
}

// error names the output in an error about the place where it is staged.
func (t *target) error(name string, err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		err = p.Err
	case errors.As(err, &l):
		err = l.Err
	default:
		return err
	}
	if t.into != "." {
		name = strings.TrimPrefix(name, t.into+"/")
	}
	if first, _, _ := strings.Cut(name, "/"); first == Staging || name == t.into {
		name = "."
	}
	return &fs.PathError{Op: "create", Path: filepath.Join(t.name, filepath.FromSlash(name)), Err: err}
}
