package layout

import (
	"context"
	"fmt"
	"hash"
	"io"
	"sync"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// The size of a buffer and their number in one pipeline. Buffers of this size
// stay in a core's cache; larger ones cost twice the time.
const (
	bufferSize = 256 << 10
	ringSize   = 6
)

// A buffer goes from the reader to every sink of a pipeline and comes back to
// the pool when the last one has let go of it.
type buffer struct {
	data []byte // what was read
	refs atomic.Int32
	mem  [bufferSize]byte
}

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// Tee reads r to its end and writes all of it to each sink, every sink in a
// goroutine of its own, so that reading, hashing and writing overlap. Content
// that fits one buffer is written without any goroutine. It returns the number
// of bytes read and the first error; every goroutine has ended by then.
func Tee(ctx context.Context, r io.Reader, sinks ...io.Writer) (int64, error) {
	b := buffers.Get().(*buffer)
	n, err := fill(r, b.mem[:])
	if err == io.EOF {
		defer buffers.Put(b)
		for _, s := range sinks {
			if _, err := s.Write(b.mem[:n]); err != nil {
				return int64(n), err
			}
		}
		return int64(n), context.Cause(ctx)
	}
	if err != nil {
		buffers.Put(b)
		return int64(n), err
	}
	p := newPipeline(ctx, sinks)
	b.data = b.mem[:n]
	return p.run(r, b)
}

// fill reads until p is full or the reader says io.EOF. Unlike io.ReadFull it
// leaves io.ErrUnexpectedEOF to mean what the reader means by it: truncation.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = r.Read(p[n:])
		n += k
	}
	if n == len(p) {
		err = nil
	}
	return n, err
}

type pipeline struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	free   chan *buffer // empty slots of the ring
	lanes  []chan *buffer
	wg     sync.WaitGroup
}

func newPipeline(ctx context.Context, sinks []io.Writer) *pipeline {
	p := &pipeline{free: make(chan *buffer, ringSize)}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	for range ringSize - 1 { // the first buffer is already in hand
		p.free <- nil
	}
	for _, s := range sinks {
		lane := make(chan *buffer, ringSize)
		p.lanes = append(p.lanes, lane)
		p.wg.Go(func() {
			for b := range lane {
				if p.ctx.Err() == nil {
					if _, err := s.Write(b.data); err != nil {
						p.cancel(err)
					}
				}
				p.release(b)
			}
		})
	}
	return p
}

func (p *pipeline) release(b *buffer) {
	if b.refs.Add(-1) == 0 {
		p.free <- b
	}
}

func (p *pipeline) run(r io.Reader, b *buffer) (total int64, err error) {
	for {
		total += int64(len(b.data))
		b.refs.Store(int32(len(p.lanes)))
		if len(p.lanes) == 0 {
			p.free <- b
		}
		for _, lane := range p.lanes {
			lane <- b
		}
		if err != nil {
			break
		}
		if b = <-p.free; b == nil {
			b = buffers.Get().(*buffer)
		}
		if p.ctx.Err() != nil {
			p.free <- b
			break
		}
		var n int
		n, err = fill(r, b.mem[:])
		b.data = b.mem[:n]
		if err != nil && err != io.EOF {
			p.cancel(err)
			p.free <- b
			break
		}
		if n == 0 {
			p.free <- b
			break
		}
	}
	for _, lane := range p.lanes {
		close(lane)
	}
	p.wg.Wait()
	cause := context.Cause(p.ctx)
	p.cancel(nil)
	for range ringSize {
		if b := <-p.free; b != nil {
			buffers.Put(b)
		}
	}
	return total, cause
}

// Copy copies r to w and checks that it held exactly what want describes, by
// size and digest. It reads at most one byte more than want.Size. The error is
// a *CorruptError when the content is not as described; what w has received is
// then worthless. A nil w means that the content is only checked.
func Copy(ctx context.Context, w io.Writer, r io.Reader, want v1.Descriptor) error {
	h := want.Digest.Algorithm().Hash()
	sinks := []io.Writer{h}
	if w != nil {
		sinks = append(sinks, w)
	}
	n, err := Tee(ctx, io.LimitReader(r, want.Size+1), sinks...)
	if err != nil {
		return err
	}
	return compare(BlobPath(want.Digest), want, n, h)
}

// compare says whether what was read is what was wanted.
func compare(name string, want v1.Descriptor, n int64, h hash.Hash) error {
	got := digest.NewDigest(want.Digest.Algorithm(), h)
	if n != want.Size || got != want.Digest {
		return &CorruptError{Name: name, Want: want.Digest, WantSize: want.Size, Got: got, GotSize: n}
	}
	return nil
}

// A CorruptError is content that is not what its name or descriptor says.
type CorruptError struct {
	Name              string // path in the layout, or of the file
	Want, Got         digest.Digest
	WantSize, GotSize int64 // bytes; Got is empty when the size alone was enough
}

func (e *CorruptError) Error() string {
	switch {
	case e.GotSize > e.WantSize && e.WantSize >= 0:
		return fmt.Sprintf("%s: size mismatch: want %d bytes, found more (at least %d)", e.Name, e.WantSize, e.GotSize)
	case e.GotSize != e.WantSize && e.WantSize >= 0:
		return fmt.Sprintf("%s: size mismatch: want %d bytes, found %d", e.Name, e.WantSize, e.GotSize)
	}
	return fmt.Sprintf("%s: digest mismatch: want %s, found %s (%d bytes)", e.Name, e.Want, e.Got, e.GotSize)
}
