package bundle

import (
	"archive/tar"
	"bytes"
	"io"
	"strconv"
	"strings"
)

const blockLen = 512

// A headerWatch looks at the headers of a tar stream as they stand, before
// archive/tar has merged them, and finds those that readers of tar take for
// different things: what ferry verifies and what tar extracts shall be the same.
type headerWatch struct {
	r       io.Reader
	content int64 // bytes that are no header and come next
	block   [blockLen]byte
	n       int
	seen    string // type flags of the extended headers of this entry
	own     bool   // its own header has come; what follows is archive/tar's affair
	bad     string // what is wrong with it
}

func (w *headerWatch) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	for q := p[:n]; len(q) > 0; {
		if w.content > 0 {
			k := min(w.content, int64(len(q)))
			w.content -= k
			q = q[k:]
			continue
		}
		if w.own {
			break
		}
		k := copy(w.block[w.n:], q)
		q = q[k:]
		if w.n += k; w.n == blockLen {
			w.n = 0
			w.header()
		}
	}
	return n, err
}

// begin is called when archive/tar has returned a header; it says what is wrong
// with it.
func (w *headerWatch) begin(h *tar.Header) (bad string) {
	bad = w.bad
	if h.Typeflag != tar.TypeXGlobalHeader { // whose content has been read
		w.content = 0
		if h.Typeflag == tar.TypeReg {
			w.content = padded(h.Size)
		}
	}
	w.seen, w.own, w.bad = "", false, ""
	return bad
}

func padded(n int64) int64 { return (n + blockLen - 1) / blockLen * blockLen }

func (w *headerWatch) header() {
	b := w.block[:]
	if size := b[124:136]; size[0] == 0 && len(bytes.Trim(size, "\x00")) > 0 {
		w.refuse("a size that begins with NUL, which some readers take for 0")
	}
	switch flag := b[156]; flag {
	case tar.TypeXHeader, tar.TypeXGlobalHeader, tar.TypeGNULongName, tar.TypeGNULongLink:
		size, err := strconv.ParseUint(strings.Trim(string(b[124:136]), " \x00"), 8, 62)
		if err != nil {
			w.refuse("an extended header whose size is no octal number")
		}
		w.content = padded(int64(size))
		switch {
		case flag == tar.TypeXGlobalHeader:
		case strings.IndexByte(w.seen, flag) >= 0:
			w.refuse("two extended headers of the same kind")
		case w.seen != "" && (flag == tar.TypeXHeader) != (w.seen[0] == tar.TypeXHeader):
			w.refuse("extended headers of pax and of GNU tar, of which some readers take the one and some the other")
		}
		if flag != tar.TypeXGlobalHeader {
			w.seen += string(rune(flag))
		}
		return
	}
	if w.own = !bytes.Equal(b, make([]byte, blockLen)); !w.own {
		return // the end of the archive
	}
	// Where GNU tar has two times, archive/tar may see the prefix of a name.
	if string(b[257:265]) == "ustar  \x00" && len(bytes.Trim(b[345:369], "01234567 \x00")) > 0 {
		w.refuse("a header of GNU tar with other than times where these belong, which some readers take for a part of the name")
	}
}

type seekingWatch struct {
	*headerWatch
	s io.Seeker
}

// Seek is for archive/tar, which passes over content and nothing else with it.
func (w *seekingWatch) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekCurrent {
		w.content -= offset
	}
	return w.s.Seek(offset, whence)
}

func (w *headerWatch) refuse(bad string) {
	if w.bad == "" {
		w.bad = bad
	}
}
