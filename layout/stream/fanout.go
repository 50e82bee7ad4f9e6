// Package stream reads content once for everybody who wants it.
//
//   - FanOut hands one stream to several writers side by side, in buffers that
//     stay in a core's cache.
//   - ReadAhead reads many small contents on all cores and hands them over in
//     their order.
//
// Memory is bounded whatever the content: at most six buffers of BufferSize
// bytes are under way at a time.
package stream

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
)

// BufferSize is the size of a buffer, in bytes. Buffers of this size stay in a
// core's cache; larger ones cost twice the time.
const BufferSize = 256 << 10

// ringSize is the number of buffers in one pipeline.
const ringSize = 6

// A buffer goes from the reader to every sink of a pipeline and comes back to
// the pool when the last one has let go of it.
type buffer struct {
	data []byte // what was read
	refs atomic.Int32
	mem  [BufferSize]byte
}

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// FanOut reads r to its end and writes all of it to each sink, every sink in a
// goroutine of its own, so that reading, hashing and writing overlap. Content
// that fits one buffer is written without any goroutine. It returns the number
// of bytes read and the first error; every goroutine has ended by then.
func FanOut(ctx context.Context, r io.Reader, sinks ...io.Writer) (int64, error) {
	b := buffers.Get().(*buffer)
	n, err := Fill(r, b.mem[:])
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

// Fill reads until p is full or the reader says io.EOF. Unlike io.ReadFull it
// leaves io.ErrUnexpectedEOF to mean what the reader means by it: truncation.
func Fill(r io.Reader, p []byte) (n int, err error) {
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
		n, err = Fill(r, b.mem[:])
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
