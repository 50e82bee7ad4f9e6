package sniff

import (
	"bufio"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"sync"
)

// Signatures of a zip file (APPNOTE.TXT, section 4.3).
const (
	zipLocal     = 0x04034b50
	zipCentral   = 0x02014b50
	zipEnds      = 0x06054b50
	zipWideEnds  = 0x06064b50
	zipLocator   = 0x07064b50
	zipData      = 0x08074b50
	zipExtra     = 0x08064b50
	zipSigned    = 0x05054b50
	zipSpanned   = 0x30304b50
	zipEncrypted = 1 << 0
	zipLater     = 1 << 3  // sizes stand after the content
	zipMasked    = 1 << 13 // the directory is encrypted
	zipEndLen    = 22
)

var errZip = errors.New("zip entry is damaged or not plain")

// A zipFile is what is known of a zip file that is walked: the sum of what its
// entries say of themselves and of what its directory says of them, each entry
// hashed, so that order and number need no memory.
type zipFile struct {
	entries, listed int64
	own, directory  uint64
	start           int64 // where it begins
	at              int64 // where its directory begins
	size            int64 // of the directory
	wide            bool  // zip64 says where the directory is
	ended           bool
}

// A zipEntry is what the header of an entry says, and its line in the directory.
type zipEntry struct {
	name        string
	flags       uint16
	method      uint16
	sum         uint32
	size, plain uint64
	at          uint64 // from the beginning of the zip file
	wide        bool
}

var zipSeed = maphash.MakeSeed()

func (e *zipEntry) hash() uint64 {
	e.wide = false
	e.flags &= zipEncrypted
	return maphash.Comparable(zipSeed, *e)
}

// zip walks a zip file from its front, entry by entry, and compares the entries
// with those of its directory, from which others read it.
func (l *looker) zip(b *bufio.Reader, c *content) {
	in := &counted{r: b}
	z := &zipFile{}
	for !l.full {
		sig, err := b.Peek(4)
		if err != nil {
			if !z.ended {
				l.f.Unseen.add(c.path, "damaged: the zip file ends before its directory")
			} else if len(sig) > 0 {
				l.f.Unseen.add(c.path, "holds data after the end of the zip file")
			}
			return
		}
		switch s := binary.LittleEndian.Uint32(sig); {
		case z.ended && s == zipLocal:
			l.f.Unseen.add(c.path, "holds a second zip file, and readers see the one or the other")
			*z = zipFile{start: in.n}
		case z.ended:
			l.f.Unseen.add(c.path, "holds data after the end of the zip file")
			l.inside(b, c, "(what follows the zip file)")
			return
		case (s == zipSpanned || s == zipData) && in.n == 0:
			in.discard(4)
		case s == zipLocal && z.listed == 0:
			if z.entries++; !l.entry(c.path) {
				return
			}
			if err := l.zipEntry(in, z, c); err != nil {
				l.damaged(c.path, err)
				return
			}
		case s == zipCentral:
			if err := z.central(in); err != nil {
				l.damaged(c.path, err)
				return
			}
		case s == zipExtra || s == zipSigned || s == zipWideEnds || s == zipLocator || s == zipEnds:
			if err := l.zipRecord(in, s, z, c); err != nil {
				l.damaged(c.path, err)
				return
			}
		default:
			l.f.Unseen.add(c.path, "holds data between the parts of the zip file")
			l.inside(b, c, "(what follows a part of the zip file)")
			return
		}
	}
}

// zipRecord takes a record that is neither an entry nor a line of the directory.
func (l *looker) zipRecord(in *counted, s uint32, z *zipFile, c *content) error {
	var h [56]byte
	n := map[uint32]int{zipExtra: 8, zipSigned: 6, zipWideEnds: 56, zipLocator: 20, zipEnds: zipEndLen}[s]
	if _, err := io.ReadFull(in, h[:n]); err != nil {
		return errZip
	}
	le := binary.LittleEndian
	var rest uint64
	switch s {
	case zipExtra:
		rest = uint64(le.Uint32(h[4:]))
	case zipSigned:
		rest = uint64(le.Uint16(h[4:]))
	case zipWideEnds:
		rest = le.Uint64(h[4:]) - 44
		z.wide = true
		l.directory(z, c, le.Uint64(h[40:]), le.Uint64(h[48:]))
	case zipEnds:
		rest = uint64(le.Uint16(h[20:]))
		z.ended, c.zipEnd, l.zipEnd = true, in.n-zipEndLen, [zipEndLen]byte(h[:zipEndLen])
		if z.own != z.directory || z.entries != z.listed {
			l.f.Unseen.add(c.path, fmt.Sprintf("a zip file of %d entries that its directory, of %d, does not list alike", z.entries, z.listed))
		}
		if !z.wide {
			l.directory(z, c, uint64(le.Uint32(h[12:])), uint64(le.Uint32(h[16:])))
		}
	}
	if rest > 1<<20 {
		return errZip
	}
	more := &io.LimitedReader{R: in, N: int64(rest)}
	if rest > 0 {
		l.aside(more, more.N, c, "(comment)")
	}
	return discardAll(more)
}

