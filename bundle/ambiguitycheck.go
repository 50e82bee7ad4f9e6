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
	size    []byte // as it stands there
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
	if h.Typeflag != tar.TypeXGlobalHeader { // whose content has been read
		w.merged(h)
		w.content = 0
		if h.Typeflag == tar.TypeReg {
			w.content = padded(h.Size)
		}
	}
	bad = w.bad
	w.seen, w.own, w.bad = "", false, ""
	return bad
}

func padded(n int64) int64 { return (n + blockLen - 1) / blockLen * blockLen }

// header looks at one header as it stands.
func (w *headerWatch) header() {
	b := w.block[:]
	w.size = b[124:136]
	if w.size[0] == 0 && !allNUL(w.size) {
		w.refuse("a size that begins with NUL, which some readers take for 0")
	}
	flag := b[156]
	switch flag {
	case tar.TypeXHeader, tar.TypeXGlobalHeader, tar.TypeGNULongName, tar.TypeGNULongLink:
		size, err := octal(w.size)
		if err != nil {
			w.refuse("an extended header whose size is no octal number")
		}
		w.content = padded(size)
		switch {
		case strings.IndexByte(w.seen, flag) >= 0:
			w.refuse("two extended headers of the same kind")
		case w.seen != "" && flag == tar.TypeXGlobalHeader:
			w.refuse("a global header between an extended header and its entry")
		case w.seen != "" && (flag == tar.TypeXHeader) != (w.seen[0] == tar.TypeXHeader):
			w.refuse("extended headers of pax and of GNU tar, of which some readers take the one and some the other")
		}
		w.seen += string(rune(flag))
		return
	}
	w.own = !allNUL(b) // else it is the end of the archive
	// Where ustar has the prefix of a name, older headers have times, or nothing;
	// some readers take what stands there for a part of the name all the same.
	switch ustar := string(b[257:263]) == "ustar\x00"; {
	case !ustar && flag != tar.TypeGNUSparse && !allNUL(b[345:500]),
		ustar && string(b[508:512]) == "tar\x00" && b[475] != 0: // star's prefix is shorter
		w.refuse("an old header with times or other data where newer ones have a part of the name")
	}
}

// merged looks at what archive/tar made of the headers of an entry.
func (w *headerWatch) merged(h *tar.Header) {
	for _, k := range []string{"path", "size"} {
		if v, ok := h.PAXRecords[k]; ok && v == "" {
			w.refuse("an empty " + k + " in an extended header")
		}
	}
	size, ok := h.PAXRecords["size"]
	switch own, err := octal(w.size); {
	case ok && strings.Trim(size, "0123456789") != "":
		w.refuse("a size in an extended header that is not digits alone")
	case ok && h.Size < 8<<30 && (err != nil || own != h.Size):
		w.refuse("one size in the header and another in the extended header")
	case h.Typeflag == tar.TypeDir && (ok || !allNUL(w.size) && (err != nil || own != 0)):
		w.refuse("a directory with a size")
	}
}

func allNUL(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

func octal(b []byte) (int64, error) {
	n, err := strconv.ParseUint(strings.Trim(string(b), " \x00"), 8, 62)
	return int64(n), err
}

func (w *headerWatch) refuse(bad string) {
	if w.bad == "" {
		w.bad = bad
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
