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

// Eager is f as a writer that has the system bring what was written to the
// medium while more is being written, so that the sync at the end finds little
// left to do. It is no sync itself, and only a hint: systems without such a
// thing, and NoSync, have f alone. Nothing else may write to f before the
// content is complete but what is written over it.
func (o Options) Eager(f *os.File) io.WriteCloser {
	if o.NoSync {
		return f
	}
	return &eager{f: f}
}

type eager struct {
	f        *os.File
	n, begun int64 // bytes written, and asked to be brought
}

func (e *eager) Write(p []byte) (int, error) {
	n, err := e.f.Write(p)
	if e.n += int64(n); e.n-e.begun >= eagerStep {
		startSync(e.f, e.begun, e.n-e.begun)
		e.begun = e.n
	}
	return n, err
}

func (e *eager) Close() error { return e.f.Close() }
