package bundle

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// ErrChanged is wrapped by WriteDraft's error when blobs were changed while
// they were read.
var ErrChanged = errors.New("the content was changed while it was read")

// A Target is a new file, written from its begin. What was written may be
// written over: an *os.File that was not opened to append.
type Target interface {
	io.Writer
	io.WriterAt
}

// WriteDraft writes the archive that Write makes of the same layout, byte for
// byte, in a single reading of its blobs: it leaves room for the headers and
// documents that name blobs by digests which are not known yet, and fills it
// in afterwards. Only blobs that may be the same as another are read twice.
//
// It returns the layout. On an error what f has received is worthless.
func WriteDraft(ctx context.Context, f Target, format *compression.Format, d *layout.Draft) (*layout.Contents, error) {
	shape, err := d.Shape(ctx)
	if err != nil {
		return nil, err
	}
	room, err := frontOf(ctx, shape.Contents)
	if err != nil {
		return nil, err
	}
	out := &offset{w: f}
	z := format.NewWriter(out)
	a := newArchiver(z)
	lengths := make([]int, len(room))
	for i, part := range room {
		if err := a.fixed(part); err != nil {
			return nil, err
		}
		lengths[i] = len(part.data)
	}
	blobs := shape.Blobs[documents(shape.Contents):]
	clear(shape.Blobs[:documents(shape.Contents)])
	room, shape.Contents = nil, nil // some megabytes, with ten thousand blobs
	at := make([]int, len(blobs))   // in d.Blobs
	for i := range blobs {
		x, ok := shape.Late(blobs[i].Digest)
		if at[i] = -1; ok {
			at[i], blobs[i].Digest = x, ""
		}
	}
	watch := func(i int) io.WriteCloser {
		if at[i] < 0 {
			return nil // it was seen when it was hashed
		}
		return d.Watcher(at[i])
	}
	written := make([]digest.Digest, len(blobs))
	err = layout.ReadAhead(ctx, blobs, watch, func(i int, got digest.Digest, data []byte) (err error) {
		if data != nil {
			err = a.loose(layout.BlobPath(got), data)
		} else {
			got, err = a.late(ctx, f, out, format, &blobs[i], watch(i))
		}
		written[i] = got
		if at[i] >= 0 {
			shape.Digests[at[i]] = got
		}
		return err
	})
	if err == nil {
		err = a.end()
	}
	if e := z.Close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	c, err := d.Finish(shape.Digests)
	if err != nil {
		return nil, err
	}
	same := slices.EqualFunc(c.Blobs[documents(c):], written, func(b layout.Blob, d digest.Digest) bool { return b.Digest == d })
	if !same { // two blobs have become one, for example
		return nil, ErrChanged
	}
	return c, fill(ctx, f, format, lengths, c)
}

// late writes a large blob, and then its header where that stands.
func (a *archiver) late(ctx context.Context, f Target, out *offset, format *compression.Format, b *layout.Blob, watch io.WriteCloser) (digest.Digest, error) {
	if err := a.z.Cut(); err != nil {
		return "", err
	}
	at := out.n
	name := b.Digest
	if name == "" {
		name = unknown
	}
	if err := a.reserve(header(layout.BlobPath(name), b.Size)); err != nil {
		return "", err
	}
	d, err := a.content(ctx, b, watch)
	if err != nil {
		return "", err
	}
	head, err := header(layout.BlobPath(d), b.Size)
	if err != nil {
		return "", err
	}
	return d, fillIn(f, at, format, int64(len(head)), head)
}

// unknown is as long as any SHA-256.
var unknown = digest.NewDigestFromBytes(digest.SHA256, make([]byte, 32))

// fill writes the front of an archive where room was left for it.
func fill(ctx context.Context, f Target, format *compression.Format, lengths []int, c *layout.Contents) error {
	front, err := frontOf(ctx, c)
	if err != nil {
		return err
	}
	if len(front) != len(lengths) {
		return ErrChanged
	}
	at := int64(0)
	for i, part := range front {
		parts, n, err := entry(part)
		if err != nil {
			return err
		}
		if len(part.data) != lengths[i] {
			return ErrChanged
		}
		if err := fillIn(f, at, format, n, parts[:]...); err != nil {
			return err
		}
		at += format.StoredLen(n)
	}
	return nil
}

// fillIn writes n bytes over what was stored at a place.
func fillIn(f Target, at int64, format *compression.Format, n int64, parts ...[]byte) error {
	z := format.NewWriter(io.NewOffsetWriter(f, at))
	if err := (&archiver{w: z, z: z}).store(n, parts...); err != nil {
		return err
	}
	return z.Close()
}

// offset knows where the next byte goes.
type offset struct {
	w io.Writer
	n int64
}

func (o *offset) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	o.n += int64(n)
	return n, err
}
