package layout

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	// Watch, when set, returns who wants to see the content of a blob whose digest
	// is pending when it is hashed, or nil. The watcher is closed after it.
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

// watcher is who wants to see the content, or nil.
func (b *Blob) watcher() io.WriteCloser {
	if b.Watch == nil || !b.Pending() {
		return nil
	}
	return b.Watch()
}

// load reads a blob that fits p, and is as long, into it.
func (b *Blob) load(p []byte) (digest.Digest, error) {
	watch := b.watcher()
	if watch != nil {
		defer watch.Close()
	}
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
	if watch != nil {
		if _, err := watch.Write(p); err != nil {
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
func (b *Blob) CopyTo(ctx context.Context, sinks ...io.Writer) (digest.Digest, error) {
	if watch := b.watcher(); watch != nil {
		defer watch.Close()
		sinks = append(sinks, watch)
	}
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
