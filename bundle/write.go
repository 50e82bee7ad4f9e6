package bundle

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// Write writes a layout as a sealed tar stream, parents before children: the
// same contents give the same bytes. Every blob is checked while it is copied;
// on an error, a *layout.CorruptError among others, what w has received is
// worthless. Write keeps nothing of a blob in memory but buffers.
//
// A w that is a *compression.Writer gets what WriteDraft puts into a file of
// that format; the caller closes it.
func Write(ctx context.Context, w io.Writer, c *layout.Contents) error { return write(ctx, w, c) }

// A file is a small one at the root of an archive.
type file struct {
	name string
	data []byte
}

// write is Write with further files, which the seal lists.
func write(ctx context.Context, w io.Writer, c *layout.Contents, more ...file) error {
	front, err := frontOf(ctx, c, more...)
	if err != nil {
		return err
	}
	a := newArchiver(w)
	for _, f := range front {
		if err := a.fixed(f); err != nil {
			return err
		}
	}
	blobs := c.Blobs[documents(c):]
	err = layout.ReadAhead(ctx, blobs, nil, func(i int, d digest.Digest, data []byte) error {
		b := &blobs[i]
		if data != nil {
			return a.loose(layout.BlobPath(d), data)
		}
		if err := a.reserve(header(layout.BlobPath(b.Digest), b.Size)); err != nil {
			return err
		}
		_, err := a.content(ctx, b, nil)
		return err
	})
	if err != nil {
		return err
	}
	return a.end()
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
func frontOf(ctx context.Context, c *layout.Contents, more ...file) ([]file, error) {
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
	if _, err := b.CopyTo(ctx, nil, h); err != nil {
		return sum, err
	}
	return [32]byte(h.Sum(nil)), nil
}

// An archiver writes the entries of a tar. Where that is compressed, each entry
// is in one of three forms, told by its size and place alone, so that the bytes
// do not depend on when its digest became known:
//
//   - fixed: stored by itself, in a length that is known before the content is;
//   - loose: compressed together with its neighbours;
//   - large: the header fixed, and the content a part of its own, stored when it
//     is compressed already.
type archiver struct {
	w    io.Writer
	z    *compression.Writer // w, if it is one
	head []byte              // of the last loose entry
}

func newArchiver(w io.Writer) *archiver {
	z, _ := w.(*compression.Writer)
	return &archiver{w: w, z: z}
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
	if a.z == nil {
		return writeAll(a.w, parts...)
	}
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
	return writeAll(a.w, a.head, data, padding(int64(len(data))))
}

// content copies what a large blob holds, and its padding.
func (a *archiver) content(ctx context.Context, b *layout.Blob, watch io.WriteCloser) (digest.Digest, error) {
	pad := padding(b.Size)
	if a.z == nil {
		d, err := b.CopyTo(ctx, watch, a.w)
		if err == nil {
			_, err = a.w.Write(pad)
		}
		return d, err
	}
	if err := a.z.Cut(); err != nil {
		return "", err
	}
	p := &part{z: a.z, size: b.Size + int64(len(pad))}
	d, err := b.CopyTo(ctx, watch, p)
	if err == nil {
		_, err = p.Write(pad)
	}
	if e := p.close(); err == nil {
		err = e
	}
	return d, err
}

func (a *archiver) end() error {
	return writeAll(a.w, zeroBlock[:], zeroBlock[:])
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

const blockSize = 512

// header is the tar header of a regular file: mode 0644, owner 0, time 0, in
// USTAR, and in PAX where USTAR cannot hold the name or the size.
func header(name string, size int64) ([]byte, error) { return appendHeader(nil, name, size) }

func appendHeader(h []byte, name string, size int64) ([]byte, error) {
	if len(name) <= 100 && size < 1<<33 {
		return appendPlainHeader(h, name, size), nil
	}
	full, err := fullHeader(name, size)
	return append(h, full...), err
}

func fullHeader(name string, size int64) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0)})
	return b.Bytes(), err
}

var emptyHeader = sync.OnceValue(func() []byte {
	h, err := fullHeader("-", 0)
	if err != nil {
		panic(err) // not on any input: both are constants
	}
	return h
})

// appendPlainHeader appends what fullHeader makes for what USTAR holds, without
// its cost, which ten thousand small blobs would notice.
func appendPlainHeader(out []byte, name string, size int64) []byte {
	out = append(out, emptyHeader()...)
	h := out[len(out)-blockSize:]
	copy(h, name)
	copy(h[124:], fmt.Sprintf("%011o", size))
	copy(h[148:], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return out
}

// padding fills the last block.
func padding(size int64) []byte { return zeroBlock[:(blockSize-size%blockSize)%blockSize] }

var zeroBlock [blockSize]byte
