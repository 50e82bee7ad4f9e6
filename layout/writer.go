package layout

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
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
// added to, blobs appear one by one, each whole, and index.json is replaced
// last. Close without Commit leaves a new layout away, and of an old one
// everything that it had, index.json untouched; blobs added by then stay, as
// content that nothing refers to.
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
	repaired []digest.Digest
	sign     func(seal []byte) ([]Signature, error)
	check    func(context.Context, *Reader) error
}

// Create begins a new layout in a directory that is not there or empty. With
// o.Overwrite a directory is replaced, but only if it holds a layout.
func Create(dir string, o durable.Options) (*Writer, error) {
	if o.Overwrite {
		if _, err := os.Lstat(filepath.Join(dir, v1.ImageLayoutFile)); errors.Is(err, fs.ErrNotExist) {
			o.Overwrite = false // an empty directory will do, anything else is not ours to replace
		}
	}
	d, err := durable.Mkdir(dir, o)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(d.Path())
	if err != nil {
		d.Close()
		return nil, err
	}
	w := newWriter(root, dir, o)
	w.dir = d
	return w, nil
}

// Append opens a layout directory to add to it. While it is open no other
// Append gets in: the error wraps durable.ErrBusy. What the layout holds is
// hashed before it is relied on.
func Append(ctx context.Context, dir string, o durable.Options) (*Writer, error) {
	r, err := OpenDir(dir)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	unlock, err := durable.Lock(dir)
	if err != nil {
		return nil, err
	}
	a, err := r.Documents(ctx)
	if err != nil {
		unlock()
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		unlock()
		return nil, err
	}
	w := newWriter(root, dir, o)
	w.unlock = unlock
	w.index = *a.Index()
	return w, w.sweep()
}

