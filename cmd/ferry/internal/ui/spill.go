package ui

import (
	"bytes"
	"io"
	"os"
)

// Spill is output that waits until its source is known to be good: up to a
// MiB in memory, more in a temporary file without a name.
type Spill struct {
	Dir string
	buf bytes.Buffer
	f   *os.File
}

const maxHeld = 1 << 20

func (h *Spill) Write(p []byte) (int, error) {
	if h.buf.Len()+len(p) > maxHeld {
		if err := h.spill(); err != nil {
			return 0, NoRoom(h.Dir, err)
		}
		if len(p) > maxHeld {
			return h.f.Write(p)
		}
	}
	return h.buf.Write(p)
}

func (h *Spill) spill() (err error) {
	if h.f == nil {
		if h.f, err = os.CreateTemp(h.Dir, "ferry-held-"); err != nil {
			return err
		}
	}
	_, err = h.buf.WriteTo(h.f)
	return err
}

// WriteTo lets it go.
func (h *Spill) WriteTo(w io.Writer) (n int64, err error) {
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
func (h *Spill) Close() error {
	if h.f == nil {
		return nil
	}
	h.f.Close()
	return os.Remove(h.f.Name())
}
