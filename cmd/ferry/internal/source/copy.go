package source

import (
	"context"
	"errors"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/kinds"
)

// Seekable reports whether the source can be read out of order.
func (s *Source) Seekable(ctx context.Context) bool {
	in, err := s.open(ctx)
	if err == nil {
		_, err = in.Reader()
	}
	return err == nil
}

// Contents lists the source for copying. Unless it has been checked, it is judged
// meanwhile, and Finish says the verdict. A source that can only be read from
// front to back is unpacked in the directory tmpdir first. The caller calls done
// when it has copied what it wants.
func (s *Source) Contents(ctx context.Context, tmpdir string) (c *layout.Contents, done func(), err error) {
	if s.Docker {
		if c, done, err := s.dockerContents(ctx, tmpdir); !errors.Is(err, bundle.ErrIsLayout) {
			return c, done, err
		}
	}
	in, err := s.open(ctx)
	if err != nil {
		return nil, nil, s.Err(err)
	}
	if s.Checked {
		c, err = in.Contents(ctx)
	} else {
		s.Content = kinds.All.Inspect(Usual)
		c, err = in.Judged(ctx, layout.AuditOptions{Inspectors: []layout.Inspector{s.Content}})
	}
	if errors.Is(err, bundle.ErrCompressed) || errors.Is(err, bundle.ErrStream) {
		return s.spool(ctx, tmpdir)
	}
	if form := s.otherForm(ctx, nil, err); form != nil {
		err = form
	}
	if err != nil {
		return nil, nil, s.Err(err)
	}
	s.Signatures = len(c.Source.Signatures)
	return c, func() { s.Close() }, nil
}

// Finish says the verdict on contents that were judged while they were copied. On
// what verify would refuse on the far side, others says how to take along the rest.
func (s *Source) Finish(ctx context.Context, c *layout.Contents, others string) error {
	report, err := c.Finish(ctx)
	if report == nil || err != nil {
		return s.Err(err)
	}
	err = report.ByArtifact(ctx).Err()
	var bad *layout.ArtifactError
	if errors.As(err, &bad) {
		err = Unacceptable(err, others)
	}
	return s.Err(err)
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
	if err == nil {
		err = s.Err(report.Changed(c.Source))
	}
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
