package lei

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// Blocks of this size stay in a core's cache while they are scanned and
// hashed.
const (
	blockSize = 256 << 10
	blocks    = 6
)

// errTooLarge ends a pump whose limit the stream exceeds.
var errTooLarge = errors.New("larger than the limit")

type block struct {
	b    []byte
	refs atomic.Int32
}

// sums is what a pump finds out about the bytes.
type sums struct {
	raw     int64
	hash    string
	invalid int64 // lines that are not UTF-8
}

// pump reads r to its end, or to limit, and gives all of it to scan, block by
// block in the caller's goroutine, while two others read ahead and hash. An
// error of scan comes before one of r, which stands further on. When pump
// returns, nothing reads r any more.
func pump(ctx context.Context, r io.Reader, limit int64, scan func([]byte) error) (sums, error) {
	free := make(chan *block, blocks)
	for range blocks {
		free <- &block{b: make([]byte, blockSize)}
	}
	toScan, toHash := make(chan *block, blocks), make(chan *block, blocks)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var readErr error
	var raw int64
	wg.Go(func() {
		defer close(toScan)
		defer close(toHash)
		for readErr == nil {
			var b *block
			select {
			case b = <-free:
			case <-stop:
				return
			}
			if readErr = context.Cause(ctx); readErr != nil {
				return
			}
			var n int
			b.b = b.b[:blockSize]
			for n < blockSize && readErr == nil {
				var k int
				k, readErr = r.Read(b.b[n:])
				n += k
			}
			if int64(n) > limit-raw {
				n = int(limit - raw)
				readErr = errTooLarge
			}
			raw += int64(n)
			b.b = b.b[:n]
			b.refs.Store(2)
			toHash <- b
			toScan <- b
		}
	})
	done := func(b *block) {
		if b.refs.Add(-1) == 0 {
			free <- b
		}
	}
	c := newContentSum()
	wg.Go(func() {
		for b := range toHash {
			c.write(b.b)
			done(b)
		}
	})
	var scanErr error
	for b := range toScan {
		if scanErr == nil {
			if scanErr = scan(b.b); scanErr != nil {
				close(stop)
			}
		}
		done(b)
	}
	wg.Wait()
	switch {
	case scanErr != nil:
		return sums{}, scanErr
	case readErr != io.EOF:
		return sums{}, readErr
	}
	c.endLine()
	return sums{raw, c.hex(), c.invalid}, nil
}
