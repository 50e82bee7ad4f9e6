package source

import (
	"context"
	"io"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/policy"
)

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
	in, err := s.open(ctx)
	if err != nil {
		return nil, s.Err(err)
	}
	if o, err = s.Requirements.begin(ctx, in, o); err != nil {
		return nil, s.Err(err)
	}
	o = s.collect(ctx, o)
	report, err := s.examine(ctx, in, o)
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
			return in.Beside(s.fsys)
		}
	}
	return nil
}

// examine checks the whole source, and tells the requirements how large it is.
func (s *Source) examine(ctx context.Context, in *bundle.Source, o layout.AuditOptions) (*layout.Report, error) {
	in.Through = s.collected
	report, err := in.Audit(ctx, o)
	if err == nil {
		err = s.Requirements.measure(func() (int64, error) { return s.size(report) })
	}
	if err := s.otherForm(ctx, report, err); err != nil {
		return nil, s.Err(err)
	}
	return report, s.Err(err)
}

// size is the number of bytes of the source as it lies.
func (s *Source) size(r *layout.Report) (int64, error) {
	if !s.IsDir {
		return r.Raw, nil
	}
	in, err := s.opened.Reader()
	if err != nil {
		return 0, err
	}
	return in.Size()
}

// Documents reads index.json and all it reaches that is an index or manifest.
func (s *Source) Documents(ctx context.Context) (*layout.Report, error) {
	in, err := s.open(ctx)
	if err != nil {
		return nil, s.Err(err)
	}
	report, err := in.Documents(ctx)
	if form := s.otherForm(ctx, report, err); form != nil {
		return nil, s.Err(form)
	}
	if err == nil {
		err = report.Err()
	}
	return report, s.Err(err)
}
