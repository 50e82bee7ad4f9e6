package source

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/kinds"
)

// Contents lists the source for copying. A source that can only be read from
// front to back is unpacked beside spool first, a path that names the output.
// The caller calls done when it has copied what it wants.
func (s *Source) Contents(ctx context.Context, spool string) (c *layout.Contents, done func(), err error) {
	if s.Docker {
		if c, done, err := s.dockerContents(ctx, spool); !errors.Is(err, bundle.ErrIsLayout) {
			return c, done, err
		}
	}
	r, err := s.Reader()
	if errors.Is(err, bundle.ErrCompressed) || errors.Is(err, errNotSeekable) {
		return s.spool(ctx, spool)
	}
	if err == nil {
		if c, err = r.Contents(ctx); err != nil {
			r.Close()
		}
	}
	if form := s.otherForm(ctx, nil, err); form != nil {
		err = form
	}
	if err != nil {
		return nil, nil, s.Err(err)
	}
	if c.Signed != nil {
		s.Signatures = len(c.Signed.Signatures)
	}
	return c, func() { r.Close() }, nil
}

// spool unpacks a stream into a layout directory that never gets its final
// name: it goes when the command ends, or when the next run finds it.
func (s *Source) spool(ctx context.Context, name string) (*layout.Contents, func(), error) {
	tmp, err := spoolDir(name)
	if err != nil {
		return nil, nil, err
	}
	dir := filepath.Join(tmp.Path(), "layout")
	report, err := s.WriteLayout(ctx, dir, layout.WriterOptions{NoSync: true}, layout.CommitOptions{}, nil)
	if err != nil {
		tmp.Close()
		return nil, nil, err
	}
	r, err := layout.OpenDir(dir)
	if err != nil {
		tmp.Close()
		return nil, nil, err
	}
	done := func() { r.Close(); tmp.Close() }
	c, err := r.Contents(ctx)
	if err != nil {
		done()
		return nil, nil, err
	}
	c.Sign = report.SignaturesFor
	return c, done, nil
}

// spoolDir is a directory that goes when it is closed, or when the next run
// finds it.
func spoolDir(name string) (*durable.Dir, error) {
	o := durable.Options{NoSync: true}
	tmp, err := durable.Mkdir(name, o)
	for n := 2; errors.Is(err, durable.ErrBusy) && n < 100; n++ {
		tmp, err = durable.Mkdir(fmt.Sprintf("%s-%d", name, n), o)
	}
	return tmp, err
}

// WriteLayout checks the source and writes it as a new layout directory, in
// one pass. check, which may be nil, has the last word.
func (s *Source) WriteLayout(ctx context.Context, dir string, o layout.WriterOptions, commit layout.CommitOptions, check func(*layout.Report) error) (*layout.Report, error) {
	w, err := layout.Create(dir, o)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	in := kinds.All.Inspect(Usual)
	report, err := w.Receive(ctx, layout.AuditOptions{Inspectors: []layout.Inspector{in}}, func(ctx context.Context, o layout.AuditOptions) (*layout.Report, error) {
		report, err := s.Audit(ctx, o)
		if err == nil {
			err = s.Err(report.Err())
		}
		if err == nil && check != nil {
			err = s.Err(check(report))
		}
		return report, err
	})
	if err != nil {
		return nil, err
	}
	s.Content, s.Checked, s.Signatures = in, true, len(report.Signatures)
	_, err = w.Commit(ctx, commit)
	s.Kept = w.Carried()
	return report, err
}
