package layouttest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

func sound() []Entry { return Artifact{}.Layout().Entries() }

// first and last put entries around those of a sound layout.
func first(e ...Entry) func() []byte { return func() []byte { return Tar(append(e, sound()...)...) } }
func last(e ...Entry) func() []byte  { return func() []byte { return Tar(append(sound(), e...)...) } }

// instead changes the entry of a name.
func instead(name string, f func(*Entry)) func() []byte {
	return func() []byte {
		entries := sound()
		for i := range entries {
			if entries[i].Name == name {
				f(&entries[i])
			}
		}
		return Tar(entries...)
	}
}

// whole changes the bytes of a sound archive.
func whole(f func([]byte) []byte) func() []byte { return func() []byte { return f(Tar(sound()...)) } }

// zipped changes those of a compressed one.
func zipped(f func([]byte) []byte) func() []byte {
	return func() []byte { return f(Gzip(Tar(sound()...))) }
}

var evil = []byte("evil\n")

func nameCases() (cases []Case) {
	const words = "unsafe name"
	for _, name := range []string{
		"../x", "../../../x", "blobs/sha256/../../../x", "blobs/../index.json", "..", "/etc/x", "//x", "a/./b", "a//b", "./../x",
		`..\..\x`, `C:\x`, "C:x", `\\server\share\x`, "README\nindex.json", "\x1b[2J.txt", "README-\xff", "a\u202eb",
	} {
		cases = append(cases, Case{Name: "entry " + Quote(name), Words: words, Tar: first(File(name, evil))})
	}
	payload := pick(Artifact{}.Layout(), func(b []byte) bool { return b[0] == 0x1f })
	return append(cases,
		Case{Name: "entry: a directory upwards", Words: words, Tar: first(Directory("../x/"))},
		Case{Name: "entry: a path upwards in an extended header", Words: words, Tar: first(PAX("path", "../x"), File("README", evil))},
		Case{Name: "entry: a NUL in an extended header", Words: "header", Tar: first(PAX("path", "README\x00/../x"), File("README", evil))},
		Case{Name: "entry: a path upwards in the prefix", Words: words, Tar: first(Entry{Name: "x", Prefix: "blobs/../..", Type: '0', Mode: 0o644})},
		Case{Name: "entry: a long name", Words: words, Tar: first(PAX("path", strings.Repeat("x", 5000)), File("README", evil))},
		Case{Name: "entry: a deep name", Words: words, Tar: first(PAX("path", strings.Repeat("d/", 100)+"x"), File("README", evil))},
		Case{Name: "entry: index.json twice", Words: "duplicate", Tar: last(File("index.json", evil))},
		Case{Name: "entry: index.json twice, the same", Words: "duplicate", Tar: func() []byte {
			return Tar(append(sound(), File("index.json", Artifact{}.Layout()["index.json"]))...)
		}},
		Case{Name: "entry: index.json twice, by another name", Words: "duplicate", Tar: last(File("./index.json", evil))},
		Case{Name: "entry: index.json twice, in another case", Words: "duplicate", Tar: last(File("INDEX.JSON", evil))},
		Case{Name: "entry: index.json twice, by a letter that folds", Words: "duplicate", Tar: last(File("index.j"+longS+"on", evil))},
		Case{Name: "entry: oci-layout twice", Words: "duplicate", Tar: last(File("oci-layout", evil))},
		Case{Name: "entry: a blob twice, the evil one first", Words: "duplicate|mismatch", Tar: first(File(payload, evil))},
		Case{Name: "entry: a blob twice, the evil one last", Words: "duplicate", Tar: last(File(payload, evil))},
		Case{Name: "entry: blobs in another case", Words: "duplicate", Tar: last(File(strings.ToUpper(payload), evil))},
		Case{Name: "entry: blobs a file", Words: "conflict|duplicate", Tar: first(File("blobs", evil))},
		Case{Name: "entry: index.json a directory", Words: "index.json.*missing", Tar: instead("index.json", func(e *Entry) { *e = Directory("index.json/") })},
		Case{Name: "entry: something below index.json", Words: "conflict", Tar: last(File("index.json/x", evil))},
		Case{Name: "entry: all in a directory", Words: "oci-layout.*missing", Tar: func() []byte {
			entries := sound()
			for i := range entries {
				entries[i].Name = "bundle/" + entries[i].Name
			}
			return Tar(entries...)
		}},
	)
}

