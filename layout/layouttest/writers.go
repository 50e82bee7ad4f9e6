package layouttest

import (
	"fmt"
	"strings"
)

// A writer is how a program writes headers, as far as that differs from Entry's
// own form.
type writer struct {
	name   string
	magic  string // and version
	number string // the format of mode, owner and device, of which there are 8 bytes
	long   string // the format of size and time, of which there are 12
	sum    string
	dot    bool                          // names begin with "./"
	before func(e *Entry) []Entry        // extended headers; the entry's own may be changed
	set    func(e *Entry, header []byte) // at the end
}

// writtenTars are archives in the form of those that programs write; a name of
// 141 bytes is among those in them.
func writtenTars() []Case {
	const ustar, gnu, v7 = "ustar\x0000", "ustar  \x00", "\x00\x00\x00\x00\x00\x00\x00\x00"
	// longer gives a long name an extended header.
	longer := func(header func(name string) Entry, raw func(name string) string) func(*Entry) []Entry {
		return func(e *Entry) []Entry {
			if len(e.Name) < 100 {
				return nil
			}
			h := header(e.Name)
			e.Name = raw(e.Name)
			return []Entry{h}
		}
	}
	pax := func(records func(e *Entry) []string) func(*Entry) []Entry {
		return func(e *Entry) []Entry {
			r := records(e)
			if len(e.Name) >= 100 {
				r = append([]string{"path", e.Name}, r...)
				e.Name = e.Name[:100]
			}
			if len(r) == 0 {
				return nil
			}
			return []Entry{PAX(r...)}
		}
	}
	none := func(*Entry) []string { return nil }
	first100 := func(name string) string { return name[:100] }
	times := func(key ...string) func(*Entry) []string {
		return func(*Entry) (r []string) {
			for i, k := range key {
				r = append(r, k, fmt.Sprintf("17957926%d.75448%d", 90+i, i))
			}
			return r
		}
	}
	put := func(at int, text string) func(*Entry, []byte) { return func(_ *Entry, h []byte) { copy(h[at:], text) } }
	writers := []writer{
		{name: "GNU tar", magic: gnu, dot: true, before: longer(long, first100), set: put(265, "root")},
		{name: "GNU tar, owners and times in base-256", magic: gnu, before: longer(long, first100), set: func(_ *Entry, h []byte) {
			copy(h[108:], "\x80\x00\x00\x00\xee\x6b\x28\x00")
			copy(h[136:], strings.Repeat("\xff", 11)+"\xfb")
		}},
		{name: "GNU tar, pax", magic: ustar, dot: true, before: pax(times("mtime", "atime", "ctime")), set: put(265, "root")},
		{name: "GNU tar, pax with attributes", magic: ustar, before: pax(func(*Entry) []string {
			return []string{"SCHILY.acl.access", "user::rw-\nuser:daemon:r--\n", "RHT.security.selinux", "system_u:object_r:etc_t:s0", "SCHILY.xattr.security.capability", "\x01\x00\x00\x02\x00\x04", "SCHILY.xattr.user.empty", ""}
		})},
		{name: "GNU tar, pax, large owners", magic: ustar, before: pax(func(*Entry) []string { return []string{"uid", "4000000000", "gid", "3000000", "mtime", "-5.25"} })},
		{name: "bsdtar", magic: ustar, number: "%06o \x00", long: "%011o ", dot: true, before: pax(times("ctime", "atime", "LIBARCHIVE.creationtime", "mtime")), set: put(265, "root")},
		{name: "bsdtar on a Mac", magic: ustar, number: "%06o \x00", long: "%011o ", before: pax(func(*Entry) []string {
			return []string{"SCHILY.fflags", "nodump", "LIBARCHIVE.xattr.com.apple.quarantine", "MDA4MQ", "SCHILY.xattr.com.apple.quarantine", "0081;\x00\n=", "SCHILY.dev", "16777220", "SCHILY.ino", "7", "SCHILY.nlink", "1", "hdrcharset", "BINARY"}
		})},
		{name: "bsdtar, names in two parts", magic: ustar, number: "%06o \x00", long: "%011o ", before: pax(none), set: func(e *Entry, h []byte) {
			if strings.HasPrefix(e.Name, "blobs/") && e.Type == '0' && len(e.Name) < 100 {
				copy(h[345:], "./blobs")
				copy(h, e.Name[6:]+strings.Repeat("\x00", 6))
			}
		}},
		{name: "bsdtar, gnutar", magic: gnu, number: "%06o \x00", long: "%011o\x00", before: longer(long, first100)},
		{name: "Python", magic: ustar, before: pax(times("mtime")), set: put(329, strings.Repeat("\x00", 16))},
		{name: "Go, pax", magic: ustar, before: pax(none)},
		{name: "Go, GNU", magic: gnu, before: longer(long, first100)},
		{name: "node", magic: ustar, number: "%06o \x00", long: "%010o \x00", sum: "%06o \x00", before: pax(func(e *Entry) []string {
			if len(e.Name) < 100 {
				return nil
			}
			return []string{"ctime", "1795792696.751", "SCHILY.dev", "65024", "SCHILY.nlink", "1", "gid", "0", "size", itoa(len(e.Body)), "uid", "0", "uname", ""}
		}), set: put(476, "15302317471\x0015302317470\x00")},
		{name: "node, portable", magic: ustar, number: "%06o \x00", long: "%010o \x00", sum: "%06o \x00", dot: true, before: pax(none), set: func(_ *Entry, h []byte) { clear(h[108:124]) }},
		{name: "busybox", magic: gnu, before: longer(long, first100), set: put(265, "root")},
		{name: "Java", magic: ustar, number: "%07o ", long: "%011o ", before: pax(none), set: func(_ *Entry, h []byte) {
			copy(h[100:], "0100644 ")
			copy(h[476:], "15302317471 15302317470 ")
		}},
		{name: "Java, a long name of GNU and times of pax", magic: ustar, number: "%07o ", long: "%011o ", before: func(e *Entry) []Entry {
			return append(longer(long, first100)(e), PAX("mtime", "1795792696.7488563"))
		}},
		{name: "Perl", magic: ustar, number: "%06o\x00\x00", long: "%11o\x00", sum: "%6o\x00 ", before: longer(func(name string) Entry {
			return Entry{Name: "@LongLink", Prefix: ".", Type: 'L', Body: []byte(name)}
		}, first100)},
		{name: "7-Zip", magic: gnu, before: longer(long, func(name string) string { return "@PathCut/_pc_crc32/2765BB12/" + name[13:85] })},
		{name: "git", magic: ustar, sum: "%07o\x00", before: longer(func(name string) Entry {
			return Entry{Name: "dbee25ca.paxheader", Type: 'x', Body: PAX("path", name).Body}
		}, func(string) string { return "dbee25ca.data" })},
		{name: "bsdtar, v7tar", magic: v7, number: "%06o \x00", long: "%011o ", before: longer(long, first100), set: func(e *Entry, h []byte) {
			if e.Type == '5' || e.Type == '0' {
				h[156] = 0
			}
		}},
	}
	var cases []Case
	for _, w := range writers {
		cases = append(cases, Case{Name: "tar as written by " + w.name, Tar: func() []byte { return w.tar(Artifact{Layers: inSHA512}.Layout()) }})
	}
	return cases
}

func (w writer) tar(l Layout) []byte {
	var out []Entry
	for _, e := range l.Entries() {
		if w.dot {
			e.Name = "./" + e.Name
		}
		e.Sum, e.V7 = w.sum, true
		e.Set = func(h []byte) {
			copy(h[257:265], w.magic)
			put := func(at, width int, format string, n int64) { copy(h[at:at+width], fmt.Sprintf(format, n)) }
			if w.number != "" {
				put(100, 8, w.number, e.Mode)
				put(108, 8, w.number, 0)
				put(116, 8, w.number, 0)
			}
			if w.long != "" {
				put(124, 12, w.long, int64(len(e.Body)))
				put(136, 12, w.long, 1795792696)
			}
			if w.set != nil {
				w.set(&e, h)
			}
		}
		out = append(out, w.before(&e)...)
		out = append(out, e)
	}
	return Tar(out...)
}
