package layouttest

import (
	"bytes"
	"fmt"
	"strings"
)

// field changes bytes of the header of index.json.
func field(at int, text string) func() []byte {
	return instead("index.json", func(e *Entry) { e.Set = func(h []byte) { copy(h[at:], text) } })
}

// raw is a file whose header has another name than the extended one before it.
func raw(name string, kind byte) Entry { return Entry{Name: name, Type: kind, Body: evil, Mode: 0o644} }

// fieldCases are headers with a right checksum that readers of tar take for
// different things, or that no writer writes.
func fieldCases() []Case {
	const words = "ambiguous"
	var cases []Case
	add := func(name string, tar func() []byte) {
		cases = append(cases, Case{Name: "field: " + name, Words: words, Tar: tar})
	}
	size := len(Artifact{}.Layout()["index.json"])
	old := func(at int, text string) func() []byte {
		return instead("index.json", func(e *Entry) { e.V7, e.Set = true, func(h []byte) { copy(h[at:], text) } })
	}

	add("a size and a digit after its end", field(124, fmt.Sprintf("%010o\x007", size)))
	add("a size and digits after a NUL", field(124, fmt.Sprintf("%06o\x00777\x00\x00", size)))
	add("a size with a sign", field(124, fmt.Sprintf("+%010o\x00", size)))
	add("a size after a tab", field(124, fmt.Sprintf("\t%010o\x00", size)))
	add("a size and a line feed", field(124, fmt.Sprintf("%011o\n", size)))
	add("a size without an end", field(124, fmt.Sprintf("%012o", size)))
	add("a small size in base-256", field(124, fmt.Sprintf("\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00%c%c", size>>8, size&0xff)))
	add("a size in base-256 by another first byte", field(124, "\xc0\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00"))
	add("a size beyond 63 bits", field(124, "\x80\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00"))
	add("a mode in base-256", field(100, "\x80\x00\x00\x00\x00\x00\x01\xa4"))
	add("an owner and letters after a NUL", field(108, "0000001\x00"[:4]+"\x00zz\x00"))
	add("an owner after NULs", field(108, "\x00\x00\x0000001"))
	add("an owner below zero", field(108, strings.Repeat("\xff", 8)))
	add("an owner beyond 32 bits", field(108, "\x80\x00\x00\x01\x00\x00\x00\x00"))
	add("a group of letters", field(116, "zzzzzzz\x00"))
	add("a time out of range", field(136, "\x80\x00\x00\x00\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f"))
	add("a device of letters", field(329, "zzzzzzz\x00"))
	add("a name and something after its NUL", field(len("index.json"), "\x00x"))
	add("a link target for a file", field(157, "oci-layout"))
	add("a link target after a NUL", field(157, "\x00x"))
	add("an owner's name with an escape code", field(265, "\x1b[31m"))
	add("a group's name that is not UTF-8", field(297, "\xff\xfe"))
	add("an owner's name and something after its NUL", field(265, "a\x00b"))
	add("a prefix after a NUL", field(345, "\x00x"))
	add("text where star has times", field(476, "x"))
	add("data in the reserved bytes", field(508, "x"))
	add("the mark of star", field(508, "tar\x00"))
	add("magic of no form", field(257, "ustarX00"))
	add("magic without a NUL", field(257, "ustar 00"))
	add("another version", field(257, "ustar\x0001"))
	add("no version", field(257, "ustar\x00\x00\x00"))
	add("a version of spaces", field(257, "ustar\x00  "))
	add("a device in the oldest form", old(329, "zzzzzzz\x00"))
	add("an owner's name in the oldest form", old(265, "root"))
	add("reserved bytes in the oldest form", old(500, "x"))
	add("times in GNU's form", instead("index.json", func(e *Entry) {
		e.GNU, e.Set = true, func(h []byte) { copy(h[345:], "15302317470\x0015302317470") }
	}))
	add("a directory by its slash alone", last(Entry{Name: "d/", Mode: 0o755}))
	add("a file in the oldest form with a slash in the header", last(PAX("path", "README"), raw("README/", 0)))
	for _, sum := range []string{"%08o", "  %06o", "\x00\x00%06o", "%06o\x00z", "+%06o\x00", "%06o\n "} {
		cases = append(cases, Case{Name: "field: a checksum written as " + Quote(sum), Words: "header is invalid", Tar: instead("index.json", func(e *Entry) { e.Sum = sum })})
	}

	add("a long name of nothing", last(Entry{Name: "././@LongLink", Type: 'L', GNU: true}, File("README", evil)))
	add("a long name of one NUL", last(long(""), File("README", evil)))
	add("a long name with a NUL within", last(long("README\x00x"), File("README", evil)))
	add("a long name by another name", last(Entry{Name: "x", Type: 'L', GNU: true, Body: []byte("README\x00")}, File("README", evil)))
	add("a long name that is another", last(long("README"), raw("zzz", '0')))
	add("a long name, and a header in the oldest form with a slash", last(long("README"), raw("d/", 0)))
	add("a long link target for a file", last(Entry{Name: "././@LongLink", Type: 'K', GNU: true, Body: []byte("x\x00")}, File("README", evil)))
	add("two long names", last(long("README"), long("README"), File("README", evil)))
	add("a long name that is the beginning of another", last(long("blobs/"+strings.Repeat("x", 100)), raw("blobs", '0')))
	add("a long name with a file of the layout in the header", last(long("docs/"+strings.Repeat("x", 100)), raw("SHA256SUMS", '0')))
	add("a name beyond ASCII with a file of the layout in the header", last(PAX("path", "Größe"), raw("SHA256SUMS", '0')))
	add("a name beyond ASCII with a path upwards in the header", last(PAX("path", "Größe"), raw("../x", '0')))
	add("an extended header before no entry", last(PAX("comment", "x")))
	add("a block of zeros between entries", func() []byte {
		entries := sound()
		return append(append(blocks(entries[:2]), make([]byte, 512)...), Tar(entries[2:]...)...)
	})
	return append(cases,
		Case{Name: "field: data in the padding", Words: "zeros must fill", Tar: func() []byte {
			b := Tar(sound()...)
			at := bytes.Index(b, []byte(`{"imageLayoutVersion":"1.0.0"}`))
			b[at+100] = 'x'
			return b
		}},
		Case{Name: "field: no padding at the end", Words: "truncated", Tar: func() []byte { return bytes.TrimRight(Tar(append(sound(), File("README", evil))...), "\x00") }},
	)
}