func typeCases() []Case {
	const words = "unsupported type"
	payload := pick(Artifact{}.Layout(), func(b []byte) bool { return b[0] == 0x1f })
	sparse := []byte("00000000000\x0000000000004\x00")
	sparse = append(append(sparse, make([]byte, 97-len(sparse))...), "00000000004\x00"...)
	return []Case{
		{Name: "type: a link out", Words: words, Tar: first(Symlink("docs", "/etc"))},
		{Name: "type: a link out, and a file through it", Words: words, Tar: first(Symlink("docs", "../"), File("docs/x", evil))},
		{Name: "type: a chain of links", Words: words, Tar: first(Directory("s/"), Symlink("s/p", ".."), Symlink("s/p/q", ".."))},
		{Name: "type: blobs a link", Words: words, Tar: first(Symlink("blobs", "/etc"))},
		{Name: "type: index.json a link", Words: words, Tar: instead("index.json", func(e *Entry) { *e = Symlink("index.json", "oci-layout") })},
		{Name: "type: a blob a link", Words: words, Tar: instead(payload, func(e *Entry) { *e = Symlink(payload, "/etc/passwd") })},
		{Name: "type: a hard link out", Words: words, Tar: first(Hardlink("docs", "/etc/passwd"))},
		{Name: "type: a hard link within", Words: words, Tar: instead(payload, func(e *Entry) { *e = Hardlink(payload, "oci-layout") })},
		{Name: "type: a character device", Words: words, Tar: first(Entry{Name: "dev", Type: '3'})},
		{Name: "type: a block device", Words: words, Tar: first(Entry{Name: "dev", Type: '4'})},
		{Name: "type: a FIFO", Words: words, Tar: first(Entry{Name: "pipe", Type: '6'})},
		{Name: "type: index.json a FIFO", Words: words, Tar: instead("index.json", func(e *Entry) { *e = Entry{Name: "index.json", Type: '6'} })},
		{Name: "type: contiguous", Words: words, Tar: first(Entry{Name: "c", Type: '7', Body: evil})},
		{Name: "type: unknown", Words: words, Tar: first(Entry{Name: "z", Type: 'Z', Body: evil})},
		{Name: "type: GNU multi-volume", Words: words, Tar: first(Entry{Name: "m", Type: 'M', GNU: true, Body: evil})},
		{Name: "type: GNU sparse", Words: words, Tar: first(Entry{Name: "s", Type: 'S', GNU: true, Body: []byte("data"), Extra: sparse})},
		{Name: "type: PAX sparse", Words: words + "|unsafe name", Tar: first(
			PAX("GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.name", "../x", "GNU.sparse.realsize", "99999999999"),
			File("x", append([]byte("1\n0\n4\n"), append(make([]byte, 506), "data"...)...)))},
	}
}

// global is an extended header for all entries behind it.
func global(keysAndValues ...string) Entry {
	return Entry{Name: "pax_global_header", Type: 'g', Body: PAX(keysAndValues...).Body}
}

// long is the long name of GNU tar for the entry behind it.
func long(name string) Entry {
	return Entry{Name: "././@LongLink", Type: 'L', GNU: true, Body: []byte(name + "\x00")}
}

