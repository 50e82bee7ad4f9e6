package source

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/policy"
)

// sized is a stream that knows its length, once it has been read to its end,
// by a decompressor in a goroutine of its own perhaps.
type sized struct {
	io.Reader
	n atomic.Int64
}

func (s *sized) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.n.Add(int64(n))
	return n, err
}

func (s *sized) size() (int64, error) { return s.n.Load(), nil }

// A collector sees what passes in an audit: through its inspectors, and an
// archive byte by byte.
type collector interface {
	Begin(context.Context, layout.AuditOptions) layout.AuditOptions
	io.Writer
}

func (s *Source) collect(ctx context.Context, o layout.AuditOptions) layout.AuditOptions {
	if s.Collector == nil {
		return o
	}
	return s.Collector.Begin(ctx, o)
}

func (s *Source) collected(r io.Reader) io.Reader {
	if s.Collector == nil {
		return r
	}
	return io.TeeReader(r, s.Collector)
}

// Audit checks the whole source, and that it keeps what s.required asks of it:
// what that refuses is an error, and the report is there with it unless the
// signature does not hold.
func (s *Source) Audit(ctx context.Context, o layout.AuditOptions) (*layout.Report, error) {
	o, err := s.Requirements.begin(ctx, s, o)
	if err != nil {
		return nil, s.Err(err)
	}
	o = s.collect(ctx, o)
	report, err := s.examine(ctx, o)
	if err == nil && report.Err() == nil {
		err = s.beside(report, o)
	}
	if err == nil && report.Err() == nil {
		err = s.Err(s.Requirements.check(ctx, report, s.Ref))
	}
	return report, err
}

// beside notes what lies in a directory beside the layout and was not read.
func (s *Source) beside(r *layout.Report, o layout.AuditOptions) error {
	for _, in := range o.Inspectors {
		if in, ok := in.(*policy.Inspector); ok && s.IsDir && !r.Sealed {
			return in.Beside(os.DirFS(s.Name))
		}
	}
	return nil
}

// examine checks the whole source, and tells the requirements how large it is.
func (s *Source) examine(ctx context.Context, o layout.AuditOptions) (*layout.Report, error) {
	if s.IsDir {
		r, err := s.Reader()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		report, err := r.Audit(ctx, o)
		if err == nil {
			err = s.Requirements.measure(r.Size)
		}
		return report, s.Err(err)
	}
	f, err := s.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n := &sized{Reader: f}
	report, err := bundle.Verify(ctx, s.collected(s.Progress.Reader(n)), o)
	if err == nil {
		err = s.Requirements.measure(n.size)
	}
	if err := s.otherForm(ctx, report, err); err != nil {
		return nil, s.Err(err)
	}
	return report, s.Err(err)
}

// Documents reads index.json and all it reaches that is an index or manifest.
func (s *Source) Documents(ctx context.Context) (report *layout.Report, err error) {
	r, err := s.Reader()
	if errors.Is(err, bundle.ErrCompressed) || errors.Is(err, errNotSeekable) {
		f, err := s.Open(ctx)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		report, err := bundle.Documents(ctx, f)
		if err := s.otherForm(ctx, report, err); err != nil {
			return nil, s.Err(err)
		}
		if err == nil {
			err = report.Err()
		}
		return report, s.Err(err)
	}
	if err == nil {
		defer r.Close()
		report, err = r.Documents(ctx)
	}
	if form := s.otherForm(ctx, nil, err); form != nil {
		err = form
	}
	return report, s.Err(err)
}
