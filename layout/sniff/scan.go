package sniff

import (
	"bytes"
	"encoding/binary"
	"sync"
)

const (
	windowLen = 16 << 10
	aheadLen  = 512 // bytes that follow what is looked at, so that all of it is there
)

// A scan looks at all of a content as it passes: for signatures beyond its head
// and at its end, for the end of a zip file, and for what text and office files
// say of themselves in their midst.
type scan struct {
	text   bool // set by who has seen the head
	office bool

	window [windowLen]byte
	n      int   // bytes in the window
	base   int64 // where in the content it begins
	fresh  int   // bytes at its beginning that have been looked at
	found  []finding
	end    zipEnd
}

type finding struct {
	class class
	word  string
}

// A zipEnd is the last end of a central directory that has passed.
type zipEnd struct {
	at     int64 // 0 when there is none that makes sense
	record [zipEndLen]byte
}

var scans = sync.Pool{New: func() any { return new(scan) }}

func newScan() *scan {
	s := scans.Get().(*scan)
	s.reset()
	return s
}

func (s *scan) reset() {
	s.text, s.office, s.n, s.base, s.fresh, s.found, s.end = false, false, 0, 0, 0, nil, zipEnd{}
}

func (s *scan) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if s.n == windowLen {
			s.look(windowLen - aheadLen)
			copy(s.window[:], s.window[windowLen-2*aheadLen:])
			s.base += windowLen - 2*aheadLen
			s.n, s.fresh = 2*aheadLen, aheadLen
		}
		k := copy(s.window[s.n:], rest)
		s.n += k
		rest = rest[k:]
	}
	return len(p), nil
}

// size is the number of bytes that have passed.
func (s *scan) size() int64 { return s.base + int64(s.n) }

// finish looks at what is left. The scan must not be used after it is released.
func (s *scan) finish() {
	s.look(s.n)
	for _, g := range tails {
		if at := s.n + int(g.at); at >= 0 && bytes.HasPrefix(s.window[at:s.n], []byte(g.magic)) {
			s.add(g.class, g.word)
		}
	}
}

func (s *scan) add(c class, word string) {
	for _, f := range s.found {
		if f.class == c && f.word == word {
			return
		}
	}
	s.found = append(s.found, finding{c, word})
}

// look looks at what begins between s.fresh and limit in the window.
func (s *scan) look(limit int) {
	for _, g := range deep {
		at := g.at - s.base
		if at >= int64(s.fresh) && at < int64(limit) && bytes.HasPrefix(s.window[at:s.n], []byte(g.magic)) {
			s.add(g.class, g.word)
		}
	}
	s.each("PK\x05\x06", limit, s.zipEnd)
	if s.text {
		for _, m := range markers {
			s.each(m.text, limit, func(at int) {
				if m.text != armour {
					s.add(m.class, m.word)
				} else if c, word := pemBlock(s.window[at:min(s.n, at+aheadLen)]); c != leaf {
					s.add(c, word)
				}
			})
		}
		if bytes.IndexByte(s.window[s.fresh:limit], 0) >= 0 {
			s.add(closed, "binary data after text")
		}
	}
	if s.office {
		for _, m := range officeMarkers {
			s.each(m.text, limit, func(int) { s.add(m.class, m.word) })
		}
	}
	s.fresh = limit
}

// each calls do for every place between s.fresh and limit where text begins.
func (s *scan) each(text string, limit int, do func(at int)) {
	for from := s.fresh; from < limit; {
		i := bytes.Index(s.window[from:min(s.n, limit+len(text)-1)], []byte(text))
		if i < 0 {
			return
		}
		do(from + i)
		from += i + 1
	}
}

// zipEnd notes an end of a central directory (APPNOTE.TXT, section 4.3.16) if
// what it says can be.
func (s *scan) zipEnd(at int) {
	r := s.window[at:min(s.n, at+zipEndLen)]
	if len(r) < zipEndLen {
		return
	}
	le := binary.LittleEndian
	e := zipEnd{at: s.base + int64(at), record: [zipEndLen]byte(r)}
	entries, size, offset := int64(le.Uint16(r[10:])), int64(le.Uint32(r[12:])), int64(le.Uint32(r[16:]))
	sound := le.Uint16(r[4:]) == 0 && le.Uint16(r[6:]) == 0 && le.Uint16(r[8:]) == le.Uint16(r[10:]) &&
		entries > 0 && size >= 46*entries && size+offset <= e.at
	wide := at >= 20 && string(s.window[at-20:at-16]) == "PK\x06\x07" // zip64 says the rest
	if sound || wide {
		s.end = e
	}
}

// officeMarkers are what PDF and Office files (OLE) say of themselves, the names
// of streams in UTF-16.
var officeMarkers = []struct {
	text  string
	class class
	word  string
}{
	{"/Encrypt", encrypted, "PDF"},
	{"/EmbeddedFile", closed, "a file embedded in PDF"},
	{utf16("EncryptedPackage"), encrypted, "Office file"},
	{utf16("EncryptedSummary"), encrypted, "Office file"},
	{utf16("DRMContent"), encrypted, "Office file"},
	{utf16("_VBA_PROJECT"), executable, "Office macros"},
	{utf16("Ole10Native"), closed, "an object embedded in an Office file"},
}

func utf16(s string) string {
	var b []byte
	for _, c := range []byte(s) {
		b = append(b, c, 0)
	}
	return string(b)
}
