package layout

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/stream"
)

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
func (w *Writer) temp() (*durable.Writeback, string, error) {
	w.mu.Lock()
	w.temps++
	name := tempPrefix + strconv.Itoa(w.temps)
	w.mu.Unlock()
	f, err := w.o.CreateIn(w.root, name)
	return f, name, w.failed(err)
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
			return nil, w.failed(err)
		}
		f, err := w.o.CreateIn(dir, d.Encoded())
		if !errors.Is(err, fs.ErrExist) { // another goroutine may be writing it
			return &blobWriter{w, f, BlobPath(d), d}, w.failed(err)
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
	out  *durable.Writeback
	temp string
	d    digest.Digest
}

func (b *blobWriter) Write(p []byte) (int, error) {
	n, err := b.out.Write(p)
	return n, b.w.failed(err)
}

// Close gives the blob its name.
func (b *blobWriter) Close() error { return b.w.failed(b.w.keep(b.out, b.temp, b.d)) }

// Abort takes back what was written.
func (b *blobWriter) Abort() {
	b.out.Abort()
	b.w.takeBack(b.temp, b.d)
}

// takeBack removes a file that did not become a blob, unless another goroutine
// has put the whole one under its name in the meantime.
func (w *Writer) takeBack(name string, d digest.Digest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if name != BlobPath(d) || !w.have[d] {
		w.root.Remove(name)
	}
}

func (w *Writer) keep(f *durable.Writeback, temp string, d digest.Digest) error {
	// A new layout is synced as a whole, at Commit.
	if w.dir == nil && !w.o.NoSync {
		if err := f.Sync(); err != nil {
			f.Abort()
			w.takeBack(temp, d)
			return err
		}
	}
	if err := f.Close(); err != nil {
		w.takeBack(temp, d)
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case temp == BlobPath(d):
	case w.dir != nil:
		if err := w.rename(temp, d); err != nil {
			return err
		}
	case w.waiting[d] != "": // written twice
		if err := w.root.Remove(temp); err != nil {
			return err
		}
	default:
		w.waiting[d] = temp
	}
	w.have[d] = true
	return nil
}

func (w *Writer) rename(temp string, d digest.Digest) error {
	name := BlobPath(d)
	err := w.root.MkdirAll(path.Dir(name), 0o755)
	if err == nil {
		err = w.root.Rename(temp, name)
	}
	if err != nil {
		w.root.Remove(temp)
	}
	return err
}

// nameBlobs gives the blobs that were added to an old layout their names.
func (w *Writer) nameBlobs() error {
	for d, temp := range w.waiting {
		if err := w.rename(temp, d); err != nil {
			return err
		}
	}
	clear(w.waiting)
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
		b.Abort()
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
		b.Abort()
		return err
	}
	return b.Close()
}

// pass writes a blob whose digest is known when it has been written.
func (w *Writer) pass(ctx context.Context, b *Blob) (digest.Digest, error) {
	watchers, done := b.watched(nil)
	d, err := w.Add(ctx, b.MediaType, b.open, watchers...)
	if err == nil && d.Size != b.Size {
		err = b.resized(d.Size)
	}
	return d.Digest, done(err)
}

// pushBlob writes a blob whose digest is known.
func (w *Writer) pushBlob(ctx context.Context, b *Blob) error {
	out, err := w.Blob(ctx, b.Descriptor)
	if out == nil || err != nil {
		return err
	}
	if _, err := b.CopyTo(ctx, out); err != nil {
		out.(*blobWriter).Abort()
		return err
	}
	return out.Close()
}

// Add writes a blob and returns its descriptor. The watchers see the content
// as it passes.
func (w *Writer) Add(ctx context.Context, mediaType string, open func() (io.ReadCloser, error), watchers ...io.Writer) (v1.Descriptor, error) {
	r, err := open()
	if err != nil {
		return v1.Descriptor{}, err
	}
	defer r.Close()
	out, temp, err := w.temp()
	if err != nil {
		return v1.Descriptor{}, err
	}
	h := sha256.New()
	n, err := stream.FanOut(ctx, r, append([]io.Writer{h, out}, watchers...)...)
	if err != nil {
		out.Abort()
		w.root.Remove(temp)
		return v1.Descriptor{}, err
	}
	d := v1.Descriptor{MediaType: mediaType, Digest: digest.NewDigest(digest.SHA256, h), Size: n}
	return d, w.keep(out, temp, d.Digest)
}

// drop removes blobs that were written and that nothing refers to; names that
// are no blobs are passed over.
func (w *Writer) drop(names []string) error {
	for _, name := range names {
		d, ok, err := ParseBlobPath(name)
		if !ok || err != nil {
			continue
		}
		if temp := w.waiting[d]; temp != "" {
			delete(w.waiting, d)
			name = temp
		}
		if err := w.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
