package layout

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/durable"
)

// layoutFile is what oci-layout holds.
const layoutFile = `{"imageLayoutVersion":"1.0.0"}`

// A Writer writes a layout directory. Its methods may be called from several
// goroutines, save Commit and Close.
//
// A new layout appears under its name at Commit, whole. In a layout that is
// added to, blobs get their names at Commit, when all of them are whole, and
// index.json is replaced last. Close without Commit leaves a new layout away,
// and an old one as it was.
type Writer struct {
	dir    *durable.Dir // nil when appending
	root   *os.Root
	name   string
	o      durable.Options
	index  v1.Index
	raw    []byte // index.json as it shall be, when given by the caller
	unlock func()

	mu       sync.Mutex
	temps    int
	dirs     map[digest.Algorithm]*os.Root // of a new layout's blobs
	have     map[digest.Digest]bool        // written or hashed by this writer
	waiting  map[digest.Digest]string      // temporary files of blobs, until Commit
	repaired []digest.Digest
	removed  []string
	sign     func(seal []byte) ([]Signature, error) // those of the sources
	carried  int
}

// WriterOptions say how a layout is written. The zero value is the safe one.
type WriterOptions struct {
	// Overwrite replaces a layout that is there, and nothing else. In one that is
	// added to, it lets names move; see AddIndex.
	Overwrite bool
	// NoSync leaves out the syncing: faster, and a power cut may tear what was
	// called whole.
	NoSync bool
}

// Create begins a new layout in a directory that is not there or empty; or, with
// o.Overwrite, holds a layout.
func Create(dir string, options WriterOptions) (*Writer, error) {
	o := durable.Options(options)
	if o.Overwrite {
		if _, err := os.Lstat(filepath.Join(dir, v1.ImageLayoutFile)); errors.Is(err, fs.ErrNotExist) {
			o.Overwrite = false // an empty directory will do, anything else is not ours to replace
		}
	}
	d, err := durable.Mkdir(dir, o)
	if err != nil {
		return nil, err
	}
	root, err := d.Root.OpenRoot(".")
	if err != nil {
		d.Close()
		return nil, err
	}
	w := newWriter(root, dir, o)
	w.dir = d
	return w, nil
}

// CreateIn begins a new layout in an open directory that nobody else uses. It has
// no name to get at Commit, and Close leaves what there is.
func CreateIn(root *os.Root, o WriterOptions) (*Writer, error) {
	own, err := root.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	return newWriter(own, root.Name(), durable.Options(o)), nil
}

