package bundle

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/ociferry/ferry/layout"
)

// ErrStream is wrapped by the error for a source that is read from front to back,
// once.
var ErrStream = errors.New("not a file that can be read out of order")

// A Source is a bundle or a layout that was opened once and may be read more than
// once: whatever is read again is held against what was read first, so that what
// was judged is what is used. A source whose index.json or SHA256SUMS is another
// by then is refused: the error wraps layout.ErrChanged. Blobs are held against
// their names whenever they are read.
type Source struct {
	// Through, when set, is given the bytes of an archive on their way into Audit.
	Through func(io.Reader) io.Reader

	dir   *layout.Reader // of a directory
	file  io.ReaderAt    // of an archive that can be read again
	size  int64
	pipe  io.Reader      // of one that cannot; nil once it has been read
	found *layout.Report // what was read first
}

// DirSource is a layout directory. The caller closes what fsys stands for when
// nothing of the source is read any more.
func DirSource(fsys fs.FS) *Source { return &Source{dir: layout.Open(fsys)} }

// FileSource is an archive of size bytes. The caller closes it as for DirSource.
func FileSource(f io.ReaderAt, size int64) *Source { return &Source{file: f, size: size} }

// StreamSource is an archive that can be read once.
func StreamSource(r io.Reader) *Source { return &Source{pipe: r} }

// Reader reads the layout out of order. The error wraps ErrCompressed or ErrStream
// where that cannot be.
func (s *Source) Reader() (*layout.Reader, error) {
	switch {
	case s.dir != nil:
		return s.dir, nil
	case s.file != nil: // anew, for it may have been written over
		return OpenArchive(s.file, s.size)
	}
	return nil, ErrStream
}

// stream is an archive from its beginning.
func (s *Source) stream() (r io.Reader, err error) {
	switch {
	case s.file != nil:
		r = io.NewSectionReader(s.file, 0, s.size)
	case s.pipe != nil:
		r, s.pipe = s.pipe, nil
	default:
		err = ErrStream
	}
	return r, err
}

// same holds a report against the first.
func (s *Source) same(r *layout.Report, err error) (*layout.Report, error) {
	switch {
	case err != nil || r == nil:
	case s.found == nil:
		s.found = r
	default:
		err = s.found.Changed(r)
	}
	return r, err
}

// Trust reads SHA256SUMS and its signatures and asks judge about them: see
// ReadSeal. It returns the options for an audit that is to find just these. What
// can be read once only is judged by that audit.
func (s *Source) Trust(ctx context.Context, o layout.AuditOptions, judge func(seal []byte, signatures []layout.Signature) error) (layout.AuditOptions, error) {
	if s.file == nil {
		o.Trust = judge
		return o, nil
	}
	r, err := s.stream()
	if err == nil {
		o.Seal, err = ReadSeal(ctx, r, judge)
	}
	return o, err
}

// Audit checks the whole source: a directory as layout.Reader.Audit does, an
// archive as Verify does.
func (s *Source) Audit(ctx context.Context, o layout.AuditOptions) (*layout.Report, error) {
	if s.dir != nil {
		return s.same(s.dir.Audit(ctx, o))
	}
	r, err := s.stream()
	if err != nil {
		return nil, err
	}
	if s.Through != nil {
		r = s.Through(r)
	}
	return s.same(Verify(ctx, r, o))
}

// Documents reads index.json, the indexes and the manifests, and as little else
// as it can; see the function Documents.
func (s *Source) Documents(ctx context.Context) (*layout.Report, error) {
	r, err := s.Reader()
	if err == nil {
		return s.same(r.Documents(ctx))
	}
	if !errors.Is(err, ErrCompressed) && !errors.Is(err, ErrStream) {
		return nil, err
	}
	in, err := s.stream()
	if err != nil {
		return nil, err
	}
	return s.same(Documents(ctx, in))
}

// Contents lists the source for copying; see layout.Reader.Contents. It must have
// been judged before.
func (s *Source) Contents(ctx context.Context) (*layout.Contents, error) {
	return s.contents(func(r *layout.Reader) (*layout.Contents, error) { return r.Contents(ctx) })
}

// Judged lists the source for copying and judges it meanwhile; see
// layout.Reader.Judged. Where nothing else is said, the error is that of Reader.
func (s *Source) Judged(ctx context.Context, o layout.AuditOptions) (*layout.Contents, error) {
	return s.contents(func(r *layout.Reader) (*layout.Contents, error) { return r.Judged(ctx, o) })
}

func (s *Source) contents(list func(*layout.Reader) (*layout.Contents, error)) (*layout.Contents, error) {
	r, err := s.Reader()
	if err != nil {
		return nil, err
	}
	c, err := list(r)
	if err == nil {
		_, err = s.same(c.Source, nil)
	}
	return c, err
}
