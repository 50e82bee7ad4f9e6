package registry

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
)

// A partial is a blob that is not whole yet: a file, the number of bytes in it
// and their hash.
type partial struct {
	s    *Stage
	d    v1.Descriptor
	name string
	f    *os.File
	n    int64
	h    hash.Hash

	pieced bool        // it did not come whole, in one answer of this run
	count  func(int64) // told of every byte that comes, or is given up again
}

// partial opens what there is of a blob, and hashes it.
func (s *Stage) partial(d v1.Descriptor) (*partial, error) {
	if err := s.root.Mkdir("partial", 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	p := &partial{
		s: s, d: d, name: "partial/" + string(d.Digest.Algorithm()) + "-" + d.Digest.Encoded(),
		h: d.Digest.Algorithm().Hash(), count: func(int64) {},
	}
	if info, err := s.root.Lstat(p.name); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: in the way, and not a regular file; remove it", layout.Printable(filepath.Join(s.Path(), p.name)))
	}
	var err error
	if p.f, err = s.root.OpenFile(p.name, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, err
	}
	if p.n, err = io.Copy(p.h, io.LimitReader(p.f, d.Size)); err == nil {
		err = p.f.Truncate(p.n)
	}
	if err != nil {
		p.f.Close()
		return nil, err
	}
	p.pieced = p.n > 0
	return p, nil
}

// reset begins anew.
func (p *partial) reset() error {
	p.h.Reset()
	p.pieced = false
	p.count(-p.n)
	p.n = 0
	err := p.f.Truncate(0)
	if err == nil {
		_, err = p.f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return &diskError{err}
	}
	return nil
}

// read takes the rest of the blob. All that came before an error is kept. The
// error is *badContent when more came than there should be.
func (p *partial) read(ctx context.Context, r io.Reader) error {
	buf := make([]byte, 128<<10)
	for {
		n, err := r.Read(buf)
		if p.n+int64(n) > p.d.Size {
			return bad("want %d bytes, found more", p.d.Size)
		}
		if _, e := p.f.Write(buf[:n]); e != nil {
			return &diskError{e}
		}
		p.h.Write(buf[:n])
		p.n += int64(n)
		p.count(int64(n))
		switch {
		case err == io.EOF && p.n == p.d.Size:
			return nil
		case err == io.EOF:
			return fmt.Errorf("it ended after %d of %d bytes: %w", p.n, p.d.Size, io.ErrUnexpectedEOF)
		case err != nil:
			return fmt.Errorf("after %d of %d bytes: %w", p.n, p.d.Size, err)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
	}
}

// A diskError is an error of the stage and none of the registry.
type diskError struct{ error }

func (e *diskError) Unwrap() error { return e.error }

func (p *partial) digest() digest.Digest { return digest.NewDigest(p.d.Digest.Algorithm(), p.h) }

// accept gives the blob, which has been checked, its name.
func (p *partial) accept() error {
	if err := p.f.Close(); err != nil {
		return err
	}
	name := layout.BlobPath(p.d.Digest)
	if err := p.s.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := p.s.root.Rename(p.name, name); err != nil {
		return err
	}
	p.s.keep(p.d.Digest)
	return nil
}

func (p *partial) discard() {
	p.f.Close()
	p.s.root.Remove(p.name)
}

// close leaves what there is for the next run; after accept it does nothing.
func (p *partial) close() { p.f.Close() }