func headerCases() []Case {
	return []Case{
		{Name: "header: a wrong checksum", Words: "header", Tar: instead("index.json", func(e *Entry) { e.BadSum = true })},
		{Name: "header: the first checksum is wrong", Words: "not a tar", Tar: instead("oci-layout", func(e *Entry) { e.BadSum = true })},
		{Name: "header: a negative size", Words: "header", Tar: instead("index.json", func(e *Entry) { e.RawSize = bytes.Repeat([]byte{0xff}, 12) })},
		{Name: "header: a size of 8 EiB", Words: "limit|truncated", Tar: instead("index.json", func(e *Entry) { e.Lies, e.Size = true, 1<<63-1 })},
		{Name: "header: a size of letters", Words: "header", Tar: instead("index.json", func(e *Entry) { e.RawSize = []byte("zzzzzzzzzzz\x00") })},
		{Name: "header: an extended one that is malformed", Words: "header", Tar: first(Entry{Name: "x", Type: 'x', Body: []byte("9999 path=x\n")}, File("README", evil))},
		{Name: "header: an extended one of 512 MiB", Words: "header|limit", Tar: func() []byte {
			return GzipTar(append([]Entry{{Name: "x", Type: 'x', Body: []byte("536870942 comment="), Run: 512 << 20}, File("README", evil)}, sound()...)...)
		}},
		{Name: "header: a name of 512 MiB", Words: "header|limit", Tar: func() []byte {
			return GzipTar(append([]Entry{{Name: "././@LongLink", Type: 'L', GNU: true, Body: []byte("x"), Run: 512 << 20}, File("README", evil)}, sound()...)...)
		}},
		{Name: "header: a size in an extended one that hides an entry", Words: "duplicate|limit|unsafe|index.json|trailing|header|truncated", Tar: func() []byte {
			hidden := blocks([]Entry{File("index.json", evil)})
			return Tar(append(sound(), Entry{Name: "README", Type: '0', Body: hidden, Lies: true})...)
		}},
		{Name: "header: a global path", Words: "global header that sets path", Tar: first(global("path", "x"))},
		{Name: "header: a global size", Words: "global header that sets size", Tar: first(global("comment", "x", "size", "0"))},
		{Name: "header: a global target of links", Words: "global header that sets linkpath", Tar: first(global("linkpath", "/etc"))},
		{Name: "header: a global sparse file", Words: "global header that sets GNU.sparse.name", Tar: first(global("GNU.sparse.name", "x"))},
		{Name: "header: two names, of GNU tar and of pax", Words: "ambiguous", Tar: last(long("README"), PAX("path", "index.json"), File("q", evil))},
		{Name: "header: two names, of pax and of GNU tar", Words: "ambiguous", Tar: last(PAX("path", "index.json"), long("README"), File("q", evil))},
		{Name: "header: two extended ones", Words: "ambiguous", Tar: last(PAX("path", "index.json"), PAX("comment", "x"), File("README", evil))},
		{Name: "header: a prefix where GNU tar has times", Words: "ambiguous", Tar: last(Entry{Name: "index.json", Prefix: "zz", Type: '0', GNU: true, Body: evil})},
		{Name: "header: an extended one before a global one", Words: "ambiguous", Tar: last(PAX("path", "index.json"), global("comment", "x"), File("README", evil))},
		{Name: "header: a long name before a global header", Words: "ambiguous", Tar: last(long("index.json"), global("comment", "x"), File("README", evil))},
		{Name: "header: a prefix in the oldest form", Words: "ambiguous", Tar: last(Entry{Name: "README", Prefix: "zz", Type: '0', V7: true, Body: evil})},
		{Name: "header: a prefix of digits in a header of GNU tar", Words: "ambiguous", Tar: last(Entry{Name: "README", Prefix: "15301724361", Type: '0', GNU: true, Body: evil})},
		{Name: "header: a directory with a size", Words: "ambiguous", Tar: last(Entry{Name: "d/", Type: '5', Lies: true, Size: 512})},
		{Name: "header: two sizes", Words: "ambiguous", Tar: last(PAX("size", "5"), Entry{Name: "README", Type: '0', Lies: true, Body: evil})},
		{Name: "header: an empty path in an extended one", Words: "ambiguous", Tar: last(PAX("path", ""), File("README", evil))},
		{Name: "header: a size behind NULs", Words: "ambiguous", Tar: last(Entry{Name: "README", Type: '0', RawSize: []byte("\x00\x00000000005\x00"), Body: evil})},
		{Name: "header: a size with a sign", Words: "ambiguous", Tar: last(PAX("size", "+5"), File("README", evil))},
		{Name: "200,001 entries", Words: "too many", Tar: func() []byte {
			return bytes.Repeat(Directory("d/").header(), 200_001)
		}},
	}
}

