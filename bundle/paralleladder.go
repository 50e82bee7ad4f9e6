package bundle

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"sync"

	"github.com/ociferry/ferry/layout"
)

// A parallelAdder adds small blobs to an audit on all cores while the archive is read
// on. Their order does not matter any more once every document has been added.
type parallelAdder struct {
	ctx  context.Context
	a    *layout.Audit
	work chan *batch
	free chan *batch
	cur  *batch
	busy sync.WaitGroup // batches that are under way
	ends sync.WaitGroup // goroutines

	mu  sync.Mutex
	err error // the first, in the order of the archive
	at  int   // the number of its batch
	n   int
}

// batches is how many there are at a time.
const batches = 6

// A batch is as many blobs as fit its buffer.
type batch struct {
	n     int
	buf   []byte
	files []file
}

func newParallelAdder(ctx context.Context, a *layout.Audit) *parallelAdder {
	return &parallelAdder{ctx: ctx, a: a}
}

// takes reports whether a blob may be added out of order.
func (c *parallelAdder) takes(name string, size int64) bool {
	d, ok, err := layout.ParseBlobPath(name)
	return ok && err == nil && size <= layout.MaxReadAhead && c.a.Wants(d, size) && c.a.Settled()
}

// add reads a blob and has it added. The error is one of reading it.
func (c *parallelAdder) add(name string, size int64, r io.Reader) error {
	if c.cur != nil && int64(cap(c.cur.buf)-len(c.cur.buf)) < size {
		c.send()
	}
	if c.cur == nil {
		c.cur = c.empty()
	}
	l := c.cur
	from := len(l.buf)
	l.buf = l.buf[:from+int(size)]
	if _, err := io.ReadFull(r, l.buf[from:]); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	l.files = append(l.files, file{name, l.buf[from:]})
	return nil
}

func (c *parallelAdder) empty() *batch {
	if c.free == nil {
		c.free, c.work = make(chan *batch, batches), make(chan *batch, batches)
		for range batches {
			c.free <- nil
		}
		for range min(runtime.GOMAXPROCS(0), batches-1) {
			c.ends.Go(c.run)
		}
	}
	l := <-c.free
	if l == nil {
		l = &batch{buf: make([]byte, 0, layout.MaxReadAhead)}
	}
	l.n, l.buf, l.files = c.n, l.buf[:0], l.files[:0]
	c.n++
	return l
}

func (c *parallelAdder) send() {
	if c.cur != nil {
		c.busy.Add(1)
		c.work <- c.cur
		c.cur = nil
	}
}

func (c *parallelAdder) run() {
	for l := range c.work {
		for _, f := range l.files {
			if err := c.a.Add(c.ctx, f.name, int64(len(f.data)), bytes.NewReader(f.data)); err != nil {
				c.mu.Lock()
				if c.err == nil || l.n < c.at {
					c.err, c.at = err, l.n
				}
				c.mu.Unlock()
				break
			}
		}
		c.free <- l
		c.busy.Done()
	}
}

// failed is the first error so far.
func (c *parallelAdder) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// wait waits until everything has been added, and returns the first error.
func (c *parallelAdder) wait() error {
	c.send()
	c.busy.Wait()
	return c.failed()
}

// end ends the goroutines.
func (c *parallelAdder) end() {
	if c.work != nil {
		c.wait()
		close(c.work)
		c.ends.Wait()
	}
}
