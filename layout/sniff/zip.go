package sniff

import (
	"bufio"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Signatures of a zip file (APPNOTE.TXT, section 4.3).
const (
	zipLocal     = 0x04034b50
	zipCentral   = 0x02014b50
	zipData      = 0x08074b50
	zipEncrypted = 1 << 0
	zipLater     = 1 << 3 // sizes stand behind the content
)

var errZip = errors.New("zip entry is damaged or not plain")

// zip walks a zip file from its front, entry by entry, and compares the number
// of entries with that of its directory.
func (l *looker) zip(b *bufio.Reader, path string, level int) {
	var entries, listed int64
	for {
		sig, err := b.Peek(4)
		if err != nil {
			if entries != listed && !l.full {
				l.f.Unseen.add(path, "damaged: the zip file ends before its directory")
			}
			return
		}
		switch binary.LittleEndian.Uint32(sig) {
		case zipLocal:
			if entries++; !l.entry(path) {
				return
			}
			if err := l.zipEntry(b, path, level); err != nil {
				if !errors.Is(err, errEnough) {
					l.f.Unseen.add(path, "damaged: "+err.Error())
				}
				return
			}
			if l.full {
				return
			}
		case zipCentral:
			listed++
			if err := skipCentral(b); err != nil {
				l.f.Unseen.add(path, "damaged: "+err.Error())
				return
			}
		default:
			if entries != listed {
				l.f.Unseen.add(path, fmt.Sprintf("zip file of %d entries with %d in its directory", entries, listed))
			}
			return
		}
	}
}

func skipCentral(b *bufio.Reader) error {
	var h [46]byte
	if _, err := io.ReadFull(b, h[:]); err != nil {
		return errZip
	}
	n := 0
	for _, at := range []int{28, 30, 32} {
		n += int(binary.LittleEndian.Uint16(h[at:]))
	}
	_, err := b.Discard(n)
	return err
}

// zipEntry looks into one entry and leaves b behind it.
func (l *looker) zipEntry(b *bufio.Reader, path string, level int) (err error) {
	var h [30]byte
	if _, err := io.ReadFull(b, h[:]); err != nil {
		return errZip
	}
	flags, method := binary.LittleEndian.Uint16(h[6:]), binary.LittleEndian.Uint16(h[8:])
	size := uint64(binary.LittleEndian.Uint32(h[18:]))
	plainSize := uint64(binary.LittleEndian.Uint32(h[22:]))
	text := make([]byte, int(binary.LittleEndian.Uint16(h[26:]))+int(binary.LittleEndian.Uint16(h[28:])))
	if _, err := io.ReadFull(b, text); err != nil {
		return errZip
	}
	name := string(text[:binary.LittleEndian.Uint16(h[26:])])
	wide := false
	for extra := text[len(name):]; len(extra) >= 4; {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if extra = extra[4:]; n > len(extra) {
			return errZip
		}
		if id == 1 { // zip64: the plain size stands first, if it is asked for
			field := extra[:n]
			wide = true
			if plainSize == math.MaxUint32 && len(field) >= 8 {
				plainSize, field = binary.LittleEndian.Uint64(field), field[8:]
			}
			if size == math.MaxUint32 && len(field) >= 8 {
				size = binary.LittleEndian.Uint64(field)
			}
		}
		extra = extra[n:]
	}
	if size > math.MaxInt64 {
		return errZip
	}
	at := join(path, name)
	later := flags&zipLater != 0 && size == 0
	defer func() {
		// Info-ZIP may write the sizes in front, and behind the content too.
		if sig, e := b.Peek(4); err == nil && e == nil && flags&zipLater != 0 && !later && binary.LittleEndian.Uint32(sig) == zipData {
			err = skipDescriptor(b, wide)
		}
	}()
	switch {
	case flags&zipEncrypted != 0 || method == 99:
		l.f.Encrypted.add(at, "zip entry")
		if w := executableWord("", []byte{0}, name); w != "" {
			l.f.Executable.add(at, w)
		}
		if later {
			return errors.New("an encrypted entry of unknown length; what follows is not looked at")
		}
		return l.discard(b, int64(size))
	case method == 0 && later:
		return errors.New("a stored entry of unknown length; what follows is not looked at")
	case method == 0:
		return l.zipContent(io.LimitReader(b, int64(size)), at, name, path, level)
	case method != 8:
		l.f.Unseen.add(at, fmt.Sprintf("zip compression method %d is not read here", method))
		if later {
			return errors.New("an entry of unknown length; what follows is not looked at")
		}
		return l.discard(b, int64(size))
	case later:
		// flate takes no byte more than its own from a bufio.Reader.
		z := flate.NewReader(b)
		if err := l.zipContent(z, at, name, path, level); err != nil {
			return err
		}
		return skipDescriptor(b, wide)
	}
	in := &io.LimitedReader{R: b, N: int64(size)}
	if err := l.zipContent(flate.NewReader(in), at, name, path, level); err != nil {
		return err
	}
	return l.discard(b, in.N)
}

// zipContent looks into content and drains it.
func (l *looker) zipContent(r io.Reader, at, name, path string, level int) error {
	in := &inflated{l, r, path}
	if t := l.look(in, at, name, level+1); t == Empty && len(name) > 0 && name[len(name)-1] == '/' {
		l.f.Entries-- // a directory
	}
	if _, err := io.Copy(io.Discard, in); err != nil && !errors.Is(err, errEnough) {
		return errZip
	}
	return nil
}

func (l *looker) discard(b *bufio.Reader, n int64) error {
	if _, err := io.CopyN(io.Discard, b, n); err != nil {
		return errZip
	}
	return nil
}

// skipDescriptor passes the sizes behind a content: a signature, which may be
// left out, a checksum and two sizes of four bytes, or of eight.
func skipDescriptor(b *bufio.Reader, wide bool) error {
	n := 12
	if wide {
		n = 20
	}
	if sig, err := b.Peek(4); err == nil && binary.LittleEndian.Uint32(sig) == zipData {
		n += 4
	}
	_, err := b.Discard(n)
	return err
}
