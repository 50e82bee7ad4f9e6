package lei

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/ociferry/ferry/layout/compression"
)

// queued is how many blocks may wait to be scanned or hashed.
const queued = 4

// errTooLarge ends a pipeline whose limit the stream exceeds.
var errTooLarge = errors.New("larger than the limit")

// sums is what a pipeline finds out about the bytes.
type sums struct {
	raw     int64
	hash    string
	invalid int64 // lines that are not UTF-8
}

// pipeline takes the blocks of z to its end, or to limit bytes, and gives them to
// scan in the caller's goroutine, while others inflate and hash. An error of
// scan comes before one of z, which stands further on.
func pipeline(ctx context.Context, z *compression.MemberReader, limit int64, scan func([]byte) error) (sums, error) {
	type block struct {
		*compression.Block
		data []byte
		refs *atomic.Int32
	}
	toScan, toHash := make(chan block, queued), make(chan block, queued)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var readErr error
	var raw int64
	wg.Go(func() {
		defer close(toScan)
		defer close(toHash)
		for readErr == nil {
			select {
			case <-stop:
				return
			default:
			}
			if readErr = context.Cause(ctx); readErr != nil {
				return
			}
			var b block
			if b.Block, readErr = z.Next(); readErr != nil {
				return
			}
			b.data, b.refs = b.Bytes(), new(atomic.Int32)
			if int64(len(b.data)) > limit-raw {
				b.data = b.data[:limit-raw]
				readErr = errTooLarge
			}
			raw += int64(len(b.data))
			b.refs.Store(2)
			toHash <- b
			toScan <- b
		}
	})
	done := func(b block) {
		if b.refs.Add(-1) == 0 {
			z.Recycle(b.Block)
		}
	}
	c := newContentSum()
	wg.Go(func() {
		for b := range toHash {
			c.write(b.data)
			done(b)
		}
	})
	var scanErr error
	for b := range toScan {
		if scanErr == nil {
			if scanErr = scan(b.data); scanErr != nil {
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
