package bundle

import (
	"context"
	"errors"
	"io"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// Verify checks a bundle in one pass, without a temporary file and without
// going back: from a pipe as from a disc. o.Strict is set by Verify itself.
//
// The error is one that ended the pass: the archive's structure is refused (an
// *EntryError, a *RatioError, ErrNotTar or a *compression.Error), reading
// failed, or ctx was cancelled. What is wrong with the layout in the archive
// is in the report, whose Err is the verdict.
func Verify(ctx context.Context, r io.Reader, o layout.AuditOptions) (*layout.Report, error) {
	o.Strict = true
	a := layout.NewAudit(o)
	raw, err := scan(ctx, r, a, nil)
	if err != nil {
		return nil, err
	}
	report := a.Finish()
	report.Raw = raw
	return report, nil
}

// Unpack checks a bundle and writes it into a layout, in one pass and without room
// for anything else; see layout.Writer.Receive.
func Unpack(ctx context.Context, r io.Reader, w *layout.Writer, o layout.AuditOptions) (*layout.Report, error) {
	return w.Receive(ctx, o, func(ctx context.Context, o layout.AuditOptions) (*layout.Report, error) {
		return Verify(ctx, r, o)
	})
}

// Documents reads only as far as it must to know index.json, all indexes and
// all manifests: at once in a bundle of ours, to the end in an archive whose
// blobs stand elsewhere. Some 64 KiB more may be taken from r. What is not read
// is not checked. The report of an archive without a sound index.json
// says what is wrong.
func Documents(ctx context.Context, r io.Reader) (*layout.Report, error) {
	a := layout.NewAudit(layout.AuditOptions{})
	done := func() bool { return a.Settled() }
	if _, err := scan(ctx, r, a, done); err != nil {
		return nil, err
	}
	if a.Index() == nil { // it was read to its end
		return a.Finish(), nil
	}
	return a.Partial(), nil
}

// reader ends when its context does.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}

// scan feeds the files of an archive to an audit, until done says so. It returns
// how many bytes of the archive it has read.
func scan(ctx context.Context, r io.Reader, a *layout.Audit, done func() bool) (raw int64, err error) {
	m, z, _, err := open(reader{ctx, r}, compression.Watch{Aside: a.Aside})
	if err != nil {
		return 0, err
	}
	defer z.Close()
	e := newEntries(m)
	c := newParallelAdder(ctx, a)
	defer func() {
		if first := c.wait(); first != nil {
			err = first
		}
		c.end()
	}()
	for c.failed() == nil {
		name, size, err := e.next()
		if err == io.EOF {
			return m.raw.n.Load(), nil
		}
		if err != nil {
			return 0, err
		}
		m.announce(a, name, size)
		if done == nil && c.takes(name, size) {
			if err := c.add(name, size, e); err != nil {
				return 0, e.contentError(name, err)
			}
			continue
		}
		if err := c.wait(); err != nil {
			return 0, err
		}
		if err := a.Add(ctx, name, size, e); err != nil {
			return 0, e.contentError(name, err)
		}
		if done != nil && done() {
			return m.raw.n.Load(), nil
		}
	}
	return m.raw.n.Load(), nil
}

func (e *entries) contentError(name string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &EntryError{name, msgTruncated}
	}
	return err
}
