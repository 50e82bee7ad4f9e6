package source

import (
	"context"
	"errors"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/kinds"
)

// Contents lists the source for copying. A source that can only be read from
// front to back is unpacked in the directory tmpdir first. The caller calls done
// when it has copied what it wants.
func (s *Source) Contents(ctx context.Context, tmpdir string) (c *layout.Contents, done func(), err error) {
	if s.Docker {
		if c, done, err := s.dockerContents(ctx, tmpdir); !errors.Is(err, bundle.ErrIsLayout) {
			return c, done, err
		}
	}
	r, err := s.Reader()
	if errors.Is(err, bundle.ErrCompressed) || errors.Is(err, errNotSeekable) {
		return s.spool(ctx, tmpdir)
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

// spoolPrefix begins the names of directories that hold an unpacked source.
const spoolPrefix = ".ferry-spool-"

// spool unpacks a stream into a layout in a directory of its own, which goes when
// the command ends, or when the next run finds it.
func (s *Source) spool(ctx context.Context, tmpdir string) (*layout.Contents, func(), error) {
	tmp, err := durable.MakePrivate(tmpdir, spoolPrefix)
	if err != nil {
		return nil, nil, err
	}
	w, err := layout.CreateIn(tmp.Root, layout.WriterOptions{NoSync: true})
	if err != nil {
		tmp.Remove()
		return nil, nil, err
	}
	defer w.Close()
	report, err := s.write(ctx, w, layout.CommitOptions{}, nil)
	if err != nil {
		tmp.Remove()
		return nil, nil, err
	}
	c, err := layout.Open(layout.RootFS(tmp.Root)).Contents(ctx)
	if err != nil {
		tmp.Remove()
		return nil, nil, err
	}
	c.Sign = report.SignaturesFor
	return c, func() { tmp.Remove() }, nil
}

// WriteLayout checks the source and writes it as a new layout directory, in
// one pass. check, which may be nil, has the last word.
func (s *Source) WriteLayout(ctx context.Context, dir string, o layout.WriterOptions, commit layout.CommitOptions, check func(*layout.Report) error) (*layout.Report, error) {
	w, err := layout.Create(dir, o)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	return s.write(ctx, w, commit, check)
}

func (s *Source) write(ctx context.Context, w *layout.Writer, commit layout.CommitOptions, check func(*layout.Report) error) (*layout.Report, error) {
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
