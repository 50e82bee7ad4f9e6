package bundle

import (
	"bufio"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// A RatioError is a stream that inflates to far more than its size and than
// what descriptors announce, or may announce.
type RatioError struct {
	Inflated, Read int64
	Announced      bool // descriptors speak for it
}

func (e *RatioError) Error() string {
	if e.Announced {
		return fmt.Sprintf("decompression limit: %d bytes inflate to more than %d bytes, which is more than may be announced", e.Read, e.Inflated)
	}
	return fmt.Sprintf("decompression limit: %d bytes inflate to more than %d bytes that no descriptor announces", e.Read, e.Inflated)
}

// A ratioLimiter bounds what a compressed stream may inflate to. What descriptors
// announce costs time as well: a few hundred bytes of zstd make gigabytes of
// zeros. The second bound lets an image with a disk of zeros pass, up to bigSlack
// whatever it was compressed with, and beyond that in gzip.
type ratioLimiter struct {
	r         io.Reader
	raw       *counter
	n         int64 // inflated so far
	announced int64 // of these, what descriptors speak for
	plain     bool
}

func (m *ratioLimiter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n += int64(n)
	if !m.plain && m.n-m.announced > slack+maxRatio*m.raw.n.Load() {
		return n, &RatioError{m.n - m.announced, m.raw.n.Load(), false}
	}
	if !m.plain && m.n > bigSlack+bigRatio*m.raw.n.Load() {
		return n, &RatioError{m.n, m.raw.n.Load(), true}
	}
	return n, err
}

// announce notes that a blob is the next file, if a descriptor wants it. What is
// compressed already is worth no more than other bytes: it does not inflate a
// hundred times once more, unless it was made to.
func (m *ratioLimiter) announce(a *layout.Audit, name string, size int64) {
	if m.plain {
		return
	}
	d, ok, err := layout.ParseBlobPath(name)
	if ok && err == nil && a.Wants(d, size) && !a.Compressed(d) {
		m.announced += size
	}
}

// A counter counts what a decompressor, which may read ahead in a goroutine of
// its own, has taken.
type counter struct {
	r io.Reader
	n atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// open tells the compression of a stream by its magic and inflates it. watch is
// told what the compression carries beside the archive.
func open(r io.Reader, watch ...compression.Watch) (*ratioLimiter, io.Closer, *compression.Format, error) {
	raw := &counter{r: r}
	in := bufio.NewReaderSize(raw, readAhead)
	head, err := peek(in)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(head) == 0 {
		return nil, nil, nil, &EntryError{"", msgEmpty}
	}
	format, err := compression.Detect(head)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%w: %w", ErrNotTar, err)
	}
	if format == compression.None {
		return &ratioLimiter{r: in, raw: raw, plain: true}, io.NopCloser(nil), format, nil
	}
	var w compression.Watch
	if len(watch) > 0 {
		w = watch[0]
	}
	z, err := format.NewWatchedReader(in, w)
	if err != nil {
		return nil, nil, nil, err
	}
	tar := bufio.NewReaderSize(z, readAhead)
	head, err = peek(tar)
	if err != nil {
		z.Close()
		return nil, nil, nil, err
	}
	if inner, err := compression.Detect(head); err != nil || inner != compression.None {
		z.Close()
		if err == nil {
			err = fmt.Errorf("%s data within %s", inner, format)
		}
		return nil, nil, nil, fmt.Errorf("%w: %w", ErrNotTar, err)
	}
	return &ratioLimiter{r: tar, raw: raw}, z, format, nil
}

// peek returns the first bytes of a stream, or as many as there are.
func peek(r *bufio.Reader) ([]byte, error) {
	head, err := r.Peek(compression.MagicLen)
	if err == io.EOF {
		err = nil
	}
	return head, err
}