// directory compares where the directory is said to be with where it is.
func (l *looker) directory(z *zipFile, c *content, size, at uint64) {
	if z.listed > 0 && (int64(size) != z.size || z.start+int64(at) != z.at) || z.listed == 0 && size > 0 {
		l.f.Unseen.add(c.path, "a zip file whose directory is said to be elsewhere")
	}
}

// A counted reader knows how far it has come, and where what is to be read ends.
type counted struct {
	r *bufio.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// ReadByte is there so that flate takes no byte more than its own.
func (c *counted) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

func (c *counted) discard(n int) error {
	k, err := c.r.Discard(n)
	c.n += int64(k)
	return err
}

// central takes one line of the directory.
func (z *zipFile) central(in *counted) error {
	from := in.n
	if z.listed == 0 {
		z.at = from
	}
	var h [46]byte
	if _, err := io.ReadFull(in, h[:]); err != nil {
		return errZip
	}
	le := binary.LittleEndian
	e := zipEntry{flags: le.Uint16(h[8:]), method: le.Uint16(h[10:]), sum: le.Uint32(h[16:]),
		size: uint64(le.Uint32(h[20:])), plain: uint64(le.Uint32(h[24:])), at: uint64(le.Uint32(h[42:]))}
	name := make([]byte, int(le.Uint16(h[28:]))+int(le.Uint16(h[30:])))
	if _, err := io.ReadFull(in, name); err != nil {
		return errZip
	}
	extra := name[le.Uint16(h[28:]):]
	e.name = string(name[:le.Uint16(h[28:])])
	if err := e.zip64(extra, &e.at); err != nil {
		return err
	}
	z.listed++
	z.directory += e.hash()
	err := in.discard(int(le.Uint16(h[32:])))
	z.size += in.n - from
	return err
}

// zip64 takes sizes, and the place where at is not nil, from an extra field.
func (e *zipEntry) zip64(extra []byte, at *uint64) error {
	for len(extra) >= 4 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if extra = extra[4:]; n > len(extra) {
			return errZip
		}
		if id == 1 { // each stands there if it is asked for, the plain size first
			field := extra[:n]
			e.wide = true
			for _, to := range []*uint64{&e.plain, &e.size, at} {
				if to != nil && *to == math.MaxUint32 && len(field) >= 8 {
					*to, field = binary.LittleEndian.Uint64(field), field[8:]
				}
			}
		}
		extra = extra[n:]
	}
	return nil
}

// zipEntry looks into one entry and leaves in after it.
func (l *looker) zipEntry(in *counted, z *zipFile, c *content) error {
	at := uint64(in.n - z.start)
	var h [30]byte
	if _, err := io.ReadFull(in, h[:]); err != nil {
		return errZip
	}
	le := binary.LittleEndian
	e := zipEntry{flags: le.Uint16(h[6:]), method: le.Uint16(h[8:]), sum: le.Uint32(h[14:]),
		size: uint64(le.Uint32(h[18:])), plain: uint64(le.Uint32(h[22:])), at: at}
	text := make([]byte, int(le.Uint16(h[26:]))+int(le.Uint16(h[28:])))
	if _, err := io.ReadFull(in, text); err != nil {
		return errZip
	}
	extra := text[le.Uint16(h[26:]):]
	e.name = string(text[:le.Uint16(h[26:])])
	if err := e.zip64(extra, nil); err != nil {
		return err
	}
	if e.size > math.MaxInt64 {
		return errZip
	}
	if e.flags&zipMasked != 0 {
		l.f.Encrypted.add(c.path, "zip directory")
	}
	later := e.flags&zipLater != 0
	unsized := later && e.size == 0
	if err := l.zipBody(in, &e, unsized, c); err != nil {
		return err
	}
	if later {
		// Info-ZIP may write the sizes in front and after the content.
		if sig, err := in.r.Peek(4); unsized || err == nil && le.Uint32(sig) == zipData {
			if err := e.descriptor(in, unsized); err != nil {
				return err
			}
		}
	}
	z.own += e.hash()
	return nil
}

