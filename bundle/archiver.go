package bundle

import (
	"context"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// An archiver writes the entries of a tar. Where that is compressed, each entry
// is in one of three forms, told by its size and place alone, so that the bytes
// do not depend on when its digest became known:
//
//   - fixed: stored by itself, in a length that is known before the content is;
//   - loose: compressed together with its neighbours;
//   - large: the header fixed, and the content a part of its own, stored when it
//     is compressed already.
type archiver struct {
	format  *compression.Format
	out     *offset
	z       *compression.Writer // writes to out
	rewrite io.WriterAt         // the output, if what was written may be written over
	head    []byte              // of the last loose entry
}

func newArchiver(w io.Writer, format *compression.Format) *archiver {
	if format == nil {
		format = compression.None
	}
	a := &archiver{format: format, out: &offset{w: w}}
	a.z = format.NewWriter(a.out)
	if f, ok := w.(Uncommitted); ok {
		a.rewrite = f
	}
	return a
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

// entry is a header, its content and its padding.
func entry(f file) (parts [3][]byte, n int64, err error) {
	head, err := header(f.name, int64(len(f.data)))
	pad := padding(int64(len(f.data)))
	return [3][]byte{head, f.data, pad}, int64(len(head) + len(f.data) + len(pad)), err
}

func (a *archiver) fixed(f file) error {
	parts, n, err := entry(f)
	if err != nil {
		return err
	}
	return a.store(n, parts[:]...)
}

// reserve writes a header, in the form of store.
func (a *archiver) reserve(head []byte, err error) error {
	if err != nil {
		return err
	}
	return a.store(int64(len(head)), head)
}

// store writes n bytes in a form whose length depends on n alone.
func (a *archiver) store(n int64, parts ...[]byte) error {
	s, err := a.z.Stored(n)
	if err != nil {
		return err
	}
	if err := writeAll(s, parts...); err != nil {
		return err
	}
	return s.Close()
}

func writeAll(w io.Writer, parts ...[]byte) error {
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

func (a *archiver) loose(name string, data []byte) error {
	var err error
	if a.head, err = appendHeader(a.head[:0], name, int64(len(data))); err != nil {
		return err
	}
	return writeAll(a.z, a.head, data, padding(int64(len(data))))
}

// large writes a large blob. The header of one whose digest is pending is written
// over, by patch, once the content has said what it is.
func (a *archiver) large(ctx context.Context, b *layout.Blob) (digest.Digest, error) {
	if err := a.z.Cut(); err != nil {
		return "", err
	}
	at := a.out.n
	if err := a.reserve(header(layout.BlobPath(b.Digest), b.Size)); err != nil {
		return "", err
	}
	d, err := a.content(ctx, b)
	if err != nil || !b.Pending() {
		return d, err
	}
	head, err := header(layout.BlobPath(d), b.Size)
	if err == nil {
		err = a.patch(at, int64(len(head)), head)
	}
	return d, err
}

// content copies what a large blob holds, and its padding.
func (a *archiver) content(ctx context.Context, b *layout.Blob) (d digest.Digest, err error) {
	err = a.body(b.Size, func(w io.Writer) error {
		d, err = b.CopyTo(ctx, w)
		return err
	})
	return d, err
}

// body writes a content of so many bytes as a part of its own, and its padding.
func (a *archiver) body(size int64, write func(io.Writer) error) error {
	pad := padding(size)
	if err := a.z.Cut(); err != nil {
		return err
	}
	p := &part{z: a.z, size: size + int64(len(pad))}
	err := write(p)
	if err == nil {
		_, err = p.Write(pad)
	}
	if e := p.close(); err == nil {
		err = e
	}
	return err
}

// patch writes n bytes over what was stored at a place.
func (a *archiver) patch(at, n int64, parts ...[]byte) error {
	over := newArchiver(io.NewOffsetWriter(a.rewrite, at), a.format)
	if err := over.store(n, parts...); err != nil {
		return err
	}
	return over.z.Close()
}

// end ends the archive.
func (a *archiver) end() error {
	if err := writeAll(a.z, zeroBlock[:], zeroBlock[:]); err != nil {
		return err
	}
	return a.z.Close()
}

// A part decides by the first bytes of a content whether it will be compressed.
type part struct {
	z    *compression.Writer
	size int64
	to   io.Writer
}

func (p *part) Write(b []byte) (n int, err error) {
	if p.to == nil {
		p.to = p.z
		if compression.Compressed(b[:min(len(b), compression.MagicLen)]) {
			if p.to, err = p.z.Stored(p.size); err != nil {
				return 0, err
			}
		}
	}
	return p.to.Write(b)
}

func (p *part) close() error {
	if s, ok := p.to.(io.Closer); ok && p.to != io.Writer(p.z) {
		if err := s.Close(); err != nil {
			return err
		}
	}
	return p.z.Cut()
}
