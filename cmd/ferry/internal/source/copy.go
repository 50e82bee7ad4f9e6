package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

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
	report, err := s.WriteLayout(ctx, dir, durable.Options{NoSync: true}, false, nil)
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
// one pass. check, which may be nil, has the last word. Signatures go along
// where the seal comes out as it was; prepare may set others.
func (s *Source) WriteLayout(ctx context.Context, dir string, o durable.Options, seal bool, check func(*layout.Report) error, prepare ...func(*layout.Writer)) (*layout.Report, error) {
	w, err := layout.Create(dir, o)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	in := kinds.All.Inspect(Usual)
	report, err := s.Audit(ctx, layout.AuditOptions{Inspectors: []layout.Inspector{in}, Sink: func(_ *layout.Audit, d v1.Descriptor) (io.WriteCloser, error) {
		return w.Blob(ctx, d)
	}})
	if err == nil {
		err = s.Err(report.Err())
	}
	if err == nil && check != nil {
		err = s.Err(check(report))
	}
	if err != nil {
		return nil, err
	}
	s.Content, s.Checked = in, true
	if err := w.Drop(report.Extra); err != nil {
		return nil, err
	}
	if err := w.PutIndex(report.RawIndex); err != nil {
		return nil, err
	}
	s.Signatures = len(report.Signatures)
	w.SignWith(func(seal []byte) ([]layout.Signature, error) {
		list, err := report.SignaturesFor(seal)
		s.Kept = len(list)
		return list, err
	})
	for _, p := range prepare {
		p(w)
	}
	if _, err := w.Commit(ctx, seal); err != nil {
		return nil, err
	}
	return report, nil
}