// zipBody looks into the content of an entry.
func (l *looker) zipBody(in *counted, e *zipEntry, unsized bool, c *content) error {
	path := join(c.path, e.name)
	switch {
	case e.flags&zipEncrypted != 0 || e.method == 99:
		l.f.Encrypted.add(path, "zip entry")
		if w := ByName(e.name); w != "" {
			l.f.Executable.add(path, w)
		}
		if unsized {
			return errors.New("an encrypted entry of unknown length; what follows is not looked at")
		}
	case e.method == 0 && unsized:
		return errors.New("a stored entry of unknown length; what follows is not looked at")
	case e.method == 0:
		return l.zipContent(&io.LimitedReader{R: in, N: int64(e.size)}, e, c)
	case e.method != 8:
		l.f.Unseen.add(path, fmt.Sprintf("zip compression method %d is not read here", e.method))
		if unsized {
			return errors.New("an entry of unknown length; what follows is not looked at")
		}
	case unsized:
		from := in.n
		if err := l.deflated(in, e, c); err != nil {
			return err
		}
		e.size = uint64(in.n - from)
		return nil
	default:
		body := &io.LimitedReader{R: in, N: int64(e.size)}
		if err := l.deflated(body, e, c); err != nil || l.full {
			return err
		}
		if body.N > 0 {
			l.f.Unseen.add(path, "holds more than its compressed content")
		}
		return discardAll(body)
	}
	return discardAll(&io.LimitedReader{R: in, N: int64(e.size)})
}

func discardAll(r *io.LimitedReader) error {
	if _, err := io.Copy(io.Discard, r); err != nil || r.N > 0 {
		return errZip
	}
	return nil
}

// deflaters are kept for the next entry, since each takes some 40 KiB.
var deflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

func (l *looker) deflated(r io.Reader, e *zipEntry, c *content) error {
	z := deflaters.Get().(io.ReadCloser)
	defer deflaters.Put(z)
	if err := z.(flate.Resetter).Reset(r, nil); err != nil {
		return err
	}
	return l.zipContent(z, e, c)
}

// zipContent looks into content and drains it.
func (l *looker) zipContent(r io.Reader, e *zipEntry, c *content) error {
	in := &inflated{l: l, r: r, path: c.path}
	l.look(in, &content{path: join(c.path, e.name), name: e.name, level: c.level + 1})
	if in.n == 0 && len(e.name) > 0 && e.name[len(e.name)-1] == '/' {
		l.f.Entries-- // a directory
	}
	if in.err != nil {
		return in.err
	}
	if e.flags&zipLater != 0 && e.size == 0 {
		e.plain = uint64(in.n)
	}
	return nil
}

// descriptor takes the sizes after a content: a signature, which may be left
// out, a checksum and two sizes of four bytes, or of eight.
func (e *zipEntry) descriptor(in *counted, unsized bool) error {
	n := 4
	if e.wide {
		n = 8
	}
	if sig, err := in.r.Peek(4); err == nil && binary.LittleEndian.Uint32(sig) == zipData {
		if err := in.discard(4); err != nil {
			return errZip
		}
	}
	var b [20]byte
	if _, err := io.ReadFull(in, b[:4+2*n]); err != nil {
		return errZip
	}
	e.sum = binary.LittleEndian.Uint32(b[:])
	if !unsized {
		return nil
	}
	size, plain := uint64(binary.LittleEndian.Uint32(b[4:])), uint64(binary.LittleEndian.Uint32(b[8:]))
	if e.wide {
		size, plain = binary.LittleEndian.Uint64(b[4:]), binary.LittleEndian.Uint64(b[12:])
	}
	if size != e.size || plain != e.plain {
		return errZip
	}
	return nil
}