func newWriter(root *os.Root, name string, o durable.Options) *Writer {
	return &Writer{root: root, name: name, o: o, have: map[digest.Digest]bool{}, index: NewIndex()}
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

// blobDir is the directory of a new layout's blobs.
func (w *Writer) blobDir(a digest.Algorithm) (*os.Root, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.dirs[a]; r != nil {
		return r, nil
	}
	dir := "blobs/" + string(a)
	if err := w.root.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	r, err := w.root.OpenRoot(dir)
	if err == nil {
		if w.dirs == nil {
			w.dirs = map[digest.Algorithm]*os.Root{}
		}
		w.dirs[a] = r
	}
	return r, err
}

// temp creates a temporary file beside the blobs.
func (w *Writer) temp() (*os.File, string, error) {
	w.mu.Lock()
	w.temps++
	name := tempPrefix + strconv.Itoa(w.temps)
	w.mu.Unlock()
	f, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	return f, name, err
}

// Blob returns a writer for the content of a blob whose digest is known, or
// nil when the layout holds it already, whole: what is there is hashed, and
// replaced when it is damaged. The caller answers for the content: it checks it
// (as an Audit does) and calls Close only when it is whole, which gives it its
// name.
func (w *Writer) Blob(ctx context.Context, d v1.Descriptor) (io.WriteCloser, error) {
	if w.holdsNow(d.Digest) {
		return nil, nil
	}
	if w.dir == nil {
		whole, err := w.holds(ctx, d)
		if whole || err != nil {
			return nil, err
		}
	}
	b, err := w.create(d.Digest)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// holdsNow reports whether a blob was written, or found whole, by this writer.
func (w *Writer) holdsNow(d digest.Digest) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.have[d]
}

// create begins a blob. In a new layout, which nobody sees before all of it is
// whole, it has its name at once.
func (w *Writer) create(d digest.Digest) (*blobWriter, error) {
	if w.dir != nil {
		dir, err := w.blobDir(d.Algorithm())
		if err != nil {
			return nil, err
		}
		f, err := dir.OpenFile(d.Encoded(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if !errors.Is(err, fs.ErrExist) { // another goroutine may be writing it
			return &blobWriter{w, f, BlobPath(d), d}, err
		}
	}
	f, name, err := w.temp()
	return &blobWriter{w, f, name, d}, err
}

// holds reports whether the layout holds a blob, by its content.
func (w *Writer) holds(ctx context.Context, d v1.Descriptor) (bool, error) {
	r := Open(RootFS(w.root))
	f, err := r.Fetch(ctx, d)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		defer f.Close()
		err = Copy(ctx, nil, f, d)
	}
	var bad *CorruptError
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		w.have[d.Digest] = true
		return true, nil
	case errors.As(err, &bad):
		w.repaired = append(w.repaired, d.Digest)
		return false, nil
	}
	return false, err
}

type blobWriter struct {
	w    *Writer
	f    *os.File
	temp string
	d    digest.Digest
}

func (b *blobWriter) Write(p []byte) (int, error) { return b.f.Write(p) }

// Close gives the blob its name.
func (b *blobWriter) Close() error { return b.w.keep(b.f, b.temp, b.d) }

func (b *blobWriter) abort() {
	b.f.Close()
	b.w.root.Remove(b.temp)
}

func (w *Writer) keep(f *os.File, temp string, d digest.Digest) error {
	// A new layout is synced as a whole, at Commit.
	if w.dir == nil && !w.o.NoSync {
		if err := f.Sync(); err != nil {
			f.Close()
			w.root.Remove(temp)
			return err
		}
	}
	if err := f.Close(); err != nil {
		w.root.Remove(temp)
		return err
	}
	if name := BlobPath(d); name != temp {
		if err := w.root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if err := w.root.Rename(temp, name); err != nil {
			w.root.Remove(temp)
			return err
		}
	}
	w.mu.Lock()
	w.have[d] = true
	w.mu.Unlock()
	return nil
}

// Push writes a blob that want describes. It reads r only when the layout does
// not hold the blob. The error is a *CorruptError when r is not as described;
// the layout is then as it was.
func (w *Writer) Push(ctx context.Context, want v1.Descriptor, r io.Reader) error {
	out, err := w.Blob(ctx, want)
	if out == nil || err != nil {
		return err
	}
	b := out.(*blobWriter)
	if err := Copy(ctx, b, r, want); err != nil {
		b.abort()
		return err
	}
	return b.Close()
}

// put writes a blob that is held in memory and is known to be as described.
func (w *Writer) put(ctx context.Context, d v1.Descriptor, data []byte) error {
	out, err := w.Blob(ctx, d)
	if out == nil || err != nil {
		return err
	}
	b := out.(*blobWriter)
	if _, err := b.Write(data); err != nil {
		b.abort()
		return err
	}
	return b.Close()
}

// pass writes a blob whose digest is known when it has been written.
func (w *Writer) pass(ctx context.Context, b *Blob, watch io.WriteCloser) (digest.Digest, error) {
	f, temp, err := w.temp()
	if err != nil {
		if watch != nil {
			watch.Close()
		}
		return "", err
	}
	d, err := b.Pass(ctx, watch, f)
	if err != nil {
		f.Close()
		w.root.Remove(temp)
		return "", err
	}
	return d, w.keep(f, temp, d)
}

// Add writes a blob and returns its descriptor. The watchers see the content
// as it passes.
func (w *Writer) Add(ctx context.Context, mediaType string, open func() (io.ReadCloser, error), watchers ...io.Writer) (v1.Descriptor, error) {
	r, err := open()
	if err != nil {
		return v1.Descriptor{}, err
	}
	defer r.Close()
	f, temp, err := w.temp()
	if err != nil {
		return v1.Descriptor{}, err
	}
	h := sha256.New()
	n, err := Tee(ctx, r, append([]io.Writer{h, f}, watchers...)...)
	if err != nil {
		f.Close()
		w.root.Remove(temp)
		return v1.Descriptor{}, err
	}
	d := v1.Descriptor{MediaType: mediaType, Digest: digest.NewDigest(digest.SHA256, h), Size: n}
	return d, w.keep(f, temp, d.Digest)
}

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

// Commit writes index.json, and SHA256SUMS if seal is set, and makes all of it
// durable. It returns index.json's digest, the identity of the layout. An
// existing SHA256SUMS that no longer holds is removed.
func (w *Writer) Commit(ctx context.Context, seal bool) (digest.Digest, error) {
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
	if err := w.syncRoot(); err != nil {
		return "", err
	}
	if err := w.replace(v1.ImageIndexFile, raw); err != nil {
		return "", err
	}
	if seal {
		data, err := SealDir(ctx, w.root)
		if err != nil {
			return "", err
		}
		if err := w.replace(SealName, data); err != nil {
			return "", err
		}
		if err := w.addSignatures(data); err != nil {
			return "", err
		}
	}
	if err := w.syncRoot(); err != nil {
		return "", err
	}
	if w.dir != nil && w.check != nil {
		if err := w.check(ctx, Open(RootFS(w.root))); err != nil {
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
	for _, dir := range []string{"blobs/sha256", "blobs/sha512", "."} {
		f, err := w.root.Open(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		err = durable.SyncDir(f)
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
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

// SealDir computes SHA256SUMS for the layout in root: every file of it but the
// seal itself, its signature and unfinished files.
func SealDir(ctx context.Context, root *os.Root) ([]byte, error) {
	var s Seal
	fsys := root.FS()
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir(), name == SealName, IsSignature(name):
			return nil
		case !e.Type().IsRegular():
			return &FormatError{name, fmt.Errorf("want a regular file, found %s; it cannot be sealed", kind(e.Type()))}
		case !cleanName(name):
			return &FormatError{name, errors.New("a name that a seal cannot hold")}
		}
		f, err := fsys.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		if _, err := Tee(ctx, f, h); err != nil {
			return err
		}
		got := [32]byte(h.Sum(nil))
		if d, ok, err := ParseBlobPath(name); err != nil {
			return &FormatError{name, err}
		} else if ok && d.Algorithm() == digest.SHA256 && got != SHA256(d) {
			return &CorruptError{Name: name, Want: d, Got: digest.NewDigestFromBytes(digest.SHA256, got[:]), WantSize: -1}
		}
		s.Add(name, got)
		return nil
	})
	return s.Bytes(), err
}

// Drop removes blobs that were written and that nothing refers to; names that
// are no blobs are passed over.
func (w *Writer) Drop(names []string) error {
	for _, name := range names {
		if _, ok, err := ParseBlobPath(name); !ok || err != nil {
			continue
		}
		if err := w.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// SealLayout checks a layout directory, an old seal apart, and writes
// SHA256SUMS into it. Signatures stay where the seal comes out as it was. It
// returns the layout's identity.
func SealLayout(ctx context.Context, dir string) (digest.Digest, error) {
	w, err := Append(ctx, dir, durable.Options{})
	if err != nil {
		return "", err
	}
	defer w.Close()
	raw, err := w.root.ReadFile(v1.ImageIndexFile)
	if err != nil {
		return "", err
	}
	if err := w.PutIndex(raw); err != nil {
		return "", err
	}
	signed, err := Open(RootFS(w.root)).Signed(ctx)
	if err != nil {
		return "", err
	}
	w.sign = signed.signaturesFor
	if err := w.unseal(); err != nil {
		return "", err
	}
	report, err := Open(RootFS(w.root)).Audit(ctx, AuditOptions{})
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		return "", err
	}
	return w.Commit(ctx, true)
}
