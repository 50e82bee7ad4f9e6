package layouttest

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path"
	"strings"
)

// An Entry is an entry of a tar, written as it is.
type Entry struct {
	Name   string
	Type   byte // '0' for a regular file, and what else tar has
	Link   string
	Prefix string
	Body   []byte
	Mode   int64

	Size    int64  // in the header, if Lies is set
	Lies    bool   // about the size
	RawSize []byte // the twelve bytes of the size field
	BadSum  bool
	V7, GNU bool                // the older forms of a header
	Extra   []byte              // from byte 386 on
	Sum     string              // the format of the checksum, instead of "%06o\x00 "
	Set     func(header []byte) // at the end, before the checksum
	Run     int64               // so many zeros stand behind Body; only GzipTar writes them
}

// File is a regular file.
func File(name string, body []byte) Entry {
	return Entry{Name: name, Type: '0', Body: body, Mode: 0o644}
}

// Directory is a directory.
func Directory(name string) Entry { return Entry{Name: name, Type: '5', Mode: 0o755} }

// Symlink is a symbolic link.
func Symlink(name, to string) Entry { return Entry{Name: name, Type: '2', Link: to, Mode: 0o777} }

// Hardlink is a hard link.
func Hardlink(name, to string) Entry { return Entry{Name: name, Type: '1', Link: to, Mode: 0o644} }

// PAX is an extended header for the entry behind it, of keys and values in
// turn.
func PAX(keysAndValues ...string) Entry {
	var b strings.Builder
	for i := 0; i < len(keysAndValues); i += 2 {
		rest := " " + keysAndValues[i] + "=" + keysAndValues[i+1] + "\n"
		n := len(rest) + 1
		for len(itoa(n))+len(rest) != n {
			n++
		}
		b.WriteString(itoa(n) + rest)
	}
	return Entry{Name: "PaxHeaders.0/x", Type: 'x', Body: []byte(b.String()), Mode: 0o644}
}

func (e Entry) header() []byte {
	h := make([]byte, 512)
	octal := func(at, n int, v int64) { copy(h[at:], fmt.Sprintf("%0*o\x00", n-1, v)) }
	copy(h[:100], e.Name)
	octal(100, 8, e.Mode)
	octal(108, 8, 0)
	octal(116, 8, 0)
	size := int64(len(e.Body)) + e.Run
	if e.Lies {
		size = e.Size
	}
	switch {
	case e.RawSize != nil:
		copy(h[124:136], e.RawSize)
	case size > 0o77777777777:
		binary.BigEndian.PutUint64(h[128:], uint64(size))
		h[124] = 0x80
	default:
		octal(124, 12, size)
	}
	octal(136, 12, 0)
	h[156] = e.Type
	copy(h[157:257], e.Link)
	switch {
	case e.GNU:
		copy(h[257:], "ustar  \x00")
	case !e.V7:
		copy(h[257:], "ustar\x0000")
	}
	copy(h[345:500], e.Prefix)
	copy(h[386:], e.Extra)
	if e.Set != nil {
		e.Set(h)
	}
	copy(h[148:156], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	if e.BadSum {
		sum++
	}
	format := "%06o\x00 "
	if e.Sum != "" {
		format = e.Sum
	}
	copy(h[148:156], fmt.Sprintf(format, sum))
	return h
}

func pad(n int64) []byte { return make([]byte, (512-n%512)%512) }

// Entries are the entries of a tar of the layout: each directory before what is
// in it, and the files in the order of Paths.
func (l Layout) Entries() []Entry {
	var entries []Entry
	made := map[string]bool{".": true}
	var mkdir func(dir string)
	mkdir = func(dir string) {
		if !made[dir] {
			made[dir] = true
			mkdir(path.Dir(dir))
			entries = append(entries, Directory(dir+"/"))
		}
	}
	for _, p := range l.Paths() {
		mkdir(path.Dir(p))
		entries = append(entries, File(p, l[p]))
	}
	return entries
}

// Tar is a tar of the layout.
func (l Layout) Tar() []byte { return Tar(l.Entries()...) }

// Tar writes entries, and the two blocks that end an archive.
func Tar(entries ...Entry) []byte { return append(blocks(entries), make([]byte, 1024)...) }

func blocks(entries []Entry) []byte {
	var b bytes.Buffer
	for _, e := range entries {
		if len(e.Name) > 100 { // a sha512 blob fits no header of the older forms
			long := PAX("path", e.Name)
			b.Write(long.header())
			b.Write(long.Body)
			b.Write(pad(int64(len(long.Body))))
		}
		b.Write(e.header())
		b.Write(e.Body)
		b.Write(pad(int64(len(e.Body))))
	}
	return b.Bytes()
}

// GzipTar is a compressed tar one of whose entries has a Run, which is never
// held in memory.
func GzipTar(entries ...Entry) []byte {
	for i, e := range entries {
		if e.Run == 0 {
			continue
		}
		before := append(blocks(entries[:i]), e.header()...)
		return GzipRun(append(before, e.Body...), "\x00", e.Run, append(pad(int64(len(e.Body))+e.Run), Tar(entries[i+1:]...)...))
	}
	return Gzip(Tar(entries...))
}

// GzipRun is a gzip of prefix, fill again and again for n bytes, and suffix.
// The run costs a thousandth of n.
func GzipRun(prefix []byte, fill string, n int64, suffix []byte) []byte {
	block := bytes.Repeat([]byte(fill), 1<<20/len(fill))
	unit := int64(len(block))
	deflate := func(p []byte) []byte {
		var b bytes.Buffer
		w, err := flate.NewWriter(&b, 9)
		if err == nil {
			_, err = w.Write(p)
		}
		if err == nil {
			err = w.Flush()
		}
		if err != nil {
			panic(err)
		}
		return b.Bytes()
	}
	whole := deflate(block)
	b := bytes.NewBuffer([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255})
	sum := crc32.ChecksumIEEE(prefix)
	b.Write(deflate(prefix))
	for range n / unit {
		b.Write(whole)
		sum = crc32.Update(sum, crc32.IEEETable, block)
	}
	rest := block[:n%unit]
	sum = crc32.Update(crc32.Update(sum, crc32.IEEETable, rest), crc32.IEEETable, suffix)
	b.Write(deflate(append(bytes.Clone(rest), suffix...)))
	b.Write([]byte{1, 0, 0, 0xff, 0xff})
	tail := binary.LittleEndian.AppendUint32(nil, sum)
	tail = binary.LittleEndian.AppendUint32(tail, uint32(int64(len(prefix))+n+int64(len(suffix))))
	b.Write(tail)
	return b.Bytes()
}
