package durable

import (
	"os"
	"syscall"
	"time"
)

// createFlags open a file that must not be there yet, to be written. A regular file does not mind O_NONBLOCK, and Go does not try to set
// it, and to take it back, with four calls to the system for every file.
const createFlags = os.O_WRONLY | os.O_CREATE | os.O_EXCL | syscall.O_NONBLOCK

// writebackStep is how much is written, in bytes, before the system is asked to
// begin with it: smaller steps cost a large file more than they bring, larger
// ones leave too much to the end.
const writebackStep = 8 << 20

// blockLen is the most that is written at a time, and no write lies across a
// multiple of it: for a larger one some systems look for as much memory in one
// piece, which takes up to five times as long.
const blockLen = 32 << 10

// tooSlow is how long a medium may take to keep what it has for it to be asked
// again before the end: with a slow one all wait for it anyway, and nothing can
// interrupt that.
const tooSlow = time.Second

// A Writeback is a new file whose content is brought to the medium while more of it
// is being written, so that the sync at the end finds little left to do.
type Writeback struct {
	f     *os.File
	lazy  bool
	n     int64      // bytes written
	begun int64      // of these, asked to be brought
	kept  int64      // and asked to be kept
	sync  chan error // says how that went; nil when none is under way
	slow  bool       // good when sync has said so
}

// CreateIn creates a file in an open directory, where it must not be there yet:
// the error is an fs.ErrExist when it is. With NoSync, and on systems that cannot
// be asked, the Writeback does nothing but write.
func (o Options) CreateIn(dir *os.Root, name string) (*Writeback, error) {
	f, err := dir.OpenFile(name, createFlags, 0o644)
	if err != nil {
		return nil, err
	}
	return o.writeback(f), nil
}

// writeback makes a Writeback of f, which is empty. Nothing else may write to f
// before the content is complete except over what was written already.
func (o Options) writeback(f *os.File) *Writeback { return &Writeback{f: f, lazy: o.NoSync} }

// Write writes what follows. The error may be one of bringing what came before
// to the medium.
func (e *Writeback) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = e.f.Write(p[n:min(len(p), n+blockLen-int(e.n%blockLen))])
		n, e.n = n+k, e.n+int64(k)
	}
	if e.lazy || err != nil {
		return n, err
	}
	if e.n-e.begun >= writebackStep {
		startSync(e.f, e.begun, e.n-e.begun)
		e.begun = e.n
	}
	if e.n-e.kept >= keepStep {
		err = e.keep()
	}
	return n, err
}

// keep has the medium keep what was written, which takes longest where it has a
// cache of its own. Only one such sync is under way at a time.
func (e *Writeback) keep() error {
	if e.sync != nil {
		select {
		case err := <-e.sync:
			e.sync = nil
			if err != nil {
				return err
			}
		default:
			return nil
		}
	}
	if e.slow {
		return nil
	}
	e.kept, e.sync = e.n, make(chan error, 1)
	go func() {
		began := time.Now()
		err := e.f.Sync()
		e.slow = time.Since(began) > tooSlow
		e.sync <- err
	}()
	return nil
}

// Done waits until nothing is under way any more, and says what went wrong with
// it: a later sync need not say it again. Whoever completes the file asks.
func (e *Writeback) Done() error {
	if e.sync == nil {
		return nil
	}
	err := <-e.sync
	e.sync = nil
	return err
}

// Sync makes the file durable.
func (e *Writeback) Sync() error {
	if err := e.Done(); err != nil {
		return err
	}
	return e.f.Sync()
}

// Close closes a complete file.
func (e *Writeback) Close() error {
	err := e.Done()
	if cerr := e.f.Close(); err == nil {
		err = cerr
	}
	return err
}

// Abort closes a file whose content is not wanted.
func (e *Writeback) Abort() { e.f.Close() }