// Append opens a layout directory to add to it. While it is open no other
// Append gets in: the error wraps durable.ErrBusy. What the layout holds is
// hashed before it is relied on.
func Append(ctx context.Context, dir string, o WriterOptions) (*Writer, error) {
	r, err := OpenDir(dir)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	unlock, err := durable.Lock(dir)
	if err != nil {
		return nil, err
	}
	report, err := r.Documents(ctx)
	if bad, ok := err.(*FormatError); ok && bad.Err == ErrEmpty { // and nothing else is wrong
		empty := NewIndex()
		report, err = &Report{Index: &empty}, nil
	}
	if err != nil {
		unlock()
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		unlock()
		return nil, err
	}
	w := newWriter(root, dir, durable.Options(o))
	w.unlock = unlock
	w.index = *report.Index
	if err := w.sweep(); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func newWriter(root *os.Root, name string, o durable.Options) *Writer {
	return &Writer{root: root, name: name, o: o, have: map[digest.Digest]bool{}, waiting: map[digest.Digest]string{}, index: NewIndex()}
}

const tempPrefix = ".ferry-partial-"

// sweep removes what a killed run left. The lock makes sure that it is dead.
func (w *Writer) sweep() error {
	for _, dir := range []string{".", "blobs"} {
		err := fs.WalkDir(w.root.FS(), dir, func(name string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			if e.IsDir() && name != dir && dir == "." {
				return fs.SkipDir
			}
			if base := path.Base(name); len(base) > len(tempPrefix) && base[:len(tempPrefix)] == tempPrefix {
				return w.root.Remove(name)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Index is the index as it is so far. The caller may change it through
// SetIndex, Put and PutIndex only.
func (w *Writer) Index() v1.Index { return w.index }

// Repaired lists blobs that were there, damaged, and have been written anew.
func (w *Writer) Repaired() []digest.Digest { return w.repaired }

// PutIndex makes raw the index.json, byte for byte. It must be a valid index.
func (w *Writer) PutIndex(raw []byte) error {
	index, err := ParseIndex(raw, "")
	if err != nil {
		return &FormatError{v1.ImageIndexFile, err}
	}
	w.index, w.raw = *index, raw
	return nil
}

// SetIndex makes index the one that Commit writes.
func (w *Writer) SetIndex(index v1.Index) { w.index, w.raw = index, nil }

// CommitOptions say what Commit does beside giving the layout its name. The zero
// value does nothing else.
type CommitOptions struct {
	// Seal writes SHA256SUMS too.
	Seal bool
	// Sign makes the signatures of the seal. Nil keeps those of what was copied,
	// where it was sealed and the seal comes out as it was.
	Sign func(seal []byte) ([]Signature, error)
	// Check has the last word on a new layout before it gets its name.
	Check func(context.Context, *Reader) error
}

// Commit writes index.json, and SHA256SUMS if it is to be sealed, and makes all of
// it durable. It returns index.json's digest, the identity of the layout. An
// existing SHA256SUMS that no longer holds is removed.
func (w *Writer) Commit(ctx context.Context, o CommitOptions) (digest.Digest, error) {
	d, err := w.commit(ctx, o)
	return d, w.failed(err)
}

// failed names the output in an error of the system: people know neither the
// temporary names nor those of blobs.
func (w *Writer) failed(err error) error {
	var file *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &file) && file.Path != w.name:
		return &fs.PathError{Op: "write", Path: w.name, Err: file.Err}
	case errors.As(err, &link):
		return &fs.PathError{Op: "write", Path: w.name, Err: link.Err}
	}
	return err
}

func (w *Writer) commit(ctx context.Context, o CommitOptions) (digest.Digest, error) {
	raw := w.raw
	if raw == nil {
		var err error
		if raw, err = marshal(w.index); err != nil {
			return "", err
		}
	}
	// "blobs" must be there (image-layout.md, "Content"), even when empty.
	if err := w.root.MkdirAll("blobs/sha256", 0o755); err != nil {
		return "", err
	}
	if err := w.replace(v1.ImageLayoutFile, []byte(layoutFile)); err != nil {
		return "", err
	}
	if err := w.unseal(); err != nil {
		return "", err
	}
	if err := w.nameBlobs(); err != nil {
		return "", err
	}
	if err := w.syncRoot(); err != nil {
		return "", err
	}
	if err := w.replace(v1.ImageIndexFile, raw); err != nil {
		return "", err
	}
	if o.Seal {
		data, err := SealDir(ctx, w.root)
		if err != nil {
			return "", err
		}
		if err := w.replace(SealName, data); err != nil {
			return "", err
		}
		if err := w.addSignatures(data, o.Sign); err != nil {
			return "", err
		}
	}
	if err := w.syncRoot(); err != nil {
		return "", err
	}
	if w.dir != nil && o.Check != nil {
		if err := o.Check(ctx, Open(RootFS(w.root))); err != nil {
			return "", err
		}
	}
	if w.dir != nil {
		w.closeDirs() // some systems rename no directory in which something is open
		if err := w.dir.Commit(); err != nil {
			return "", err
		}
		w.dir = nil
	}
	return digest.FromBytes(raw), w.Close()
}

// syncRoot makes the names in an old layout durable.
func (w *Writer) syncRoot() error {
	if w.dir != nil || w.o.NoSync {
		return nil
	}
	return durable.SyncDirs(w.root, "blobs/sha256", "blobs/sha512", "blobs", ".")
}

// replace writes a small file under its name in one step.
func (w *Writer) replace(name string, data []byte) error {
	f, temp, err := w.temp()
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && w.dir == nil && !w.o.NoSync {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = w.root.Rename(temp, name)
	}
	if err != nil {
		w.root.Remove(temp)
	}
	return err
}

func (w *Writer) closeDirs() {
	for _, r := range w.dirs {
		r.Close()
	}
	w.dirs = nil
}

// Close ends the writing; see Writer for what is left without a Commit.
func (w *Writer) Close() error {
	var errs []error
	w.closeDirs()
	if w.root != nil {
		if w.dir == nil && w.unlock != nil {
			errs = append(errs, w.sweep())
		}
		errs = append(errs, w.root.Close())
		w.root = nil
	}
	if w.dir != nil {
		errs = append(errs, w.dir.Close())
		w.dir = nil
	}
	if w.unlock != nil {
		w.unlock()
		w.unlock = nil
	}
	return errors.Join(errs...)
}

// AddIndex adds what another index names to the one that Commit writes; see
// AddTo. In a layout that is added to with o.Overwrite, full references that stand for something else are taken
// from it; without, that is a *NameError.
func (w *Writer) AddIndex(more v1.Index) error {
	index := w.index
	index.Manifests = slices.Clone(index.Manifests)
	for _, d := range more.Manifests {
		if full := FullName(d); w.dir == nil && w.o.Overwrite && full != "" {
			Untag(&index, full)
		}
	}
	if err := AddTo(&index, more.Manifests...); err != nil {
		return err
	}
	w.SetIndex(index)
	return nil
}

// Receive writes what an audit lets pass, under the index that it finds. The
// audit is one of a Reader or of an archive, with these options and a Sink. What
// nothing refers to is left out: the report's Extra lists it. The error is the
// audit's, or the report's, and w is not to be committed then.
func (w *Writer) Receive(ctx context.Context, o AuditOptions, audit func(context.Context, AuditOptions) (*Report, error)) (*Report, error) {
	o.Sink = func(_ *Audit, d v1.Descriptor) (io.WriteCloser, error) { return w.Blob(ctx, d) }
	report, err := audit(ctx, o)
	if err == nil {
		err = report.Err()
	}
	if err == nil {
		err = w.drop(report.Extra)
	}
	if err == nil {
		err = w.PutIndex(report.RawIndex)
	}
	if err == nil {
		w.sign = report.SignaturesFor
	}
	return report, err
}