func streamCases() []Case {
	cases := []Case{
		{Name: "stream: empty", Words: "empty", Tar: whole(become(""))},
		{Name: "stream: one byte", Words: "not a tar|truncated", Tar: whole(func(b []byte) []byte { return b[:1] })},
		{Name: "stream: zeros", Words: "empty|oci-layout", Tar: whole(become(strings.Repeat("\x00", 10240)))},
		{Name: "stream: text", Words: "not a tar", Tar: whole(become(strings.Repeat("this is no tar\n", 100)))},
		{Name: "stream: zip", Words: "zip", Tar: whole(before("PK\x03\x04"))},
		{Name: "stream: xz", Words: "xz", Tar: whole(before("\xfd7zXZ\x00"))},
		{Name: "stream: garbage behind it", Words: "trailing", Tar: whole(behind(strings.Repeat("x", 512)))},
		{Name: "stream: a second archive behind it", Words: "trailing", Tar: whole(func(b []byte) []byte { return append(b, Tar(File("index.json", evil))...) })},
		{Name: "stream: 65 MiB of zeros behind it", Words: "padding", Tar: whole(func(b []byte) []byte { return append(b, make([]byte, 65<<20)...) })},
		{Name: "gzip: a wrong checksum", Words: "gzip.*(checksum|damaged)", Tar: zipped(flipped(-6))},
		{Name: "gzip: a wrong length", Words: "gzip.*(size|checksum|damaged)", Tar: zipped(flipped(-2))},
		{Name: "gzip: without the trailer", Words: "truncated", Tar: zipped(cut(8))},
		{Name: "gzip: without the last byte", Words: "truncated", Tar: zipped(cut(1))},
		{Name: "gzip: half of it", Words: "truncated", Tar: zipped(func(b []byte) []byte { return b[:len(b)/2] })},
		{Name: "gzip: garbage behind it", Words: "gzip.*trailing", Tar: zipped(behind("garbage behind"))},
		{Name: "gzip: a second member cut short", Words: "truncated", Tar: zipped(func(b []byte) []byte { return append(b, Gzip(make([]byte, 4096))[:14]...) })},
		{Name: "gzip: an archive in a second member", Words: "trailing", Tar: zipped(func(b []byte) []byte { return append(b, Gzip(Tar(File("index.json", evil)))...) })},
		{Name: "gzip: twice", Words: "not a tar", Tar: zipped(Gzip)},
		{Name: "bomb: a file of 1 GiB", Words: "limit", Tar: func() []byte {
			return GzipTar(append(sound(), Entry{Name: "pad", Type: '0', Run: 1 << 30})...)
		}},
		{Name: "bomb: a blob of 1 GiB that nothing refers to", Words: "limit", Tar: func() []byte {
			return GzipTar(append(sound(), Entry{Name: "blobs/sha256/" + zeros, Type: '0', Run: 1 << 30})...)
		}},
		{Name: "bomb: an index.json of 1 GiB", Words: "index.json.*limit", Tar: func() []byte {
			return GzipTar(Entry{Name: "oci-layout", Type: '0', Body: []byte(`{"imageLayoutVersion":"1.0.0"}`)}, Entry{Name: "index.json", Type: '0', Body: []byte("{"), Run: 1 << 30})
		}},
		{Name: "bomb: 1 GiB of zeros behind the end", Words: "padding|limit", Tar: func() []byte { return GzipRun(Tar(sound()...), "\x00", 1<<30, nil) }},
	}
	size := len(Tar(sound()...))
	for at := 512; at < size-1024; at += 1536 { // within headers, content and padding
		cases = append(cases, Case{Name: fmt.Sprintf("stream: cut at %d", at), Words: "truncated|missing", Tar: whole(func(b []byte) []byte { return slices.Clone(b[:at]) })})
	}
	return cases
}
