package stream

import (
	"context"
	"io"
	"runtime"
	"sync"
)

// ReadAhead calls use for each of n contents, in their order. Those whose size
// fits one buffer are read by load into p, which is as long, ahead of use and on
// all cores; p is then use's until it returns. For the others p is nil, and use
// reads them itself. The error is the first in the order of the contents, of load
// or of use; every goroutine has ended by then.
func ReadAhead(ctx context.Context, n int, size func(i int) int64, load func(i int, p []byte) error, use func(i int, p []byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	order := make(chan *batch, ringSize)
	work := make(chan *batch)
	wg.Go(func() {
		defer close(order)
		defer close(work)
		for i := 0; i < n; {
			b := nextBatch(i, n, size)
			i = b.to
			select {
			case order <- b:
			case <-ctx.Done():
				return
			}
			if b.done == nil {
				continue
			}
			select {
			case work <- b:
			case <-ctx.Done():
				b.err = context.Cause(ctx)
				close(b.done)
				return
			}
		}
	})
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for b := range work {
				b.read(ctx, load)
				close(b.done)
			}
		})
	}
	for b := range order {
		if b.done == nil {
			if err := use(b.from, nil); err != nil {
				return err
			}
			continue
		}
		<-b.done
		for i, p := range b.parts {
			if err := use(b.from+i, p); err != nil {
				return err
			}
		}
		if b.err != nil {
			return b.err
		}
		buffers.Put(b.buf)
	}
	return context.Cause(ctx)
}

// A batch is as many small contents as fit a buffer, or one large content.
type batch struct {
	from, to int
	sizes    []int
	buf      *buffer
	parts    [][]byte      // of those that were read
	err      error         // of the next
	done     chan struct{} // nil for a large content
}

func nextBatch(from, n int, size func(i int) int64) *batch {
	b := &batch{from: from, to: from}
	for room := int64(BufferSize); b.to < n; b.to++ {
		k := size(b.to)
		if k > room {
			break
		}
		room -= k
		b.sizes = append(b.sizes, int(k))
	}
	if b.to == from {
		b.to++
		return b
	}
	b.done = make(chan struct{})
	return b
}

func (b *batch) read(ctx context.Context, load func(i int, p []byte) error) {
	b.buf = buffers.Get().(*buffer)
	b.parts = make([][]byte, 0, len(b.sizes))
	at := 0
	for i, n := range b.sizes {
		p := b.buf.mem[at : at+n : at+n]
		if b.err = load(b.from+i, p); b.err != nil {
			return
		}
		b.parts = append(b.parts, p)
		at += n
		if b.err = context.Cause(ctx); b.err != nil {
			return
		}
	}
}

// Load reads content that fits p, and is as long, into it. It returns how many
// bytes there were, of which at most one is beyond len(p). A reader may know
// only at the end that all was well, and is asked for that.
func Load(r io.Reader, p []byte) (int, error) {
	n, err := Fill(r, p)
	if err == nil {
		var more [1]byte
		var k int
		k, err = Fill(r, more[:])
		n += k
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}
