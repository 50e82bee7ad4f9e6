package durable

import (
	"io"
	"os"
	"syscall"
)

// New are the flags by which a file that must not be there yet is opened to be
// written. A regular file does not mind O_NONBLOCK, and Go does not try to set
// it, and to take it back, with four calls to the system for every file.
const New = os.O_WRONLY | os.O_CREATE | os.O_EXCL | syscall.O_NONBLOCK

// eagerStep is how much is written, in bytes, before the system is asked to
// begin with it: smaller steps cost a large file more than they bring, larger
// ones leave too much to the end.
const eagerStep = 8 << 20

// blockLen is the most that is written at a time, and no write lies across a
// multiple of it: for a larger one some systems look for as much memory in one
// piece, which takes up to five times as long.
const blockLen = 32 << 10

// Eager is f, which is empty, as a writer that has the system bring what was
// written to the medium while more is being written, so that the sync at the
// end finds little left to do. It is no sync itself, and only a hint, which
// systems without such a thing, and NoSync, do not get. Nothing else may write
// to f before the content is complete but what is written over it.
func (o Options) Eager(f *os.File) io.WriteCloser { return &eager{f: f, lazy: o.NoSync} }

type eager struct {
	f        *os.File
	lazy     bool
	n, begun int64 // bytes written, and asked to be brought
}

func (e *eager) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = e.f.Write(p[n:min(len(p), n+blockLen-int(e.n%blockLen))])
		n, e.n = n+k, e.n+int64(k)
	}
	if e.n-e.begun >= eagerStep && !e.lazy {
		startSync(e.f, e.begun, e.n-e.begun)
		e.begun = e.n
	}
	return n, err
}

func (e *eager) Close() error { return e.f.Close() }

// Abort closes a file whose content is not wanted.
func (e *eager) Abort() { e.f.Close() }
