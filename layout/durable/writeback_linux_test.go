package durable

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
)

// A sync between that fails is told of: the one at the end need not fail again.
// A pipe is a file that cannot be synced.
func TestWritebackTellsOfSync(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*Writeback) error
	}{{"Done", (*Writeback).Done}, {"Close", (*Writeback).Close}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go io.Copy(io.Discard, r)
		e := Options{}.writeback(w)
		block := make([]byte, 1<<20)
		for range 64 { // the last of them asks for the sync
			if _, err = e.Write(block); err != nil {
				break
			}
		}
		if err == nil {
			err = c.end(e)
		}
		if !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%s: want the error of the sync, found %v", c.name, err)
		}
		w.Close()
		r.Close()
	}
}