// recordCases are records of pax that are not written as they must be, or that
// change for some reader what the entry is.
func recordCases() []Case {
	var cases []Case
	add := func(name, words string, entries ...Entry) {
		cases = append(cases, Case{Name: "record: " + name, Words: words, Tar: last(append(entries, File("README", evil))...)})
	}
	for _, r := range [][2]string{
		{"size", "5 "}, {"size", "05"}, {"linkpath", "/etc/passwd"}, {"linkpath", "oci-layout"},
		{"mtime", "yesterday"}, {"mtime", "1e9"}, {"mtime", "1."}, {"mtime", "+1"}, {"mtime", "99999999999999999999"}, {"atime", ""},
		{"uid", "+5"}, {"uid", "-1"}, {"uid", "4294967295"}, {"gid", "1e3"}, {"uname", "\xff"}, {"gname", "\x1b[31m"},
		{"comment", "\x7fELF\x02\x01\x01"}, {"comment", "two\nlines"}, {"hdrcharset", "KOI8-R"},
		{"SCHILY.filetype", "sparse"}, {"SCHILY.tarfiletype", "5"}, {"SCHILY.devmajor", "1"}, {"SCHILY.archtype", "xustar"}, {"SCHILY.dev", "x"},
		{"SCHILY.xattr.user.x", strings.Repeat("x", 5000)}, {"LIBARCHIVE.symlinktype", "dir"}, {"LIBARCHIVE.x", "y"}, {"RHT.x", "y"},
		{"GNU.dumpdir", "Yfoo\x00\x00"}, {"GNU.volume.filename", "x"}, {"mode", "0777"}, {"type", "5"}, {"vendor.x", "y"}, {".x", "y"},
	} {
		add(Quote(r[0])+" of "+Quote(r[1]), "ambiguous", PAX(r[0], r[1]))
	}
	for _, key := range []string{"GNU.sparse.major", "GNU.sparse.name", "GNU.sparse.map", "SCHILY.realsize", "SUN.holesdata"} {
		add(key, "sparse file", PAX(key, "1"))
	}
	for _, r := range [][2]string{{"GNU.volume.offset", "3"}, {"hdrcharset", "BINARY"}, {"size", "5"}} {
		add("a global "+r[0], "global header that sets "+r[0], global(r[0], r[1]))
	}
	body := func(text string) Entry { return Entry{Name: "PaxHeader/x", Type: 'x', Body: []byte(text)} }
	for _, text := range []string{
		"", "x", "13 comment=x\n\x00", "013 comment=x\n", " 13 comment=x\n", "13\tcomment=x\n", "12 comment=x\n", "14 comment=x\n",
		"13 comment x\n", "5 =x\n", "+13 comment=x\n", "13 comment=x\r", "3 x\n", "4294967310 comment=x\n",
	} {
		add(Quote(text), "malformed|not take alike", body(text))
	}
	add("path twice", "twice", PAX("path", "evil", "path", "README"))
	add("another path than the header's", "ambiguous", PAX("path", "evil"))
	return cases
}
