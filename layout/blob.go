package layout

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/stream"
)

// A Blob is the content that a descriptor describes, wherever it lies now. Its
// digest may be a Pending one.
type Blob struct {
	v1.Descriptor
	// Open opens the content, once for every reading of it.
	Open func() (io.ReadCloser, error)
	// Watch, when set, is asked whenever the blob is hashed, and returns who wants to
	// see the content, or nil. The watcher is closed after it; but an Aborter is
	// closed only when the content was whole, and its error counts.
	Watch func() io.WriteCloser

	held []byte // the content, where it is in memory
}

// InMemory is a blob of bytes that are held, and left to the layout.
func InMemory(d v1.Descriptor, data []byte) Blob {
	return Blob{Descriptor: d, held: data, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

// Bytes is the content of a document, which the caller may not change. The
// error is a *CorruptError when it is not what the descriptor says. A document
// is as long as its descriptor says, and was bounded when it was read, or made.
func (b *Blob) Bytes(ctx context.Context) ([]byte, error) {
	if b.held != nil {
		if int64(len(b.held)) != b.Size {
			return nil, b.resized(int64(len(b.held)))
		}
		if b.Pending() {
			return b.held, nil
		}
		_, err := b.compare(b.algorithm().FromBytes(b.held))
		return b.held, err
	}
	var data bytes.Buffer
	data.Grow(int(b.Size))
	_, err := b.CopyTo(ctx, &data)
	return data.Bytes(), err
}

// MaxReadAhead is the size in bytes of the largest blob that ReadAhead hands over
// in memory.
const MaxReadAhead = stream.BufferSize

// ReadAhead reads blobs and calls use for each, in their order. Those of at most
// MaxReadAhead bytes are read and hashed ahead, on all cores, and data is their
// content, good until use returns. For the others data is nil: use reads them
// itself (see CopyTo). Digests that are known are compared. The error is the
// first, of a blob or of use.
func ReadAhead(ctx context.Context, blobs []Blob, use func(i int, d digest.Digest, data []byte) error) error {
	digests := make([]digest.Digest, len(blobs))
	load := func(i int, p []byte) (err error) {
		digests[i], err = blobs[i].load(p)
		return err
	}
	size := func(i int) int64 { return blobs[i].Size }
	return stream.ReadAhead(ctx, len(blobs), size, load, func(i int, p []byte) error {
		d := digests[i]
		digests[i] = ""
		return use(i, d, p)
	})
}

// watched adds who wants to see the content to those that it is written to. done
// is called with the error of reading it.
func (b *Blob) watched(sinks []io.Writer) (all []io.Writer, done func(error) error) {
	var w io.WriteCloser
	if b.Watch != nil {
		w = b.Watch()
	}
	if w == nil {
		return sinks, func(err error) error { return err }
	}
	return append(sinks, w), func(err error) error {
		a, ok := w.(Aborter)
		switch {
		case !ok:
			w.Close()
		case err != nil:
			a.Abort()
		default:
			err = w.Close()
		}
		return err
	}
}

// load reads a blob that fits p, and is as long, into it.
func (b *Blob) load(p []byte) (d digest.Digest, err error) {
	sinks, done := b.watched(nil)
	d, err = b.loadInto(p, sinks)
	return d, done(err)
}

func (b *Blob) loadInto(p []byte, sinks []io.Writer) (digest.Digest, error) {
	r, err := b.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	switch n, err := stream.Load(r, p); {
	case err != nil:
		return "", err
	case n != len(p):
		return "", b.resized(int64(n))
	}
	for _, s := range sinks {
		if _, err := s.Write(p); err != nil {
			return "", err
		}
	}
	if b.algorithm() == digest.SHA256 {
		sum := sha256.Sum256(p)
		return b.compare(digest.Digest("sha256:" + hex.EncodeToString(sum[:])))
	}
	return b.compare(b.algorithm().FromBytes(p))
}

// CopyTo reads a blob to its end and writes it to every sink, in goroutines of
// their own. The error is a *CorruptError when the blob has not the size, or the
// digest, that it should.
func (b *Blob) CopyTo(ctx context.Context, sinks ...io.Writer) (d digest.Digest, err error) {
	sinks, done := b.watched(sinks)
	d, err = b.copyTo(ctx, sinks)
	return d, done(err)
}

func (b *Blob) copyTo(ctx context.Context, sinks []io.Writer) (digest.Digest, error) {
	r, err := b.open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := b.algorithm().Hash()
	n, err := stream.FanOut(ctx, r, append([]io.Writer{h}, sinks...)...)
	switch {
	case err != nil:
		return "", err
	case n != b.Size:
		return "", b.resized(n)
	}
	return b.compare(digest.NewDigest(b.algorithm(), h))
}

// open opens the content, of which one byte more can be read than there should be.
func (b *Blob) open() (io.ReadCloser, error) {
	r, err := b.Open()
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r, b.Size+1), r}, nil
}

func (b *Blob) algorithm() digest.Algorithm { return b.Digest.Algorithm() }

func (b *Blob) compare(got digest.Digest) (digest.Digest, error) {
	if !b.Pending() && got != b.Digest {
		return "", &CorruptError{Name: BlobPath(b.Digest), Want: b.Digest, WantSize: b.Size, Got: got, GotSize: b.Size}
	}
	return got, nil
}

func (b *Blob) resized(n int64) error {
	e := &CorruptError{Name: "a file", WantSize: b.Size, GotSize: n}
	if !b.Pending() {
		e.Name, e.Want = BlobPath(b.Digest), b.Digest
	}
	return e
}

// Verified opens the content for a reader that does not check it. The last bytes
// are handed over only when all of it is what the descriptor says; else the error
// of reading them is a *CorruptError.
func (b *Blob) Verified() (io.ReadCloser, error) {
	r, err := b.Open()
	if err != nil {
		return nil, err
	}
	return &verified{r, b, b.algorithm().Hash(), 0}, nil
}

type verified struct {
	io.ReadCloser
	b *Blob
	h hash.Hash
	n int64
}

func (v *verified) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	if left := v.b.Size - v.n; int64(len(p)) > left {
		p = p[:left]
	}
	if len(p) > 0 {
		n, err = v.ReadCloser.Read(p)
		v.h.Write(p[:n])
		v.n += int64(n)
	}
	switch {
	case err == io.EOF && v.n < v.b.Size:
		return 0, v.b.resized(v.n)
	case err != nil && err != io.EOF, v.n < v.b.Size:
		return n, err
	}
	var more [1]byte
	switch k, err := stream.Load(v.ReadCloser, more[:0]); {
	case err != nil:
		return 0, err
	case k > 0:
		return 0, v.b.resized(v.n + 1)
	}
	if _, err := v.b.compare(digest.NewDigest(v.b.algorithm(), v.h)); err != nil {
		return 0, err
	}
	return n, io.EOF
}
