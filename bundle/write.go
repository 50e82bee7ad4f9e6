package bundle

import (
	"context"
	"crypto/sha256"
	"io"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// An Uncommitted output is a new file that nobody sees before its Commit, such
// as a *durable.File: what was written may be written over until then.
type Uncommitted interface {
	io.Writer
	io.WriterAt
	Commit() error
}

// Write writes a layout as a sealed tar stream in a compression format, parents
// before children: the same contents give the same bytes. A nil format is
// compression.None. Every blob is checked while it is copied; on an error, a
// *layout.CorruptError among others, what w has received is worthless. Write
// keeps nothing of a blob in memory but buffers.
//
// Where digests of the contents are pending and w is Uncommitted, the blobs are
// read once: Write leaves room for the headers and documents that name them, and
// fills it in afterwards. Only blobs that may be the same as another are read
// twice. For any other w all of them are read twice. The bytes are the same. The
// error wraps layout.ErrChanged when a blob was changed meanwhile.
func Write(ctx context.Context, w io.Writer, format *compression.Format, c *layout.Contents) error {
	return write(ctx, w, format, c)
}

// A file is a small one at the root of an archive.
type file struct {
	name string
	data []byte
}

// write is Write with further files, which the seal lists.
func write(ctx context.Context, w io.Writer, format *compression.Format, c *layout.Contents, more ...file) (err error) {
	a := newArchiver(w, format)
	defer a.z.Close()
	late := c.Pending()
	switch {
	case late && a.rewrite != nil:
		err = c.HashTwins(ctx)
	case late:
		err = c.Hash(ctx)
	}
	if err != nil {
		return err
	}
	lengths, err := a.front(ctx, c, more)
	if err != nil {
		return err
	}
	blobs := c.Blobs[documents(c):]
	known := map[digest.Digest]digest.Digest{}
	err = layout.ReadAhead(ctx, blobs, func(i int, d digest.Digest, data []byte) (err error) {
		b := &blobs[i]
		if data != nil {
			err = a.loose(layout.BlobPath(d), data)
		} else {
			d, err = a.large(ctx, b)
		}
		if b.Pending() {
			known[b.Digest] = d
		}
		return err
	})
	if err == nil {
		err = a.end()
	}
	if err != nil || len(known) == 0 {
		return err
	}
	n := len(c.Blobs)
	if err := c.Settle(known); err != nil {
		return err
	}
	if n != len(c.Blobs) { // two blobs have become one
		return layout.ErrChanged
	}
	return a.refill(ctx, c, more, lengths)
}

// front writes what an archive begins with, and returns the lengths of its files.
func (a *archiver) front(ctx context.Context, c *layout.Contents, more []file) ([]int, error) {
	front, err := frontOf(ctx, c, more)
	if err != nil {
		return nil, err
	}
	lengths := make([]int, len(front))
	for i, f := range front {
		if err := a.fixed(f); err != nil {
			return nil, err
		}
		lengths[i] = len(f.data)
	}
	return lengths, nil
}

// refill writes the front again, now that it is known what stands there.
func (a *archiver) refill(ctx context.Context, c *layout.Contents, more []file, lengths []int) error {
	front, err := frontOf(ctx, c, more)
	if err != nil {
		return err
	}
	if len(front) != len(lengths) {
		return layout.ErrChanged
	}
	at := int64(0)
	for i, f := range front {
		parts, n, err := entry(f)
		if err != nil {
			return err
		}
		if len(f.data) != lengths[i] {
			return layout.ErrChanged
		}
		if err := a.patch(at, n, parts[:]...); err != nil {
			return err
		}
		at += a.format.StoredLen(n)
	}
	return nil
}

// documents is the number of manifests and indexes that contents begin with.
func documents(c *layout.Contents) int {
	n := 0
	for n < len(c.Blobs) && (layout.IsIndex(c.Blobs[n].MediaType) || layout.IsManifest(c.Blobs[n].MediaType)) {
		n++
	}
	return n
}

// frontOf is what an archive begins with: all that depends on the digests of
// other things, and has nonetheless a length that does not.
func frontOf(ctx context.Context, c *layout.Contents, more []file) ([]file, error) {
	front := []file{{v1.ImageLayoutFile, c.OCILayout()}, {v1.ImageIndexFile, c.RawIndex}}
	var s layout.Seal
	s.Grow(len(front) + len(more) + len(c.Blobs))
	for _, f := range append(front, more...) {
		s.Add(f.name, sha256.Sum256(f.data))
	}
	for _, b := range c.Blobs {
		sum, err := sha256Of(ctx, b)
		if err != nil {
			return nil, err
		}
		s.Add(layout.BlobPath(b.Digest), sum)
	}
	seal := s.Bytes()
	front = append(front, file{layout.SealName, seal})
	signatures, err := c.SignaturesFor(seal)
	if err != nil {
		return nil, err
	}
	for _, f := range signatures {
		front = append(front, file{f.Name, f.Data})
	}
	front = append(front, more...) // behind the signature, which answers for it
	for _, b := range c.Blobs[:documents(c)] {
		data, err := b.Bytes(ctx)
		if err != nil {
			return nil, err
		}
		front = append(front, file{layout.BlobPath(b.Digest), data})
	}
	return front, nil
}

// sha256Of is known before the first byte is written for most blobs, by name; a
// blob under another algorithm is read once more.
func sha256Of(ctx context.Context, b layout.Blob) (sum [32]byte, err error) {
	if b.Digest.Algorithm() == digest.SHA256 {
		return layout.SHA256(b.Digest), nil
	}
	h := sha256.New()
	if _, err := b.CopyTo(ctx, h); err != nil {
		return sum, err
	}
	return [32]byte(h.Sum(nil)), nil
}
