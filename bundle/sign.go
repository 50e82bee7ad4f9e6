package bundle

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"

	"github.com/ociferry/ferry/layout"
)

// ReadSeal reads SHA256SUMS and its signatures, wherever they stand, and nothing
// else, for an archive that can be read twice: Verify then takes the seal as
// o.Seal. Signatures that follow SHA256SUMS at once, as in an archive of ours,
// are all that is asked about; else the archive is read to its end.
//
// The error is that of judge, layout.ErrUnsealed, or one of the archive's
// structure.
func ReadSeal(ctx context.Context, r io.Reader, judge func(seal []byte, signatures []layout.Signature) error) ([]byte, error) {
	m, z, _, err := open(r)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	m.announced = math.MaxInt64 / 2 // no document is read here; Verify asks for them
	e := newEntries(m)
	var s layout.Signed
	for {
		name, size, err := e.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if isRoot(name) {
			if err := s.Read(ctx, name, size, e); err != nil {
				return nil, e.contentError(name, err)
			}
		} else if s.Seal != nil && len(s.Signatures) > 0 {
			return s.Seal, judge(s.Seal, s.Signatures)
		}
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
	}
	if s.Seal == nil {
		return nil, layout.ErrUnsealed
	}
	return s.Seal, judge(s.Seal, s.Signatures)
}

func isRoot(name string) bool { return name == layout.SealName || layout.IsSignature(name) }

// Sign copies a sealed archive from r to w with the signatures that sign makes
// of its seal, given those that it has; they take the place of the old ones.
// It checks the archive as Verify does while it copies: what w has received is
// worthless unless both the error and the report's Err are nil.
//
// The seal must stand before the content, as in an archive of ours. The error
// is layout.ErrUnsealed or a layout.ErrEarly where it does not. The compression
// stays what it is.
func Sign(ctx context.Context, w io.Writer, r io.Reader, o layout.AuditOptions, sign func(seal []byte, have []layout.Signature) ([]layout.Signature, error)) (*layout.Report, error) {
	m, z, format, err := open(r)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	c := &copier{out: newArchiver(w, format), sign: sign, small: true}
	defer c.out.z.Close()
	o.Strict = true
	o.Trust = c.write
	a := layout.NewAudit(o)
	e := newEntries(m)
	for {
		name, size, err := e.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		m.announce(a, name, size)
		if err := c.pass(ctx, a, name, size, e); err != nil {
			return nil, e.contentError(name, err)
		}
	}
	report := a.Finish()
	if report.Err() != nil {
		return report, nil
	}
	return report, c.out.end()
}

// A copier writes the entries of an archive as Write does.
type copier struct {
	out   *archiver
	sign  func([]byte, []layout.Signature) ([]layout.Signature, error)
	done  bool // the signatures are written
	small bool // so far there have been documents only
}

// write is called by the audit, with the seal, before the first content.
func (c *copier) write(seal []byte, have []layout.Signature) error {
	list, err := c.sign(seal, have)
	if err != nil {
		return err
	}
	if err := c.out.fixed(file{layout.SealName, seal}); err != nil {
		return err
	}
	for _, s := range list {
		if err := c.out.fixed(file{s.Name, s.Data}); err != nil {
			return err
		}
	}
	c.done = true
	return nil
}

func (c *copier) pass(ctx context.Context, a *layout.Audit, name string, size int64, r io.Reader) error {
	switch {
	case isRoot(name) && c.done:
		return &EntryError{name, "it stands behind the content; ferry bundle writes the archive in order"}
	case isRoot(name):
		return a.Add(ctx, name, size, r)
	case size <= maxHeld:
		// Held until the audit has taken it: the signatures come first.
		var b bytes.Buffer
		if err := a.Add(ctx, name, size, io.TeeReader(r, &b)); err != nil {
			return err
		}
		if int64(b.Len()) != size {
			return nil // the audit has said so
		}
		return c.held(a, file{name, b.Bytes()})
	}
	if !c.done {
		return &layout.FormatError{Name: name, Err: fmt.Errorf("%d bytes: %w", size, layout.ErrEarly)}
	}
	return c.large(ctx, a, name, size, r)
}

// maxHeld is the size of the largest file that is held in memory: it bounds
// what a document may have.
const maxHeld = layout.MaxDocument

// held writes a file in the form that Write gives it: see archiver.
func (c *copier) held(a *layout.Audit, f file) error {
	d, isBlob, _ := layout.ParseBlobPath(f.name)
	if isBlob {
		index, m := a.Document(d)
		c.small = c.small && (index != nil || m != nil)
	}
	switch {
	case !isBlob || c.small:
		return c.out.fixed(f)
	case len(f.data) <= layout.MaxReadAhead:
		return c.out.loose(f.name, f.data)
	}
	return c.body(f.name, int64(len(f.data)), func(w io.Writer) error {
		_, err := w.Write(f.data)
		return err
	})
}

func (c *copier) large(ctx context.Context, a *layout.Audit, name string, size int64, r io.Reader) error {
	c.small = false
	return c.body(name, size, func(w io.Writer) error {
		n := &count{w: w}
		if err := a.Add(ctx, name, size, io.TeeReader(r, n)); err != nil {
			return err
		}
		// The audit reads nothing of a file that has a wrong size, and says so.
		return zeros(n, size-n.n)
	})
}

// body writes a large entry.
func (c *copier) body(name string, size int64, content func(io.Writer) error) error {
	if err := c.out.reserve(header(name, size)); err != nil {
		return err
	}
	return c.out.body(size, content)
}

type count struct {
	w io.Writer
	n int64
}

func (c *count) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func zeros(w io.Writer, n int64) error {
	_, err := io.CopyN(w, zero{}, max(n, 0))
	return err
}

type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
