package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/ociferry/ferry/layout"
)

// noRoom says, where what waits in a directory for temporary files has filled
// it, how to take another one; "" is the system's.
func noRoom(dir string, err error) error {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return err
	}
	more := ""
	if dir == "" || filepath.Clean(dir) == filepath.Clean(os.TempDir()) {
		dir, more = os.TempDir(), ", and so does the variable TMPDIR"
	}
	return hinted(err, "there is no room in "+layout.Printable(dir)+" for what has to wait there: --tmpdir DIR chooses another directory"+more)
}

// held is output that waits until its source is known to be good: up to a
// MiB in memory, more in a temporary file without a name.
type held struct {
	dir string
	buf bytes.Buffer
	f   *os.File
}

const maxHeld = 1 << 20

func (h *held) Write(p []byte) (int, error) {
	if h.buf.Len()+len(p) > maxHeld {
		if err := h.spill(); err != nil {
			return 0, noRoom(h.dir, err)
		}
		if len(p) > maxHeld {
			return h.f.Write(p)
		}
	}
	return h.buf.Write(p)
}

func (h *held) spill() (err error) {
	if h.f == nil {
		if h.f, err = os.CreateTemp(h.dir, "ferry-held-"); err != nil {
			return err
		}
	}
	_, err = h.buf.WriteTo(h.f)
	return err
}

// WriteTo lets it go.
func (h *held) WriteTo(w io.Writer) (n int64, err error) {
	if h.f != nil {
		if err := h.spill(); err != nil {
			return 0, err
		}
		if _, err := h.f.Seek(0, io.SeekStart); err != nil {
			return 0, err
		}
		return io.Copy(w, h.f)
	}
	return h.buf.WriteTo(w)
}

// Close removes the temporary file.
func (h *held) Close() error {
	if h.f == nil {
		return nil
	}
	h.f.Close()
	return os.Remove(h.f.Name())
}
